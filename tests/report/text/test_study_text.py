"""What a report says of a study: a sentence that follows the tests, and tables that agree with it."""

from dataclasses import replace

import numpy as np
import pytest
from report.fake_study import SPACE, Study

from harness.report.analysis import study_results
from harness.report.text import study_text
from harness.text import NOTHING

FLAT, PEAKED = [0.8, 0.82, 0.85, 0.9], [0.1, 0.2, 0.3, 0.95]


def said(store):
    return study_text.sentence(study_results.read(store))


def test_the_sentence_names_with_whom_good_settings_are_rarer_only_where_that_is_told_apart():
    told = said(Study({"gp": FLAT * 4, "clip": PEAKED[:3] * 5 + [0.95]}))
    assert told.startswith(
        "Within 0.1 of the best score that any objective reached, 0.95, come 50 % [28, 72] of the trials of gp and 6 % "
        "[1, 28] of those of clip: good settings are rarer with clip, by 44 points ["
    )
    assert "] (p = 0.016; 16 trials of each, drawn at random). A setting drawn at random scores 0.84 " in told
    assert told.endswith("] less (p = 2.0e-4).")
    same = said(Study({"gp": PEAKED, "clip": PEAKED}))
    assert ": a difference of 0 points, no difference found (p = 1.00; 4 trials of each" in same
    assert same.endswith("0.39 with clip, 0 less, no difference found (p = 1.00).")
    assert "sensitive" not in told + same


def test_one_objective_has_its_share_and_its_mean():
    one = said(Study({"gp": PEAKED}))
    assert one.startswith(
        "Within 0.1 of its best score, 0.95, come 25 % [5, 70] of the trials of gp (4 trials, drawn at random). "
        "A setting drawn at random scores 0.39 ["
    )


def test_an_objective_that_failed_everywhere_does_not_come_first():
    lost = {f"gan-{i}-{seed}": "diverged" for i in range(12) for seed in (100, 101)}
    text = said(Study({"gan": FLAT * 3, "gp": FLAT * 3}, statuses=lost))
    assert "come 100 % [76, 100] of the trials of gp and 0 % [0, 24] of those of gan: good settings are rarer " in text
    assert "by 100 points (p = 4.9e-4; 12 trials" in text
    everything = {f"{name}-{i}-{seed}": "oom" for name in ("gan", "gp") for i in range(4) for seed in (100, 101)}
    nothing = said(Study({"gan": FLAT, "gp": FLAT}, statuses=everything))
    assert nothing == "No trial has a score above 0 (4 trials of each, drawn at random)."


def test_an_interval_that_excludes_0_is_no_verdict():
    """Four of four against one of four: the bootstrap is sure, and three discordant trials cannot be."""
    found = study_results.read(Study({"gp": [0.88, 0.86, 0.87, 0.9], "clip": [0.95, 0.2, 0.3, 0.1]}))
    share = found.pairs.iloc[0]
    assert (share["p"], share["told_apart"]) == (0.25, False)
    assert share["low"] > 0
    assert ", no difference found (p = 0.25; 4 trials" in study_text.sentence(found)


def test_of_several_objectives_the_ends_of_each_number_are_named_with_the_correction():
    values = {"high": [0.6, 0.92, 0.99] * 6, "flat": [0.31, 0.35, 0.4] * 6, "mid": [0.3, 0.5, 0.95] * 6}
    text = said(Study(values))
    assert "0.99, come 67 % [44, 84] of the trials of high and 0 % [0, 18] of those of flat" in text
    assert ": good settings are rarer with flat, by 67 points [" in text
    assert text.count(" after Holm's correction for 3 pairs") == 2
    tied = said(Study(values | {"low": [0.1, 0.2, 0.3] * 6}))
    assert "and 0 % [0, 18] of those of low (as of flat): good settings are rarer with low, by 67 points [" in tied
    assert "scores 0.84 with high and 0.35 with flat" in text
    shown = study_text.shown(study_results.read(Study(values)))
    assert shown["pairs"] == "3 pairs"
    assert [title for title, _ in shown["families"]] == ["good share (primary)", "mean value (exploratory)"]
    [share, mean] = [rows for _, rows in shown["families"]]
    assert {row["pair"]: row["verdict"] for row in share}["high over flat"] == "high higher"
    assert mean[0]["pair"] == "high over mid"
    assert {row["objective"]: row["own"] for row in shown["rows"]} == {"high": "67 %", "mid": "33 %", "flat": "100 %"}


def test_where_another_count_is_primary_the_share_is_exploratory():
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}))
    assert study_text.sentence(found, primary=False).startswith("Exploratory: within 0.1 of the best score that any")
    titles = [title for title, _ in study_text.shown(found, primary=False)["families"]]
    assert titles == ["good share (exploratory)", "mean value (exploratory)"]


def test_trials_that_repeat_settings_are_counted_and_not_tested():
    points = [{"lr": 1e-3, "norm": SPACE["norm"]["choices"][i % 2]} for i in range(4)]
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, points=points))
    text, shown = study_text.sentence(found), study_text.shown(found)
    assert (
        "come 50 % of the trials of gp and 25 % of those of clip: a difference of 25 points (4 trials of each, " in text
    )
    assert ", drawn at random, some of them the same). A setting drawn at random scores 0.84 with gp and 0.39 " in text
    assert text.endswith("with clip, 0.455 less.")
    assert "p = " not in text
    assert shown["notes"][0].startswith("The 4 trials of gp are 2 distinct settings: bounds and p would count them")
    assert {row["verdict"] for _, rows in shown["families"] for row in rows} == {"not tested"}


def test_a_trial_that_is_better_by_now_than_the_chosen_is_named():
    fresh = {"gp": [0.8, 0.9], "clip": [0.5, 0.7]}
    shown = study_text.shown(study_results.read(Study({"gp": FLAT, "clip": PEAKED}, fresh, chosen={"gp": 1})))
    assert shown["notes"] == [
        "Trial 3 of gp is the best by now, with 0.90; promised and confirmed are of trial 1, which was chosen. The "
        "same command chooses anew."
    ]
    assert [row["best"] for row in shown["rows"]] == ["0.82", "0.95"]


@pytest.mark.parametrize(("values", "each"), [({"gp": FLAT, "clip": PEAKED}, " of each"), ({"gp": FLAT}, "")])
def test_what_was_trained_on_fresh_seeds_is_said_once_it_was(values, each):
    fresh = {name: [0.5, 0.7] for name in values}
    read = [
        study_results.read(Study(values, fresh)),
        study_results.read(Study(values, fresh, statuses={"gp-best-1": "pending"})),
        study_results.read(Study(values)),
        study_results.read(Study(values, statuses={"gp-1-100": "pending"})),
    ]
    later = f"The same command confirms the best setting{each} on fresh seeds."
    confirmed = f"The best setting{each} was trained on fresh seeds."
    assert [study_text.confirmation(found) for found in read] == [confirmed, later, later, ""]


def test_spaces_are_said_to_differ_only_where_their_sizes_do():
    points = [{"lr": 1e-4 * (i + 1), "norm": "none"} for i in range(4)]
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, points=points))
    assert not study_text.shown(found)["unequal"]
    trials = found.trials.assign(norm=found.trials["norm"].where(found.trials["objective"] == "gp"))
    assert study_text.shown(replace(found, trials=trials))["unequal"]


def test_trials_that_learn_have_a_reason_in_place_of_importances():
    found = study_results.read(Study({"gp": [0.5, 0.9, 0.2, 0.3]}, sampler="tpe"))
    assert "drawn by TPE" in study_text.sentence(found)
    assert study_text.shown(found)["weights"].startswith("There are no importances: TPE draws where")


def test_before_all_have_ended_the_sentence_counts():
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, statuses={"clip-0-101": "pending"}))
    assert study_text.sentence(found) == "7 of 8 trials have ended; the same command goes on from there."
    [_, row] = study_text.shown(found)["rows"]
    assert (row["confirmed"], row["middle"]) == (NOTHING, NOTHING)
    assert study_text.shown(found)["families"] == []


@pytest.mark.slow
def test_importances_are_said_of_each_objective_or_why_not():
    points = [{"lr": float(rate), "norm": "none"} for rate in np.geomspace(1e-4, 1e-2, 24)]
    rising = list(np.linspace(0.1, 0.9, 24))
    found = study_results.read(Study({"gp": rising, "lost": [0.0] * 24}, points=points))
    text = study_text.shown(found)["weights"]
    assert text.startswith("Of gp it is lr, ")
    assert text.endswith("lost has none: too few of its trials differ in value.")


def test_few_trials_have_that_for_a_reason():
    text = study_text.shown(study_results.read(Study({"gp": FLAT, "clip": PEAKED})))["weights"]
    assert text.startswith("There are no importances of fewer than 20 trials: ")
    assert "differ in value" not in text
