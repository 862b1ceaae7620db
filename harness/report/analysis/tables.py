"""Tables of a report: what is read from the store once, and what the page and the CSV files show of it."""

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from harness.metrics.columns import MetricColumn, covered
from harness.report.analysis import cell_table, critic_norms
from harness.report.analysis.comparable import WEIGHTS, is_setting, refuse_mixed
from harness.report.analysis.headline import Headline, headline
from harness.report.results import Records
from harness.report.styles import Style, styles
from harness.store.table import bases
from harness.text import NOTHING, listed, plain

MACHINE = ("device", "host_cpu", "cpu_isa", "torch", "harness", "git")
VERSIONS = ("gpu_driver", "numpy", "scipy", "pot", "torch-fidelity")


@dataclass(frozen=True)
class View:
    """What the whole report is made from: plan.json, the table with labels, the long table of scored steps, the metric
    of each data set, the cells, the headline where there is one, the looks of the objectives. Runs that are trained and
    not scored, of which there are so many, count as pending. Where the critics' norm is a factor the headline is at the
    same norm of all objectives, of the runs in `compared`, and `usual` is the one at each objective's usual norm.
    """

    store: Records
    plan: Mapping[str, Any]
    table: pd.DataFrame
    scored: pd.DataFrame
    metrics: Mapping[str, str]
    cells: pd.DataFrame
    headline: Headline | None
    styled: Mapping[str, Style]
    unscored: int
    norms: critic_norms.Norms
    compared: pd.DataFrame
    usual: Headline | None

    @property
    def suite(self) -> dict[str, Any]:
        """The resolved suite."""
        return dict(self.plan["resolved"])


def read(store: Records) -> View:
    """Read the store once. Raises HarnessError where a run that is ok has no finite primary metric."""
    plan, scored = store.plan, store.scored()
    table, unscored = runs_of(store)
    metrics = metrics_of(plan, table, scored)
    data_settings = {name for spec in plan.get("specs", {}).values() for name in spec["setup"]["data"]}
    axes, at, compared, usual = plan.get("data_axes", ()), critic_norms.norms(table), table, None
    if at.is_factor and "study" not in plan:
        compared = critic_norms.same(table, axes)
        usual = headline(critic_norms.usual(table, axes), scored, metrics, axes, data_settings)
    found = headline(compared, scored, metrics, axes, data_settings)
    if found is None and usual is not None:  # objectives share no norm in two tasks
        compared, found, usual = critic_norms.usual(table, axes), usual, None
    looks = styles(table["objective"].astype(str))
    return View(
        store, plan, table, scored, metrics, cells_of(table, metrics), found, looks, unscored, at, compared, usual
    )


def runs_of(store: Records) -> tuple[pd.DataFrame, int]:
    """Return the labelled table, in which runs that are trained and not scored are pending, and how many these are."""
    table = cell_table.labelled(store.table(), store.plan.get("data_axes", ()))
    if "study" not in store.plan:
        refuse_mixed(
            table, "plan its suite again by `harness run`, which makes them cells of their own and trains none anew"
        )
    unscored = store.unscored(table["run_id"], store.plan.get("score_id", ""))
    waits = table["run_id"].isin(unscored) & (table["status"] == "ok")
    table.loc[waits, "status"] = "pending"
    return table, int(waits.sum())


def cells_of(table: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """Return one row a cell (`cell_table.cells`), each data set by its own metric. Raises what that raises."""
    parts = [cell_table.cells(part, metrics[str(name)]) for name, part in table.groupby("dataset", sort=False)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def metrics_of(plan: Mapping[str, Any], table: pd.DataFrame, scored: pd.DataFrame | None = None) -> dict[str, str]:
    """Return the column that each data set is ranked on."""
    suite, pictures = plan["resolved"], pictured(plan)
    kinds = {name: "images" if name in pictures else "toys" for name in map(str, table["dataset"].unique())}
    wanted = {name: suite["primary"][kind] for name, kind in kinds.items()}
    extractors = suite.get("score", {}).get("extractors") or ()
    return ranked(table, wanted, extractors, plan.get("data_axes", ()), scored)


def ranked(
    table: pd.DataFrame,
    wanted: Mapping[str, str],
    extractors: Sequence[str],
    data_axes: Collection[str],
    scored: pd.DataFrame | None = None,
) -> dict[str, str]:
    """Return the column that each data set is ranked on, whose plain or whole name is `wanted`.

    Where swept values of a data set give it several, as two of its classes have another extractor than one, both tables
    get one under the plain name, in which each run has its own.
    """
    axes, found = [f"sweep.{axis}" for axis in data_axes if f"sweep.{axis}" in table], {}
    frames = [table] if scored is None else [table, scored]
    for name, rows in table.groupby("dataset", sort=False):
        parts = [part for _, part in rows.groupby(axes, sort=False, dropna=False)] if axes else [rows]
        own: dict[str, list[str]] = {}
        for part in parts:
            if (part["status"] == "ok").any():
                own.setdefault(primary(part, wanted[str(name)], extractors), []).extend(part["run_id"])
        plain = MetricColumn.parse(wanted[str(name)]).name
        found[str(name)] = next(iter(own), wanted[str(name)]) if len(own) < 2 else plain
        for frame in frames if len(own) > 1 else ():
            for end in ("", "_floor"):
                _gather(frame, f"{plain}{end}", {f"{column}{end}": runs for column, runs in own.items()})
    return found


def _gather(frame: pd.DataFrame, name: str, own: Mapping[str, list[str]]) -> None:
    """Give a table a column in which each run has the value of the column that is its own."""
    values = pd.Series(np.nan, index=frame.index)
    for column, run_ids in own.items():
        if column in frame:
            values = values.where(~frame["run_id"].isin(run_ids), pd.to_numeric(frame[column], errors="coerce"))
    if values.notna().any():
        frame[name] = values


def pictured(plan: Mapping[str, Any]) -> set[str]:
    """Return the data sets of a plan, by the suite's names, whose samples are pictures."""
    if "pictures" in plan:
        return set(plan["pictures"])
    return {name for name, base in bases(plan).items() if _is_pictured(base)}


def ranked_on(by_kind: Mapping[str, str], bases: Mapping[str, str], dataset: str) -> str:
    """Return what a suite's `primary` ranks a data set on, by its name in the suite; `bases` are those in the table."""
    return by_kind["images" if _is_pictured(bases.get(dataset, "")) else "toys"]


def _is_pictured(base: str) -> bool:
    from harness.datasets import DATASETS  # imports torch: of what an earlier version planned

    return base in DATASETS and DATASETS[base].kind == "images"


def primary(runs: pd.DataFrame, name: str, extractors: Sequence[str] = ()) -> str:
    """Return the column that the runs of one data set are ranked on: `fid` finds `fid[classifier]@540`.

    It is that of the first of the suite's extractors, else of the data set's own, at its largest n. Where no run that
    is ok has such a column, it is the name itself.
    """
    ok = runs[runs["status"] == "ok"]
    columns = covered(name, [c for c in ok.columns if ok[c].notna().any()])
    rank = partial(_rank, name, list(extractors))
    return str(max(columns, key=rank)) if columns else name


def _rank(name: str, extractors: list[str], column: MetricColumn) -> tuple[bool, int, int]:
    """Return what puts a column before others: the very name, its extractor's place in the list, its n."""
    place = extractors.index(column.extractor) if column.extractor in extractors else len(extractors)
    return str(column) == name, -place, column.n


def failures(table: pd.DataFrame) -> pd.DataFrame:
    """Return every run that ended in anything but ok: where it belongs, what became of it, and when or why."""
    lost = table[table["status"].isin(cell_table.FAILURES)]
    return pd.DataFrame({
        **{name: lost[name].astype(str) for name in ("run_id", "task", "objective", "setting")},
        "seed": lost["seed"].astype(int),
        "status": lost["status"].astype(str),
        "first_bad_step": _column(lost, "first_bad_step"),
        "error": _column(lost, "error"),
    })  # fmt: skip


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    return table[name].map(plain) if name in table else pd.Series(NOTHING, index=table.index)


def settings(view: View) -> list[tuple[str, pd.DataFrame]]:
    """Return titled tables of the resolved settings: by objective, by architecture, by data set, common to all runs.

    A setting stands in the table whose name decides it; several values in one entry were swept.
    """
    table = view.table
    names = said_once(table)
    texts = pd.DataFrame({name: table[name].map(plain) for name in names})
    homes: dict[str, list[str]] = {"objective": [], "architecture": [], "dataset": [], "": []}
    for name in names:
        homes[_home(name, texts[name], table)].append(name)
    made = [
        (f"By {key.replace('dataset', 'data set')}", _by(key, homes[key], texts, table))
        for key in ("objective", "architecture", "dataset")
    ]
    by_objective = made[0][1]
    resolved = view.plan.get("settings", ())
    by_objective["from the paper's recipe"] = [recipe_note(resolved, name) for name in by_objective["objective"]]
    common = pd.DataFrame({
        "setting": [_short(name) for name in homes[""]],
        "value": [texts[name].iloc[0] if len(texts) else NOTHING for name in homes[""]],
    })  # fmt: skip
    return [
        (title, frame) for title, frame in (*made, ("Common to all runs", common)) if frame.shape[1] > 1 and len(frame)
    ]


def said_once(table: pd.DataFrame) -> list[str]:
    """Return the columns of settings without those that repeat others, or are empty.

    A parameter of both players stands once where they agree in every run, else once a player.
    """
    names = [c for c in table.columns if is_setting(c)]
    drop = {"hyper.lr"} if {"hyper.critic_lr", "hyper.generator_lr"} <= set(names) else set()
    for name in {c.split(".", 2)[2] for c in names if c.startswith(("setup.generator.", "setup.critic."))}:
        players = [c for c in (f"setup.generator.{name}", f"setup.critic.{name}") if c in names]
        said = table[players].notna().any(axis=1)
        agreed = f"setup.{name}" in names and bool(table.loc[said, f"setup.{name}"].notna().all())
        drop |= set(players) if agreed else {f"setup.{name}"}
    empty = {c for c in names if table[c].isna().all() or (table[c].astype(str) == "{}").all()}
    return [c for c in names if c not in drop | empty]


def _home(name: str, texts: pd.Series, table: pd.DataFrame) -> str:
    """Return the column whose value decides a setting; "" where it is the same everywhere."""
    if texts.nunique() <= 1:
        return ""
    if not name.startswith("setup."):
        return "dataset" if name.startswith("data.") else "objective"
    keys = ("architecture", "objective", "dataset")
    return next((key for key in keys if (texts.groupby(table[key]).nunique() == 1).all()), "objective")


def _by(key: str, names: list[str], texts: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for value, part in texts[names].groupby(table[key], sort=False):
        rows.append({key: str(value), **{_short(name): ", ".join(dict.fromkeys(part[name])) for name in names}})
    return pd.DataFrame(rows, columns=[key, *(_short(name) for name in names)])


def _short(name: str) -> str:
    if name == "setup.trained":
        return "generator"  # "trained" or "fixed"
    return name.split(".", 1)[1] if name.startswith(("hyper.", "setup.")) else name


def recipe_note(settings: Iterable[Mapping[str, Any]], objective: str) -> str:
    """Say which settings of an objective are the paper's, for each kind of data where that depends on it.

    `settings` are those of plan.json, as `harness.plan.description` has them.
    """
    notes = {entry["kind"]: _papers(entry["recipe"]) for entry in settings if entry["objective"] == objective}
    if len(set(notes.values())) > 1:
        return "; ".join(f"on {kind}: {note}" for kind, note in notes.items())
    return next(iter(notes.values()), NOTHING)


def _papers(recipe: Mapping[str, Any] | None) -> str:
    if recipe is None:
        return "none"
    in_part = list(recipe["in_part"])
    whole = [name for name in recipe["keys"] if name not in in_part]
    parts = [listed(whole)] if whole else []
    parts += [f"{listed(in_part)} in part"] if in_part else []
    return "; ".join(parts)


def versions(table: pd.DataFrame) -> pd.DataFrame:
    """Return what, value and runs: the software, machines and extractors that runs were made and scored with."""
    rows = []
    for name in (*made_with(table), *_weights(table)):
        counts = table[name].dropna().astype(str).value_counts(sort=False)
        rows += [{"what": name, "value": value, "runs": int(n)} for value, n in sorted(counts.items())]
    return pd.DataFrame(rows, columns=["what", "value", "runs"])


def made_with(table: pd.DataFrame) -> list[str]:
    """Return the columns that say on what machine, and with which versions, runs were trained and scored."""
    scoring = [name for name in table.columns if name.startswith("scoring.")]
    return [*(name for name in (*MACHINE, *VERSIONS) if name in table), *scoring]


def mixed(table: pd.DataFrame) -> list[str]:
    """Return what differs between finished runs that should not: device, machine, versions; in a task its extractor."""
    differ = [name for name in made_with(table) if table[name].dropna().astype(str).nunique() > 1]
    return differ + [name for name in _weights(table) if (table.groupby("task")[name].nunique() > 1).any()]


def _weights(table: pd.DataFrame) -> list[str]:
    return list(map(str, covered(WEIGHTS, table.columns)))


def commands(view: View) -> str:
    """Return what a shell takes to make this report again, a line a command."""
    lines = [f"harness run {call}" for call in _calls(view, path=True)]
    merged = [str(part["path"]) for part in view.plan.get("parts", ())]
    return "\n".join([*lines, *([f"harness report {shlex.join(merged)}"] if merged else [])])


def arguments(view: View, path: bool) -> str:
    """Return what follows `harness run` to train this very suite: its name (or path), its scale, every `--set`."""
    return " && harness run ".join(_calls(view, path))  # of merged folders


def _calls(view: View, path: bool) -> list[str]:
    alone = {"folder": view.store.folder.name, "resolved": view.suite}
    calls = [_arguments(part["folder"], part["resolved"], path) for part in view.plan.get("parts", [alone])]
    return list(dict.fromkeys(calls))


def _arguments(folder: str, suite: Mapping[str, Any], path: bool) -> str:
    name, _, scale = folder.partition("@")
    name = str(suite.get("name", name))
    words = [f"suites/{name}.yaml" if path else name]
    words += ["--scale", scale] if scale else []
    for text in suite.get("set") or []:
        words += ["--set", str(text)]
    return shlex.join(words)
