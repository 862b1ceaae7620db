"""The paired differences of a comparison, B - A, and their tests: one of each row, corrected for the number of rows.

One scale judges all rows: the score where there are several tasks, else the primary metric. A row without the one is
judged on the other. A lost run has the score 0. Where a run was lost and its partner not, Student's t over seeds has no
meaning: the row is judged by the signed ranks of its pairs, in which lost runs come last.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from harness.metrics import lower_is_better
from harness.statistics import intervals, paired
from harness.statistics.intervals import Interval
from harness.statistics.power import LEVEL, smallest_p
from harness.statistics.trials import gains

RANKS = "ranks"


@dataclass(frozen=True)
class Difference:
    """The difference of pairs of runs. An interval is None where there is none: runs lost, no score, several metrics.

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
        """Return what decides who is better: "ranks" where one side alone lost runs, "score" where that is preferred or
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
        return self.by_metric.negated if lower_is_better(self.metric) else self.by_metric


@dataclass(frozen=True)
class Judged:
    """A difference with its test: what it is judged `by` ("score", its metric, "ranks", "" for none), and the two p,
    alone and after correction; NaN where it has none.
    """

    difference: Difference
    by: str
    p: float
    p_holm: float

    @property
    def better(self) -> str:
        """The side that is significantly better, "A" or "B", or "" where neither is."""
        ahead = _mean(self.difference, self.by)
        if math.isnan(ahead) or not self.p_holm <= LEVEL:
            return ""
        return "B" if ahead > 0 else "A"


@dataclass(frozen=True)
class OverTasks:
    """Wilcoxon's signed-rank test of the mean differences of tasks: on which scale, its p and the smallest possible."""

    by: str
    tasks: int
    p: float
    smallest_p: float


def difference(runs: pd.DataFrame) -> Difference:
    """Return the difference of some of the pairs together; tasks count alike, and cells within a task.

    The interval is Student's t over seeds: each gives its mean difference over all cells, as runs of one seed share
    weights, data and latents. A seed that a cell lacks gives none.
    """
    ended = runs[(runs["status_a"] != "pending") & (runs["status_b"] != "pending")]
    ok = {end: ended[f"status_{end}"] == "ok" for end in "ab"}
    lost = int((~ok["a"]).sum()), int((~ok["b"]).sum())
    metric = str(ended["metric"].iloc[0]) if ended["metric"].nunique() == 1 else ""
    values = {end: ended[f"value_{end}"] for end in "ab"}
    scores = {end: ended[f"score_{end}"].where(ok[end], 0.0) for end in "ab"}
    is_scored = bool(scores["a"].notna().all() and scores["b"].notna().all())
    n_cells = ended[["seed", "task", "cell"]].drop_duplicates().groupby("seed").size()
    seeds = list(n_cells.index[n_cells == len(ended[["task", "cell"]].drop_duplicates())])
    ranked, ranked_p = math.nan, math.nan
    if (ok["a"] != ok["b"]).any() and (is_scored or metric):
        scale = scores if is_scored else values
        lower = not is_scored and lower_is_better(metric)
        gain = gains((scale["a"], ok["a"]), (scale["b"], ok["b"]), lower=lower, is_score=is_scored)
        ranked, ranked_p = float(gain.mean()), paired.signed_rank(gain) if len(gain) > 1 else math.nan
    middle = [_middle(values[end], n, metric) for end, n in zip("ab", lost, strict=True)]
    return Difference(
        n_pairs=len(ended),
        n_used=int(ended["seed"].isin(seeds).sum()),
        n_seeds=len(seeds),
        lost=lost,
        identical=bool(len(ended) and ended["equal"].all()),
        metric=metric,
        a=middle[0],
        b=middle[1],
        by_metric=_over_seeds(ended, values["b"] - values["a"], seeds) if metric and not any(lost) else None,
        by_score=_over_seeds(ended, scores["b"] - scores["a"], seeds) if is_scored else None,
        ranked=ranked,
        ranked_p=ranked_p,
    )


def _over_seeds(ended: pd.DataFrame, differences: pd.Series, seeds: list[int]) -> Interval | None:
    rows = ended.assign(difference=differences)[ended["seed"].isin(seeds)]
    if rows.empty:
        return None
    cells = rows.groupby(["seed", "task", "cell"])["difference"].mean()
    return intervals.t_interval(cells.groupby(["seed", "task"]).mean().groupby("seed").mean())


def _middle(values: pd.Series, lost: int, metric: str) -> float:
    """Return the mean, or where runs were lost the median with those as worst; NaN of several metrics."""
    if not metric or values.empty:
        return math.nan
    lower = lower_is_better(metric)
    return intervals.median_with_failures(values.dropna(), lost, lower) if lost else float(values.mean())


def judge(rows: Mapping[str, Difference], by_score: bool) -> dict[str, Judged]:
    """Test every row that has an interval, with Holm's correction for how many there are."""
    scales = {name: row.scale(by_score) for name, row in rows.items()}
    p = {name: _p(row, scales[name]) for name, row in rows.items()}
    tested = [name for name in rows if not math.isnan(p[name])]
    corrected = dict(zip(tested, paired.holm([p[name] for name in tested]).tolist(), strict=True))
    return {name: Judged(row, scales[name], p[name], corrected.get(name, math.nan)) for name, row in rows.items()}


def over_tasks(tasks: Mapping[str, Difference], by: str) -> OverTasks | None:
    """Test whether a difference is common to the tasks that have ended; None of one, or where one has none on `by`."""
    means = [_mean(row, by) for row in tasks.values() if row.n_pairs]
    if len(means) < 2 or any(map(math.isnan, means)):
        return None
    return OverTasks(by, len(means), paired.signed_rank(means), smallest_p(len(means)))


def _mean(row: Difference, by: str) -> float:
    """Return how much better B is in the mean; NaN where that is not known on this scale."""
    if by == RANKS and not math.isnan(row.ranked):
        return row.ranked
    ahead = row.better("score" if by == RANKS else by)  # a task without lost runs, beside others with some
    return math.nan if ahead is None else ahead.mean


def _p(row: Difference, by: str) -> float:
    if by == RANKS:
        return row.ranked_p
    ahead = row.better(by)
    return math.nan if row.identical or ahead is None else paired.t_test(ahead, row.n_seeds)
