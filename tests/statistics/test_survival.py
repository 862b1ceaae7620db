"""Shares and counts of paired trials by hand, and what must change nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.trials import bounds, fourfold, reached, redrawn_means, redraws

LEVELS = [0.0, 0.25, 0.5, 1.0]
pairs = st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=1, max_size=20)


def test_shares_by_hand():
    """A lost run's value is 0: it reaches nothing but 0."""
    which = reached([0.0, 0.2, 0.5, 0.9], LEVELS)
    np.testing.assert_array_equal(which.mean(0), [1, 0.5, 0.5, 0])


@pytest.mark.slow
@given(pairs)
def test_shares_fall_from_1_and_are_those_of_the_order(found):
    values = np.array(found).T
    share = reached(values, LEVELS).mean(-2)
    assert (np.diff(share) <= 0).all()
    assert (share[:, 0] == 1).all()
    by_order = [len(row) - np.searchsorted(np.sort(row), LEVELS) for row in values]
    np.testing.assert_allclose(share, np.array(by_order) / len(found))


def test_counts_by_hand():
    first, second = [0.6, 0.1, 0.9, 0.2, 0.3], [0.7, 0.8, 0.4, 0.1, 0.9]
    counts = fourfold(reached(first, [0.5]), reached(second, [0.5]))
    assert counts.ravel().tolist() == [1, 2, 1, 1]  # first alone, second alone, both, neither


@pytest.mark.slow
@given(pairs, st.randoms())
def test_the_order_of_trials_changes_no_count_and_that_of_objectives_turns_them(found, shuffler):
    turned = list(found)
    shuffler.shuffle(turned)
    (first, second), (a, b) = reached(np.array(found).T, LEVELS), reached(np.array(turned).T, LEVELS)
    counts = fourfold(first, second)
    np.testing.assert_array_equal(counts, fourfold(a, b))
    np.testing.assert_array_equal(counts[[1, 0, 2, 3]], fourfold(second, first))
    assert (counts.sum(0) == len(found)).all()
    gap = second.mean(0) - first.mean(0)
    np.testing.assert_allclose((counts[1] - counts[0]) / len(found), gap, atol=1e-12)


def test_a_paired_band_is_narrower_where_objectives_agree_on_what_is_hard():
    rng = np.random.default_rng(1)
    ease = rng.random(60)
    values = np.clip([ease, ease + 0.15 + 0.02 * rng.standard_normal(60)], 0, 1)
    which = reached(values, [0.5])[..., 0]
    paired = redrawn_means(which, redraws(60, rng)).T
    alone = [redrawn_means(row, redraws(60, rng)) for row in which]
    widths = [np.ptp(bounds(shares[1] - shares[0])) for shares in (paired, alone)]
    assert widths[0] < 0.7 * widths[1]
