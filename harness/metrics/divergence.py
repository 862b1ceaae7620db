"""Distances between two histograms, or any two lists of masses: pure functions, arrays in, numbers out.

Masses are [bins], at least 0, with a positive, finite sum. All but the Earth mover's distance compare shares, p and q:
the masses divided by their sum. Logarithms are natural, so that KL and JS are in nats.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import rel_entr

from harness.metrics.transport import least_cost

Masses = NDArray[np.float64]
Cost = NDArray[np.float64]

SAME_MASS = 1e-9  # relative: two sums nearer than that are one, as shares written with ten digits add to 1


def shares(masses: Masses) -> Masses:
    """Return masses divided by their sum: [bins]."""
    return masses / masses.sum()


def counts(x: NDArray[np.float64], y: NDArray[np.float64], bins: int) -> tuple[Masses, Masses]:
    """Return how many points of x [n, d] and of y [m, d] lie in which cell of a grid over the range of both: [bins^d].

    Raises ValueError where cells are narrower than the steps between floats.
    """
    both = np.concatenate([x, y])
    ranges = list(zip(both.min(0), both.max(0), strict=True))
    first, second = (np.histogramdd(points, bins, ranges)[0].ravel() for points in (x, y))
    return first, second


def l1(a: Masses, b: Masses) -> float:
    """Return the sum of |p - q|, at most 2."""
    return float(np.abs(shares(a) - shares(b)).sum())


def l2(a: Masses, b: Masses) -> float:
    """Return the root of the sum of (p - q)^2, at most sqrt 2."""
    return float(np.linalg.norm(shares(a) - shares(b)))


def total_variation(a: Masses, b: Masses) -> float:
    """Return the largest difference in the probability of an event, half of L1: at most 1."""
    return l1(a, b) / 2


def kl(a: Masses, b: Masses) -> float:
    """Return KL(p || q), the sum of p log(p / q), in nats: infinite where p has mass in a bin in which q has none."""
    return max(float(rel_entr(shares(a), shares(b)).sum()), 0.0)  # rounding alone leaves it below 0


def js(a: Masses, b: Masses) -> float:
    """Return the Jensen-Shannon divergence in nats, (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2: at most log 2.

    Lin 1991, eq. 4.1 with equal weights.
    """
    p, q = shares(a), shares(b)
    twice = rel_entr(2 * p, p + q).sum() + rel_entr(2 * q, p + q).sum()
    return float(np.clip(twice / 4, 0, np.log(2)))  # rounding alone leaves these bounds


def earth_movers_distance(a: Masses, b: Masses, cost: Cost) -> float:
    """Return the least cost of moving the smaller of two masses onto the larger, by unit moved.

    `a` [n] and `b` [m] are masses as they are, `cost` [n, m] that of moving one unit from bin i to bin j. The flow is
    the smaller sum, and what the larger has beyond it stays where it is (Rubner et al. 2000, eq. 1 to 5). With equal
    sums and cost |x_i - y_j| it is W1. Raises RuntimeError where the solver stops short of the optimum.
    """
    total = max(a.sum(), b.sum())
    a, b = a / total, b / total
    flow = min(a.sum(), b.sum())
    if flow < 1 - SAME_MASS:  # what is left over goes into a bin of its own, which costs nothing
        rest, wider = np.array([1 - flow]), a.sum() > b.sum()
        a, b = (a, np.append(b, rest)) if wider else (np.append(a, rest), b)
        cost = np.pad(cost, ((0, 0), (0, 1)) if wider else ((0, 1), (0, 0)))
    return least_cost(cost, a, b) / float(flow)


def on_a_line(a: Masses, b: Masses) -> tuple[float, float]:
    """Return W1 and W2 between the shares of bins at 0, 1, 2, ..., from their quantiles: both in bins."""
    import ot

    places, p, q = np.arange(len(a), dtype=np.float64), shares(a), shares(b)
    w1, squared = (float(ot.emd2_1d(places, places, p, q, metric)) for metric in ("euclidean", "sqeuclidean"))
    return w1, math.sqrt(squared)


@dataclass(frozen=True)
class Ground:
    """What it costs to move one unit of mass over a distance.

    metric     how scipy's cdist measures that distance
    cost       (distances, parameters) -> costs
    parameter  what it needs after a colon, positive: "a" of `saturating:a`; "" where it takes none
    """

    metric: str
    cost: Callable[[Cost, float], Cost]
    summary: str
    parameter: str = ""

    def between(self, x: NDArray[np.float64], y: NDArray[np.float64], parameter: float) -> Cost:
        """Return the costs [n, m] between places x [n, d] and y [m, d]."""
        return self.cost(cdist(x, y, self.metric), parameter)  # type: ignore[call-overload]


GROUNDS: dict[str, Ground] = {
    "euclidean": Ground("euclidean", lambda d, _: d, "|i - j|; in the plane the length of the straight line"),
    "sqeuclidean": Ground("sqeuclidean", lambda d, _: d, "its square"),
    "l1": Ground("cityblock", lambda d, _: d, "the sum of the differences of the coordinates"),
    "saturating": Ground("euclidean", lambda d, a: -np.expm1(-a * d), "1 - exp(-a |i - j|), at most 1", "a"),
    "discrete": Ground("euclidean", lambda d, _: (d > 0).astype(np.float64), "1 for i != j, else 0: EMD is then TV"),
}
