"""Metrics against closed forms and independent routes."""

from dataclasses import replace

import numpy as np
import ot
import pytest
from oracles import make_spec
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from harness.datasets import DATASETS
from harness.engine import noise
from harness.engine.real_data import data_settings
from harness.metrics import METRICS, Reference, make_reference, samples_drawn, score, score_id
from harness.metrics.coverage import expected_kl, hq_ceiling, mode_counts, modes_half, reverse_kl
from harness.metrics.neighbours import manifold_scores
from harness.metrics.transport import geometric_median, sliced_wasserstein, wasserstein_1, wasserstein_2

RNG = np.random.default_rng(0)
SQUARE = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])


def test_w1_equals_the_assignment_of_scipy():
    x, y = RNG.normal(size=(200, 2)), RNG.normal(size=(200, 2)) + 1
    cost = cdist(x, y)
    rows, columns = linear_sum_assignment(cost)
    assert wasserstein_1(x, y) == pytest.approx(cost[rows, columns].mean(), abs=1e-12)


def test_w1_of_shifted_samples_is_the_length_of_the_shift():
    x = RNG.normal(size=(300, 3))
    assert wasserstein_1(x, x + np.array([1.0, 2.0, 2.0])) == pytest.approx(3, abs=1e-9)


def test_w1_is_a_metric_and_scales():
    x, y, z = (RNG.normal(size=(60, 2)) * k for k in (1, 2, 3))
    assert wasserstein_1(x, x) == pytest.approx(0, abs=1e-12)
    assert wasserstein_1(x, y) == pytest.approx(wasserstein_1(y, x), abs=1e-12)
    assert wasserstein_1(x, z) <= wasserstein_1(x, y) + wasserstein_1(y, z)
    assert wasserstein_1(3 * x, 3 * y) == pytest.approx(3 * wasserstein_1(x, y))
    assert wasserstein_1(x[::-1], y) == pytest.approx(wasserstein_1(x, y), abs=1e-12)


def test_w1_of_unequal_sizes_on_the_line():
    assert wasserstein_1(np.array([[0.0], [3.0]]), np.array([[0.0], [0.0], [3.0], [3.0]])) == pytest.approx(0)


def test_w1_is_refused_where_it_says_nothing():
    with pytest.raises(ValueError, match="8 dimensions"):
        wasserstein_1(np.zeros((3, 9)), np.zeros((3, 9)))


def test_the_nearest_single_point_of_a_square_is_its_middle():
    assert geometric_median(SQUARE) == pytest.approx(np.array([4.5, 4.5]))
    assert wasserstein_1(geometric_median(SQUARE)[None], SQUARE) == pytest.approx(np.hypot(4.5, 4.5))


def test_an_ideal_sampler_reaches_the_ceiling_and_not_more():
    assert hq_ceiling(SQUARE, 0.1) == pytest.approx(0.98889, abs=1e-5)
    x = SQUARE[RNG.integers(4, size=200_000)] + 0.1 * RNG.normal(size=(200_000, 2))
    assert mode_counts(x, SQUARE, 0.1).sum() / len(x) == pytest.approx(0.98889, abs=8e-4)


def test_counts_of_samples_at_known_places():
    x = np.array([[0, 0], [0.29, 0], [0.31, 0], [9, 9], [5, 5]], float)
    assert mode_counts(x, SQUARE, 0.1).tolist() == [2, 0, 0, 1]
    assert modes_half(np.array([13, 12, 50, 25]), 100) == 3


def test_reverse_kl_of_known_shares():
    assert reverse_kl(np.array([5, 5, 5, 5]))[0] == pytest.approx(0)
    assert reverse_kl(np.array([20, 0, 0, 0]))[0] == pytest.approx(np.log(4))
    assert all(np.isnan(reverse_kl(np.zeros(4, int))))


@pytest.mark.parametrize("n", [1, 2, 7, 400])
@pytest.mark.parametrize("shares", [[0.125] * 8, [0.5, 0.3, 0.15, 0.05]])
def test_the_floor_of_a_kl_is_its_mean_at_that_number_of_samples(n, shares):
    drawn = RNG.multinomial(n, shares, size=4000) / n
    kl = np.where(drawn > 0, drawn * np.log(np.maximum(drawn, 1e-9) / shares), 0).sum(1)
    assert expected_kl(n, np.array(shares)) == pytest.approx(kl.mean(), abs=5 * kl.std() / 4000**0.5 + 1e-9)


@pytest.mark.parametrize("k", [1, 2, 8, 25, 1000])
def test_a_kl_and_its_floor_stay_in_their_range(k):
    """A single sample has log K, the largest value there is; of many the mean is close to (K - 1) / 2n."""
    for n in (1, 2, 3, 10, 100, 2500):
        kl, floor = reverse_kl(np.eye(k, dtype=int)[0] * n)
        assert 0 <= floor <= np.log(k) + 1e-9
        assert kl == pytest.approx(np.log(k))
    assert expected_kl(1, np.full(k, 1 / k)) == pytest.approx(np.log(k))
    assert expected_kl(100 * k, np.full(k, 1 / k)) == pytest.approx((k - 1) / (200 * k), rel=0.03)


def test_modes_whose_balls_overlap_have_no_ceiling():
    """A sample of one mode may be near another: real samples would pass the chance of a lone one."""
    assert np.isnan(hq_ceiling(SQUARE, 1.6))
    assert hq_ceiling(SQUARE, 1.5) == hq_ceiling(SQUARE[:1], 100) == hq_ceiling(SQUARE, 0.1)


@pytest.fixture(scope="module")
def reference():
    return make_reference(make_spec(), 300)


def real(n, seed=11):
    spec = make_spec()
    return DATASETS["8gaussians"].sample(n, noise.generator(seed, "test"), data_settings(spec)).double().numpy()


@pytest.mark.slow
def test_real_data_has_no_excess_and_a_perfect_score(reference):
    columns = [score(real(2500, seed), reference) for seed in range(8)]
    assert np.mean([c["w1_excess"] for c in columns]) == pytest.approx(0, abs=0.03)
    assert np.mean([c["score"] for c in columns]) > 0.95
    assert columns[0]["null.real.score"] > 0.95
    assert all(c["modes@2500"] == 8 and c["modes_half"] == 8 and c["collapsed"] == 0 for c in columns)


def test_a_constant_generator_scores_zero_and_is_collapsed(reference):
    columns = score(np.zeros((2500, 2)), reference)
    assert columns["score"] == pytest.approx(0, abs=1e-6)
    assert columns["collapsed"] == 1
    assert (columns["hq"], columns["reverse_kl"], columns["reverse_kl_undefined"]) == (0, None, 1)


def test_one_perfect_mode_is_collapsed_and_blur_is_not(reference):
    one = reference.modes[2] + reference.sd * RNG.normal(size=(2500, 2))
    assert score(one, reference)["collapsed"] == 1
    assert score(one, reference)["modes@2500"] == 1
    blurred = real(2500) + RNG.normal(size=(2500, 2))
    assert score(blurred, reference)["collapsed"] == 0


@pytest.mark.slow
def test_a_reference_is_the_same_every_time_and_its_floor_is_real_against_real(reference):
    again = make_reference(make_spec(seed=9), 300)
    assert np.array_equal(again.points, reference.points)
    assert again.floors == reference.floors
    distances = [wasserstein_1(real(300, seed), reference.points) for seed in range(40)]
    assert reference.floors["w1"] == pytest.approx(np.mean(distances), abs=4 * np.std(distances) / np.sqrt(5))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_gives_just_its_columns_and_only_finite_floats(name, reference, monkeypatch):
    metric = METRICS[name]
    fixed = replace(reference, train=real(300, 5), floors={**reference.floors, "w1_train": 0.1})
    assert metric.applies(fixed)
    assert all(np.isfinite(list(metric.compute(real(2500), fixed).values())))
    alone = {k: v for k, v in METRICS.items() if k == name}
    monkeypatch.setattr("harness.metrics.METRICS", alone)
    columns = {column for column in score(real(2500), fixed) if not column.startswith("null.")}
    declared = {str(column).replace("@n", "@300"): column.beside for column in metric.columns}
    assert columns == {*declared, *(f"{column}_{beside}" for column, beside in declared.items() if beside)}


def test_metrics_that_need_modes_leave_data_without_them_alone():
    bare = Reference(real(50), dict.fromkeys(["w1", "w1_sd", "sliced_w"], 0.1))
    assert "hq" not in score(real(2500), bare, last=False)


def test_w2_is_the_root_of_the_least_mean_square():
    x = RNG.normal(size=(150, 2))
    assert wasserstein_2(x, x + np.array([3.0, 4.0])) == pytest.approx(5, abs=1e-9)
    y = RNG.normal(size=(150, 2)) + 1
    cost = cdist(x, y, "sqeuclidean")
    assert wasserstein_2(x, y) == pytest.approx(np.sqrt(cost[linear_sum_assignment(cost)].mean()), abs=1e-12)
    assert wasserstein_2(x, y) >= wasserstein_1(x, y)


def test_sliced_w1_of_a_shift_is_its_mean_projection():
    """In the plane the mean of |cos| over directions is 2 / pi."""
    x = RNG.normal(size=(400, 2))
    assert sliced_wasserstein(x, x + np.array([5.0, 0.0]), 4000) == pytest.approx(5 * 2 / np.pi, rel=0.02)
    assert sliced_wasserstein(x, x) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_sliced_w1_by_sorting_equals_the_general_solver(d):
    x, y = RNG.normal(size=(300, d)), 2 * RNG.normal(size=(300, d)) + 1
    expected = ot.sliced_wasserstein_distance(x, y, n_projections=256, p=1, seed=0)
    assert sliced_wasserstein(x, y) == pytest.approx(expected, rel=1e-12)


def test_manifold_scores_at_known_places():
    """Ten points on a line, k = 1: unit balls. One generated point inside, one far away."""
    line = np.stack([np.arange(10.0), np.zeros(10)], 1)
    scores = manifold_scores(np.array([[0.5, 0.0], [50.0, 0.0], [50.5, 0.0]]), line, 1)
    assert scores["precision"] == pytest.approx(1 / 3)
    assert scores["density"] == pytest.approx(2 / 3)  # two balls hold the first point, none the others
    assert scores["coverage"] == pytest.approx(2 / 10)
    assert scores["recall"] == 1  # the first point's ball reaches to 50


def test_manifold_scores_equal_those_of_sklearn_neighbours():
    from sklearn.neighbors import NearestNeighbors

    x, y, k = RNG.normal(size=(80, 3)), RNG.normal(size=(90, 3)) + 0.5, 5
    radius = NearestNeighbors(n_neighbors=k + 1).fit(y).kneighbors(y)[0][:, -1]
    inside = np.linalg.norm(y[:, None] - x[None], axis=-1) <= radius[:, None]
    scores = manifold_scores(x, y, k)
    assert scores["precision"] == pytest.approx(inside.any(0).mean())
    assert scores["density"] == pytest.approx(inside.sum() / (k * len(x)))
    assert scores["recall"] == pytest.approx(manifold_scores(y, x, k)["precision"])


def test_costly_metrics_are_taken_at_the_last_step_alone(reference):
    early, late = score(real(2500), reference, last=False), score(real(2500), reference)
    assert {"w2", "w2_floor", "density[k5]@300"} <= set(late) - set(early)
    assert set(early) < set(late)


def test_the_fixed_set_has_its_own_distance():
    reference = make_reference(make_spec(data={"fixed": 500}), 300)
    assert reference.train.shape == (300, 2)
    assert score(np.tile(reference.train, (9, 1)), reference)["w1_train"] == pytest.approx(0, abs=1e-9)
    assert reference.floors["w1_train"] > 0


def test_what_is_scored_has_an_address():
    assert score_id([0.5, 1], 1000) == score_id([0.5, 1.0], 1000)
    assert score_id([0.5, 1], 1000) != score_id([0.5, 1], 999)
    assert samples_drawn(100, make_spec()) == 2500
    assert samples_drawn(4000, make_spec()) == 4000
