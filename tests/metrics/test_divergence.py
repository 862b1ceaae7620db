"""Distances between histograms against scipy, POT, a linear programme and closed forms."""

import math

import numpy as np
import ot
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog
from scipy.spatial.distance import cdist, jensenshannon
from scipy.stats import entropy, wasserstein_distance

from harness.metrics.divergence import GROUNDS, earth_movers_distance, js, kl, l1, l2, on_a_line, total_variation
from harness.metrics.transport import least_cost, sliced_wasserstein, wasserstein_1, wasserstein_2
from harness.objectives import OBJECTIVES

RNG = np.random.default_rng(0)
BINS = np.arange(12.0)[:, None]
STEPS = cdist(BINS, BINS)
MASSES = arrays(np.float64, 12, elements=st.integers(0, 20).map(float)).filter(lambda masses: masses.sum() > 0)
A, B, C = (RNG.random(12) for _ in range(3))
EMPTY = np.array([0.0, 3, 0, 1])


def test_bin_by_bin_distances_equal_scipys():
    p, q = A / A.sum(), B / B.sum()
    assert kl(A, B) == pytest.approx(entropy(p, q), abs=1e-14)
    assert js(A, B) == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-14)
    assert l1(A, B) == pytest.approx(cdist([p], [q], "cityblock")[0, 0], abs=1e-14)
    assert l2(A, B) == pytest.approx(cdist([p], [q])[0, 0], abs=1e-14)


def test_kl_is_cross_entropy_less_entropy():
    p, q = A / A.sum(), B / B.sum()
    assert kl(A, B) == pytest.approx(-(p * np.log(q)).sum() + (p * np.log(p)).sum(), abs=1e-14)


def test_kl_of_two_coins_is_its_closed_form():
    assert kl(np.array([1.0, 3]), np.array([2.0, 2])) == pytest.approx(0.25 * np.log(0.5) + 0.75 * np.log(1.5))


def test_total_variation_is_the_largest_difference_of_an_event():
    p, q = A / A.sum(), B / B.sum()
    events = (np.arange(2**12)[:, None] >> np.arange(12)) & 1
    assert total_variation(A, B) == pytest.approx(np.abs(events @ (p - q)).max(), abs=1e-14)


def test_disjoint_histograms_are_as_far_apart_as_can_be():
    a, b = EMPTY, np.array([2.0, 0, 5, 0])
    assert (kl(a, b), kl(b, a)) == (math.inf, math.inf) == (entropy(a, b), entropy(b, a))
    assert (l1(a, b), total_variation(a, b), js(a, b)) == pytest.approx((2, 1, np.log(2)), abs=1e-15)


def test_kl_is_infinite_on_one_side_where_only_one_lacks_a_bin():
    assert kl(np.ones(4), EMPTY) == math.inf
    assert kl(EMPTY, np.ones(4)) == pytest.approx(0.75 * np.log(3) + 0.25 * np.log(1))


@given(MASSES, MASSES, MASSES)
@settings(max_examples=25, deadline=None)
def test_what_is_called_a_distance_is_a_metric_with_its_bound(a, b, c):
    """Of shares: L1, L2, TV, the root of JS, and EMD at equal mass with a ground cost that is a metric itself."""
    ground = GROUNDS["saturating"].between(BINS, BINS, 0.3)
    p, q, r = (masses / masses.sum() for masses in (a, b, c))
    for distance, most in [
        (l1, 2),
        (l2, math.sqrt(2)),
        (total_variation, 1),
        (lambda a, b: math.sqrt(js(a, b)), math.sqrt(math.log(2))),
        (lambda a, b: earth_movers_distance(a, b, ground), 1),
    ]:
        assert distance(p, p) == pytest.approx(0, abs=1e-7)
        assert distance(p, q) == pytest.approx(distance(q, p), abs=1e-12)
        assert 0 <= distance(p, q) <= most + 1e-12
        assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-12
        assert distance(p, q) == pytest.approx(distance(3 * p, 3 * q), abs=1e-12)


@given(MASSES, MASSES)
@settings(max_examples=25, deadline=None)
def test_distances_keep_the_order_of_their_inequalities(a, b):
    """Pinsker: TV <= sqrt(KL / 2); JS <= log 2 TV (Lin 1991); EMD of the discrete ground cost is TV."""
    assert total_variation(a, b) <= math.sqrt(kl(a, b) / 2) + 1e-12
    assert js(a, b) <= math.log(2) * total_variation(a, b) + 1e-12
    p, q = a / a.sum(), b / b.sum()
    discrete = GROUNDS["discrete"].between(BINS, BINS, 0)
    assert earth_movers_distance(p, q, discrete) == pytest.approx(total_variation(a, b), abs=1e-12)
    assert earth_movers_distance(p, q, STEPS) == pytest.approx(np.abs(np.cumsum(p - q)).sum(), abs=1e-12)
    w1, w2 = on_a_line(a, b)
    assert w1 == pytest.approx(earth_movers_distance(p, q, STEPS), abs=1e-12)
    assert w2**2 == pytest.approx(earth_movers_distance(p, q, STEPS**2), abs=1e-12)


def test_emd_of_equal_mass_is_scipys_wasserstein_distance_whatever_the_mass():
    b = B * A.sum() / B.sum()
    expected = wasserstein_distance(BINS[:, 0], BINS[:, 0], A, B)
    assert earth_movers_distance(A, b, STEPS) == pytest.approx(expected, abs=1e-12)
    assert earth_movers_distance(1e6 * A, 1e6 * b, STEPS) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("factor", [0.2, 0.9, 1.0, 3.0])
def test_emd_of_unequal_masses_is_the_linear_programme_of_the_paper(factor):
    """Rubner et al. 2000, eq. 1 to 5, written out for scipy; and POT's partial transport."""
    a, b, cost = A, factor * B[:9], RNG.random((12, 9))
    flow = min(a.sum(), b.sum())
    rows = np.kron(np.eye(12), np.ones(9))
    columns = np.kron(np.ones(12), np.eye(9))
    solved = linprog(
        cost.ravel(), np.vstack([rows, columns]), np.concatenate([a, b]), np.ones((1, cost.size)), [flow], (0, None)
    )
    emd = earth_movers_distance(a, b, cost)
    assert emd == pytest.approx(solved.fun / flow, abs=1e-9)
    assert emd == pytest.approx(ot.partial.partial_wasserstein2(a, b, cost, m=flow) / flow, abs=1e-9)
    assert emd == pytest.approx(earth_movers_distance(b, a, cost.T), abs=1e-12)


def test_a_part_is_at_distance_zero_from_the_whole():
    assert earth_movers_distance(A * (np.arange(12) > 6), A, STEPS) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "parameter", "expected"),
    [
        ("euclidean", 0, 5),
        ("sqeuclidean", 0, 25),
        ("l1", 0, 7),
        ("saturating", 0.1, 1 - math.exp(-0.5)),
        ("discrete", 0, 1),
    ],
)
def test_ground_costs_of_a_step_of_three_and_four(name, parameter, expected):
    cost = GROUNDS[name].between(np.zeros((1, 2)), np.array([[3.0, 4], [0, 0]]), parameter)
    assert cost.tolist() == [[pytest.approx(expected), 0]]


def test_no_ground_cost_is_without_a_test():
    marks = test_ground_costs_of_a_step_of_three_and_four.pytestmark
    assert [case[0] for case in marks[0].args[1]] == list(GROUNDS)


@pytest.mark.parametrize("unit", [1e-120, 1e-9, 1e-5, 1.0, 1e9, 1e120])
def test_transport_does_not_depend_on_the_unit(unit):
    x, y = RNG.normal(size=(40, 2)), RNG.normal(size=(50, 2))
    assert wasserstein_1(unit * x, unit * y) == pytest.approx(unit * wasserstein_1(x, y), rel=1e-9)
    assert wasserstein_2(unit * x, unit * y) == pytest.approx(unit * wasserstein_2(x, y), rel=1e-9)


def test_the_costs_of_points_that_coincide_are_zero():
    assert least_cost(np.zeros((3, 2))) == 0


@pytest.mark.parametrize(("n", "m"), [(7, 7), (7, 12), (30, 1), (64, 48)])
def test_sliced_w_of_any_sizes_is_the_mean_over_directions_of_scipys(n, m):
    x, y = RNG.normal(size=(n, 3)), RNG.normal(size=(m, 3)) + 1
    directions = ot.sliced.get_random_projections(3, 20, seed=0).T
    mean = np.mean([wasserstein_distance(x @ direction, y @ direction) for direction in directions])
    assert sliced_wasserstein(x, y, 20) == pytest.approx(mean, abs=1e-12)


@given(MASSES, MASSES)
@settings(max_examples=20, deadline=None)
def test_the_optimal_discriminator_costs_log_4_less_two_js(a, b):
    """D = p / (p + q), whose logit is log(p / q): Goodfellow et al. 2014, theorem 1. Each sample stands in its bin."""
    a, b = a + 1, b + 1
    logit = torch.tensor(np.log(a / a.sum()) - np.log(b / b.sum()))
    real, fake = (logit.repeat_interleave(torch.tensor(masses, dtype=torch.int64)) for masses in (a, b))
    loss = OBJECTIVES["gan"].critic_loss(real, fake, {})
    assert float(loss) == pytest.approx(math.log(4) - 2 * js(a, b), abs=1e-12)
    assume(js(a, b) > 1e-3)
    worse = OBJECTIVES["gan"].critic_loss(1.3 * real, 1.3 * fake, {})
    assert float(worse) > float(loss)
