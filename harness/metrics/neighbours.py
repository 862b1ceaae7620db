"""Precision, recall, density and coverage: how far two samples lie inside each other's k-nearest-neighbour balls; and
AuthPct, whether samples lie nearer to training samples than these to each other.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from harness.metrics.transport import Points

ROWS = 1024  # whose distances are taken at once


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


def nearest_other(points: Points) -> NDArray[np.float64]:
    """Return the distance of each point [n, d] to the nearest other one: [n]; infinite where there is no other."""
    x = points.astype(np.float64)
    nearest = np.full(len(x), np.inf)
    for i in range(0, len(x), ROWS):
        between = cdist(x[i : i + ROWS], x)
        between[np.arange(len(between)), i + np.arange(len(between))] = np.inf
        nearest[i : i + ROWS] = between.min(1)
    return nearest


def authpct(generated: Points, train: Points, apart: NDArray[np.float64]) -> float:
    """Return the percentage of generated points [n, d] that are authentic: farther from the nearest training point than
    that is from the nearest other one (Alaa et al. 2022, section 4.3; AuthPct in Stein et al. 2023).

    `train` is [m, d], `apart` [m] its `nearest_other`. It is 0 of copies; NaN below two training points.
    """
    if len(train) < 2:
        return float("nan")
    x, y, authentic = generated.astype(np.float64), train.astype(np.float64), 0
    for i in range(0, len(x), ROWS):
        between = cdist(x[i : i + ROWS], y)
        nearest = between.argmin(1)
        authentic += int((between[np.arange(len(between)), nearest] > apart[nearest]).sum())
    return 100.0 * authentic / len(x)
