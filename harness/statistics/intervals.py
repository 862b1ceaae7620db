"""Intervals of means over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from harness.errors import HarnessError

# Share of nominal 95 % t intervals that hold the true mean: measured in 200,000 draws, checked in tests/report.
# By n: normal data, lognormal (sigma 1), and four fifths N(0, .1) with one fifth N(1, .1).
COVERAGE: dict[int, tuple[float, float, float]] = {
    2: (0.95, 0.89, 0.86),
    3: (0.95, 0.84, 0.75),
    4: (0.95, 0.82, 0.69),
    5: (0.95, 0.82, 0.70),
    8: (0.95, 0.83, 0.83),
    10: (0.95, 0.84, 0.89),
    20: (0.95, 0.87, 0.92),
}


T = TypeVar("T")


def measured_at(coverage: Mapping[int, T], seeds: int) -> tuple[int, T] | None:
    """Return the largest n up to the number of seeds at which coverage was measured, and it; None below all."""
    known = [n for n in coverage if n <= seeds]
    return (max(known), coverage[max(known)]) if known else None


@dataclass(frozen=True)
class Interval:
    """A mean and the bounds around it; the bounds are NaN where one value cannot give any."""

    mean: float
    low: float
    high: float

    @property
    def negated(self) -> "Interval":
        """The interval of the negative."""
        return Interval(-self.mean, -self.high, -self.low)


@dataclass(frozen=True)
class Spread:
    """What the runs of one cell say: how many are finished, and where they lie. NaN where that cannot be said."""

    n_planned: int
    n_ok: int
    n_failed: int
    n_pending: int
    median: float  # of the finished runs, failed ones as worst
    interval: Interval  # only where every planned run is ok

    @property
    def complete(self) -> bool:
        return self.n_ok == self.n_planned


def t_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return the mean of `values` [n] and its Student t interval; no bounds for one value, no mean for none.

    Raises HarnessError where a value is not finite.
    """
    x = finite(values)
    if x.size == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(x.mean())
    if x.size == 1:
        return Interval(mean, math.nan, math.nan)
    half = float(stdtrit(x.size - 1, (1 + confidence) / 2) * x.std(ddof=1) / math.sqrt(x.size))
    return Interval(mean, mean - half, mean + half)


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return the t interval of the mean of a - b, both [n] with one entry a seed in the same order.

    Raises HarnessError where the lengths differ or a value is not finite.
    """
    first, second = finite(a), finite(b)
    if first.shape != second.shape:
        raise HarnessError(
            f"a paired difference needs the same seeds on both sides: {first.size} and {second.size} given."
        )
    return t_interval(first - second, confidence)


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as float64 [n]. Raises HarnessError where one is NaN or infinite."""
    x = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(x).all():
        raise HarnessError(f"statistics need finite values: entry {int(np.flatnonzero(~np.isfinite(x))[0])} is not.")
    return x


def median_with_failures(values: ArrayLike, n_failed: int, lower: bool) -> float:
    """Return the median of `values` and `n_failed` runs worse than all of them: infinite where those decide it."""
    x = np.concatenate([finite(values), np.full(n_failed, np.inf if lower else -np.inf)])
    return float(np.median(x)) if x.size else math.nan


def spread(values: ArrayLike, statuses: Sequence[str], lower: bool) -> Spread:
    """Summarise one cell. `values` [n] are read where `statuses` [n] is ok."""
    kinds = np.asarray(statuses, dtype=object)
    x = finite(np.asarray(values, dtype=np.float64)[kinds == "ok"])
    n_pending = int((kinds == "pending").sum())
    n_failed = kinds.size - x.size - n_pending
    complete = x.size == kinds.size
    return Spread(
        n_planned=kinds.size,
        n_ok=x.size,
        n_failed=n_failed,
        n_pending=n_pending,
        median=median_with_failures(x, n_failed, lower),
        interval=t_interval(x if complete else []),
    )


def score_interval(scores: ArrayLike) -> Interval:
    """Return what `t_interval` does of scores, whose bounds end at 0 and 1: every expected score lies between."""
    interval = t_interval(scores)
    return Interval(interval.mean, *np.clip([interval.low, interval.high], 0, 1).tolist())
