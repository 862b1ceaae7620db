"""Numbers of finished trials: pure functions of values [.., trials], larger ones being better."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

Array = NDArray[np.float64]

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


BELOW = 1e-6  # how far below 0 a lost run ranks: less than two runs that are ok differ by, unless they tie


WORST = 0.0  # the score of the best null sampler, and of every run that was lost
