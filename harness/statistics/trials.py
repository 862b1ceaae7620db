"""Numbers of finished trials, and of lost runs: pure functions of values [.., trials], larger ones being better.

One rule for a lost run: in means, intervals and figures it has the score 0; in whatever orders or counts who is better
(places, tuning, signs, signed ranks, P(better)) it also loses every tie, so that an untrained generator that is ok
beats a run that diverged.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

if TYPE_CHECKING:
    import pandas as pd  # the search of a study, which reads WORST here, needs none

Array = NDArray[np.float64]

BELOW = 1e-6  # how far below 0 a lost run ranks: less than two runs that are ok differ by, unless they tie
WORST = 0.0  # the score of the best null sampler, and of every run that was lost
DRAWS = 2000  # of trials, for intervals
NEAR = 0.1  # of score: within it of the best that there is, a trial counts as good
FEWEST = 20  # trials that importances are given of: Optuna's authors would have five in the best quarter


def expected_best(values: ArrayLike) -> Array:
    """Return the mean, over all choices of k of n trials, of the largest value among the k: [.., n], k from 1 to n.

    It is unbiased for the best of k independent trials, unlike the form with replacement (Tang et al. 2020, "Showing
    Your Work Doesn't Always Work"): the i-th smallest value is the largest of k in C(i - 1, k - 1) of C(n, k) choices.
    For trials that were drawn independently alone.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    return np.asarray(ordered @ _weights(ordered.shape[-1]).T)


def _weights(n: int) -> Array:
    """Return C(i - 1, k - 1) / C(n, k) [k, i], from the largest i down, without a large number on the way."""
    k = np.arange(1, n + 1, dtype=np.float64)
    weights = np.zeros((n, n))
    weights[:, n - 1] = k / n
    for i in range(n, 1, -1):
        weights[:, i - 2] = weights[:, i - 1] * np.maximum(i - k, 0) / (i - 1)
    return weights


def running_best(values: ArrayLike) -> Array:
    """Return the largest value among the first k trials [.., n]: for trials that were not drawn independently."""
    return np.maximum.accumulate(np.asarray(values, dtype=np.float64), axis=-1)


def good(values: ArrayLike) -> NDArray[np.bool_]:
    """Return which trials of objectives [.., objectives, trials] are within NEAR of the best of all: one bar for all.

    The bar stays where it is when two objectives change their values, of any trials. A trial that is worth no more
    than a lost one is never good.
    """
    x = np.asarray(values, dtype=np.float64)
    return np.asarray((x >= x.max((-2, -1), keepdims=True) - NEAR) & (x > WORST))


def near_own_best(values: ArrayLike) -> NDArray[np.bool_]:
    """Return which trials of objectives [.., objectives, trials] are within NEAR of the best of their own objective."""
    return good(np.asarray(values, dtype=np.float64)[..., None, :])[..., 0, :]


def wilson(count: int, trials: int) -> tuple[float, float]:
    """Return the bounds of a share, `count` of `trials`, at 95 % (Wilson 1927)."""
    ends = binomtest(count, trials).proportion_ci(method="wilson")
    return float(ends.low), float(ends.high)


def redraws(trials: int, generator: np.random.Generator, draws: int = DRAWS) -> NDArray[np.int64]:
    """Return which trials each bootstrap draw takes [draws, trials]: the same of every objective, for they share their
    points.
    """
    return generator.integers(trials, size=(draws, trials))


def redrawn_means(values: ArrayLike, taken: NDArray[np.int64]) -> Array:
    """Return the means over trials of values, or of flags, [.., trials] in the draws `taken`: [draws, ..]."""
    draws, n = taken.shape
    of = np.bincount((taken + n * np.arange(draws)[:, None]).ravel(), minlength=draws * n).reshape(draws, n)
    return np.moveaxis(np.asarray(values, dtype=np.float64) @ of.T / n, -1, 0)


def bounds(drawn: Array) -> tuple[Array, Array]:
    """Return the bounds of the middle 95 % of draws [draws, ..]; one number where all draws agree."""
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    same = np.isclose(low, high, rtol=0, atol=1e-12)  # but for the order of a sum
    return np.asarray(low), np.where(same, low, high)


def reached(values: ArrayLike, levels: ArrayLike) -> NDArray[np.bool_]:
    """Return whether values [.., trials] are at least each of `levels` [levels]: [.., trials, levels]."""
    return np.asarray(values, dtype=np.float64)[..., None] >= np.asarray(levels, dtype=np.float64)


def fourfold(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return of how many trials the first alone holds, the second alone, both, and neither: [4, levels].

    Both are [trials, levels]. The columns of Gulrajani et al. 2017, table 2.
    """
    parts = first & ~second, second & ~first, first & second, ~(first | second)
    return np.stack([part.sum(0) for part in parts])


def ranked(scores: "pd.Series", ok: "pd.Series") -> "pd.Series":
    """Return scores by which runs are ordered: those of lost runs just below 0."""
    return scores.where(ok, -BELOW)


def gains(
    a: "tuple[pd.Series, pd.Series]", b: "tuple[pd.Series, pd.Series]", lower: bool, is_score: bool
) -> NDArray[np.float64]:
    """Return how much better each run of B is than its partner of A, [pairs]; each side gives values and which are ok.

    A lost run has the score of `ranked`; on another scale it is further behind than any two runs that are ok are apart.
    """
    if is_score:
        return np.asarray(ranked(b[0], b[1]) - ranked(a[0], a[1]), dtype=np.float64)
    gap = np.asarray((a[0] - b[0]) if lower else (b[0] - a[0]), dtype=np.float64)
    both = np.asarray(a[1] & b[1])
    furthest = 2 * np.abs(gap[both]).max(initial=0.0) + 1
    return np.where(both, gap, furthest * (np.asarray(b[1], dtype=float) - np.asarray(a[1], dtype=float)))
