"""Power against the noncentral t of scipy.stats, published tables and simulated tests; the bounds of p by counting."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.commands.plan import refuse_effect
from harness.errors import HarnessError
from harness.statistics.power import (
    LEVEL,
    pairs_needed,
    power,
    seeds_for,
    smallest_effect,
    smallest_p,
    tasks_needed,
    within_reach,
)
from harness.text import significance


@pytest.mark.parametrize("n", [2, 3, 5, 20, 200])
@pytest.mark.parametrize("effect", [0.1, 0.5, 2.0])
def test_power_is_the_tail_of_the_noncentral_t(n, effect):
    critical = stats.t.isf(LEVEL / 2, n - 1)
    assert power(effect, n) == pytest.approx(stats.nct.sf(critical, n - 1, effect * math.sqrt(n)), abs=1e-9)


def test_power_is_the_share_of_simulated_tests_that_find_the_effect():
    draws = np.random.default_rng(0).normal(1.2, 1.0, (20_000, 8))
    found = stats.ttest_1samp(draws, 0, axis=1)
    assert np.mean((found.pvalue < LEVEL) & (found.statistic > 0)) == pytest.approx(power(1.2, 8), abs=0.01)


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15)])  # Cohen's small, medium, large
def test_the_pairs_needed_are_those_of_published_tables(effect, n):
    assert pairs_needed(effect) == n


@pytest.mark.parametrize("level", [LEVEL, LEVEL / 21])
@pytest.mark.parametrize("n", [2, 3, 5, 13, 100])
def test_the_smallest_effect_has_80_percent_power_and_needs_these_very_pairs(n, level):
    effect = smallest_effect(n, level)
    assert power(effect, n, level) == pytest.approx(0.8, abs=1e-6)
    assert pairs_needed(1.001 * effect, level) == n
    assert pairs_needed(0.999 * effect, level) > n


def test_one_pair_shows_nothing():
    assert smallest_effect(1) == math.inf


def test_what_was_not_found_is_said_with_what_would_have_been():
    text = significance(False, 5, "seed", smallest_effect(5))
    assert text == "not significant (n = 5 seeds; minimum detectable effect d = 1.68 at 80 % power)"
    assert significance(True, 5, "seed", 1.0) == "significant"


def test_seeds_are_counted_alone_and_after_correction():
    found = seeds_for(0.8, pairs=10, seeds=5)
    assert (found.seeds_needed_alone, found.smallest_effect_alone) == (15, smallest_effect(5))
    assert found.seeds_needed_corrected == pairs_needed(0.8, LEVEL / 10) > 15
    assert found.smallest_effect_corrected == smallest_effect(5, LEVEL / 10)
    assert seeds_for(0.8, pairs=1, seeds=5).seeds_needed_corrected == 15
    bare = seeds_for(0.8, pairs=0, seeds=1)
    assert bare.seeds_needed_corrected is bare.smallest_effect_alone is None


@pytest.mark.parametrize("effect", [0.0, -0.8, 0.001, 11.0, math.nan, math.inf])
def test_what_is_no_effect_is_refused_in_a_sentence(effect):
    with pytest.raises(HarnessError, match=r"^--power: \S+ is no effect to plan for: give Cohen's d .*\.$"):
        refuse_effect(effect)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 12])
def test_the_smallest_p_is_scipys_for_a_winner_of_every_pair(n):
    differences = [float(i + 1) for i in range(n)]
    assert smallest_p(n) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_tasks_needed_are_those_of_the_critical_difference_rule():
    assert (tasks_needed(1), tasks_needed(3), tasks_needed(6)) == (6, 7, 8)
    for pairs in range(1, 30):
        assert pairs * smallest_p(tasks_needed(pairs)) <= LEVEL < pairs * smallest_p(tasks_needed(pairs) - 1)
        assert [within_reach(pairs, tasks_needed(pairs) - few) for few in (0, 1)] == [True, False]
