"""Tests of two objectives over the trials they share: pure functions of paired values."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

from harness.study.budget import Array


def mcnemar(first: ArrayLike, second: ArrayLike) -> Array:
    """Return the two-sided exact p of McNemar's test that two shares of the same trials are equal (McNemar 1947): [..].

    `first` and `second` [trials, ..] say of which trials each holds. Those that only one has fall to either side as a
    fair coin does, if the shares are equal: p is twice the smaller tail, at most 1, and 1 without any such trial.
    """
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    only_a, only_b = (a & ~b).sum(0), (b & ~a).sum(0)
    return np.minimum(1.0, 2 * np.asarray(bdtr(np.minimum(only_a, only_b), only_a + only_b, 0.5)))
