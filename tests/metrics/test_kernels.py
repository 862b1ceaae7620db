"""CMMD and the Vendi score: closed forms, the sums written out, and the defects that they are for."""

import math

import numpy as np
import pytest

from harness.metrics import kernels
from harness.metrics.kernels import cmmd, vendi


def draws(n, d=5, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) + np.eye(d)[0] * (2 + shift)).astype(np.float32)


def unit(x):
    return x / np.sqrt((x.astype(float) ** 2).sum(1))[:, None]


def test_cmmd_is_the_mean_over_all_pairs(monkeypatch):
    monkeypatch.setattr(kernels, "ROWS", 3)
    x, y = draws(7), draws(5, seed=1)

    def mean(a, b):
        total = 0.0
        for p in unit(a):
            for q in unit(b):
                total += math.exp(-((p - q) ** 2).sum() / 200)
        return total / (len(a) * len(b))

    assert cmmd(x, y) == pytest.approx(1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y)), rel=1e-9)
    assert cmmd(x, y) == pytest.approx(cmmd(y, x), rel=1e-9)


def test_cmmd_of_equal_samples_is_0_whatever_their_order_and_lengths():
    x = draws(50)
    assert cmmd(x, x[::-1]) == pytest.approx(0, abs=1e-9)
    assert cmmd(x, 3 * x) == pytest.approx(0, abs=1e-6)


def test_cmmd_of_two_points_is_the_closed_form():
    x, y = np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])  # sqrt 2 apart on the circle
    assert cmmd(x, y) == pytest.approx(1000 * (2 - 2 * math.exp(-0.01)))


def test_cmmd_grows_with_a_distortion_and_is_small_between_samples_of_one_law():
    """What it is for: images that get worse step by step (Jayasumana et al. 2024, section 5)."""
    real = draws(400, seed=1)
    values = [cmmd(draws(400, seed=2, shift=shift), real) for shift in (0.0, 1.0, 2.0, 4.0)]
    assert values == sorted(values)
    assert values[1] > 3 * values[0]


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_vendi_score_of_k_orthogonal_groups_is_k(k):
    x = np.eye(8)[np.arange(40) % k] * 3.0
    assert vendi(x) == pytest.approx(k)
    assert vendi(x[:, ::-1]) == pytest.approx(k)


def test_the_vendi_score_of_uneven_groups_is_exp_of_the_entropy_of_their_shares():
    x = np.eye(4)[[0] * 6 + [1] * 3 + [2]]
    shares = np.array([0.6, 0.3, 0.1])
    assert vendi(x) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_the_vendi_score_is_the_same_by_either_matrix():
    x = draws(30)
    similar = unit(x) @ unit(x).T
    values = np.linalg.eigvalsh(similar / 30)
    values = values[values > 1e-12]
    assert vendi(x) == pytest.approx(np.exp(-(values * np.log(values)).sum()))
    wide = x[:4]
    values = np.linalg.eigvalsh(unit(wide).T @ unit(wide) / 4)
    values = values[values > 1e-12]
    assert vendi(wide) == pytest.approx(np.exp(-(values * np.log(values)).sum()))
    assert vendi(np.zeros((5, 3))) == 1.0


def test_the_vendi_score_falls_as_modes_are_lost():
    """What it is for: a generator that draws fewer kinds of images, each as well as before."""
    rng = np.random.default_rng(0)
    x = np.repeat(np.eye(6), 50, 0) + 0.1 * rng.normal(size=(300, 6))
    values = [vendi(x[: 50 * k]) for k in range(6, 0, -1)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 5
    assert values[-1] < 1.5
