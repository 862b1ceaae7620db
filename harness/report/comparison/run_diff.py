"""What else differs between two sides of paired runs: settings, scoring, machines and versions."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from harness.metrics.columns import MetricColumn
from harness.report.analysis.comparable import COMMON, WEIGHTS, outdated, unlike_extractors, unlike_weights
from harness.report.analysis.tables import MACHINE, distinct_settings, made_with
from harness.report.comparison.pairs import Pairs, Side, measured
from harness.spec import KINDS, canonical_json
from harness.store.plan_file import Plan
from harness.store.table import scoring, settings_of
from harness.text import NOTHING, counted, listed, plain

OF_OBJECTIVES = ("version.objective", "version.trick")
MOST = 4  # settings that are named before the verdict
CONSEQUENCES = {
    "cpu_isa": ". Equal runs differ in the last bit from the first step, and in their scores after a few hundred",
    WEIGHTS: ". Scores in its features are those of two networks: compare them within a folder",
}


@dataclass(frozen=True)
class Change:
    """A setting and a pair of its values, in how many pairs of runs, of which objectives (of A; () for all). How runs
    are scored has no `pairs`: it holds for all.
    """

    setting: str
    a: str
    b: str
    pairs: int | None = None
    objectives: tuple[str, ...] = ()


def changed_settings(a: Side, b: Side, pairs: Pairs) -> list[Change]:
    """Return every setting and pair of its values that differs in some pairs. Runs of equal id have equal settings."""
    runs = pairs.runs[pairs.runs["run_id_a"] != pairs.runs["run_id_b"]].reset_index(drop=True)
    changes = []
    if len(runs):
        sides = [_resolved(side, runs[f"run_id_{end}"]) for side, end in ((a, "a"), (b, "b"))]
        both = pd.concat(sides, ignore_index=True)
        once = distinct_settings(both)
        names = [c for c in both.columns if c in once or c.endswith(".base") or c.startswith("version.")]
        # Each side by itself: a column that the other lacks would turn whole numbers into floats.
        first, second = (side.map(_text).reindex(columns=names, fill_value=NOTHING) for side in sides)
        for name in names:
            values = pd.DataFrame({"a": first[name], "b": second[name]})
            unlike = values.assign(objective=runs["objective"].astype(str))[values["a"] != values["b"]]
            for (x, y), part in unlike.groupby(["a", "b"], sort=False):
                objectives = tuple(part["objective"].unique())
                is_all = len(objectives) == pairs.runs["objective"].nunique()
                changes.append(Change(name, str(x), str(y), len(part), () if is_all else objectives))
    for block in ("score", "primary"):
        first, second = (side.plan.resolved.get(block, {}) for side in (a, b))
        for key in dict.fromkeys([*first, *second]):
            x, y = plain(first.get(key)), plain(second.get(key))
            changes += [Change(f"{block}.{key}", x, y)] if x != y else []
    return changes


def _resolved(side: Side, run_ids: pd.Series) -> pd.DataFrame:
    """Return every setting of these runs, one row each, with the entries of the tables behind the suite's names, their
    versions, and the parameters of tricks.
    """
    rows = {}
    for run_id in run_ids.unique():
        spec, setup = side.plan.specs[run_id], side.plan.specs[run_id]["setup"]
        rows[run_id] = {
            **{f"{kind}.base": setup[kind] for kind in KINDS},
            **{f"setup.{name}": canonical_json(value) for name, value in setup["tricks"].items() if value},
            **{f"version.{name}": version for name, version in setup["versions"].items()},
            **settings_of(spec),
        }
    return pd.DataFrame([rows[run_id] for run_id in run_ids])


def _text(value: object) -> str:
    """Write a value as a suite would, a number with as many digits as tell it from every other."""
    text = plain(value)
    return text if text == NOTHING or not isinstance(value, float) or float(text) == value else repr(float(value))


def foremost(a: Side, b: Side, pairs: Pairs, changes: Sequence[Change], apart: str) -> list[str]:
    """Return what is said before the verdict, as it may be the reason of it: those of the changed settings that are
    neither swept nor what `apart` names, other weights of extractors, other versions of the metrics.
    """
    values: dict[str, list[str]] = {}
    for change in changes:
        if _is_unexpected(change.setting, pairs.loose, apart):
            values.setdefault(change.setting, []).append(f"{change.a} in A and {change.b} in B")
    texts = [f"{name} is {each[0]}{' in some pairs' if len(each) > 1 else ''}" for name, each in values.items()]
    more = [f"{counted(len(texts) - MOST, 'more setting')}, below"] if len(texts) > MOST else []
    named = "; ".join(texts[:MOST] + more)
    differ = [f"settings differ that are neither swept nor named: {named}"] if texts else []
    return differ + _weights(*_paired(a, b, pairs.runs)) + _scored_by(a.plan, b.plan)


def _is_unexpected(name: str, loose: Sequence[str], apart: str) -> bool:
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
    return a.table[a.table["run_id"].isin(runs["run_id_a"])], b.table[b.table["run_id"].isin(runs["run_id_b"])]


def warnings(a: Side, b: Side, pairs: Pairs) -> list[str]:
    """Return a sentence for each thing that makes two sides no fair pair: machines, versions, scoring, metrics."""
    lines, tables = [], _paired(a, b, pairs.runs)
    for column in dict.fromkeys([*made_with(tables[0]), *made_with(tables[1])]):
        x, y = (_known(table, column) for table in tables)
        if x != y and ((x and y) or column in MACHINE):  # what one side alone says of its machine differs, too
            lines.append(_differs(column, x, y))
    lines += [*_weights(*tables), *_scored_by(a.plan, b.plan)]
    for name, metric in pairs.runs.drop_duplicates("dataset").set_index("dataset")["metric"].items():
        ranked_on = a.metrics[str(name)], b.metrics[str(name)]
        if ranked_on[0] != ranked_on[1]:
            used = f"both are compared by {metric}" if metric else "they have no metric in common"
            lines.append(f"on {name}, A is ranked on {ranked_on[0]} and B on {ranked_on[1]}: {used}")
    ok = pairs.runs[(pairs.runs["status_a"] == "ok") & (pairs.runs["status_b"] == "ok")]
    first, second = ({c for c in measured(table) if table[c].notna().any()} for table in _paired(a, b, ok))
    for label, only in (("A", sorted(first - second)), ("B", sorted(second - first))):
        more = [f"{len(only) - 4} more"] if len(only) > 4 else []
        lines += [f"measured in {label} alone: {listed(only[:4] + more)}"] if only else []
    if pairs.loose and any(pairs.runs[f"run_id_{end}"].duplicated().any() for end in "ab"):
        axes = listed(list(pairs.loose))
        lines.append(f"{axes} is swept on one side alone: its values all meet the same runs of the other side")
    return lines


def _weights(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """Name the extractors whose weights differ."""
    names = [str(MetricColumn(WEIGHTS, extractor)) for extractor in unlike_weights(a, b)]
    return [_differs(name, _known(a, name), _known(b, name)) for name in names]


def _known(table: pd.DataFrame, name: str) -> list[str]:
    return sorted(set(table[name].dropna().astype(str))) if name in table else []


def _differs(name: str, x: list[str], y: list[str]) -> str:
    both = f"{listed(x or ['not known'])} in A, {listed(y or ['not known'])} in B"
    return f"{name} differs: {both}{CONSEQUENCES.get(MetricColumn.parse(name).name, '')}"


def _scored_by(a: Plan, b: Plan) -> list[str]:
    """Say what makes scores of equal runs differ: other extractors, older metrics."""
    scorings = [scoring(plan) for plan in (a, b)]
    if unlike_extractors(scorings):
        return ["images are scored in features of different extractors: `harness score` can bring one in line"]
    old = outdated(scorings)
    if old is None:
        return []
    return [f"{'AB'[old]} is scored by metrics of another version: `harness score` scores it anew"]
