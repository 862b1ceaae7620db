"""Exact optimal transport: by scipy's assignment between two clouds of equal size, else by POT."""

import warnings
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

Points = NDArray[Any]  # floats; images are uint8
Costs = NDArray[np.float64]  # [n, m]
Ground = Literal["euclidean", "sqeuclidean"]

FEW = 256  # points of a side, up to which POT takes less than the search for a start below
IN_CELL = 4  # points in a cell of the problem that potentials are taken from: fewer cost more than they save
MAX_DIMENSION = 8  # above it the empirical distance says nothing of the true one: 18.9 for 1.14 in 128 dimensions


def wasserstein_1(x: Points, y: Points) -> float:
    """Return the exact W1 between the empirical measures of x [n, d] and y [m, d], Euclidean ground cost.

    Raises ValueError above 8 dimensions, and RuntimeError where the solver stops short of the optimum.
    """
    return _solved(x, y, "euclidean").cost


def optimal_pairs(x: Points, y: Points) -> tuple[Points, Points, Points]:
    """Return the plan that W1 is the cost of: places in x and in y of each pair, and its mass, [k] each.

    Between as many points on either side that is a permutation, else at most n + m - 1 pairs. It is solved once where
    `wasserstein_1` was asked for the same clouds last. Arguments and errors as there.
    """
    return _solved(x, y, "euclidean").pairs


class _Solution(NamedTuple):
    cost: float
    pairs: tuple[Points, Points, Points]


def _solved(x: Points, y: Points, ground: Ground) -> _Solution:
    if x.shape[1] > MAX_DIMENSION:
        raise ValueError(f"exact transport is offered up to {MAX_DIMENSION} dimensions; these points have {x.shape[1]}")
    x, y = (np.ascontiguousarray(points, dtype=np.float64) for points in (x, y))
    return _solve(x.tobytes(), y.tobytes(), x.shape[1], ground)


@lru_cache(maxsize=4)  # a step asks for W1 and its pairs, the last one for W2; runs with a fixed generator share theirs
def _solve(x: bytes, y: bytes, d: int, ground: Ground) -> _Solution:
    here, there = (np.frombuffer(points).reshape(-1, d) for points in (x, y))
    costs = cdist(here, there, ground)  # scipy's cdist is 3 to 30 times faster than ot.dist
    if len(here) != len(there) or len(here) <= FEW or not np.isfinite(costs.max()):
        cost, flow = _least(costs)
        rows, columns = flow.nonzero()
        return _Solution(cost, (rows, columns, flow[rows, columns]))
    # Between clouds of equal size a plan is an assignment (Birkhoff). Potentials change the cost of every assignment
    # by the same amount; less them, most pairs of the best one cost nothing, and the search is short.
    rows, columns = linear_sum_assignment(_reduced(costs, _potentials(here, there, ground)))
    return _Solution(float(costs[rows, columns].mean()), (rows, columns, np.full(len(rows), 1 / len(rows))))


def _reduced(costs: Costs, potentials: Points) -> Costs:
    """Return costs [n, n] less potentials of y [n] and those of x that go with them: never negative, 0 in every row."""
    starts = (costs - potentials).min(1)
    reduced = costs - (costs - starts[:, None]).min(0)
    reduced -= reduced.min(1)[:, None]
    return reduced


def _potentials(x: Points, y: Points, ground: Ground) -> Points:
    """Return potentials of y [n] that are close to the best, extended from those between centres of cells.

    That problem has a quarter of the size. The best potentials of an earlier step are a worse start: W1 then takes up
    to four times as long (`harness bench scoring`).
    """
    import ot

    centres, others = _centres(x), _centres(y)
    _, log = ot.emd([], [], cdist(centres, others, ground), numItermax=10**8, log=True)
    potentials = (cdist(centres, y, ground) - log["u"][:, None]).min(0)
    return np.asarray(potentials - np.median(potentials))  # one far point would else take digits from all


def _centres(points: Points) -> Points:
    """Return the means of points [n, d] over the cells of a k-d tree, which hold as many points, give or take one."""
    n = len(points)
    for level in range(round(np.log2(n / IN_CELL)) + 1):
        first = np.linspace(0, n, 2**level + 1).astype(int)[:-1]
        cell = np.repeat(np.arange(len(first)), np.diff(first, append=n))
        widest = (np.maximum.reduceat(points, first) - np.minimum.reduceat(points, first)).argmax(1)
        points = points[np.lexsort((points[np.arange(n), widest[cell]], cell))]
    return np.add.reduceat(points, first) / np.diff(first, append=n)[:, None]


def least_cost(cost: Costs, *marginals: NDArray[np.float64]) -> float:
    """Return the least sum of flow x cost [n, m] over flows with two marginals [n] and [m] of one sum.

    Without marginals both are uniform with sum 1. Raises RuntimeError where the solver stops short of the optimum.
    """
    return _least(cost, *marginals)[0]


def _least(cost: Costs, *marginals: NDArray[np.float64]) -> tuple[float, Costs]:
    """Return the least cost, and the flow [n, m] that it is of."""
    import ot

    # POT's solver takes costs below some 1e-10 for 0: small ones are enlarged, by a power of two, which keeps all bits.
    scale = 2.0 ** min(max(1 - int(np.frexp(cost.max())[1]), 0), 1000)
    enlarged = cost if scale == 1 else cost * scale
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:  # 1e5 iterations, POT's default, stop short at n = 4096
            least, log = ot.emd2(*(marginals or ([], [])), enlarged, numItermax=10**8, return_matrix=True)
        except UserWarning as warning:
            raise RuntimeError(f"exact transport did not converge: {warning}") from None
    return float(least) / scale, log["G"]


def wasserstein_2(x: Points, y: Points) -> float:
    """Return the exact W2: the root of the least mean squared distance. Arguments and errors as `wasserstein_1`."""
    return float(np.sqrt(_solved(x, y, "sqeuclidean").cost))


def sliced_wasserstein(x: Points, y: Points, projections: int = 256) -> float:
    """Return the mean W1 of x [n, d] and y [m, d] over fixed random directions (Rabin et al. 2011), in any dimension.

    On a line the W1 is the mean distance of the sorted points, where n = m, and else of the quantiles at every level: a
    tenth of the time of POT's general solver, with the same directions.
    """
    from ot.sliced import get_random_projections

    directions = get_random_projections(x.shape[1], projections, seed=0).T  # [projections, d]
    along_x, along_y = (np.sort(directions @ points.astype(np.float64).T, axis=1) for points in (x, y))
    n, m = len(x), len(y)
    if n == m:
        return float(np.abs(along_x - along_y).mean())
    levels = np.union1d(m * np.arange(1, n + 1), n * np.arange(1, m + 1))  # in units of 1 / nm, so that none is rounded
    apart = np.abs(along_x[:, (levels - 1) // m] - along_y[:, (levels - 1) // n])
    return float((apart @ np.diff(levels, prepend=0)).mean() / (n * m))


def geometric_median(y: Points, iterations: int = 200) -> Points:
    """Return the point nearest to y [n, d] in W1, the minimiser of the mean distance, by Weiszfeld's iteration: [d]."""
    y = y.astype(np.float64)
    point = y.mean(0)
    for _ in range(iterations):
        weight = 1 / np.maximum(np.linalg.norm(y - point, axis=1), 1e-12)
        point = (weight[:, None] * y).sum(0) / weight.sum()
    return np.asarray(point)
