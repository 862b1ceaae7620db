"""What a comparison makes of its rows: a paired test of each, corrected for their number, and one test over tasks.

One scale judges all rows: the score where there are several tasks, else the primary metric. A row without the one is
judged on the other. Where a run was lost and its partner not, Student's t over seeds has no meaning: the row is judged
by the signed ranks of its pairs, in which lost runs come last.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

from harness.report.comparison.pairs import RANKS, Difference
from harness.statistics import paired
from harness.statistics.intervals import Interval
from harness.statistics.power import LEVEL, smallest_p


@dataclass(frozen=True)
class Judged:
    """A difference with its test: what it is judged `by` ("score", its metric, "ranks", "" for none), and the two p,
    alone and after correction; NaN where it has none.
    """

    found: Difference
    by: str
    p: float
    p_holm: float

    @property
    def better(self) -> str:
        """The side that is told to be better, "A" or "B", or "" where neither is."""
        ahead = _mean(self.found, self.by)
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


def judge(rows: Mapping[str, Difference], by_score: bool) -> dict[str, Judged]:
    """Test every row that has an interval, with Holm's correction for how many there are."""
    scales = {name: found.scale(by_score) for name, found in rows.items()}
    p = {name: _p(found, scales[name]) for name, found in rows.items()}
    tested = [name for name in rows if not math.isnan(p[name])]
    corrected = dict(zip(tested, paired.holm([p[name] for name in tested]).tolist(), strict=True))
    return {name: Judged(found, scales[name], p[name], corrected.get(name, math.nan)) for name, found in rows.items()}


def over_tasks(tasks: Mapping[str, Difference], by: str) -> OverTasks | None:
    """Test whether a difference is common to the tasks that have ended; None of one, or where one has none on `by`."""
    ended = [_mean(found, by) for found in tasks.values() if found.n_pairs]
    means = [mean for mean in ended if not math.isnan(mean)]
    if len(means) < max(len(ended), 2):
        return None
    return OverTasks(by, len(means), paired.signed_rank(means), smallest_p(len(means)))


def _mean(found: Difference, by: str) -> float:
    """Return how much better B is in the mean; NaN where that is not known on this scale."""
    if by == RANKS and not math.isnan(found.ranked):
        return found.ranked
    ahead = found.better("score" if by == RANKS else by)  # a task without lost runs, beside others with some
    return math.nan if ahead is None else ahead.mean


def _p(found: Difference, by: str) -> float:
    if by == RANKS:
        return found.ranked_p
    ahead = found.better(by)
    return math.nan if found.identical or ahead is None else paired_t(ahead, found.n_seeds)


def paired_t(found: Interval, n: int) -> float:
    """Return the two-sided p of the paired t test of n differences whose 95 % t interval is `found`; NaN of one."""
    if math.isnan(found.low):
        return math.nan
    half = (found.high - found.low) / 2
    if half == 0:
        return 0.0 if found.mean else 1.0
    return float(2 * stdtr(n - 1, -abs(found.mean) / half * stdtrit(n - 1, 0.975)))
