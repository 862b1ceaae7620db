"""Classes among images, from scores that are known."""

import numpy as np
import pytest

from harness.metrics.classes import class_kl, counts, modes, modes_possible, shares
from harness.metrics.coverage import reverse_kl

EVEN = np.full(10, 0.1)


def sure_of(labels, classes=10, by=20.0):
    return by * np.eye(classes)[labels]


def test_shares_are_of_the_largest_score():
    assert counts(sure_of([0, 0, 3, 9])).tolist() == [2, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert shares(sure_of([0, 0, 3, 9])).tolist() == [0.5, 0, 0, 0.25, 0, 0, 0, 0, 0, 0.25]


def test_kl_of_known_shares():
    assert class_kl(sure_of(np.arange(100) % 10), EVEN) == pytest.approx(0)
    assert class_kl(sure_of([4] * 50), EVEN) == pytest.approx(np.log(10))
    assert class_kl(sure_of([0, 1]), np.array([0.8, 0.2] + [0] * 8)) == pytest.approx(0.5 * np.log(0.5**2 / 0.16))


def test_the_plug_in_floor_of_kl_is_its_bias():
    drawn = [class_kl(sure_of(np.random.default_rng(k).integers(10, size=540)), EVEN) for k in range(400)]
    assert np.mean(drawn) == pytest.approx(9 / (2 * 540), rel=0.1)


def test_a_mode_is_a_class_that_is_sure_and_not_rare():
    assert modes(sure_of(np.arange(1000) % 10)) == 10
    assert modes(sure_of([7] * 100)) == 1
    assert modes(sure_of(np.arange(1000) % 10, by=1.0)) == 0  # never above .9
    assert modes(sure_of([0] * 990 + [1] * 10)) == 2
    assert modes(sure_of([0] * 991 + [1] * 9)) == 1  # under 1 %
    assert modes(np.zeros((100, 10))) == 0


def test_of_a_thousand_classes_one_picture_finds_one():
    assert modes(sure_of([5, 5, 999], classes=1000, by=0.1)) == 2


def test_reverse_kl_of_a_thousand_classes_is_known_of_three_samplers():
    """An even one is at its floor, close to 999 / 2n; one of ten classes at log 100, a constant at log 1,000."""
    n, draw = 26_000, np.random.default_rng(0)
    drawn = {"even": draw.integers(1000, size=n), "ten": np.arange(n) % 10 * 111, "constant": np.full(n, 407)}
    kl = {name: reverse_kl(np.bincount(labels, minlength=1000)) for name, labels in drawn.items()}
    assert kl["even"][1] == pytest.approx(999 / (2 * n), rel=0.01)
    assert kl["even"][0] == pytest.approx(kl["even"][1], rel=0.1)
    assert kl["ten"][0] == pytest.approx(np.log(100))
    assert kl["constant"][0] == pytest.approx(np.log(1000))


@pytest.mark.parametrize(("classes", "n"), [(10, 5), (10, 500), (200, 300)])
def test_modes_possible_is_the_mean_of_modes_of_real_ones(classes, n):
    shares_of = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()
    rng = np.random.default_rng(0)
    drawn = [modes(sure_of(rng.choice(classes, n, p=shares_of), classes)) for _ in range(200)]
    assert modes_possible(shares_of, n) == pytest.approx(np.mean(drawn), rel=0.02)
