"""What else differs between two sides of paired runs: settings, scoring, machines and versions."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.metrics.columns import MetricColumn
from harness.report.analysis.comparable import COMMON, WEIGHTS, outdated, unlike_extractors, unlike_weights
from harness.report.analysis.tables import MACHINE, distinct_settings, made_with
from harness.report.comparison.pairs import Pairs, Side, measured
from harness.spec import canonical_json
from harness.store.scoring_settings import scoring
from harness.store.table import settings_of
from harness.text import NOTHING, counted, listed, plain

OF_OBJECTIVES = ("version.objective", "version.trick")
MOST = 4  # settings that are named before the verdict
CONSEQUENCES = {
    "cpu_isa": ". Equal runs differ in the last bit from the first step, and in their scores after a few hundred",
    WEIGHTS: ". Scores in its features are those of two networks: compare them within a folder",
}


def changed_settings(a: Side, b: Side, pairs: Pairs) -> list[dict[str, Any]]:
    """Return a row for every setting and pair of its values: setting, a, b, pairs, objectives (of A; [] for all).

    Runs of equal id have equal settings. How runs are scored follows, with no pairs: it holds for all.
    """
    runs = pairs.runs[pairs.runs["run_id_a"] != pairs.runs["run_id_b"]]
    sides = [_resolved(side, runs[f"run_id_{end}"]) for side, end in ((a, "a"), (b, "b"))]
    names = _told(pd.concat(sides, ignore_index=True)) if len(runs) else []
    texts = [pd.DataFrame({name: _texts(side, name) for name in names}) for side in sides]
    rows = []
    for name in names:
        first, second = texts[0][name], texts[1][name]
        both = pd.DataFrame({"a": first, "b": second, "objective": runs["objective"].to_numpy()})
        for (x, y), part in both[first != second].groupby(["a", "b"], sort=False):
            whose = [str(objective) for objective in part["objective"].unique()]
            whose = [] if len(whose) == pairs.runs["objective"].nunique() else whose
            rows.append({"setting": name, "a": x, "b": y, "pairs": len(part), "objectives": whose})
    return rows + _scoring(a.plan["resolved"], b.plan["resolved"])


def _resolved(side: Side, run_ids: pd.Series) -> pd.DataFrame:
    """Return every setting of these runs, one row each, with what stands behind the suite's names."""
    specs = side.plan["specs"]
    flat = {run_id: {**_behind(specs[run_id]["setup"]), **settings_of(specs[run_id])} for run_id in run_ids.unique()}
    return pd.DataFrame([flat[run_id] for run_id in run_ids])


def _behind(setup: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of the tables that a run was made of, their versions, and the parameters of its tricks."""
    return {
        **{f"{kind}.base": setup[kind] for kind in ("dataset", "architecture", "objective")},
        **{f"setup.{name}": canonical_json(value) for name, value in setup["tricks"].items() if value},
        **{f"version.{name}": version for name, version in setup["versions"].items()},
    }


def _told(table: pd.DataFrame) -> list[str]:
    """Return the columns that say something of their own."""
    once = distinct_settings(table)
    return [c for c in table.columns if c in once or c.endswith(".base") or c.startswith("version.")]


def _texts(table: pd.DataFrame, name: str) -> list[str]:
    return [_text(value) for value in table[name]] if name in table else [NOTHING] * len(table)


def _text(value: Any) -> str:
    """Write a value as a suite would, a number with as many digits as tell it from every other."""
    text = plain(value)
    return text if text == NOTHING or not isinstance(value, float) or float(text) == value else repr(float(value))


def _scoring(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what differs in how runs are scored and ranked."""
    rows: list[dict[str, Any]] = []
    for block in ("score", "primary"):
        first, second = a.get(block, {}), b.get(block, {})
        for key in dict.fromkeys([*first, *second]):
            x, y = (plain(side.get(key)) for side in (first, second))
            rows += [{"setting": f"{block}.{key}", "a": x, "b": y, "pairs": None, "objectives": []}] if x != y else []
    return rows


def foremost(a: Side, b: Side, pairs: Pairs, settings: Sequence[Mapping[str, Any]], apart: str) -> list[str]:
    """Return what is said before the verdict, for it may be the reason of it: those of the changed `settings` that are
    neither swept nor what `apart` names, other weights of extractors, other versions of the metrics.
    """
    values: dict[str, list[str]] = {}
    for row in settings:
        if _unasked(str(row["setting"]), pairs.loose, apart):
            values.setdefault(str(row["setting"]), []).append(f"{row['a']} in A and {row['b']} in B")
    said = [f"{name} is {each[0]}{' in some pairs' if len(each) > 1 else ''}" for name, each in values.items()]
    more = [f"{counted(len(said) - MOST, 'more setting')}, below"] if len(said) > MOST else []
    named = "; ".join(said[:MOST] + more)
    differ = [f"settings differ that are neither swept nor named: {named}"] if said else []
    return differ + _weights(*_paired(a, b, pairs.runs)) + _scored_by(a.plan, b.plan)


def _unasked(name: str, loose: Sequence[str], apart: str) -> bool:
    """Whether a setting that differs belongs neither to what is swept on one side nor to what tells the sides apart."""
    last = name.rpartition(".")[2]
    if any(last == axis.rpartition(".")[2] or last.endswith(f"_{axis}") for axis in loose):
        return False
    if not apart:
        return True
    own = {"architecture": ("setup.generator.", "version.architecture"), "objective": OF_OBJECTIVES}[apart]
    return name.startswith((*COMMON, "version.", "score.", "primary.", "dataset.")) and not name.startswith(own)


def _paired(a: Side, b: Side, runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of either side that have a place in these pairs."""
    first, second = (side.table[side.table["run_id"].isin(runs[f"run_id_{e}"])] for side, e in ((a, "a"), (b, "b")))
    return first, second


def warnings(a: Side, b: Side, pairs: Pairs) -> list[str]:
    """Return a sentence for each thing that makes two sides no fair pair: machines, versions, scoring, metrics."""
    ok = pairs.runs[(pairs.runs["status_a"] == "ok") & (pairs.runs["status_b"] == "ok")]
    made, scored = _paired(a, b, pairs.runs), _paired(a, b, ok)
    said = [*_made_with(*made), *_weights(*made), *_scored_by(a.plan, b.plan)]
    return [*said, *_ranked_by(a, b, pairs), *_measured(*scored), *_crossed(pairs)]


def _made_with(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """Name what differs in machine and versions; of machines what one side alone says of itself differs, too."""
    said = []
    for name in dict.fromkeys([*made_with(a), *made_with(b)]):
        x, y = _known(a, name), _known(b, name)
        if x != y and ((x and y) or name in MACHINE):  # others older records lack
            said.append(_differs(name, x, y))
    return said


def _weights(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """Name the extractors whose weights differ."""
    names = [str(MetricColumn(WEIGHTS, extractor)) for extractor in unlike_weights(a, b)]
    return [_differs(name, _known(a, name), _known(b, name)) for name in names]


def _known(table: pd.DataFrame, name: str) -> list[str]:
    return sorted(set(table[name].dropna().astype(str))) if name in table else []


def _differs(name: str, x: list[str], y: list[str]) -> str:
    both = f"{listed(x or ['not known'])} in A, {listed(y or ['not known'])} in B"
    return f"{name} differs: {both}{CONSEQUENCES.get(MetricColumn.parse(name).name, '')}"


def _scored_by(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Say what makes scores of equal runs differ: other extractors, older metrics."""
    found = [scoring(plan) for plan in (a, b)]
    if unlike_extractors(found):
        return ["images are scored in features of other extractors: `harness score` can bring one in line"]
    old = outdated(found)
    return (
        [] if old is None else [f"{'AB'[old]} is scored by metrics of another version: `harness score` scores it anew"]
    )


def _ranked_by(a: Side, b: Side, pairs: Pairs) -> list[str]:
    said = []
    for name in dict.fromkeys(pairs.runs["dataset"]):
        x, y = a.metrics[name], b.metrics[name]
        if x != y:
            used = pairs.runs.loc[pairs.runs["dataset"] == name, "metric"].iloc[0]
            shown = f"both are compared by {used}" if used else "they have no metric in common"
            said.append(f"on {name}, A is ranked on {x} and B on {y}: {shown}")
    return said


def _measured(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """Name what one side alone was measured by."""
    said = []
    known = [{c for c in measured(table) if table[c].notna().any()} for table in (a, b)]
    for label, only in (("A", known[0] - known[1]), ("B", known[1] - known[0])):
        more = [f"{len(only) - 4} more"] if len(only) > 4 else []
        said += [f"measured in {label} alone: {listed(sorted(only)[:4] + more)}"] if only else []
    return said


def _crossed(pairs: Pairs) -> list[str]:
    """Say where runs of one side meet several of the other."""
    if not (pairs.loose and any(pairs.runs[f"run_id_{end}"].duplicated().any() for end in "ab")):
        return []
    return [
        f"{listed(list(pairs.loose))} is swept on one side alone: its values all meet the same runs of the other side"
    ]
