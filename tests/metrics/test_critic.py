"""Critics whose answers are known: what a critic says must then be what is so."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import ot
import pytest
import torch
from oracles import looked_at, make_spec
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist, jensenshannon

from harness.metrics import CRITIC_METRICS, Reference, label, lower_is_better, make_reference, score, score_id
from harness.metrics.critic import critic_columns
from harness.metrics.transport import optimal_pairs, wasserstein_1
from harness.store import Store
from harness.store.table import scoring

RNG = np.random.default_rng(0)
DISTANCES = {"js_bound", "dual_over_slope", "dual_certified", "dual_gap", "direction"}


def shot_of(critic, real, fake, **arrays):
    """Return what a snapshot would hold of a function of points [n, d], differentiated by torch."""
    points = [torch.tensor(x, dtype=torch.float64) for x in (real, fake, (real + fake) / 2)]
    return {
        **looked_at(critic, *points),
        "critic_pack": np.array(1),
        "critic_logistic": np.array(False),
        **arrays,
    }


def columns_of(critic, real, fake, **arrays):
    return critic_columns(shot_of(critic, real, fake, **arrays), fake, Reference(real, {}))


def potentials(real, fake):
    """Return the values at the real points of an optimal critic that every other pairing is furthest from attaining."""
    n, costs = len(real), cdist(fake, real)
    partner = linear_sum_assignment(costs)[1]
    rows, bounds = [], []
    for i, j in np.ndindex(n, n):
        if j != partner[i]:  # v_j - v_partner + slack <= cost(i, j) - cost(i, partner)
            row = np.zeros(n + 1)
            row[[j, partner[i], n]] = 1, -1, 1
            rows.append(row)
            bounds.append(costs[i, j] - costs[i, partner[i]])
    slack = np.eye(n + 1)[n]
    limits = [(0, 0), *[(None, None)] * (n - 1), (0, None)]
    solved = linprog(-slack, np.array(rows), bounds, bounds=limits)
    assert solved.x[-1] > 0
    return solved.x[:-1]


def test_optimal_potentials_know_the_distance_and_the_way():
    real, fake = RNG.normal(size=(24, 2)), RNG.normal(size=(24, 2)) * [2, 0.5] + [1, 0]
    values = torch.tensor(potentials(real, fake))

    def critic(x):
        away = (x[:, None] - torch.tensor(real)).square().sum(-1)
        return (values - away.clamp_min(1e-30).sqrt()).amax(1)

    columns = columns_of(critic, real, fake, critic_lipschitz=np.array(1.0))
    w1 = wasserstein_1(fake, real)
    assert columns["dual"] == pytest.approx(w1, abs=1e-6)
    assert columns["dual_certified"] == pytest.approx(w1, abs=1e-6)
    assert columns["direction"] > 0.99
    assert columns["slope_max"] == pytest.approx(1)
    assert columns["dual_gap"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("scale", [1, 0.01, 300])
def test_a_linear_critic_on_a_shift(scale):
    """The slope divides the critic's scale out; its direction has none."""
    way = np.array([0.6, -0.8])
    fake = RNG.normal(size=(50, 2))
    columns = columns_of(lambda x: scale * (x @ torch.tensor(way)), fake + 3 * way, fake)
    expected = {"dual": 3 * scale, "slope_max": scale, "slope_mean": scale, "dual_over_slope": 3, "direction": 1}
    assert {name: columns[name] for name in expected} == pytest.approx(expected)
    assert columns["dual_gap"] == pytest.approx(0, abs=1e-9)
    against = columns_of(lambda x: -scale * (x @ torch.tensor(way)), fake + 3 * way, fake)
    assert against["direction"] == pytest.approx(-1)
    assert against["dual"] == pytest.approx(-3 * scale)
    across = columns_of(lambda x: x @ torch.tensor([0.8, 0.6], dtype=torch.float64), fake + 3 * way, fake)
    assert across["direction"] == pytest.approx(0, abs=1e-9)


def test_the_distance_to_a_point_is_optimal_where_all_moves_along_the_radius():
    real = RNG.normal(size=(40, 3))
    columns = columns_of(lambda x: x.norm(dim=-1), real, real / 2)
    assert columns["dual"] == pytest.approx(np.linalg.norm(real, axis=1).mean() / 2)
    assert columns["dual"] == pytest.approx(wasserstein_1(real / 2, real))
    assert columns["direction"] == pytest.approx(1)


def test_pairs_that_lie_together_have_no_direction_and_flat_critics_point_nowhere():
    real = RNG.normal(size=(20, 2))
    fake = real.copy()
    assert math.isnan(columns_of(lambda x: x[:, 0], real, fake)["direction"])
    fake[:5] -= [1e-3, 0]
    assert columns_of(lambda x: x[:, 0], real, fake)["direction"] == pytest.approx(1)
    flat = columns_of(lambda x: 0 * x[:, 0], real, fake)
    assert flat["direction"] == 0
    assert math.isnan(flat["dual_over_slope"])
    assert math.isnan(flat["dual_gap"])


def test_of_fewer_real_points_the_direction_is_of_the_plan_s_mass():
    """Two generated points and four real ones: each gives half its mass to either of its two."""
    real, fake = np.array([[0.0, 1], [1, 0], [9, 1], [10, 0]]), np.array([[0.0, 0], [9, 0]])
    rows, columns, mass = optimal_pairs(fake, real)
    assert sorted(zip(rows, columns, strict=True)) == [(0, 0), (0, 1), (1, 2), (1, 3)]
    assert mass == pytest.approx(0.25)
    shot = {"critic_real": np.zeros(4), "critic_fake": np.zeros(4), "critic_gradient": np.array([[1.0, 0], [0, 2]])}
    shot |= {"critic_pack": np.array(1)}
    assert critic_columns(shot, fake, Reference(real, {}))["direction"] == pytest.approx(0.5)


@pytest.mark.parametrize("p", [[4, 3, 2, 1], [10, 0, 0, 0], [1, 2, 3, 4]])
def test_the_best_discriminator_s_bound_is_the_js_divergence(p):
    q = [1, 2, 3, 4]
    real, fake = (np.repeat(np.arange(4.0), counts)[:, None] for counts in (p, q))
    with np.errstate(divide="ignore"):
        odds = np.log(np.array(p, float)) - np.log(q)
    shot = {"critic_real": odds[real[:, 0].astype(int)], "critic_fake": odds[fake[:, 0].astype(int)]}
    shot |= {"critic_pack": np.array(1), "critic_logistic": np.array(True)}
    bound = critic_columns(shot, fake, Reference(real, {}))["js_bound"]
    assert bound == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-12)
    worse = critic_columns({**shot, "critic_real": shot["critic_real"] * 0.5}, fake, Reference(real, {}))["js_bound"]
    assert worse <= bound


def test_the_js_bound_is_at_most_log_2_and_of_logistic_critics_alone():
    shot = {"critic_real": np.full(9, 1e4), "critic_fake": np.full(9, -1e4), "critic_pack": np.array(1)}
    reference = Reference(np.zeros((9, 2)), {})
    sure = critic_columns({**shot, "critic_logistic": np.array(True)}, np.ones((9, 2)), reference)
    assert sure["js_bound"] == pytest.approx(math.log(2))
    assert "js_bound" not in critic_columns({**shot, "critic_logistic": np.array(False)}, np.ones((9, 2)), reference)


def test_a_packed_critic_has_no_columns_of_single_samples():
    real, fake = RNG.normal(size=(2, 20, 2))
    shot = shot_of(lambda x: x[:, 0], real.reshape(10, 4), fake.reshape(10, 4), critic_pack=np.array(2))
    shot |= {"critic_lipschitz": np.array(1.0), "critic_logistic": np.array(True)}
    columns = critic_columns(shot, fake, Reference(real, {}))
    assert {"dual", "slope_max"} <= columns.keys()
    assert not DISTANCES & columns.keys()


def test_of_another_number_of_samples_there_are_none():
    real, fake = RNG.normal(size=(2, 20, 2))
    shot = shot_of(lambda x: x[:, 0], real, fake)
    assert critic_columns(shot, fake, Reference(real, {}))
    assert critic_columns(shot, fake, Reference(real[:10], {})) == {}
    assert critic_columns({"generated": fake}, fake, Reference(real, {})) == {}


def test_above_eight_dimensions_nothing_is_solved():
    real, fake = RNG.normal(size=(2, 20, 9))
    columns = columns_of(lambda x: x[:, 0], real, fake)
    assert "dual_over_slope" in columns
    assert not {"direction", "dual_gap"} & columns.keys()


def test_a_step_s_distance_and_directions_are_solved_once(monkeypatch):
    reference = make_reference(make_spec(), 50)
    fake = RNG.normal(size=(2500, 2))
    shot = shot_of(lambda x: x[:, 0], reference.points, fake[:50])
    solved, emd2 = [], ot.emd2
    monkeypatch.setattr(ot, "emd2", lambda *args, **kwargs: solved.append(args) or emd2(*args, **kwargs))
    columns = score(fake, reference, last=False, shot=shot)
    assert {"w1", "direction", "dual_gap"} <= columns.keys()
    assert len(solved) == 1
    assert columns["dual_gap"] == columns["w1"] - columns["dual_over_slope"]


def test_what_is_not_finite_has_no_value():
    real, fake = RNG.normal(size=(2, 20, 2))
    shot = shot_of(lambda x: x[:, 0], real, fake, critic_lipschitz=np.array(1.0))
    shot = {name: np.full_like(x, np.nan) if x.dtype.kind == "f" else x for name, x in shot.items()}
    assert not any(math.isfinite(value) for value in critic_columns(shot, fake, Reference(real, {})).values())


def test_norms_by_layer_have_a_column_each_with_a_label():
    shot = shot_of(lambda x: x[:, 0], np.zeros((3, 2)), np.ones((3, 2)), critic_layers=np.array([0.5, 0.25]))
    columns = critic_columns(shot, np.ones((3, 2)), Reference(np.zeros((3, 2)), {}))
    assert (columns["critic_grad[1]"], columns["critic_grad[2]"]) == (0.5, 0.25)
    assert "2" in label("critic_grad[2]")
    assert label("critic_grad[2]") != "critic_grad[2]"


def test_a_metric_that_is_added_leaves_addresses_as_they_were(monkeypatch):
    """Folders scored before it stay what they are; its next version makes them others."""
    here = score_id([1], 500)
    monkeypatch.setattr("harness.metrics.CRITIC_METRICS", {})
    assert score_id([1], 500) == here
    monkeypatch.setattr("harness.metrics.CRITIC_METRICS", {"dual": replace(CRITIC_METRICS["dual"], version=1)})
    assert score_id([1], 500) != here


@pytest.mark.slow
def test_the_frozen_reference_is_scored_by_today_s_metrics():
    folders = sorted((Path(__file__).parents[2] / "results" / "reference").iterdir())
    assert len(folders) > 1
    assert {folder.name for folder in folders if scoring(Store(folder).plan).metrics} == set()


def test_metrics_say_which_way_is_better():
    assert {c.name for m in CRITIC_METRICS.values() for c in m.columns if c.better} == {"direction", "dual_gap"}
    assert lower_is_better("dual_gap")
    assert not lower_is_better("direction")


def test_a_critic_alone_is_compared_with_what_is_solved():
    """Two lines at distance .5: kappa of the critic 2 x is 2, and no grid tells them nearer than log 2."""
    height = RNG.random((300, 1))
    real, fake = (np.concatenate([np.full_like(height, at), height], 1) for at in (0.5, 0.0))
    shot = shot_of(lambda x: 2 * x[:, 0], real, fake, critic_alone=np.array(True))
    columns = critic_columns(shot, fake, Reference(real, {"w1": 0.01}))
    assert columns["kappa"] == pytest.approx(2)
    assert (columns["tv"], columns["js"]) == (1, pytest.approx(math.log(2)))
    assert math.isinf(columns["kl"])
    assert columns["kl_infinite"] == 1
    same = critic_columns(
        shot_of(lambda x: x[:, 0], real, real, critic_alone=np.array(True)), real, Reference(real, {"w1": 0.01})
    )
    assert math.isnan(same["kappa"])
    for floor, is_clear in ((0.24, True), (0.26, False)):  # W1 is .5
        noisy = critic_columns(shot, fake, Reference(real, {"w1": floor}))
        assert math.isfinite(noisy["kappa"]) == is_clear
    assert (same["tv"], same["js"], same["kl"], same["kl_infinite"]) == (0, 0, 0, 0)
    learner = critic_columns({**shot, "critic_alone": np.array(False)}, fake, Reference(real, {"w1": 0.01}))
    assert "kappa" not in learner


def test_floors_of_tv_and_js_are_what_two_samples_of_one_distribution_give():
    """Of disjoint sides as of equal ones they are those of halves of both; above them two samples differ."""
    points = RNG.normal(size=(6, 500, 2))
    alone = {"critic_alone": np.array(True)}
    same = [
        critic_columns(shot_of(lambda x: x[:, 0], real, fake, **alone), fake, Reference(real, {"w1": 0.0}))
        for real, fake in itertools.pairwise(points)
    ]
    for name in ("tv", "js"):
        values, floors = ([columns[key] for columns in same] for key in (name, f"{name}_floor"))
        assert np.mean(floors) == pytest.approx(np.mean(values), rel=0.1)
    moved = points[1] + [2, 0]
    apart = critic_columns(
        shot_of(lambda x: x[:, 0], points[0], moved, **alone), moved, Reference(points[0], {"w1": 0})
    )
    assert apart["tv"] > 1.5 * apart["tv_floor"]
    assert apart["js"] > 1.5 * apart["js_floor"]


def test_tv_and_js_of_cells_are_those_of_the_counts():
    """On a line of as many cells as values, counting points is exact."""
    real, fake = (RNG.integers(0, 20, (400, 1)).astype(float) for _ in range(2))
    shot = shot_of(lambda x: x[:, 0], real, fake, critic_alone=np.array(True))
    columns = critic_columns(shot, fake, Reference(real, {"w1": 0.0}))
    p, q = (np.bincount(x[:, 0].astype(int), minlength=20) / 400 for x in (real, fake))
    assert columns["tv"] == pytest.approx(np.abs(p - q).sum() / 2)
    assert columns["js"] == pytest.approx(jensenshannon(p, q) ** 2)
