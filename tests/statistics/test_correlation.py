"""Correlations against scipy, in a case where pooling turns the sign, and how often the interval holds the true one."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.statistics.correlation import pearson, spearman, within_groups

COEFFICIENTS = (pearson, spearman)


def drawn(seeds, effect, noise, generator, steps=6):
    """Return distances and estimates [seeds, steps] that fall together: lognormal, with effects of each seed."""
    time = np.linspace(0.1, 1, steps)
    own, other = effect * generator.normal(size=(2, seeds, 1))
    distance = -1.5 * time + 0.3 * own + 0.15 * generator.normal(size=(seeds, steps))
    estimate = 0.8 * distance - 1.5 + 0.4 * other + noise * generator.normal(size=(seeds, steps))
    return np.exp(distance), np.exp(estimate)


def flat(x, y):
    return x.ravel(), y.ravel(), np.zeros(x.size), np.repeat(np.arange(len(x)), x.shape[1])


@pytest.mark.parametrize(("ours", "theirs"), [(pearson, stats.pearsonr), (spearman, stats.spearmanr)])
def test_coefficients_are_scipys_ties_and_all(ours, theirs):
    generator = np.random.default_rng(0)
    for scale in (1e-8, 1.0, 1e8):
        x, y = np.round(generator.normal(size=(2, 40)), 1)
        assert ours(scale * x, y) == pytest.approx(theirs(scale * x, y)[0], abs=1e-12)
        assert ours(y, -3 * x) == pytest.approx(-ours(x, y), abs=1e-12)


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_there_is_none_of_two_points_or_a_constant(coefficient):
    assert math.isnan(coefficient([1, 2], [1, 2]))
    assert math.isnan(coefficient([1, 2, 3], [4, 4, 4]))
    assert coefficient([1, 2, 3], [4, 5, 6]) == pytest.approx(1)
    with pytest.raises(HarnessError):
        coefficient([1, 2, math.nan], [1, 2, 3])
    with pytest.raises(HarnessError):
        within_groups(coefficient, [1, 2, 3], [1, 2], [0, 0, 0], [0, 1, 2])


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_inside_a_group_the_difference_of_groups_does_not_count(coefficient):
    x = np.array([1.0, 2, 3, 4, 11, 12, 13, 14])
    groups, seeds = np.repeat([0, 1], 4), np.tile([0, 1, 2, 3], 2)
    y = np.concatenate([x[:4], x[4:] - 30])
    inside = within_groups(coefficient, x, y, groups, seeds)
    assert inside.mean == pytest.approx(1)
    assert within_groups(coefficient, x, y, np.zeros(8), seeds).mean < 0
    alone = within_groups(coefficient, [*x, 20, 21, 22], [*y, 0, 0, 0], [*groups, 2, 2, 2], [*seeds, 0, 1, 2])
    assert alone.mean == pytest.approx(1)  # a group without a correlation has no part in it


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_the_interval_is_of_seeds_whatever_they_are_called(coefficient):
    x, y, groups, seeds = flat(*drawn(5, 1.0, 0.5, np.random.default_rng(1)))
    first = within_groups(coefficient, x, y, groups, seeds)
    assert first.low < first.mean == coefficient(x, y) < first.high
    order = np.random.default_rng(2).permutation(x.size)
    again = within_groups(coefficient, x[order], 7 * y[order], groups[order], -3 * seeds[order])
    np.testing.assert_allclose([again.low, again.mean, again.high], [first.low, first.mean, first.high])
    assert math.isnan(within_groups(coefficient, x, y, groups, np.zeros(x.size)).low)


def covered(coefficient, seeds, effect, noise, simulations):
    """Return the share of intervals that hold the correlation of very many seeds."""
    generator = np.random.default_rng(3)
    true = coefficient(*(values.ravel() for values in drawn(50_000, effect, noise, generator)))
    shares = [within_groups(coefficient, *flat(*drawn(seeds, effect, noise, generator))) for _ in range(simulations)]
    return np.mean([interval.low <= true <= interval.high for interval in shares])


@pytest.mark.slow
def test_the_interval_covers():
    assert 0.87 <= covered(pearson, 5, 1, 0.3, 150) <= 1


@pytest.mark.bench
@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("coefficient", COEFFICIENTS)
@pytest.mark.parametrize(("effect", "noise"), [(0, 0.1), (0, 0.5), (1, 0.3), (1, 1.0)])
def test_the_interval_covers_as_often_as_documented(coefficient, effect, noise, seeds):
    assert 0.905 <= covered(coefficient, seeds, effect, noise, 400) <= 0.985
