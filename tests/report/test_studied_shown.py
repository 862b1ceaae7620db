"""What a report says of a study: a sentence that follows the tests, and tables that agree with it."""

import numpy as np
from report.fake_study import Study

from harness.report import studied, studied_shown
from harness.wording import NOTHING

FLAT, PEAKED = [0.8, 0.82, 0.85, 0.9], [0.1, 0.2, 0.3, 0.95]


def said(store):
    return studied_shown.sentence(studied.read(store))


def test_the_sentence_names_who_is_more_sensitive_only_where_that_is_told_apart():
    told = said(Study({"gp": FLAT * 4, "clip": PEAKED * 4}))
    assert told.startswith("100 % [100, 100] of the trials of gp come within 0.1 of its best score, 0.90, and 25 % [")
    assert ": clip is more sensitive, by 75 points [" in told
    assert "] (p = 4.9e-4; 16 trials of each, drawn at random). A setting drawn at random scores 0.84 " in told
    assert told.endswith("] less (p = 6.0e-4).")
    same = said(Study({"gp": PEAKED, "clip": PEAKED}))
    assert ": a difference of 0 points [0, 0], no difference found (p = 1.00; 4 trials of each" in same
    assert same.endswith("less, no difference found (p = 1.00).")
    one = said(Study({"gp": PEAKED}))
    assert one.endswith("of the trials of gp come within 0.1 of its best score, 0.95 (4 trials, drawn at random).")


def test_an_interval_that_excludes_0_is_no_verdict():
    """Four of four against one of four: the bootstrap is sure, and three discordant trials cannot be."""
    found = studied.read(Study({"gp": FLAT, "clip": [0.95, 0.2, 0.3, 0.1]}))
    share = found.pairs.iloc[0]
    assert (share["p"], share["told_apart"]) == (0.25, False)
    assert ", no difference found (p = 0.25; 4 trials" in studied_shown.sentence(found)


def test_of_several_objectives_the_ends_of_each_number_are_named_with_the_correction():
    values = {"high": [0.6, 0.75, 0.99] * 6, "flat": [0.31, 0.35, 0.4] * 6, "mid": [0.3, 0.5, 0.55] * 6}
    text = said(Study(values))
    assert text.startswith("100 % [100, 100] of the trials of flat come within 0.1 of its best score, 0.40, and 33 % [")
    assert ": high is more sensitive, by 67 points [" in text
    assert text.count(" after Holm's correction for 3 pairs") == 2
    assert "scores 0.78 with high and 0.35 with flat" in text
    shown = studied_shown.shown(studied.read(Study(values)))
    assert shown["pairs"] == "3 pairs"
    assert [title for title, _ in shown["families"]] == [
        "good share, in points (primary)", "mean value (exploratory)",
    ]  # fmt: skip
    [share, mean] = [rows for _, rows in shown["families"]]
    assert {row["pair"]: row["verdict"] for row in share}["flat over high"] == "flat higher"
    assert mean[0]["pair"] == "high over mid"


def test_trials_that_learn_have_a_reason_in_place_of_importances():
    found = studied.read(Study({"gp": [0.5, 0.9, 0.2, 0.3]}, sampler="tpe"))
    assert "drawn by TPE" in studied_shown.sentence(found)
    assert studied_shown.shown(found)["weights"].startswith("There are no importances: TPE draws where")


def test_before_all_have_ended_the_sentence_counts():
    found = studied.read(Study({"gp": FLAT, "clip": PEAKED}, statuses={"clip-0-101": "pending"}))
    assert studied_shown.sentence(found) == "7 of 8 trials have ended; the same command goes on from there."
    [_, row] = studied_shown.shown(found)["rows"]
    assert (row["confirmed"], row["middle"]) == (NOTHING, NOTHING)
    assert studied_shown.shown(found)["families"] == []


def test_importances_are_said_of_each_objective_or_why_not():
    points = [{"lr": float(rate), "norm": "none"} for rate in np.geomspace(1e-4, 1e-2, 24)]
    rising = list(np.linspace(0.1, 0.9, 24))
    found = studied.read(Study({"gp": rising, "lost": [0.0] * 24}, points=points))
    text = studied_shown.shown(found)["weights"]
    assert text.startswith("Of gp it is lr, ")
    assert text.endswith("lost has none: too few of its trials differ in value.")
