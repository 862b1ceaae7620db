"""What is read of the results once, and the tables of settings, failures and versions."""

import os
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.metrics.columns import covered
from harness.plugins.components import know_metrics
from harness.report.analysis import cell_table, critic_norms
from harness.report.analysis.comparable import WEIGHTS, is_setting, refuse_mixed
from harness.report.analysis.headline import Headline, headline
from harness.report.analysis.primary import metrics_of
from harness.report.results import Results
from harness.report.styles import Style, styles
from harness.store.plan_file import Json, MergedPart, Plan
from harness.text import NOTHING, listed, plain, retry_command, run_command

MACHINE = ("device", "host_cpu", "cpu_isa", "torch", "harness", "git")
VERSIONS = ("gpu_driver", "python", "numpy", "scipy", "pot", "torch-fidelity")


@dataclass(frozen=True)
class View:
    """All that a report is made from.

    table     the runs with their `task` and `setting`; trained runs without scores, `unscored` of them, are pending
    scored    metrics by run_id and step
    metrics   the metric of each data set
    cells     a row a cell
    headline  None where there is none; where the critics' norm is a factor at the same norms, of the runs `compared`,
              among which are no critics alone
    usual     then, the headline at each objective's usual norm
    """

    store: Results
    plan: Plan
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
    def learners(self) -> pd.DataFrame:
        """The runs that train a generator: the others are not ranked."""
        return self.table[cell_table.learns(self.table)]

    @property
    def data_axes(self) -> Collection[str]:
        """The swept names that belong to data sets."""
        return self.plan.data_axes

    @property
    def is_study(self) -> bool:
        """Whether settings were drawn."""
        return self.plan.study is not None

    @property
    def suite(self) -> Json:
        """The resolved suite."""
        return self.plan.resolved


def read(store: Results) -> View:
    """Read the results once. Raises HarnessError where a run that is ok has no finite primary metric."""
    plan, scored = store.plan, store.scored()
    table, unscored = runs_of(store)
    metrics, axes = metrics_of(plan, table, scored), plan.data_axes
    data_settings = {name for spec in plan.specs.values() for name in spec["setup"]["data"]}

    def best(runs: pd.DataFrame) -> Headline | None:
        return headline(runs, scored, metrics, axes, data_settings)

    learners = table[cell_table.learns(table)]
    norms, compared, at_usual = critic_norms.norms(learners), learners, None
    if norms.is_factor and plan.study is None:
        compared, at_usual = critic_norms.same(learners, axes), best(critic_norms.usual(learners, axes))
    first = best(compared)
    if first is None and at_usual is not None:  # objectives share no norm in two tasks
        compared, first, at_usual = critic_norms.usual(learners, axes), at_usual, None
    cells, looks = cells_of(table, metrics), styles(table["objective"].astype(str))
    return View(store, plan, table, scored, metrics, cells, first, looks, unscored, norms, compared, at_usual)


def runs_of(store: Results) -> tuple[pd.DataFrame, int]:
    """Return the labelled table, in which runs that are trained and not scored are pending, and how many these are."""
    for resolved in (store.plan.resolved, *(part.resolved for part in store.plan.parts)):
        know_metrics(resolved)
    table = cell_table.labelled(store.table(), store.plan.data_axes)
    if store.plan.study is None:
        advice = "plan its suite again by `harness run`, which makes them cells of their own and trains none anew"
        refuse_mixed(table, advice)
    waiting = table["run_id"].isin(store.unscored(table["run_id"], store.plan.score_id))
    waiting &= table["status"] == "ok"
    table.loc[waiting, "status"] = "pending"
    return table, int(waiting.sum())


def cells_of(table: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """Return one row a cell (`cell_table.cells`), each data set by its own metric. Raises what that raises."""
    parts = [cell_table.cells(part, metrics[str(name)]) for name, part in table.groupby("dataset", sort=False)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def failures(table: pd.DataFrame) -> pd.DataFrame:
    """Return every run that ended in anything but ok: where it belongs, its status, and when or why it was lost."""
    lost = table[table["status"].isin(cell_table.FAILURES)]
    columns = {name: lost[name].astype(str) for name in ("run_id", "task", "objective", "setting")}
    columns |= {"seed": lost["seed"], "status": lost["status"].astype(str)}
    for name in ("first_bad_step", "error"):
        columns[name] = lost[name].map(plain) if name in lost else pd.Series(NOTHING, index=lost.index)
    return pd.DataFrame(columns)


def settings(view: View) -> list[tuple[str, pd.DataFrame]]:
    """Return titled tables of the resolved settings: by objective, by architecture, by data set, common to all runs.

    A setting stands in the table whose name decides it; several values in one entry were swept.
    """
    table = view.table
    texts = pd.DataFrame({name: _texts(table[name]) for name in distinct_settings(table)})
    deciding = {name: _deciding(name, texts[name], table) for name in map(str, texts.columns)}
    frames = []
    for key in ("objective", "architecture", "dataset"):
        names = [name for name, owner in deciding.items() if owner == key]
        groups = texts[names].groupby(table[key].astype(str), sort=False)
        rows = [{key: value, **{n: ", ".join(part[n].unique()) for n in names}} for value, part in groups]
        frame = pd.DataFrame(rows, columns=[key, *names]).rename(columns=_short)
        if key == "objective":
            notes = [recipe_note(view.plan.settings, name) for name in frame["objective"]]
            frame["from the paper's recipe"] = notes
        frames.append((f"By {key.replace('dataset', 'data set')}", frame))
    common = texts[[name for name, owner in deciding.items() if not owner]].head(1).T
    common = common.reset_index().set_axis(["setting", "value"], axis=1) if common.size else pd.DataFrame()
    frames.append(
        ("Common to all runs", common.assign(setting=common["setting"].map(_short)) if len(common) else common)
    )
    return [(title, frame) for title, frame in frames if frame.shape[1] > 1 and len(frame)]


def _texts(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Write a column as a suite would: each value once, but for a mixed column, in which True is 1."""
    if column.dtype == object:
        return column.map(plain)
    codes, values = pd.factorize(column, use_na_sentinel=False)
    return pd.Series(np.array([*map(plain, values)], dtype=object)[codes], index=column.index)


def distinct_settings(table: pd.DataFrame) -> list[str]:
    """Return the columns of settings without those that repeat others, or are empty.

    A parameter of both players stands once where they agree in every run, else once a player.
    """
    names = [c for c in table.columns if is_setting(c)]
    dropped = {"hyper.lr"} if {"hyper.critic_lr", "hyper.generator_lr"} <= set(names) else set()
    for name in {c.split(".", 2)[2] for c in names if c.startswith(("setup.generator.", "setup.critic."))}:
        players = [c for c in (f"setup.generator.{name}", f"setup.critic.{name}") if c in names]
        is_set = table[players].notna().any(axis=1)
        agree = f"setup.{name}" in names and bool(table.loc[is_set, f"setup.{name}"].notna().all())
        dropped |= set(players) if agree else {f"setup.{name}"}
    dropped |= {c for c in names if table[c].isna().all() or (table[c].astype(str) == "{}").all()}
    return [c for c in names if c not in dropped]


def _deciding(name: str, texts: pd.Series, table: pd.DataFrame) -> str:
    """Return the column whose value decides a setting; "" where it is the same everywhere."""
    if texts.nunique() <= 1:
        return ""
    if not name.startswith("setup."):
        return "dataset" if name.startswith("data.") else "objective"
    keys = ("architecture", "objective", "dataset")
    return next((key for key in keys if (texts.groupby(table[key]).nunique() == 1).all()), "objective")


def _short(name: str) -> str:
    if name == "setup.trained":
        return "generator"  # "trained" or "fixed"
    return name.split(".", 1)[1] if name.startswith(("hyper.", "setup.")) else name


def recipe_note(settings: Iterable[Json], objective: str) -> str:
    """Say which settings of an objective are the paper's, for each kind of data where that depends on it.

    `settings` are those of plan.json, as `harness.plan.describe` has them.
    """
    notes = {}
    for entry in settings:
        if entry["objective"] == objective:
            recipe = entry["recipe"] or {"keys": (), "in_part": ()}
            whole = [name for name in recipe["keys"] if name not in recipe["in_part"]]
            parts = [listed(whole)] if whole else []
            parts += [f"{listed(list(recipe['in_part']))} in part"] if recipe["in_part"] else []
            notes[entry["kind"]] = "; ".join(parts) if entry["recipe"] else "none"
    if len(set(notes.values())) > 1:
        return "; ".join(f"on {kind}: {note}" for kind, note in notes.items())
    return next(iter(notes.values()), NOTHING)


def versions(table: pd.DataFrame) -> pd.DataFrame:
    """Return what, value and runs: the software, machines and extractors that runs were trained and scored with."""
    rows = []
    for name in (*made_with(table), *_weights(table)):
        counts = table[name].dropna().astype(str).value_counts(sort=False)
        rows += [{"what": name, "value": value, "runs": int(n)} for value, n in sorted(counts.items())]
    return pd.DataFrame(rows, columns=["what", "value", "runs"])


def made_with(table: pd.DataFrame) -> list[str]:
    """Return the columns that say on what machine, and with which versions, runs were trained and scored."""
    return [*(c for c in (*MACHINE, *VERSIONS) if c in table), *(c for c in table.columns if c.startswith("scoring."))]


def mixed(table: pd.DataFrame) -> list[str]:
    """Return what differs between finished runs that should not: device, machine, versions; in a task its extractor."""
    differ = [name for name in made_with(table) if table[name].dropna().astype(str).nunique() > 1]
    return differ + [name for name in _weights(table) if (table.groupby("task")[name].nunique() > 1).any()]


def _weights(table: pd.DataFrame) -> list[str]:
    return [str(column) for column in covered(WEIGHTS, table.columns)]


def commands(view: View) -> str:
    """Return what a shell takes to make this report again, a line a command."""
    merged = [part.path for part in view.plan.parts]
    return "\n".join([*_calls(view), *([f"harness report {shlex.join(merged)}"] if merged else [])])


def advice(view: View) -> tuple[str, str]:
    """Return what a shell takes to go on with these results, and to train what failed again."""
    folders = [Path(part.path) for part in view.plan.parts] or [view.store.folder]
    return " && ".join(map(run_command, folders)), " && ".join(map(retry_command, folders))


def _calls(view: View) -> list[str]:
    """The calls that train these very suites: the file (as planned, where that is known), its scale, every `--set`."""
    calls = []
    alone = MergedPart(view.store.folder.name, "", view.suite)
    for part in view.plan.parts or [alone]:
        suite, (name, _, scale) = part.resolved, part.folder.partition("@")
        path = f"suites/{suite.get('name', name)}.yaml"
        if view.plan.source:
            path = os.path.normpath(view.store.folder / view.plan.source)
        words = [path, *(["--scale", scale] if scale else [])]
        words += [word for text in suite.get("set") or [] for word in ("--set", str(text))]
        calls.append(f"harness run {shlex.join(words)}")
    return list(dict.fromkeys(calls))
