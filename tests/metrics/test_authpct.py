"""AuthPct: 0 of copies, linear in their share, and what fresh draws of the data's law reach."""

import numpy as np
import pytest

from harness.metrics import neighbours
from harness.metrics.neighbours import authpct, nearest_other


def draws(n, seed):
    return np.random.default_rng(seed).normal(size=(n, 3))


@pytest.mark.parametrize("rows", [7, 1024])
def test_the_nearest_other_is_that_of_all_pairs(monkeypatch, rows):
    monkeypatch.setattr(neighbours, "ROWS", rows)
    x = draws(30, 0)
    expected = [min(np.linalg.norm(a - b) for j, b in enumerate(x) if j != i) for i, a in enumerate(x)]
    assert nearest_other(x) == pytest.approx(np.array(expected))
    assert nearest_other(x[:1]) == np.inf


@pytest.mark.parametrize("rows", [7, 1024])
def test_it_is_the_share_by_the_definition(monkeypatch, rows):
    monkeypatch.setattr(neighbours, "ROWS", rows)
    train, generated = draws(40, 0), draws(30, 1)
    authentic = 0
    for sample in generated:
        i = min(range(40), key=lambda j: np.linalg.norm(sample - train[j]))
        own = min(np.linalg.norm(train[i] - train[j]) for j in range(40) if j != i)
        authentic += np.linalg.norm(sample - train[i]) > own
    assert authpct(generated, train, nearest_other(train)) == pytest.approx(100 * authentic / 30)


def test_copies_have_0_and_a_place_far_away_100():
    train = draws(50, 0)
    apart = nearest_other(train)
    assert authpct(train, train, apart) == 0
    assert authpct(train + 1e-9, train, apart) == 0
    assert authpct(train + 100, train, apart) == 100
    assert np.isnan(authpct(train, train[:1], apart[:1]))


def test_it_falls_with_the_share_that_was_learned_by_heart():
    """What it is for: of a mixture it is the mean of both parts' values."""
    train, fresh = draws(400, 0), draws(400, 1)
    apart = nearest_other(train)
    whole = authpct(fresh, train, apart)
    assert (
        40 < whole < 70
    )  # of fresh draws of the same law a training point is as near as to another about half of the time
    for share in (0.25, 0.5, 0.75):
        k = int(share * 400)
        mixed = np.concatenate([train[:k], fresh[k:]])
        expected = (1 - share) * authpct(fresh[k:], train, apart)
        assert authpct(mixed, train, apart) == pytest.approx(expected)
