"""Null samplers, and the score that the best of them has none of."""

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from metrics.score_tables import shifts
from oracles import make_spec

from harness.engine.sampling import draw_untrained
from harness.metrics import make_reference, null_samplers, real_pool, score, untrained
from harness.metrics.null_samplers import NULLS, Floor, score_of
from harness.metrics.transport import wasserstein_1

RNG = np.random.default_rng(0)
N = 200


@pytest.fixture(scope="module")
def reference():
    return make_reference(make_spec(), N)


@pytest.mark.parametrize("real", [RNG.normal(size=(50, 2)), RNG.integers(0, 256, (20, 1, 6, 6), dtype=np.uint8)])
@pytest.mark.parametrize("name", [name for name, null in NULLS.items() if null.draw is not None])
def test_every_null_sampler_draws_as_many_as_asked_for_of_the_kind_of_the_data(name, real):
    drawn, again = (NULLS[name].draw(real, 70, np.random.default_rng(1)) for _ in range(2))
    assert (drawn.shape, drawn.dtype) == ((70, *real.shape[1:]), real.dtype)
    assert np.array_equal(drawn, again)


@pytest.mark.parametrize(("m", "d"), [(500, 3), (40, 60)])  # more samples than values, and fewer
def test_a_gaussian_fit_has_the_mean_and_covariance_of_the_data(m, d):
    real = RNG.gamma(2.0, size=(m, d)) @ RNG.normal(size=(d, d))
    drawn = null_samplers.gaussian(real, 40_000, np.random.default_rng(0))
    wide = np.abs(np.cov(real.T)).max()
    assert drawn.mean(0) == pytest.approx(real.mean(0), abs=0.03 * np.sqrt(wide))
    assert np.cov(drawn.T) == pytest.approx(np.cov(real.T, ddof=0), abs=0.05 * wide)


@pytest.mark.parametrize("real", [RNG.normal(size=(50, 2)), RNG.integers(0, 256, (90, 1, 8, 8), dtype=np.uint8)])
def test_a_gaussian_fit_drawn_in_parts_is_that_drawn_at_once(real, monkeypatch):
    whole = null_samplers.gaussian(real, 300, np.random.default_rng(0))
    monkeypatch.setattr(null_samplers, "AT_ONCE", 16 * 128)
    parts = null_samplers.gaussian(real, 300, np.random.default_rng(0))
    assert (parts.shape, parts.dtype) == (whole.shape, whole.dtype)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_a_gaussian_fit_of_wide_images_fits_a_workers_memory(monkeypatch):
    for name, value in {"WIDE": 16, "MOST": 2**18, "AT_ONCE": 2**18}.items():  # 2 MB each
        monkeypatch.setattr(null_samplers, name, value, raising=False)
    real = RNG.integers(0, 256, (400, 3, 32, 32), dtype=np.uint8)
    tracemalloc.start()
    try:
        drawn = null_samplers.gaussian(real, 2000, np.random.default_rng(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < drawn.nbytes + 10e6  # of all at once 140 MB
    assert drawn.mean() == pytest.approx(real.mean(), abs=1)


def test_ten_real_samples_are_repeated_and_of_fewer_all():
    real = np.arange(60.0).reshape(30, 2)
    assert (
        len(np.unique(null_samplers.memorized(real, 100, np.random.default_rng(0)), axis=0)) == null_samplers.MEMORIZED
    )
    assert len(np.unique(null_samplers.memorized(real[:3], 100, np.random.default_rng(0)), axis=0)) == 3


def test_the_score_is_one_at_the_floor_and_nothing_at_the_best_null_sampler():
    known = {"constant": {"w1_excess": 2.0}, "gaussian": {"w1_excess": 0.5}, "memorized": {"w1_excess": 0.1}}
    scores = [
        score_of({"w1_excess": excess}, known, Floor(0.1, 0.01))["score"] for excess in (-0.1, 0.0, 0.25, 0.5, 3.0)
    ]
    assert scores == [1, 1, 0.5, 0, 0]
    images = {name: {"fid_excess": found["w1_excess"]} for name, found in known.items()}
    half = score_of({"fid_excess": 1.0}, {"gaussian": {"fid_excess": 3.0}}, Floor(1.0, 0.01))  # roots 1, 1.41, 2
    assert half["score"] == pytest.approx(2 - np.sqrt(2))
    assert score_of({"fid_excess": -0.2}, images, Floor(0.1, 0.01))["score"] == 1


def test_where_the_best_null_sampler_is_as_near_as_real_data_there_is_no_score():
    found = score_of({"w1_excess": 0.1}, {"gaussian": {"w1_excess": 0.02}}, Floor(0.1, 0.01))
    assert np.isnan(found["score"])
    assert found["score_undefined"] == 1


def test_a_gaussian_is_fitted_perfectly_by_a_gaussian():
    reference = make_reference(make_spec(dataset="gaussian"), N)
    columns = score(real_pool(make_spec(dataset="gaussian"))[:2500], reference)
    assert (columns["score"], columns["score_undefined"]) == (None, 1)
    assert columns["null.gaussian.score"] is None


def test_null_samplers_of_eight_gaussians_score_as_they_should(reference):
    columns = score(np.zeros((2500, 2)), reference)
    assert columns["score"] == columns["null.constant.score"] == columns["null.gaussian.score"] == 0
    assert columns["null.real.score"] > 0.9
    assert columns["null.real.modes@2500"] == 8
    assert columns["null.gaussian.hq"] < 0.1
    assert columns["null.memorized.hq"] == 1
    assert "null.constant.w1" not in score(np.zeros((2500, 2)), reference, last=False)


def test_an_untrained_generator_stands_with_the_mean_of_three_seeds(reference):
    spec = make_spec(seed=5)
    found = untrained(spec, reference)
    drawn = [draw_untrained(spec.setup, seed, 2500) for seed in null_samplers.SEEDS]
    distances = [wasserstein_1(points[:N], reference.points) for points in drawn]
    assert found["w1"] == pytest.approx(np.mean(distances))
    assert found == untrained(make_spec(seed=6), reference)


@pytest.mark.slow
def test_the_documented_excess_of_known_shifts_is_that_of_the_command():
    text = (Path(__file__).parents[2] / "docs" / "methods.md").read_text("utf-8")
    table = re.findall(r"^\| ([\d.]+) \| ([\d.]+) \|$", text[text.index("| true shift |") :], re.MULTILINE)
    known = {float(shift): float(excess) for shift, excess in table}
    for shift, excess in shifts():
        assert known[shift] == pytest.approx(excess, abs=2e-3)
        assert excess <= shift  # it falls short of W1
