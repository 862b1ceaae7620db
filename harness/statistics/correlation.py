"""Correlations of points of several runs, whose seeds and not whose points are independent."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from harness.errors import HarnessError
from harness.statistics.intervals import Interval, finite

LEAST = 3  # points of a correlation: two are always on a line
EDGE = 1 - 1e-12  # nearer to 1 Fisher's z is infinite

Coefficient = Callable[[ArrayLike, ArrayLike], float]


def pearson(x: ArrayLike, y: ArrayLike) -> float:
    """Return Pearson's r of x [n] and y [n]; NaN for fewer than three points, and where one of the two is constant.

    Raises HarnessError where a value is not finite.
    """
    a, b = finite(x), finite(y)
    if a.size < LEAST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    a, b = (a - a.mean()) / np.ptp(a), (b - b.mean()) / np.ptp(b)
    return float(np.clip((a @ b) / math.sqrt((a @ a) * (b @ b)), -1, 1))


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Return Spearman's rho: Pearson's r of the ranks, ties with their mean rank. NaN and raises as `pearson`."""
    return pearson(_ranks(finite(x)), _ranks(finite(y)))


def _ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks [n] from 1, ties with their mean: scipy's `rankdata` takes ten times as long for a few points."""
    _, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray((counts.cumsum() - (counts - 1) / 2)[places], dtype=np.float64)


def within_groups(
    coefficient: Coefficient, x: ArrayLike, y: ArrayLike, groups: ArrayLike, seeds: ArrayLike
) -> Interval:
    """Return the correlation of x [n] and y [n] inside a group, in the mean over the `groups` [n] that have one.

    The bounds are Student's t over the `seeds` [n], of the jackknife on Fisher's z: one seed is left out at a time,
    with all its points. There are none for one seed, nor where too little is left without one. Their coverage is
    measured in tests/statistics. Raises HarnessError where a value is not finite or the lengths differ.
    """
    a, b = finite(x), finite(y)
    of_group, of_seed = (np.unique(np.asarray(keys), return_inverse=True)[1].ravel() for keys in (groups, seeds))
    if not a.size == b.size == of_group.size == of_seed.size:
        raise HarnessError(f"a correlation needs as many x as y: {a.size} and {b.size} given.")
    places = [np.flatnonzero(of_group == group) for group in range(of_group.max(initial=-1) + 1)]

    def without(seed: int) -> float:
        parts = [place[of_seed[place] != seed] for place in places]
        values = np.array([coefficient(a[part], b[part]) for part in parts])
        return float(values[~np.isnan(values)].mean()) if not np.isnan(values).all() else math.nan

    n, whole = int(of_seed.max(initial=-1)) + 1, without(-1)
    z = np.arctanh(np.clip([whole, *map(without, range(n))], -EDGE, EDGE))
    if n < 2 or np.isnan(z).any():
        return Interval(whole, math.nan, math.nan)
    pseudo = n * z[0] - (n - 1) * z[1:]
    half = float(stdtrit(n - 1, 0.975) * pseudo.std(ddof=1) / math.sqrt(n))
    return Interval(whole, *np.tanh([z[0] - half, z[0] + half]).tolist())
