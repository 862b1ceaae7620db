"""Precision, recall, density and coverage: how far two samples lie inside each other's k-nearest-neighbour balls."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from harness.metrics.transport import Points


def manifold_scores(generated: Points, real: Points, k: int) -> dict[str, float]:
    """Return precision, recall, density and coverage of generated [n, d] against real [m, d].

    A ball around a point reaches to its k-th nearest neighbour in its own sample, itself not counted.
    precision  share of generated points inside any real ball (Kynkaanniemi et al. 2019, eq. 1 and 2)
    recall     share of real points inside any generated ball
    density    real balls around a generated point, divided by k: not bounded by 1 (Naeem et al. 2020, eq. 2)
    coverage   share of real balls that hold a generated point (Naeem et al. 2020, eq. 3)
    """
    between = cdist(real.astype(np.float64), generated.astype(np.float64))
    inside_real = between <= _radii(real, k)[:, None]
    inside_generated = between <= _radii(generated, k)[None, :]
    return {
        "precision": float(inside_real.any(0).mean()),
        "recall": float(inside_generated.any(1).mean()),
        "density": float(inside_real.sum(0).mean() / k),
        "coverage": float(inside_real.any(1).mean()),
    }


def _radii(points: Points, k: int) -> NDArray[np.float64]:
    """Distance of each point to its k-th nearest neighbour: [n]."""
    own = cdist(points.astype(np.float64), points.astype(np.float64))
    return np.partition(own, k, axis=1)[:, k]  # place 0 is the point itself
