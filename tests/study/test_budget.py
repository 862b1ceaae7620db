"""Numbers of trials against brute force and closed forms."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.study.budget import bounds, expected_best, redrawn, running_best, share_near_best

scores = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=9)


@given(scores)
def test_the_expected_best_is_the_mean_over_all_choices(values):
    by_hand = [np.mean([max(chosen) for chosen in combinations(values, k)]) for k in range(1, len(values) + 1)]
    np.testing.assert_allclose(expected_best(values), by_hand, atol=1e-12)


@given(scores, st.randoms())
def test_the_order_of_trials_changes_nothing(values, shuffler):
    turned = list(values)
    shuffler.shuffle(turned)
    np.testing.assert_array_equal(expected_best(turned), expected_best(values))
    assert share_near_best(turned) == share_near_best(values)


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
    assert share_near_best(values).shape == (3, 2)


def test_the_running_best_never_falls():
    assert running_best([0.1, 0.5, 0.2, 0.7]).tolist() == [0.1, 0.5, 0.5, 0.7]


@pytest.mark.parametrize(("values", "share"), [([0.5] * 4, 1), ([0, 0, 0, 1], 0.25), ([0.85, 0.75, 0.9, 0.2], 0.5)])
def test_the_share_counts_what_is_near_the_best(values, share):
    assert share_near_best(values) == share


def test_a_draw_takes_the_same_trials_of_every_objective():
    values = np.stack([np.arange(6.0), 10 + np.arange(6.0)])
    drawn = redrawn(values, np.random.default_rng(0), draws=50)
    assert drawn.shape == (50, 2, 6)
    np.testing.assert_array_equal(drawn[:, 1] - drawn[:, 0], np.full((50, 6), 10.0))
    low, high = bounds(drawn.mean(-1))
    assert np.all(low < values.mean(-1))
    assert np.all(values.mean(-1) < high)
