"""Numbers of finished trials: pure functions of values [.., trials], larger ones being better."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

DRAWS = 2000  # of trials, for intervals
NEAR = 0.1  # of score: within it of its best, a trial counts as good
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
    found = np.zeros((n, n))
    found[:, n - 1] = k / n
    for i in range(n, 1, -1):
        found[:, i - 2] = found[:, i - 1] * np.maximum(i - k, 0) / (i - 1)
    return found


def running_best(values: ArrayLike) -> Array:
    """Return the largest value among the first k trials [.., n]: for trials that were not drawn independently."""
    return np.maximum.accumulate(np.asarray(values, dtype=np.float64), axis=-1)


def share_near_best(values: ArrayLike, near: float = NEAR) -> Array:
    """Return the share of trials within `near` of the best of them [..]."""
    return np.asarray(near_best(values, near).mean(-1))


def near_best(values: ArrayLike, near: float = NEAR) -> NDArray[np.bool_]:
    """Return which trials are within `near` of the best of them [.., trials]."""
    x = np.asarray(values, dtype=np.float64)
    return np.asarray(x >= x.max(-1, keepdims=True) - near)


def redrawn(values: ArrayLike, generator: np.random.Generator, draws: int = DRAWS) -> Array:
    """Return bootstrap draws of the trials of objectives [objectives, n]: [draws, objectives, n].

    Each draw takes the same trials of every objective, which share their points.
    """
    x = np.asarray(values, dtype=np.float64)
    return x[:, generator.integers(x.shape[-1], size=(draws, x.shape[-1]))].swapaxes(0, 1)


def bounds(drawn: Array) -> tuple[Array, Array]:
    """Return the bounds of the middle 95 % of draws [draws, ..]."""
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return np.asarray(low), np.asarray(high)
