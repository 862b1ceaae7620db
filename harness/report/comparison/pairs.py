"""Two sides of runs, paired by cell and seed: a results folder, or what one objective or architecture did there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.metrics.columns import MetricColumn
from harness.report.analysis.cell_table import numbers, refuse_missing, swept_columns, tasks_of
from harness.report.analysis.comparable import WEIGHTS, is_setting
from harness.spec import KINDS
from harness.store.plan_file import Plan
from harness.store.table import FACTS_OF_SOME, PROVENANCE
from harness.text import listed, swept_value

# Columns that two runs of equal content need not share, beside labels and settings: what they took, and where.
TAKEN = {"step_ms", "train_s", "score_s", "peak_mb", "error", *FACTS_OF_SOME, *PROVENANCE}
LABELS = {"run_id", "status", "seed", "steps", "task", "setting", "objective.base", *KINDS}
ROUNDING = 1e-9  # of a value, or of 1 where it is smaller: two ways to solve for the same W1 are as far apart


@dataclass(frozen=True)
class Side:
    """One side: its name for people, plan.json, its labelled runs, the metric of each of its data sets, and how many of
    its runs are trained and not scored: these are pending.
    """

    name: str
    plan: Plan
    table: pd.DataFrame
    metrics: Mapping[str, str]
    unscored: int = 0


@dataclass(frozen=True)
class Pairs:
    """A row a pair, and of either side the runs without a partner.

    runs   task, objective, setting, cell, seed, metric; of either side run_id, status, value (of the metric), score and
           train_s, with _a or _b at the end: no difference of values or scores is one of rounding alone; `equal`:
           whether everything that both measured is equal bit for bit
    swept  the names of swept values that both sides share, and that vary
    loose  those that one side alone has: each of them meets the same runs of the other side
    """

    runs: pd.DataFrame
    alone: tuple[pd.DataFrame, pd.DataFrame]
    swept: tuple[str, ...]
    loose: tuple[str, ...]


def pair(a: Side, b: Side, apart: str = "") -> Pairs:
    """Pair the runs of two sides by cell and seed; `apart` is the label that tells them apart, if one does.

    Raises HarnessError where no run of one has a partner, or one that is ok lacks its metric.
    """
    swept = [[c for c in swept_columns(side.table) if side.table[c].notna().any()] for side in (a, b)]
    shared = [c for c in swept[0] if c in swept[1]]
    cell = [*(name for name in KINDS if name != apart), *shared]
    keys = [
        pd.DataFrame({name: list(map(swept_value, side.table[name])) for name in (*cell, "seed")})
        .reset_index(names="place")
        .assign(run_id=side.table["run_id"].to_numpy())
        for side in (a, b)
    ]
    joined = keys[0].merge(keys[1], on=[*cell, "seed"], suffixes=("_a", "_b"))
    if joined.empty:
        raise HarnessError(_nothing_shared(a, b, [*cell, "seed"]))
    # Labels may hold several runs: a run that meets itself meets no other.
    same = joined["run_id_a"] == joined["run_id_b"]
    meets_itself = [same.groupby(joined[place]).transform("any") for place in ("place_a", "place_b")]
    joined = joined[same | ~(meets_itself[0] | meets_itself[1])]
    first, second = (
        side.table.iloc[joined[f"place_{end}"].to_numpy()].reset_index(drop=True) for side, end in ((a, "a"), (b, "b"))
    )
    if apart == "architecture":
        tasks = tasks_of(first, a.plan.data_axes, rivals="architecture")
        first = first.assign(task=[task.label for task in tasks])
    metrics = {name: _shared_metric(a, b, name) for name in map(str, first["dataset"].unique())}
    runs = first[["task", "dataset", "objective", "setting", "seed"]].assign(
        cell=[" ".join(row) for row in joined[cell].to_numpy()],
        metric=first["dataset"].astype(str).map(metrics),
        equal=_equal(first, second),
    )
    for end, rows in (("a", first), ("b", second)):
        runs[f"run_id_{end}"], runs[f"status_{end}"] = rows["run_id"], rows["status"].astype(str)
        runs[f"value_{end}"] = _values(rows, runs["metric"])
        runs[f"score_{end}"], runs[f"train_s_{end}"] = numbers(rows, "score"), numbers(rows, "train_s")
    for name in ("value", "score"):
        x, y = runs[f"{name}_a"], runs[f"{name}_b"]
        runs[f"{name}_b"] = y.mask((x - y).abs() <= ROUNDING * x.abs().clip(lower=1), x)
    alone = [side.table.drop(index=side.table.index[joined[f"place_{e}"]]) for side, e in ((a, "a"), (b, "b"))]
    return Pairs(
        runs=runs,
        alone=(alone[0], alone[1]),
        swept=tuple(c.removeprefix("sweep.") for c in shared if joined[c].nunique() > 1),
        loose=tuple(c.removeprefix("sweep.") for c in dict.fromkeys(swept[0] + swept[1]) if c not in shared),
    )


def _nothing_shared(a: Side, b: Side, keys: list[str]) -> str:
    """Say which label keeps two sides from having a cell in common."""
    start = f"{a.name} and {b.name} have no cell and seed in common"
    for name in keys:
        values = [list(dict.fromkeys(map(swept_value, side.table[name]))) for side in (a, b)]
        if not set(values[0]) & set(values[1]):
            texts = [listed(each[:3]) + (" and more" if len(each) > 3 else "") for each in values]
            return f"{start}: {name.removeprefix('sweep.')} is {texts[0]} in one and {texts[1]} in the other"
    return f"{start}: nothing can be paired"


def _shared_metric(a: Side, b: Side, dataset: str) -> str:
    """Return the metric that both sides have of a data set, A's first; "" where they share none."""
    names = dict.fromkeys(side.metrics[dataset] for side in (a, b))
    tables = [side.table[side.table["dataset"] == dataset] for side in (a, b)]
    shared = (name for name in names if all(numbers(table, name).notna().any() for table in tables))
    return next(iter(names)) if len(names) == 1 else next(shared, "")


def _values(rows: pd.DataFrame, metric: pd.Series) -> pd.Series:
    """Return each row's own metric. Raises HarnessError naming a run that is ok and has none."""
    values = pd.Series(np.nan, index=rows.index)
    for name in metric[metric != ""].unique():
        own = rows[metric == name]
        refuse_missing(own, name)
        values[own.index] = numbers(own, name)
    return values.where(rows["status"] == "ok")


def measured(table: pd.DataFrame) -> list[str]:
    """Return the columns of what a run's content alone decides: metrics, and where a run diverged."""
    own = [c for c in table.columns if c not in LABELS | TAKEN and not (is_setting(c) or c.startswith("sweep."))]
    return [c for c in own if MetricColumn.parse(c).name != WEIGHTS]


def _equal(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Say of each pair whether status and everything that both sides measured are equal, bit for bit."""
    equal = first["status"].astype(str) == second["status"].astype(str)
    for name in measured(first):
        if name in second:
            x, y = numbers(first, name), numbers(second, name)
            equal &= (x == y) | (x.isna() & y.isna())
    return equal
