"""What a report says of a study: numbers by hand, the right sentence, and each run counted once."""

import numpy as np
import pytest
from report.fake_study import Study

from harness.report import figures, stats, studied
from harness.report.confirmed import confirmed
from harness.study.budget import expected_best
from harness.wording import NOTHING

FLAT, PEAKED = [0.8, 0.82, 0.85, 0.9], [0.1, 0.2, 0.3, 0.95]


def test_numbers_are_those_of_the_trials():
    found = studied.read(Study({"gp": FLAT, "clip": PEAKED}, {"gp": [0.8, 0.9], "clip": [0.5, 0.7]}))
    assert found.ended
    gp, clip = found.objectives.to_dict("records")
    assert [gp["objective"], gp["share"], clip["objective"], clip["share"]] == ["gp", 1.0, "clip", 0.25]
    np.testing.assert_allclose([gp["best"], clip["best"], clip["q3"]], [0.9, 0.95, np.quantile(PEAKED, 0.75)])
    assert (gp["trial"], clip["trial"], gp["seconds"], gp["runs"]) == (3, 3, 2.0, 8)
    interval = stats.t_interval([0.5, 0.7])
    np.testing.assert_allclose([clip["confirmed"], clip["low"]], [0.6, max(interval.low, 0)])
    assert found.contrasts["share"][:2] == found.contrasts["mean"][:2] == ("gp", "clip")
    np.testing.assert_allclose(found.contrasts["share"].gap.mean, 0.75)
    np.testing.assert_allclose(found.contrasts["mean"].gap.mean, np.mean(FLAT) - np.mean(PEAKED))
    for name, values in (("gp", FLAT), ("clip", PEAKED)):
        curve = found.curves[found.curves["objective"] == name]
        np.testing.assert_allclose(curve["best"], expected_best(values))
        assert (curve["low"] <= curve["best"] + 1e-9).all()
        assert (curve["high"] >= curve["best"] - 1e-9).all()


def test_the_sentence_names_who_is_more_sensitive_only_where_that_is_told_apart():
    told = studied.sentence(studied.read(Study({"gp": FLAT * 6, "clip": PEAKED * 6})))
    assert told.startswith("100 % [100, 100] of the trials of gp come within 0.1 of its best score, 0.90, and 25 % [")
    assert ": clip is more sensitive, by 75 points [" in told
    assert (
        "an interval that excludes 0 (24 trials of each, drawn at random). A setting drawn at random scores 0.84 "
        in told
    )
    assert told.endswith(" less, an interval that excludes 0.")
    same = studied.sentence(studied.read(Study({"gp": PEAKED, "clip": PEAKED})))
    assert ": a difference of 0 points [0, 0], an interval that contains 0: no difference found" in same
    assert same.endswith("an interval that contains 0: no difference found.")
    one = studied.sentence(studied.read(Study({"gp": PEAKED})))
    assert one.endswith("of the trials of gp come within 0.1 of its best score, 0.95 (4 trials, drawn at random).")


def test_a_lost_run_counts_0_in_the_trial_and_in_the_confirmation():
    lost = {"gp-3-100": "diverged", "gp-best-1": "oom"}
    found = studied.read(Study({"gp": FLAT}, {"gp": [0.8, 0.9]}, statuses=lost))
    [row] = found.objectives.to_dict("records")
    assert found.trials["value"].tolist() == pytest.approx([0.8, 0.82, 0.85, 0.445])
    assert (row["lost"], row["trial"], row["confirmed"]) == (1, 2, 0.4)
    assert (
        found.counts
        == "4 trials in 8 runs (7 ok, 1 diverged); the best of each objective confirmed in 2 runs (1 ok, 1 oom)"
    )


def test_trials_that_learn_from_others_are_no_sample_of_the_space():
    found = studied.read(Study({"gp": [0.5, 0.9, 0.2, 0.3]}, sampler="tpe"))
    assert "share" not in found.objectives
    assert found.contrasts == {}
    assert found.curves["best"].tolist() == pytest.approx([0.5, 0.9, 0.9, 0.9])
    assert found.curves["low"].isna().all()
    assert "drawn by TPE" in studied.sentence(found)


def test_before_all_have_ended_nothing_is_said_of_the_space():
    found = studied.read(Study({"gp": FLAT, "clip": PEAKED}, statuses={"clip-0-101": "pending"}))
    assert not found.ended
    assert len(found.curves) == 0
    assert studied.sentence(found) == "7 of 8 trials have ended; the same command goes on from there."
    [_, row] = studied.shown(found)["rows"]
    assert (row["confirmed"], row["middle"]) == (NOTHING, NOTHING)


def test_what_confirms_is_read_as_a_suite_without_sweeps():
    store = Study({"gp": FLAT, "clip": PEAKED}, {"gp": [0.8, 0.9], "clip": [0.5, 0.7]})
    mine = confirmed(store)
    assert set(mine.table()["run_id"]) == {"gp-best-0", "gp-best-1", "clip-best-0", "clip-best-1"}
    assert [name for name in mine.table().columns if name.startswith("sweep.")] == []
    assert {str(row["sweep"]) for row in mine.plan["runs"]} == {"{}"}
    assert len(mine.scored()) == 4
    unfinished = Study({"gp": FLAT})
    assert confirmed(unfinished) is unfinished


def test_the_curves_are_drawn_with_their_bands():
    found = studied.read(Study({"gp": FLAT, "clip": PEAKED}))
    figure, _, said = studied._panel(found, figures.styles(["gp", "clip"]), found.curves)
    [ax] = figure.axes
    assert [list(line.get_xdata()) for line in ax.lines] == [[1, 2, 3, 4]] * 2
    assert len(ax.collections) == 2
    assert "Expected best score" in said


def test_the_objectives_that_are_set_against_each_other_are_the_ends_of_each_number():
    found = studied.read(Study({"high": [0.6, 0.75, 0.99], "flat": [0.3, 0.35, 0.4], "mid": [0.3, 0.5, 0.55]}))
    assert found.contrasts["share"][:2] == ("flat", "high")
    assert found.contrasts["mean"][:2] == ("high", "flat")
    assert list(found.objectives["objective"]) == ["flat", "mid", "high"]
