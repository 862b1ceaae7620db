"""Toys against the distributions they claim to be."""

import math

import numpy as np
import pytest
import torch
from oracles import HERE, data_defaults, make_spec
from scipy import stats

from harness.datasets import DATASETS
from harness.engine.real_data import data_settings, fixed_points
from harness.metrics.transport import wasserstein_1

TOYS = [name for name, entry in DATASETS.items() if entry.kind == "toys"]


def settings(name, **changes):
    return {**data_defaults(name), **DATASETS[name].hyper, **changes}


def draw(name, n=20_000, seed=0, sampler="sample", **changes):
    rng = torch.Generator().manual_seed(seed)
    return getattr(DATASETS[name], sampler)(n, rng, settings(name, **changes)).double().numpy()


@pytest.mark.parametrize("name", HERE)
def test_samples_have_the_declared_shape_and_depend_on_the_generator_alone(name):
    state = torch.random.get_rng_state()
    assert draw(name, 17).shape == (17, *DATASETS[name].shape(settings(name)))
    assert np.array_equal(draw(name, 17), draw(name, 17))
    assert not np.array_equal(draw(name, 17), draw(name, 17, seed=1))
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.slow
@pytest.mark.parametrize("name", TOYS)
def test_the_stratified_reference_is_the_same_distribution(name):
    """Nearer to a fresh sample than two fresh samples are to each other, on average."""
    fresh = [draw(name, 400, seed) for seed in range(6)]
    reference = draw(name, 400, 99, "reference")
    between = np.mean([wasserstein_1(a, b) for a, b in zip(fresh[:3], fresh[3:], strict=True)])
    assert np.mean([wasserstein_1(reference, x) for x in fresh]) < between


def test_8gaussians_are_gaussians_around_their_centres():
    x, modes = draw("8gaussians"), DATASETS["8gaussians"].modes(settings("8gaussians")).numpy()
    np.testing.assert_allclose(np.linalg.norm(modes, axis=1), 2 / 1.414, rtol=1e-6)
    away = x - modes[np.linalg.norm(x[:, None] - modes, axis=-1).argmin(1)]
    assert stats.kstest(away.ravel() / (0.02 / 1.414), "norm").pvalue > 0.01


def test_the_reference_of_a_mixture_has_equal_modes():
    x, modes = draw("8gaussians", 80, sampler="reference"), DATASETS["8gaussians"].modes(settings("8gaussians")).numpy()
    assert np.bincount(np.linalg.norm(x[:, None] - modes, axis=-1).argmin(1)).tolist() == [10] * 8


def test_the_grid_has_25_modes_of_equal_share():
    modes = DATASETS["25gaussians"].modes(settings("25gaussians")).numpy() * 2.828
    assert {tuple(np.round(m)) for m in modes} == {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}
    x = draw("25gaussians") * 2.828
    nearest = np.linalg.norm(x[:, None] - modes, axis=-1).argmin(1)
    assert stats.chisquare(np.bincount(nearest, minlength=25)).pvalue > 0.01
    assert stats.kstest((x - modes[nearest]).ravel() / 0.05, "norm").pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sampler"), [("swissroll", "sample"), ("two-moons", "reference")])
def test_the_curves_are_those_of_scikit_learn(name, sampler):
    """As near to their sample as two of theirs are to each other. Theirs of the moons is evenly spaced, as is ours."""
    from sklearn.datasets import make_moons, make_swiss_roll

    def theirs(seed):
        if name == "two-moons":
            return make_moons(600, noise=0.1, random_state=seed)[0]
        return make_swiss_roll(600, noise=0.25, random_state=seed)[0][:, [0, 2]] / 7.5

    between = np.mean([wasserstein_1(theirs(s), theirs(s + 4)) for s in range(4)])
    assert np.mean([wasserstein_1(draw(name, 600, s, sampler), theirs(s)) for s in range(4)]) < 1.25 * between


def test_the_gaussian_is_one():
    for sampler in ("sample", "reference"):
        x = draw("gaussian", 20_000, sampler=sampler)
        assert stats.kstest(x[:, 0], "norm").pvalue > 0.01
        assert stats.kstest((x**2).sum(1) / 2, "expon").pvalue > 0.01


def test_the_number_of_modes_is_a_parameter():
    assert DATASETS["8gaussians"].modes(settings("8gaussians", n_modes=5)).shape == (5, 2)


def test_the_ring_has_radius_one_and_every_angle():
    x = draw("ring")
    radius = np.linalg.norm(x, axis=1)
    assert stats.kstest((radius - 1) / 0.1, "norm").pvalue > 0.01
    assert stats.kstest(np.arctan2(*x.T) / (2 * math.pi) + 0.5, "uniform").pvalue > 0.01


@pytest.mark.parametrize("theta", [-1.0, 0.0, 0.3])
def test_w1_of_parallel_lines_is_abs_theta(theta):
    """Equal heights on both lines make it exact at any n."""
    line = draw("parallel-lines", 500, theta=theta)
    zero = np.stack([np.zeros(500), line[:, 1]], 1)
    assert wasserstein_1(line, zero) == pytest.approx(abs(theta), abs=1e-7)


def test_the_fixed_generator_of_parallel_lines_draws_the_line_at_zero():
    x = draw("parallel-lines", 100, sampler="fake", theta=0.7)
    assert (x[:, 0] == 0).all()
    assert stats.kstest(x[:, 1], "uniform").pvalue > 0.01


def test_a_fixed_set_is_shared_by_seeds_and_has_its_size():
    a, b = (fixed_points(make_spec(seed=s, data={"fixed": 30})) for s in (0, 1))
    assert torch.equal(a, b)
    assert a.shape == (30, 2)


def test_data_settings_are_named_plainly():
    assert data_settings(make_spec()) == {"n_modes": 8, "sd": 0.02, "scale": 1.414}


@pytest.mark.parametrize("name", DATASETS)
def test_every_entry_is_whole(name):
    entry = DATASETS[name]
    assert entry.version >= 1
    assert entry.summary
    assert entry.kind in ("toys", "images")
    assert entry.positive & set(entry.hyper) == {k for k in entry.hyper if k in ("sd", "scale")}
