"""Two sides of runs, paired by cell and seed, and what the seeds make of the difference.

A side is a results folder, or what one objective or architecture did there. Differences are B - A. A run that was lost
counts as worst: its score is 0, and where there is one the primary metric has no mean.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.metrics import lower_is_better
from harness.metrics.columns import MetricColumn
from harness.report.analysis import cell_table
from harness.report.analysis.comparable import WEIGHTS, is_setting
from harness.statistics import intervals
from harness.statistics.intervals import Interval
from harness.statistics.lost_runs import gains
from harness.statistics.paired import signed_rank
from harness.store.table import FACTS_OF_PICTURES, PROVENANCE
from harness.text import listed, swept_value

RANKS = "ranks"
CELL = ("dataset", "architecture", "objective")
# Columns that two runs of equal content need not share, beside labels and settings: what they took, and where.
TAKEN = {"step_ms", "train_s", "score_s", "peak_mb", "error", *FACTS_OF_PICTURES, *PROVENANCE}
LABELS = {"run_id", "status", "seed", "steps", "task", "setting", "objective.base", *CELL}


@dataclass(frozen=True)
class Side:
    """One side: its name for people, plan.json, its labelled runs, the metric of each of its data sets, and how many of
    its runs are trained and not scored: these are pending."""

    name: str
    plan: Mapping[str, Any]
    table: pd.DataFrame
    metrics: Mapping[str, str]
    unscored: int = 0


@dataclass(frozen=True)
class Pairs:
    """A row a pair, and of either side the runs without a partner.

    runs   task, objective, setting, cell, seed, metric; of either side run_id, status, value (of the metric), score and
           train_s, with _a or _b at the end; `equal`: whether all that both measured is equal bit for bit
    swept  the names of swept values that both sides share, and that vary
    loose  those that one side alone has: each of them meets the same runs of the other side
    """

    runs: pd.DataFrame
    alone: tuple[pd.DataFrame, pd.DataFrame]
    swept: tuple[str, ...]
    loose: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What pairs of runs say, B - A. An interval is None where it cannot be had: runs lost, no score, several metrics.

    n_pairs    those that ended on both sides; n_used of them are in the intervals: of the n_seeds that every cell has
    a, b       mean of the primary metric, of which there is one; with lost runs the median, those as worst
    ranked     where one side of a pair was lost and the other not: how much better B is in the mean, lost runs just
               behind all others, and the p of the signed-rank test of the pairs; NaN elsewhere
    """

    n_pairs: int
    n_used: int
    n_seeds: int
    lost: tuple[int, int]
    identical: bool
    metric: str
    a: float
    b: float
    by_metric: Interval | None
    by_score: Interval | None
    ranked: float = math.nan
    ranked_p: float = math.nan

    def scale(self, by_score: bool) -> str:
        """Return what tells who is better: "ranks" where one side alone lost runs, "score" where that is preferred or
        alone is there, the metric, or "".
        """
        if not math.isnan(self.ranked):
            return RANKS
        if self.by_score is not None and (by_score or self.by_metric is None):
            return "score"
        return self.metric if self.by_metric is not None else ""

    def better(self, scale: str) -> Interval | None:
        """Return how much better B is on a scale of `scale`; None where there is no interval on it."""
        if scale == "score" and self.by_score is not None:
            return self.by_score
        if scale != self.metric or self.by_metric is None:
            return None
        return turned(self.by_metric) if lower_is_better(self.metric) else self.by_metric


def turned(found: Interval) -> Interval:
    """Return the interval of A - B."""
    return Interval(-found.mean, -found.high, -found.low)


def pair(a: Side, b: Side, apart: str = "") -> Pairs:
    """Pair the runs of two sides by cell and seed; `apart` is the label that tells them apart, if one does.

    Raises HarnessError where no run of one has a partner, or one that is ok lacks its metric.
    """
    labels = [name for name in CELL if name != apart]
    swept = [_swept(side.table) for side in (a, b)]
    shared = [c for c in swept[0] if c in swept[1]]
    cell = [*labels, *shared]
    keys = [_keys(side.table, [*cell, "seed"]).assign(place=range(len(side.table))) for side in (a, b)]
    found = keys[0].merge(keys[1], on=[*cell, "seed"], suffixes=("_a", "_b"))
    if found.empty:
        raise HarnessError(_nothing_shared(a, b, [*labels, *shared, "seed"]))
    found = _same_first(found, a.table, b.table)
    alone = [
        side.table.iloc[np.setdiff1d(range(len(side.table)), found[f"place_{end}"])]
        for side, end in ((a, "a"), (b, "b"))
    ]
    return Pairs(
        runs=_joined(a, b, found, cell, apart),
        alone=(alone[0], alone[1]),
        swept=tuple(c.removeprefix("sweep.") for c in shared if found[c].nunique() > 1),
        loose=tuple(c.removeprefix("sweep.") for c in dict.fromkeys(swept[0] + swept[1]) if c not in shared),
    )


def _swept(table: pd.DataFrame) -> list[str]:
    return [c for c in cell_table.swept_columns(table) if table[c].notna().any()]


def _keys(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: [swept_value(value) for value in table[name]] for name in names}, index=range(len(table))
    )


def _same_first(found: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Keep a pair of different runs only where neither of them meets itself: labels may hold several runs."""
    ids = [table["run_id"].to_numpy()[found[place]] for table, place in ((a, "place_a"), (b, "place_b"))]
    same = pd.Series(ids[0] == ids[1], index=found.index)
    met = same.groupby(found["place_a"]).transform("any") | same.groupby(found["place_b"]).transform("any")
    return found[same | ~met]


def _nothing_shared(a: Side, b: Side, keys: list[str]) -> str:
    """Say which label keeps two sides from having a cell in common."""
    start = f"{a.name} and {b.name} have no cell and seed in common"
    for name in keys:
        there = [list(dict.fromkeys(swept_value(value) for value in side.table[name])) for side in (a, b)]
        if not set(there[0]) & set(there[1]):
            told = [listed(names[:3]) + (" and more" if len(names) > 3 else "") for names in there]
            return f"{start}: {name.removeprefix('sweep.')} is {told[0]} in one and {told[1]} in the other"
    return f"{start}: nothing can be paired"


def _joined(a: Side, b: Side, found: pd.DataFrame, cell: list[str], apart: str) -> pd.DataFrame:
    first, second = (
        side.table.iloc[found[place].to_numpy()].reset_index(drop=True)
        for side, place in ((a, "place_a"), (b, "place_b"))
    )
    metrics = {name: _shared_metric(a, b, name) for name in map(str, dict.fromkeys(first["dataset"]))}
    metric = first["dataset"].astype(str).map(metrics)
    made = pd.DataFrame({
        "task": _tasks(first) if apart == "architecture" else first["task"],
        **{name: first[name] for name in ("dataset", "objective", "setting", "seed")},
        "cell": [" ".join(row) for row in found[cell].to_numpy()],
        "metric": metric,
        "equal": _equal(first, second),
    })  # fmt: skip
    for end, rows in (("a", first), ("b", second)):
        made[f"run_id_{end}"], made[f"status_{end}"] = rows["run_id"], rows["status"].astype(str)
        made[f"value_{end}"] = _values(rows, metric)
        for name in ("score", "train_s"):
            made[f"{name}_{end}"] = _numbers(rows, name)
    return made


def _tasks(rows: pd.DataFrame) -> list[str]:
    """Return tasks in which the architecture gives its place to the objective."""
    named = zip(rows["task"], rows["architecture"], rows["objective"], strict=True)
    return [task.replace(f" / {architecture}", f" / {objective}", 1) for task, architecture, objective in named]


def _shared_metric(a: Side, b: Side, dataset: str) -> str:
    """Return the metric that both sides have of a data set, A's first; "" where they share none."""
    names = dict.fromkeys(side.metrics[dataset] for side in (a, b))
    if len(names) == 1:
        return next(iter(names))
    tables = [side.table[side.table["dataset"] == dataset] for side in (a, b)]
    return next((name for name in names if all(_numbers(table, name).notna().any() for table in tables)), "")


def _values(rows: pd.DataFrame, metric: pd.Series) -> pd.Series:
    """Return each row's own metric. Raises HarnessError naming a run that is ok and has none."""
    values = pd.Series(np.nan, index=rows.index)
    for name in metric.unique():
        mine = metric == name
        if name:
            cell_table.refuse_missing(rows[mine], name)
            values[mine] = _numbers(rows[mine], name)
    return values.where(rows["status"] == "ok")


def _numbers(rows: pd.DataFrame, name: str) -> pd.Series:
    column = rows[name] if name in rows else pd.Series(np.nan, index=rows.index)
    return pd.to_numeric(column, errors="coerce").astype(float)


def measured(table: pd.DataFrame) -> list[str]:
    """Return the columns of what a run's content alone decides: metrics, and where a run diverged."""
    own = [c for c in table.columns if c not in LABELS | TAKEN and not (is_setting(c) or c.startswith("sweep."))]
    return [column for column in own if MetricColumn.parse(column).name != WEIGHTS]


def _equal(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Say of each pair whether status and everything that both sides measured are equal, bit for bit."""
    equal = first["status"].astype(str) == second["status"].astype(str)
    for name in measured(first):
        if name in second:
            x, y = _numbers(first, name), _numbers(second, name)
            equal &= (x == y) | (x.isna() & y.isna())
    return equal


def difference(runs: pd.DataFrame) -> Difference:
    """Return what some of the pairs say together; tasks count alike, and cells within a task.

    The interval is Student's t over seeds: each gives its mean difference over all cells, as runs of one seed share
    weights, data and latents. A seed that a cell lacks gives none.
    """
    ended = runs[(runs["status_a"] != "pending") & (runs["status_b"] != "pending")]
    oks = [ended[f"status_{end}"] == "ok" for end in "ab"]
    lost = [int((~ok).sum()) for ok in oks]
    metrics = [str(name) for name in ended["metric"].unique()]
    metric = metrics[0] if len(metrics) == 1 else ""
    seeds = _in_every_cell(ended)
    scores = [ended[f"score_{end}"].where(ok, 0.0) for end, ok in zip("ab", oks, strict=True)]
    scored = all(score.notna().all() for score in scores)
    values = [_middle(ended[f"value_{end}"], n, metric) for end, n in zip("ab", lost, strict=True)]
    return Difference(
        n_pairs=len(ended),
        n_used=int(ended["seed"].isin(seeds).sum()),
        n_seeds=len(seeds),
        lost=(lost[0], lost[1]),
        identical=bool(len(ended) and ended["equal"].all()),
        metric=metric,
        a=values[0],
        b=values[1],
        by_metric=_over_seeds(ended, ended["value_b"] - ended["value_a"], seeds) if metric and not any(lost) else None,
        by_score=_over_seeds(ended, scores[1] - scores[0], seeds) if scored else None,
        **_ranks(ended, oks, scores if scored else None, metric),
    )


def _ranks(ended: pd.DataFrame, oks: list[pd.Series], scores: list[pd.Series] | None, metric: str) -> dict[str, float]:
    """Return `ranked` and `ranked_p` of a Difference; nothing where no pair lost one run alone, or has no scale."""
    if not (oks[0] != oks[1]).any() or (scores is None and not metric):
        return {}
    values = scores or [ended["value_a"], ended["value_b"]]
    a, b = zip(values, oks, strict=True)
    found = gains(a, b, lower=scores is None and lower_is_better(metric), is_score=scores is not None)
    return {"ranked": float(found.mean()), "ranked_p": signed_rank(found) if len(found) > 1 else math.nan}


def _in_every_cell(ended: pd.DataFrame) -> list[Any]:
    """Return the seeds that every cell of every task has."""
    n_cells = ended[["seed", "task", "cell"]].drop_duplicates().groupby("seed").size()
    return list(n_cells.index[n_cells == len(ended[["task", "cell"]].drop_duplicates())])


def _over_seeds(ended: pd.DataFrame, differences: pd.Series, seeds: list[Any]) -> Interval | None:
    rows = ended.assign(difference=differences)[ended["seed"].isin(seeds)]
    if rows.empty:
        return None
    cells = rows.groupby(["seed", "task", "cell"])["difference"].mean()
    return intervals.t_interval(cells.groupby(["seed", "task"]).mean().groupby("seed").mean())


def _middle(values: pd.Series, lost: int, metric: str) -> float:
    """Return the mean, or where runs were lost the median with those as worst; NaN of several metrics."""
    if not metric or values.empty:
        return math.nan
    return (
        intervals.median_with_failures(values.dropna(), lost, lower_is_better(metric)) if lost else float(values.mean())
    )
