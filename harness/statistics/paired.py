"""Tests of two objectives over the trials they share: pure functions of paired values."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr

from harness.statistics.trials import Array

FLIPS, AT_ONCE = 10_000, 500  # patterns of signs, and how many are held in memory


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
