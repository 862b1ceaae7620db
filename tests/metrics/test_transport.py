"""The search for an assignment between as many points against POT's solver of any transport."""

import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from harness.metrics import transport
from harness.metrics.transport import optimal_pairs, wasserstein_1, wasserstein_2

N = 300  # above transport.FEW, below which POT is asked anyway
CENTRES = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])


def draw(seed, n=N, d=2):
    return np.random.default_rng(seed).normal(size=(n, d))


def ring(seed, n=N):
    return CENTRES[np.arange(n) % 8] + 0.02 * draw(seed, n)


def far(points, place, at):
    points = points.copy()
    points[place] = at
    return points


CLOUDS = {
    "normal": (draw(0), draw(1)),
    "a line": (draw(0, d=1), draw(1, d=1)),
    "eight dimensions": (draw(0, d=8), draw(1, d=8)),
    "no multiple of a cell": (draw(0, 397), draw(1, 397)),
    "a ring and a blob": (0.1 * draw(0), ring(1)),
    "a ring and a part of it": (ring(0)[np.arange(N) % 3], ring(1)),
    "the same points": (draw(0), draw(0)),
    "the same points, shuffled": (draw(0), np.random.default_rng(1).permutation(draw(0))),
    "one point": (np.zeros((N, 2)), ring(1)),
    "one point and one point": (np.zeros((N, 2)), np.ones((N, 2))),
    "nearly one point": (1 + 1e-9 * draw(0), ring(1)),
    "each point ten times": (draw(0)[np.arange(N) % 30], draw(1)[np.arange(N) % 30]),
    "a grid": (np.round(2 * draw(0)), np.round(2 * draw(1))),
    "a grid and its middles": (np.round(draw(0)), np.round(draw(1)) + 0.5),
    "parallel lines": (np.c_[np.zeros(N), draw(0)[:, 0]], np.c_[np.ones(N), draw(0)[:, 0]]),
    "an outlier": (far(draw(0), 7, 1e6), draw(1)),
    "outliers on both sides": (far(draw(0), 7, 1e5), far(draw(1), 9, 1e5)),
    "far from 0": (1e6 + draw(0), 1e6 + draw(1)),
    "large": (1e30 * draw(0), 1e30 * draw(1)),
    "small": (1e-30 * draw(0), 1e-30 * draw(1)),
    "float32": (draw(0).astype(np.float32), draw(1).astype(np.float32)),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_an_assignment_costs_what_pot_finds(name):
    x, y = (points.astype(np.float64) for points in CLOUDS[name])
    assert len(x) == len(y) > transport.FEW
    unit = max(1e-30, cdist(x, y).max()) if name == "small" else 1  # POT takes costs below 1e-10 for 0
    costs = cdist(x, y) / unit
    w1 = ot.emd2([], [], costs, numItermax=10**8) * unit
    squares = ot.emd2([], [], costs**2, numItermax=10**8) * unit**2
    assert wasserstein_1(*CLOUDS[name]) == pytest.approx(w1, rel=1e-9, abs=1e-30 * (name == "small"))
    assert wasserstein_2(*CLOUDS[name]) ** 2 == pytest.approx(squares, rel=1e-9, abs=1e-60)


@pytest.mark.parametrize("name", CLOUDS)
def test_its_pairs_are_a_permutation_of_that_cost(name):
    x, y = CLOUDS[name]
    rows, columns, mass = optimal_pairs(x, y)
    assert (np.sort(rows) == np.arange(len(x))).all()
    assert (np.sort(columns) == np.arange(len(y))).all()
    apart = np.linalg.norm(x[rows].astype(np.float64) - y[columns], axis=1)
    assert apart @ mass == pytest.approx(wasserstein_1(x, y), rel=1e-12)


def test_costs_of_the_search_are_not_negative_and_vanish_in_every_row():
    for x, y in CLOUDS.values():
        x, y = x.astype(np.float64), y.astype(np.float64)
        reduced = transport._reduced(cdist(x, y), transport._potentials(x, y, "euclidean"))
        assert reduced.min() >= 0
        assert (reduced.min(1) == 0).all()


def test_unlike_numbers_of_points_are_left_to_pot():
    x, y = draw(0, 300), draw(1, 600)
    assert wasserstein_1(x, y) == pytest.approx(ot.emd2([], [], cdist(x, y), numItermax=10**8), rel=1e-12)
    rows, _, mass = optimal_pairs(x, y)
    assert np.bincount(rows, mass) == pytest.approx(np.full(300, 1 / 300))
