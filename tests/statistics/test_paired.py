"""Tests of paired trials against scipy, and against every pattern of signs there is."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.statistics.paired import mcnemar, sign_flips
from harness.statistics.trials import good, near_own_best

flags = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@pytest.mark.slow
@given(flags)
def test_mcnemar_is_a_binomial_test_of_what_only_one_has(pairs):
    a, b = np.array(pairs).T
    only = (a & ~b).sum(), (b & ~a).sum()
    by_scipy = binomtest(int(only[0]), int(sum(only))).pvalue if sum(only) else 1.0
    assert mcnemar(a, b) == pytest.approx(by_scipy)
    assert mcnemar(b, a) == mcnemar(a, b)


@pytest.mark.slow
@given(flags, st.randoms())
def test_the_order_of_trials_does_not_matter_to_mcnemar(pairs, shuffler):
    turned = list(pairs)
    shuffler.shuffle(turned)
    assert mcnemar(*zip(*turned, strict=True)) == mcnemar(*zip(*pairs, strict=True))


def test_random_flips_of_signs_agree_with_all_of_them():
    differences = np.random.default_rng(0).normal(0.4, 1, size=(5, 9))
    signs = np.array(list(product([-1, 1], repeat=9)))
    exact = (np.abs(differences @ signs.T) >= np.abs(differences.sum(-1, keepdims=True)) - 1e-12).mean(-1)
    found = sign_flips(differences, np.random.default_rng(1))
    assert np.all(np.abs(found - exact) < 4 * np.sqrt(exact * (1 - exact) / 10_000) + 1e-3)
    np.testing.assert_array_equal(sign_flips(-3 * differences, np.random.default_rng(1)), found)


def test_equal_trials_are_not_told_apart_and_a_common_gap_is():
    p = sign_flips([np.zeros(12), np.full(12, 0.1)], np.random.default_rng(0))
    assert p[0] == 1
    assert p[1] < 0.01


def test_the_test_of_the_mean_holds_its_level_where_differences_are_skewed():
    differences = np.random.default_rng(2).exponential(size=(1000, 40)) - 1
    assert 0.03 < (sign_flips(differences, np.random.default_rng(3)) <= 0.05).mean() < 0.08


def plateau(generator, share, ground):
    """Values of 600 studies of 32 trials, a share of them on a plateau at .9, the others flat below it."""
    height = np.where(generator.random((600, 32)) < share, 0.9, ground)
    return height + 0.02 * (generator.random((600, 32)) - 0.5)


def peak(generator, dimensions):
    """Values that fall evenly from .91 at the middle of a disc or a ball: (.1 / .91)^dimensions are within .1 of it."""
    return 0.91 * (1 - generator.random((600, 32)) ** (1 / dimensions))


def told_apart(which, *values):
    """Return in what share of studies McNemar's test calls two objectives different at the level of .05."""
    first, second = np.moveaxis(which(np.stack(values, axis=1)), 0, 2)
    return np.mean(mcnemar(first, second) <= 0.05)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_shares_above_one_bar_hold_the_level_where_those_near_own_bests_do_not(dimensions):
    """Of equal shares within .1 of the true best, 11 %, 1.2 % and .13 %: a plateau over flat ground, and a peak. Where
    32 trials miss the plateau, all of them are near the best of their own, and none is good.
    """
    generator = np.random.default_rng(4)
    pair = plateau(generator, (0.1 / 0.91) ** dimensions, 0.3), peak(generator, dimensions)
    assert told_apart(good, *pair) <= 0.05
    assert dimensions == 1 or told_apart(near_own_best, *pair) > 0.6


def test_the_same_law_of_values_holds_the_level_however_rare_the_good_are():
    generator = np.random.default_rng(5)
    for share in (0.01, 0.1, 0.3):
        assert told_apart(good, *(plateau(generator, share, 0.3) for _ in range(2))) <= 0.05


def test_the_bar_is_the_one_that_was_found():
    """Where both may miss a plateau of 1.4 %, what the test compares is how many trials are near the higher ground."""
    generator = np.random.default_rng(6)
    neither = (1 - 0.014) ** 64
    found = told_apart(good, *(plateau(generator, 0.014, ground) for ground in (0.3, 0.5)))
    assert found == pytest.approx(neither, abs=0.06)


def discordant(first_alone, second_alone, both=3, neither=2):
    """Return of which trials each of two holds, so many of each kind."""
    first = [True] * first_alone + [False] * second_alone + [True] * both + [False] * neither
    second = [False] * first_alone + [True] * second_alone + [True] * both + [False] * neither
    return np.array(first), np.array(second)


@pytest.mark.parametrize("n", [1, 2, 5, 12, 60])
def test_the_p_is_that_of_a_fair_coin(n):
    pairs = [discordant(b, n - b) for b in range(n + 1)]
    expected = [binomtest(b, n).pvalue for b in range(n + 1)]
    np.testing.assert_allclose(mcnemar(*np.array(pairs).transpose(1, 2, 0)), expected, rtol=1e-10)


def test_the_p_by_hand():
    """Twice the chance of at most one head in eight throws, of none in five; where both agree a trial says nothing."""
    assert mcnemar(*discordant(0, 0)) == mcnemar(*discordant(3, 3)) == 1
    np.testing.assert_allclose(mcnemar(*discordant(1, 7)), 2 * 9 / 2**8)
    np.testing.assert_allclose(mcnemar(*discordant(5, 0, both=0, neither=40)), 2 / 2**5)
