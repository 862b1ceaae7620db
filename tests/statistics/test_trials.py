"""Numbers of trials against brute force and closed forms."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.trials import (
    bounds,
    expected_best,
    good,
    near_own_best,
    redrawn_means,
    redraws,
    running_best,
    wilson,
)

scores = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=9)


@given(scores)
def test_the_expected_best_is_the_mean_over_all_choices(values):
    by_hand = [np.mean([max(chosen) for chosen in combinations(values, k)]) for k in range(1, len(values) + 1)]
    np.testing.assert_allclose(expected_best(values), by_hand, atol=1e-12)


@pytest.mark.slow
@given(scores, st.randoms())
def test_the_order_of_trials_changes_nothing(values, shuffler):
    turned = list(values)
    shuffler.shuffle(turned)
    np.testing.assert_array_equal(expected_best(turned), expected_best(values))
    assert near_own_best(turned).sum() == near_own_best(values).sum()


def test_a_known_space_has_the_known_curve():
    """With one number uniform on [0, 1] for a score, the best of k is k / (k + 1) in the mean."""
    n = 1000
    k = np.arange(1, n + 1)
    np.testing.assert_allclose(expected_best(np.arange(1, n + 1) / (n + 1)), k / (k + 1), rtol=1e-9)


def test_it_is_unbiased_where_the_form_with_replacement_is_not():
    draws, n = 4000, 8
    values = np.random.default_rng(0).random((draws, n))
    k = np.arange(1, n + 1)
    estimates = expected_best(values)
    error = estimates.std(0) / np.sqrt(draws)
    assert np.all(np.abs(estimates.mean(0) - k / (k + 1)) < 4 * error)
    cdf = np.arange(n + 1) / n
    biased = np.sort(values) @ (cdf[1:, None] ** k - cdf[:-1, None] ** k)
    assert np.all((k / (k + 1) - biased.mean(0))[1:] > 4 * error[1:])


def test_axes_before_the_trials_are_kept():
    values = np.random.default_rng(1).random((3, 2, 5))
    np.testing.assert_allclose(expected_best(values)[2, 1], expected_best(values[2, 1]))
    np.testing.assert_array_equal(running_best(values)[..., -1], values.max(-1))
    np.testing.assert_array_equal(good(values)[1], good(values[1]))
    np.testing.assert_array_equal(near_own_best(values)[2, 1], near_own_best(values[2, 1]))


def test_the_running_best_never_falls():
    assert running_best([0.1, 0.5, 0.2, 0.7]).tolist() == [0.1, 0.5, 0.5, 0.7]


@pytest.mark.parametrize(
    ("values", "number"), [([0.5] * 4, 4), ([0, 0, 0, 1], 1), ([0.85, 0.75, 0.9, 0.2], 2), ([0.0] * 4, 0)]
)
def test_near_its_own_best_is_what_is_within_a_tenth_of_it(values, number):
    assert near_own_best(values).sum() == number


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ([[0.85, 0.75, 0.9, 0.2], [0.5, 0.81, 0.3, 0.1]], [2, 1]),
        ([[0.3] * 4, [0.1, 0.2, 0.3, 0.95]], [0, 1]),  # flat far below the best of another: none is good
        ([[0.0] * 4, [0.05, 0.0, 0.02, 0.01]], [0, 3]),  # what is lost is not good where nothing else is either
        ([[0.0] * 4, [0.0] * 4], [0, 0]),
    ],
)
def test_one_bar_tells_the_good_trials_of_all_objectives(values, numbers):
    assert good(values).sum(-1).tolist() == numbers


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), min_size=1, max_size=9))
def test_the_bar_stays_when_objectives_change_places_in_some_trials(found):
    """What McNemar's test is exact for: changed values are changed flags, and no other trial's."""
    first, second, turned = np.array(found).T
    values, turned = np.stack([first, second]), turned.astype(bool)
    np.testing.assert_array_equal(
        good(np.where(turned, values[::-1], values)), np.where(turned, good(values)[::-1], good(values))
    )


@pytest.mark.parametrize(("found", "trials"), [(0, 10), (1, 32), (3, 32), (20, 40), (40, 40)])
def test_the_bounds_of_a_share_are_wilsons_by_hand(found, trials):
    share, z = found / trials, 1.959963984540054
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    np.testing.assert_allclose(wilson(found, trials), (middle - half, middle + half), atol=1e-12)


def plateau(generator, shape, share, ground):
    """Values of which a share lies on a plateau at .9, and the others flat below it."""
    return np.where(generator.random(shape) < share, 0.9, ground) + 0.02 * (generator.random(shape) - 0.5)


def test_wilsons_bounds_cover_the_share_above_the_bar_that_was_found():
    """Of a plateau against a peak (scores fall evenly from .91 in a plane, so that few are near the top)."""
    generator, n, covered = np.random.default_rng(0), 32, []
    ends = np.array([wilson(found, n) for found in range(n + 1)])
    for share in (0.05, 0.12, 0.3):
        flat = plateau(generator, (1500, n), share, 0.3)
        peak = 0.91 * (1 - generator.random((1500, n)) ** 0.5)
        values = np.stack([flat, peak], axis=1)
        above = 1 - (values.max((1, 2)) - 0.1) / 0.91  # of the peak, squared
        low, high = np.moveaxis(ends[good(values).sum(-1)], -1, 0)
        true = np.stack([np.full(1500, share), above**2], axis=1)
        covered.append(((low <= true) & (true <= high)).mean(0))
    assert 0.91 < np.min(covered) < np.max(covered) < 0.99


@pytest.mark.parametrize(
    ("draw", "mean", "least"),
    [
        (lambda generator, shape: 0.91 * (1 - generator.random(shape)), 0.455, 0.91),
        (lambda generator, shape: generator.beta(0.3, 0.6, shape), 1 / 3, 0.91),
        (lambda generator, shape: plateau(generator, shape, 0.1, 0.3), 0.36, 0.8),
    ],
)
def test_the_bootstrap_covers_the_mean_less_often_where_few_trials_carry_it(draw, mean, least):
    generator = np.random.default_rng(1)
    values = draw(generator, (300, 32))
    low, high = np.transpose([bounds(redrawn_means(of, redraws(32, generator, 400))) for of in values])
    assert least < ((low <= mean) & (mean <= high)).mean() < 0.98


def test_redrawn_means_are_those_of_the_trials_that_were_taken():
    values = np.random.default_rng(2).random((3, 2, 7))
    taken = redraws(7, np.random.default_rng(0), draws=50)
    assert taken.shape == (50, 7)
    np.testing.assert_allclose(redrawn_means(values, taken), np.moveaxis(values[..., taken].mean(-1), -1, 0))


def test_the_bootstrap_has_the_spread_of_draws_with_replacement():
    which = np.array([0.1] * 30 + [0.9] * 10) >= np.array([[0.05], [0.5], [1.0]])
    shares = redrawn_means(which, redraws(40, np.random.default_rng(0), draws=20_000))
    np.testing.assert_allclose(shares.mean(0), [1, 0.25, 0], atol=0.003)
    np.testing.assert_allclose(shares.std(0), [0, np.sqrt(0.25 * 0.75 / 40), 0], atol=0.002)
    low, high = bounds(shares)
    assert (low < high).tolist() == [False, True, False]


def test_where_all_draws_agree_both_bounds_are_one_number():
    low, high = bounds(redrawn_means(np.full(30, 0.7), redraws(30, np.random.default_rng(0))))
    assert low == high == pytest.approx(0.7)
