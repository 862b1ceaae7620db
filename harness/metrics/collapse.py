"""Collapse: a generator that draws one sample, or one mode, again and again."""

import numpy as np

from harness.metrics import coverage
from harness.metrics.transport import Points

PAIRED = 500  # samples of which all pairs are taken
NEAR = 0.05  # of the real samples' mean distance, below which a generator has collapsed


def collapsed(generated: Points, real: Points, modes: Points | None) -> float:
    """Return 1 where generated samples have collapsed, else 0: one rule for points and images, [n, d] and [m, d].

    They have where their mean distance to each other is below 5 % of that of real samples, or where there are several
    `modes` [K, d] and at most one of them is nearest to at least n / 2K of the samples: a mode may be as wide as that.
    Samples count for their nearest mode at any distance: blurred samples of all modes are poor, not collapsed. NaN
    where there is one sample alone.
    """
    near, far = _centred(generated), _centred(real)
    # The mean distance of two samples is at least their mean distance to their centre, and at most twice that (the
    # triangle inequality): where these bounds decide, no pairs are needed.
    is_near = not np.linalg.norm(near, axis=1).mean() > 2 * NEAR * np.linalg.norm(far, axis=1).mean()
    if min(len(near), len(far)) < 2 or is_near:
        distances = _of_pairs(near), _of_pairs(far)
        if np.isnan(distances).any():
            return float("nan")
        is_near = distances[0] < NEAR * distances[1]
    one_mode = False
    if modes is not None and len(modes) > 1:
        counts = coverage.mode_counts(generated, modes, np.inf)
        one_mode = coverage.modes_half(counts, len(generated)) <= 1
    return float(one_mode or is_near)


def mean_distance(samples: Points) -> float:
    """Return the mean Euclidean distance of two samples of [n, d]: over all pairs of at most 500 of them, NaN for one.

    Of more, the 500 are the first of numpy's `default_rng(0).permutation(n)`.
    """
    return _of_pairs(_centred(samples))


def _centred(samples: Points) -> Points:
    centred = samples[np.random.default_rng(0).permutation(len(samples))[:PAIRED]].astype(np.float64)
    return centred - centred.mean(0)  # else a small distance far from 0 is lost in the difference below


def _of_pairs(centred: Points) -> float:
    if len(centred) < 2:
        return float("nan")
    squares = (centred**2).sum(1)
    squared = squares[:, None] + squares[None] - 2 * centred @ centred.T  # 50 times faster than pairs one by one
    np.fill_diagonal(squared, 0)
    return float(np.sqrt(np.maximum(squared, 0)).sum() / (len(centred) * (len(centred) - 1)))
