"""Importances of a space whose good quarter is known, and of one where nothing matters."""

import numpy as np
import pandas as pd
import pytest

from harness.statistics import importance
from harness.statistics.importance import _Divergences, divergence, draws, importances
from harness.study.trial_sampling import distributions, points
from harness.suite.format.study_block import Study

SPACE = {
    "a": {"low": 1e-5, "high": 1e-2, "log": True},
    "b": {"low": 0.0, "high": 1.0},
    "c": {"low": 1, "high": 8, "whole": True},
    "d": {"choices": ["x", "y", True, 4]},
}
SEED = 0


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few draws are enough for what these tests ask, and a tenth of the time."""
    monkeypatch.setattr(importance, "draws", lambda names, n: 20)


def drawn(trials, sampler="qmc", names=tuple(SPACE)):
    """A study of so many trials, their settings, and the numeric ones as they lie between 0 and 1."""
    space = {name: SPACE[name] for name in names}
    block = Study.model_validate({"space": space, "trials": trials, "sampler": sampler})
    found = points(block, space, 0, trials)
    of = {name: np.array([point[name] for point in found]) for name in ("a", "b") if name in names}
    return block, found, np.log10(of.get("a", 1.0) * 1e5) / 3, of.get("b")


def weighed(block, trials, *values):
    """Importances of objectives with these values at the same trials, by objective and setting."""
    of = {f"o{i}": trials for i in range(len(values))}
    return table(block, of, np.array(values)).set_index(["objective", "setting"])


def table(block, trials, values):
    return pd.DataFrame(importances(distributions(block, block.space), trials, values, np.random.default_rng(SEED)))


def known(weights):
    """Shares of Pearson's divergence of the best quarter of a weighted sum of two even settings: of each marginal
    density p of the quarter, the integral of (p - 1)^2, by counting a fine grid."""
    at = (np.arange(1000) + 0.5) / 1000
    value = weights[0] * at[:, None] + weights[1] * at
    good = value >= np.quantile(value, 0.75)
    found = [((good.mean(1 - axis) / good.mean() - 1) ** 2).mean() for axis in (0, 1)]
    return np.array(found) / sum(found)


@pytest.mark.slow
@pytest.mark.parametrize("weights", [(1, 1), (2, 1), (1, 4)])
def test_additive_settings_weigh_what_the_best_quarter_says(weights):
    block, trials, a, b = drawn(256)
    found = weighed(block, trials, weights[0] * a + weights[1] * b).loc["o0"]
    np.testing.assert_allclose(found.loc[["a", "b"], "importance"], known(weights), atol=0.06)
    assert found["importance"].sum() == pytest.approx(1)
    assert found.loc[["c", "d"], "importance"].max() < 0.02
    assert found["told"].to_dict() == {"a": True, "b": True, "c": False, "d": False}
    assert ((found["low"] <= found["importance"]) & (found["importance"] <= found["high"])).loc[["a", "b"]].all()


@pytest.mark.slow
def test_a_choice_that_decides_everything_weighs_everything():
    block, trials, _, _ = drawn(128)
    found = weighed(block, trials, [float(point["d"] == "y") for point in trials]).loc["o0"]
    assert found["importance"].idxmax() == "d"
    assert found.loc["d", "importance"] > 0.95
    assert found.loc["d", "chance"] < 0.2


@pytest.mark.parametrize("choices", [2, 4, 8])
def test_of_even_choices_one_that_is_good_is_all_but_one_of_them_away(choices):
    """Of c even choices one alone good: (c - 1)^2 / c + (c - 1) / c = c - 1, times the square of the share, 1 / c."""
    chosen = np.repeat(np.arange(choices), 1000)
    found = divergence(chosen, chosen == 1, choices)
    assert found == pytest.approx((choices - 1) / choices**2, rel=0.01)
    even = np.tile([True, False], 500 * choices)
    assert divergence(chosen, even, choices) == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_a_choice_and_a_number_that_decide_as_much_weigh_as_much():
    """A quarter of the trials has the right one of four choices, or is above .75: a divergence of 3 either way."""
    block, trials, a, _ = drawn(256)
    divergences = _Divergences(distributions(block, block.space), {"o": trials})
    by_choice = divergences.of(["d"], np.array([point["d"] == "y" for point in trials]))
    by_number = divergences.of(["a"], a >= np.quantile(a, 0.75))
    np.testing.assert_allclose([by_choice, by_number], 3 / 16, rtol=0.15)


@pytest.mark.slow
def test_where_nothing_matters_few_settings_are_above_chance():
    block, trials, _, _ = drawn(40, "random")
    found = weighed(block, trials, *np.random.default_rng(5).random((5, 40)))
    assert found["told"].mean() < 0.2


@pytest.mark.slow
def test_only_the_order_of_values_counts_and_not_that_of_trials():
    block, trials, a, b = drawn(48, "random")
    values = 2 * a + b
    found = weighed(block, trials, values, np.exp(values))
    columns = ["importance", "chance", "told"]
    assert found.loc["o0", columns].equals(found.loc["o1", columns])
    turn = np.random.default_rng(6).permutation(48)
    turned = weighed(block, [trials[i] for i in turn], values[turn])
    np.testing.assert_allclose(turned.loc["o0", "importance"], found.loc["o0", "importance"])


def test_an_objective_has_the_settings_that_it_draws():
    block, trials, a, b = drawn(24, "random")
    fewer = [{name: point[name] for name in ("d",)} for point in trials]
    found = table(block, {"all": trials, "one": fewer}, np.stack([a, b]))
    assert found["setting"].tolist() == ["a", "b", "c", "d", "d"]
    assert found.groupby("objective")["importance"].sum().tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(("trials", "best"), [(19, 19), (24, 5), (24, 24)])
def test_nothing_is_said_of_few_trials_or_where_most_have_one_value(trials, best):
    block, found, a, _ = drawn(trials, "random", ("a", "b"))
    values = a + 1 if best == 19 else np.where(np.arange(trials) < best, 1.0, 0.0)
    weights = weighed(block, found, values)
    assert weights[["importance", "low", "high", "chance"]].isna().all(axis=None)
    assert not weights["told"].any()


def test_a_choice_that_is_as_frequent_among_the_best_weighs_nothing():
    block, _, _, _ = drawn(32, "random", ("d",))
    trials = [{"d": choice} for choice in SPACE["d"]["choices"]] * 8
    found = weighed(block, trials, np.where(np.arange(32) < 8, 1.0, 0.0)).iloc[0]
    assert (found["importance"], found["told"]) == (0, False)
    assert np.isfinite(found[["low", "high", "chance"]].astype(float)).all()


def test_there_are_as_many_draws_as_two_seconds_allow():
    assert draws({str(i): list("abcd") for i in range(8)}, 60) == 52
    assert draws({"one": ["a"]}, 24) == 200
    assert draws({"one": list("abcd")}, 5000) == 40


@pytest.mark.parametrize("constant", [{"b": 0.3}, {"c": 4}, {"d": "x"}, {"b": 0.3, "d": 4}])
def test_a_setting_that_never_varied_has_the_importance_0(constant):
    block, trials, a, _ = drawn(40)
    rows = weighed(block, [{**point, **constant} for point in trials], a).loc["o0"]
    still = rows.loc[list(constant)]
    assert (still[["importance", "low", "high", "chance"]] == 0).all(axis=None)
    assert not still["told"].any()
    assert rows["importance"].sum() == pytest.approx(1)
    assert rows["importance"].idxmax() == "a"


def test_where_nothing_varied_nothing_is_important():
    block, trials, a, _ = drawn(40)
    rows = weighed(block, [trials[0]] * 40, a).loc["o0"]
    assert (rows["importance"] == 0).all()
