"""Tests of paired values: over the trials that two objectives share, and over the tasks; pure functions of arrays.

Wilcoxon's signed-rank test (Wilcoxon 1945) with Holm's correction (Holm 1979), McNemar's test, and flips of signs.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtr, stdtrit
from scipy.stats import rankdata

from harness.statistics.intervals import Interval, finite
from harness.statistics.power import LEVEL, POWER, smallest_effect
from harness.statistics.trials import Array

DRAWS = 20_000  # of samples in which power is measured: an effect to about .01
MEASURED = 25  # tasks up to which it is; beyond, the effect of a t test times a constant is as near
FLIPS, AT_ONCE = 10_000, 500  # patterns of signs, and how many are held in memory


def t_test(difference: Interval, n: int) -> float:
    """Return the two-sided p of the paired t test of n differences whose 95 % t interval is given; NaN of one."""
    if math.isnan(difference.low):
        return math.nan
    half = (difference.high - difference.low) / 2
    if half == 0:
        return 0.0 if difference.mean else 1.0
    return float(2 * stdtr(n - 1, -abs(difference.mean) / half * stdtrit(n - 1, 0.975)))


def mcnemar(first: ArrayLike, second: ArrayLike) -> Array:
    """Return the two-sided exact p of McNemar's test that two shares of the same trials are equal (McNemar 1947): [..].

    `first` and `second` [trials, ..] say of which trials each holds. Those that only one has fall to either side as a
    fair coin does, if the shares are equal: p is twice the smaller tail, at most 1, and 1 without any such trial.
    """
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    only_a, only_b = (a & ~b).sum(0), (b & ~a).sum(0)
    return np.minimum(1.0, 2 * np.asarray(bdtr(np.minimum(only_a, only_b), only_a + only_b, 0.5)))


def sign_flips(differences: ArrayLike, generator: np.random.Generator) -> Array:
    """Return the two-sided p that the mean of paired differences is 0, of each row of [.., n]: [..].

    The share of 10,000 random patterns of signs, and of the one found, that put the sum at least as far from 0 (Fisher
    1935, The Design of Experiments, section 21). A flip leaves the sum of squares as it is, so that this is the
    permutation of Student's t too: of many pairs it holds its level where differences are skewed.
    """
    x = np.asarray(differences, dtype=np.float64)
    least = np.abs(x.sum(-1)) * (1 - 1e-9)  # equal but for the order of a sum is equal
    reached: NDArray[np.int64] = np.zeros(x.shape[:-1], dtype=np.int64)
    for _ in range(FLIPS // AT_ONCE):
        signs = generator.integers(2, size=(x.shape[-1], AT_ONCE)) * 2.0 - 1.0
        reached += (np.abs(x @ signs) >= least[..., None]).sum(-1)
    return np.asarray((1 + reached) / (1 + FLIPS))


def signed_rank(differences: ArrayLike) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test of differences [n], zeros left out; 1 where all are zero.

    Exact, ties in size included: under the hypothesis every pattern of signs is as likely. Raises HarnessError where a
    difference is not finite.
    """
    x = finite(differences)
    largest = np.abs(x).max(initial=0.0)
    if largest == 0:
        return 1.0
    x = np.round(x / largest, 12)  # what is equal but for the order of a sum is equal
    x = x[x != 0]
    ranks = np.asarray(rankdata(np.abs(x)))
    positive, total = float(ranks[x > 0].sum()), float(ranks.sum())
    weights = np.round(2 * ranks).astype(int)  # whole numbers, where ties share a half
    return min(1.0, 2 * float(_shares(weights, round(2 * min(positive, total - positive))).sum()))


@cache
def effect_seen(tasks: int) -> float:
    """Return the smallest effect that the signed-rank test of so many tasks finds with 80 % power at p = .05, of normal
    differences; infinite below six tasks, which no p of .05 can come from.

    The test finds a positive difference where at most `most` of the Walsh averages (of every two differences, and of
    each with itself) are below 0. A shift moves them all alike, so that each draw has a smallest effect of its own, and
    the answer is their quantile of 80 %. Above MEASURED tasks it is that of the t test over the root of the asymptotic
    relative efficiency, 3 / pi (Lehmann 1975).
    """
    if tasks > MEASURED:
        return smallest_effect(tasks) * math.sqrt(math.pi / 3)
    significant = 2 * np.cumsum(_shares(np.arange(1, tasks + 1), tasks * (tasks + 1) // 4)) <= LEVEL
    if not significant[0]:
        return math.inf
    most = int(significant.sum()) - 1
    draws = np.random.default_rng(0).standard_normal((DRAWS, tasks))
    one, other = np.triu_indices(tasks)
    averages = (draws[:, one] + draws[:, other]) / 2
    return float(np.quantile(-np.partition(averages, most, axis=1)[:, most], POWER))


def leaning(differences: ArrayLike) -> int:
    """Return the side that the signed ranks of differences [n] lean to: 1 where those above 0 weigh more, -1, or 0."""
    x = finite(differences)
    scaled = np.round(x / (float(np.abs(x).max(initial=0.0)) or 1.0), 12)
    return int(np.sign((np.sign(scaled) * rankdata(np.abs(scaled))).sum()))


def _shares(weights: NDArray[np.int64], most: int) -> NDArray[np.float64]:
    """Return the share of all subsets of weights [n] with each sum from 0 to `most`, a weight at a time."""
    share = np.zeros(most + 1)
    share[0] = 1.0
    for weight in weights:
        without = share / 2
        share = without.copy()
        share[weight:] += without[: max(most + 1 - weight, 0)]
    return share


def holm(ps: ArrayLike) -> NDArray[np.float64]:
    """Return p values [n] corrected for their number by Holm's step-down rule, in the order given."""
    p = finite(ps)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
