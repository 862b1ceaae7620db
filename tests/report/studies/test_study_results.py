"""What a report finds in a study: numbers by hand, and each run counted once."""

import numpy as np
import pytest
from report.fake_study import SPACE, Study
from scipy.stats import binomtest

from harness.report.results import Results, confirmed
from harness.report.studies import study_results
from harness.statistics import intervals
from harness.statistics.trials import expected_best

FLAT, PEAKED = [0.8, 0.82, 0.85, 0.9], [0.1, 0.2, 0.3, 0.95]


def test_numbers_are_those_of_the_trials():
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, {"gp": [0.8, 0.9], "clip": [0.5, 0.7]}))
    assert found.ended
    gp, clip = found.objectives.to_dict("records")
    assert [gp["objective"], gp["share"], clip["objective"], clip["share"]] == ["gp", 0.5, "clip", 0.25]
    np.testing.assert_allclose([gp["best"], clip["best"], clip["q3"]], [0.9, 0.95, np.quantile(PEAKED, 0.75)])
    assert (gp["trial"], clip["trial"], gp["seconds"], gp["runs"]) == (3, 3, 2.0, 8)
    interval = intervals.t_interval([0.5, 0.7])
    np.testing.assert_allclose([clip["confirmed"], clip["low"]], [0.6, max(interval.low, 0)])
    assert found.pairs[["number", "first", "second"]].to_numpy().tolist() == [
        ["share", "gp", "clip"], ["mean", "gp", "clip"],
    ]  # fmt: skip
    assert (gp["own_share"], clip["own_share"], gp["distinct"]) == (1.0, 0.25, 4)
    for row in (gp, clip):
        by_scipy = binomtest(round(4 * row["share"]), 4).proportion_ci(method="wilson")
        np.testing.assert_allclose([row["share_low"], row["share_high"]], by_scipy)
    np.testing.assert_allclose(found.pairs["difference"], [0.25, np.mean(FLAT) - np.mean(PEAKED)])
    for name, values in (("gp", FLAT), ("clip", PEAKED)):
        curve = found.curves[found.curves["objective"] == name]
        np.testing.assert_allclose(curve["best"], expected_best(values))
        assert (curve["low"] <= curve["best"] + 1e-9).all()
        assert (curve["high"] >= curve["best"] - 1e-9).all()


def test_a_lost_run_counts_0_in_the_trial_and_in_the_confirmation():
    lost = {"gp-3-100": "diverged", "gp-best-1": "oom"}
    found = study_results.read(Study({"gp": FLAT}, {"gp": [0.8, 0.9]}, statuses=lost, chosen={"gp": 2}))
    [row] = found.objectives.to_dict("records")
    assert found.trials["value"].tolist() == pytest.approx([0.8, 0.82, 0.85, 0.445])
    assert (row["lost"], row["trial"], row["confirmed"]) == (1, 2, 0.4)
    assert (
        found.counts
        == "4 trials in 8 runs (7 ok, 1 diverged); the best of each objective confirmed in 2 runs (1 ok, 1 oom)"
    )


def test_an_objective_of_which_all_is_lost_has_no_good_trial():
    lost = {f"gan-{i}-{seed}": "diverged" for i in range(4) for seed in (100, 101)}
    first, last = study_results.read(Study({"gan": FLAT, "gp": PEAKED}, statuses=lost)).objectives.to_dict("records")
    assert (first["objective"], first["share"]) == ("gp", 0.25)
    assert (last["objective"], last["share"], last["own_share"], last["share_low"], last["mean"]) == ("gan", 0, 0, 0, 0)
    assert last["share_high"] == pytest.approx(binomtest(0, 4).proportion_ci(method="wilson").high)


def test_promised_and_confirmed_are_of_the_trial_that_was_chosen():
    """Trial 3 was trained again, or scored anew, after trial 1 had been chosen."""
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, {"gp": [0.8, 0.9]}, chosen={"gp": 1})).objectives
    gp, clip = found.set_index("objective").loc[["gp", "clip"]].to_dict("records")
    assert [gp["best"], gp["trial"], gp["most"], gp["better"]] == pytest.approx([0.82, 1, 0.9, 3])
    assert [clip["best"], clip["trial"], clip["most"]] == pytest.approx([0.95, 3, 0.95])
    assert np.isnan(clip["better"])


def test_it_is_confirmed_once_the_last_run_on_fresh_seeds_has_ended():
    fresh = {"gp": [0.8, 0.9], "clip": [0.5, 0.7]}
    store = {"all": {}, "failed": {"clip-best-1": "failed"}, "pending": {"clip-best-1": "pending"}}
    read = {
        name: study_results.read(Study({"gp": FLAT, "clip": PEAKED}, fresh, statuses=of)) for name, of in store.items()
    }
    assert {name: found.confirmed for name, found in read.items()} == {"all": True, "failed": True, "pending": False}
    assert not study_results.read(Study({"gp": FLAT, "clip": PEAKED})).confirmed


def test_trials_that_repeat_settings_have_neither_bounds_nor_p():
    points = [{"lr": 1e-3, "norm": SPACE["norm"]["choices"][i % 2]} for i in range(4)]
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, points=points))
    assert found.objectives["distinct"].tolist() == [2, 2]
    bounds = ["share_low", "share_high", "mean_low", "mean_high"]
    assert found.objectives[bounds].isna().all(axis=None)
    assert found.pairs[["low", "high", "p", "p_holm"]].isna().all(axis=None)
    assert not found.pairs["told_apart"].any()
    np.testing.assert_allclose(found.objectives["share"], [0.5, 0.25])


def test_trials_that_learn_from_others_are_no_sample_of_the_space():
    found = study_results.read(Study({"gp": [0.5, 0.9, 0.2, 0.3]}, sampler="tpe"))
    assert "share" not in found.objectives
    assert len(found.pairs) == len(found.weights) == 0
    assert found.curves["best"].tolist() == pytest.approx([0.5, 0.9, 0.9, 0.9])
    assert found.curves["low"].isna().all()


def test_before_all_have_ended_nothing_is_said_of_the_space():
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, statuses={"clip-0-101": "pending"}))
    assert not found.ended
    assert len(found.curves) == len(found.pairs) == len(found.weights) == 0


def test_what_confirms_is_read_as_a_suite_without_sweeps():
    store = Study({"gp": FLAT, "clip": PEAKED}, {"gp": [0.8, 0.9], "clip": [0.5, 0.7]})
    mine = confirmed(Results.of(store))
    assert set(mine.table()["run_id"]) == {"gp-best-0", "gp-best-1", "clip-best-0", "clip-best-1"}
    assert [name for name in mine.table().columns if name.startswith("sweep.")] == []
    assert {str(row.sweep) for row in mine.plan.runs} == {"{}"}
    assert len(mine.scored()) == 4
    unfinished = Results.of(Study({"gp": FLAT}))
    assert confirmed(unfinished) is unfinished


THREE = {
    name: list(np.random.default_rng(place).beta(2 + place, 2, 18)) for place, name in enumerate(("low", "mid", "top"))
}


def test_every_pair_is_tested_in_both_numbers_each_a_family():
    found = study_results.read(Study(THREE))
    values = {name: np.array(of) for name, of in THREE.items()}
    bar = max(of.max() for of in values.values()) - 0.1
    near = {name: of >= bar for name, of in values.items()}
    assert found.pairs.groupby("number").size().to_dict() == {"mean": 3, "share": 3}
    for row in found.pairs.to_dict("records"):
        a, b = row["first"], row["second"]
        if row["number"] == "share":
            only = int((near[a] & ~near[b]).sum()), int((near[b] & ~near[a]).sum())
            assert row["p"] == pytest.approx(binomtest(only[0], sum(only)).pvalue)
            assert row["difference"] == pytest.approx(near[a].mean() - near[b].mean())
        else:
            assert row["difference"] == pytest.approx(values[a].mean() - values[b].mean())
        assert row["difference"] >= 0
        assert row["low"] <= row["difference"] <= row["high"]
    for _, family in found.pairs.groupby("number"):
        p = np.sort(family["p"])
        by_hand = np.minimum(1, np.maximum.accumulate(p * [3, 2, 1]))
        np.testing.assert_allclose(np.sort(family["p_holm"]), by_hand)
        assert family["told_apart"].tolist() == (family["p_holm"] <= 0.05).tolist()


def test_neither_the_order_of_trials_nor_that_of_objectives_changes_a_number():
    turn = np.random.default_rng(9).permutation(18)
    turned = {name: [THREE[name][i] for i in turn] for name in ("top", "low", "mid")}
    found, again = (
        {frozenset((row["first"], row["second"])): (row["difference"], row["p"], row["p_holm"]) for row in rows}
        for rows in (study_results.read(Study(values)).pairs[:3].to_dict("records") for values in (THREE, turned))
    )
    assert again == {pair: pytest.approx(numbers) for pair, numbers in found.items()}


def test_the_objectives_stand_in_the_order_of_their_shares():
    found = study_results.read(Study({"flat": [0.31, 0.35, 0.4], "high": [0.6, 0.75, 0.99], "both": [0.3, 0.95, 0.9]}))
    assert list(found.objectives["objective"]) == ["both", "high", "flat"]
    assert found.objectives["own_share"].tolist() == pytest.approx([2 / 3, 1 / 3, 1])


@pytest.mark.slow
def test_importances_are_those_of_the_settings_that_were_drawn():
    rates = np.geomspace(1e-4, 1e-2, 24)
    points = [{"lr": float(rate), "norm": "none" if i % 2 else "layer"} for i, rate in enumerate(rates)]
    found = study_results.read(Study({"gp": list(np.linspace(0.1, 0.9, 24))}, points=points)).weights
    assert found["setting"].tolist() == ["lr", "norm"]
    assert found["importance"].sum() == pytest.approx(1)
    assert found["told"].tolist() == [True, False]
