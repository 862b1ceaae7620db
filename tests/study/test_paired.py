"""Tests of paired trials against scipy's, and by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest

from harness.study.paired import mcnemar


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
