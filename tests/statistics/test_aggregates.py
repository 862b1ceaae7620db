"""Aggregates by hand and by definition; what must not matter; how fast a bootstrap is."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from harness.errors import HarnessError
from harness.statistics import aggregates
from harness.statistics.aggregates import arranged, improvement, iqm, iqms, means, picks, profiles

# Multiples of 1/64: sums and the affine maps below are exact.
SCORES = arrays(np.float64, (3, 4, 2), elements=st.integers(0, 64).map(lambda n: n / 64))


def drawn(scores, seed=0, draws=200):
    """Return scores in their own order, and the seeds of each draw."""
    x = arranged(scores)
    return x, picks(x.shape, np.random.default_rng(seed), draws)


def all_of(scores):
    """Return every estimate of scores with bounds, in one array."""
    x, picked = drawn(scores)
    found = [means(x, picked), iqms(x, picked), improvement(x, picked, 0, 1), profiles(x, picked)]
    return [np.stack([one.value, one.low, one.high]) for one in found]


def every_draw(statistic, scores):
    """Return a statistic of scores [tasks, seeds] in every bootstrap draw there is."""
    tasks, seeds = scores.shape[:2]
    rows = list(itertools.product(range(seeds), repeat=seeds))
    return [
        statistic(np.stack([scores[t, list(row)] for t, row in enumerate(chosen)]))
        for chosen in itertools.product(rows, repeat=tasks)
    ]


# The numbers


def test_the_interquartile_mean_by_hand():
    # Of twelve runs three go at either end; what is left is 4 to 9.
    assert iqm(np.arange(1.0, 13.0).reshape(3, 4)) == 6.5
    assert iqm(np.array([[0.0, 1.0, 2.0, 3.0, 100.0]])) == 2.0  # a quarter of five, rounded down, is one
    assert iqm([[7.0]]) == 7.0


@given(arrays(np.float64, (3, 5), elements=st.floats(-10, 10)))
def test_the_interquartile_mean_is_rliables(scores):
    assert iqm(scores) == pytest.approx(stats.trim_mean(scores, 0.25, axis=None), abs=1e-12)


def test_the_chance_to_be_better_by_hand():
    # Task 0: of four pairs of runs three are won and one is tied. Task 1: one is won, one tied.
    scores = np.array([[[0.9, 0.5], [0.5, 0.4]], [[0.1, 0.1], [0.2, 0.3]]])
    x, picked = drawn(scores)
    assert improvement(x, picked, 0, 1).value == (3.5 / 4 + 1.5 / 4) / 2
    assert improvement(x, picked, 1, 0).value == 1 - (3.5 / 4 + 1.5 / 4) / 2


@settings(max_examples=20, deadline=None)
@given(SCORES)
def test_the_chance_to_be_better_is_mann_whitneys_u(scores):
    x, picked = drawn(scores)
    by_task = [stats.mannwhitneyu(task[:, 0], task[:, 1]).statistic / 16 for task in x]
    assert improvement(x, picked, 0, 1).value == pytest.approx(np.mean(by_task))


def test_a_profile_is_the_share_of_runs_above_each_threshold():
    x, picked = drawn([[[0.0], [0.2]], [[0.6], [1.0]]])
    found = profiles(x, picked, np.array([0.0, 0.2, 0.5, 1.0])).value
    np.testing.assert_array_equal(found, [[0.75, 0.5, 0.5, 0.0]])
    area = profiles(x, picked).value.mean()
    assert area == pytest.approx(means(x, picked).value[0], abs=0.01)  # a mean is the area under its profile


def test_draws_are_those_of_seeds_within_tasks():
    scores = np.array([[[0.1, 0.3], [0.5, 0.2]], [[0.9, 0.3], [0.8, 0.7]]])
    x, picked = drawn(scores, draws=40_000)
    wins = lambda s: np.mean([(t[:, None, 0] > t[None, :, 1]).mean() for t in s])  # noqa: E731
    exact = {"mean": lambda s: s[..., 0].mean(), "iqm": lambda s: iqm(s[..., 0]), "wins": wins}
    found = {"mean": means(x, picked), "iqm": iqms(x, picked), "wins": improvement(x, picked, 0, 1)}
    for name, statistic in exact.items():
        values = every_draw(statistic, x)
        low, high = (np.ravel(bound)[0] for bound in (found[name].low, found[name].high))
        assert low == pytest.approx(np.quantile(values, 0.025, method="inverted_cdf"), abs=1e-9), name
        assert high == pytest.approx(np.quantile(values, 0.975, method="inverted_cdf"), abs=1e-9), name


def test_one_seed_gives_no_bounds():
    x, picked = drawn([[[0.2, 0.4]], [[0.6, 0.1]]])
    for one in (means(x, picked), iqms(x, picked), improvement(x, picked, 0, 1), profiles(x, picked)):
        assert np.isfinite(one.value).all()
        assert np.isnan(one.low).all()
        assert np.isnan(one.high).all()


# What must not matter


@settings(max_examples=15, deadline=None)
@given(SCORES, st.randoms())
def test_the_order_of_tasks_and_of_seeds_does_not_matter(scores, random):
    tasks = random.sample(range(3), 3)
    turned = np.stack([scores[task][random.sample(range(4), 4)] for task in tasks])
    for a, b in zip(all_of(scores), all_of(turned), strict=True):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=15, deadline=None)
@given(SCORES)
def test_affine_maps_commute(scores):
    before, after = all_of(scores), all_of(scores * 4 - 2)
    for place in (0, 1):
        np.testing.assert_allclose(after[place], before[place] * 4 - 2, atol=1e-12)
    np.testing.assert_array_equal(after[2], before[2])


def test_runs_of_one_seed_stay_together():
    draw = np.random.default_rng(0)
    luck = draw.normal(size=(3, 6, 1))
    x, picked = drawn(0.5 + 0.1 * luck + np.array([0.0, 0.01]))  # always .01 apart, seed by seed
    by_draw = np.take_along_axis(x[None], picked[..., None], axis=2).mean((1, 2))
    np.testing.assert_allclose(by_draw[:, 1] - by_draw[:, 0], 0.01, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_refused_by_its_place(value):
    scores = np.zeros((3, 4, 2))
    scores[1, 2, 0] = value
    with pytest.raises(HarnessError, match="task 1, seed 2, objective 0"):
        arranged(scores)


@pytest.mark.parametrize("shape", [(3, 4), (0, 4, 2), (3, 0, 2)])
def test_what_is_no_table_of_scores_is_refused(shape):
    with pytest.raises(HarnessError, match="aggregates need scores"):
        arranged(np.zeros(shape))


def test_two_thousand_draws_of_a_10_x_60_table_take_under_a_fifth_of_a_second():
    scores = np.random.default_rng(0).random((60, 10, 1))
    took = []
    for _ in range(5):
        began = time.process_time()
        x, picked = drawn(scores, draws=aggregates.DRAWS)
        iqms(x, picked)
        means(x, picked)
        took.append(time.process_time() - began)
    print(f"2,000 draws, 10 seeds x 60 tasks, interquartile mean and mean: {min(took):.3f} s")
    assert min(took) < 0.2
