"""The rule of collapse against closed forms, and on points and images alike."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from harness.metrics.collapse import NEAR, collapsed, mean_distance

RNG = np.random.default_rng(0)
RING = 1.4 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], 1)


def around(modes, sd, n=1000):
    return modes[RNG.integers(len(modes), size=n)] + sd * RNG.normal(size=(n, 2))


def test_mean_distance_is_that_of_all_pairs_and_ignores_where_they_lie():
    x = RNG.normal(size=(60, 30))
    assert mean_distance(x) == pytest.approx(pdist(x).mean())
    assert mean_distance(1e-3 * x + 1e4) == pytest.approx(1e-3 * pdist(x).mean(), rel=1e-6)
    assert mean_distance(np.tile(x[:1], (9, 1))) == 0
    assert np.isnan(mean_distance(x[:1]))


def test_mean_distance_of_normal_samples_is_twice_sd_over_root_pi():
    """On the line E|x - y| = 2 sd / sqrt(pi)."""
    assert mean_distance(3 * RNG.normal(size=(5000, 1))) == pytest.approx(6 / np.sqrt(np.pi), rel=0.1)


@pytest.mark.parametrize("modes", [None, RING])
@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.8, 1), (1.2, 0), (20.0, 0)])
def test_samples_closer_than_a_twentieth_of_real_ones_have_collapsed(share, expected, modes):
    """Around 0 every mode is nearest to some: the distance alone decides."""
    real = around(RING, 0.01)
    drawn = RNG.normal(size=(1000, 2))
    drawn *= share * NEAR * mean_distance(real) / mean_distance(drawn)
    assert collapsed(drawn, real, modes) == expected


@pytest.mark.parametrize("sd", [0.01, 0.07, 0.2])
def test_one_mode_of_several_is_collapse_however_wide_and_two_are_not(sd):
    real = around(RING, sd)
    assert collapsed(around(RING[2:3], sd), real, RING) == 1
    assert collapsed(around(RING[2:4], sd), real, RING) == 0
    assert collapsed(real, real, RING) == 0


def test_a_perfect_sampler_of_a_single_mode_has_not_collapsed():
    real = around(RING[:1], 0.01)
    assert collapsed(around(RING[:1], 0.01), real, RING[:1]) == 0
    assert collapsed(around(RING[:1], 1e-4), real, RING[:1]) == 1


def test_one_image_drawn_again_and_again_has_collapsed_though_it_varies_by_two_per_cent_of_the_variance():
    """The variance of such images is the square of their distances: the rule is on distances."""
    real = RNG.uniform(size=(300, 64))
    drawn = real[0] + 0.04 * (RNG.uniform(size=(300, 64)) - 0.5)
    assert collapsed(drawn, real, None) == 1
    assert collapsed(real[:150], real, None) == 0
    assert np.isnan(collapsed(real[:1], real, None))


@pytest.mark.parametrize("d", [1, 2, 30])
def test_what_the_bounds_decide_is_what_all_pairs_say(d):
    real = RNG.normal(size=(200, d))
    for scale in np.geomspace(0.01, 1, 40):
        drawn = scale * RNG.standard_t(2, size=(100, d))
        assert collapsed(drawn, real, None) == (mean_distance(drawn) < NEAR * mean_distance(real))
