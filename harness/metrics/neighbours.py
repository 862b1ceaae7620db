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
    return _nearest(points, points, apart=True)[1] if len(points) > 1 else np.full(len(points), np.inf)


def authpct(generated: Points, train: Points, apart: NDArray[np.float64]) -> float:
    """Return the percentage of generated points [n, d] that are authentic: farther from the nearest training point than
    that is from the nearest other one (Alaa et al. 2022, section 4.3; AuthPct in Stein et al. 2023).

    `train` is [m, d], `apart` [m] its `nearest_other`. It is 0 of copies; NaN below two training points.
    """
    if len(train) < 2:
        return float("nan")
    places, distances = _nearest(generated, train)
    return 100.0 * float((distances > apart[places]).mean())


def _nearest(points: Points, others: Points, apart: bool = False) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the place of the nearest of `others` [m, d] to each of `points` [n, d], and its distance: [n] and [n].

    Squares and products find it, many times faster than differences, which then give its distance without their
    rounding.
    `apart`: both are the same points, and none counts for itself.
    """
    centre = others.mean(0, dtype=np.float64)  # squares of large numbers would lose what differs
    x, y = points - centre, others - centre
    squares, places = (y**2).sum(1), np.empty(len(x), np.intp)
    for i in range(0, len(x), ROWS):
        between = squares - 2 * x[i : i + ROWS] @ y.T
        if apart:
            between[np.arange(len(between)), i + np.arange(len(between))] = np.inf
        places[i : i + ROWS] = between.argmin(1)
    return places, np.linalg.norm(x - y[places], axis=1)
