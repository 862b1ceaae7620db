"""What a report says of a study: a sentence that follows the tests, and tables that agree with it."""

from dataclasses import replace

import numpy as np
import pytest
from report.fake_study import SPACE, Study

from harness.report.studies import study_results
from harness.report.text import settings_text
from harness.text import NOTHING

FLAT, PEAKED = [0.8, 0.82, 0.85, 0.9], [0.1, 0.2, 0.3, 0.95]


def said(store):
    return settings_text.sentence(study_results.read(store))


def test_the_sentence_has_both_numbers_of_every_objective_and_their_tests():
    text = said(Study({"gp": FLAT * 4, "clip": PEAKED[:3] * 5 + [0.95]}))
    assert "16 random trials each" in text
    assert "best score, 0.95): gp 50 % [28, 72], clip 6 % [1, 28]; gp - clip = 44 points [" in text
    assert "], significant (p = 0.016). Mean score of a trial: gp 0.84 [" in text
    assert text.endswith("], significant (p = 2.0e-4).")
    same = said(Study({"gp": PEAKED, "clip": PEAKED}))
    assert "gp - clip = 0 points, not significant (p = 1.00)" in same
    assert same.endswith("gp - clip = 0, not significant (p = 1.00).")


def test_one_objective_has_its_share_and_its_mean():
    one = said(Study({"gp": PEAKED}))
    assert "4 random trials. " in one
    assert "0.95): gp 25 % [5, 70]. " in one
    assert "p = " not in one


def test_an_objective_that_failed_everywhere_does_not_come_first():
    lost = {f"gan-{i}-{seed}": "diverged" for i in range(12) for seed in (100, 101)}
    text = said(Study({"gan": FLAT * 3, "gp": FLAT * 3}, statuses=lost))
    assert ": gp 100 % [76, 100], gan 0 % [0, 24]; gp - gan = 100 points, significant (p = 4.9e-4)" in text
    everything = {f"{name}-{i}-{seed}": "oom" for name in ("gan", "gp") for i in range(4) for seed in (100, 101)}
    nothing = said(Study({"gan": FLAT, "gp": FLAT}, statuses=everything))
    assert "(4 random trials each)" in nothing


def test_an_interval_that_excludes_0_is_no_verdict():
    """Four of four against one of four: the bootstrap is sure, and three discordant trials cannot be."""
    found = study_results.read(Study({"gp": [0.88, 0.86, 0.87, 0.9], "clip": [0.95, 0.2, 0.3, 0.1]}))
    share = found.pairs.iloc[0]
    assert (share["p"], share["told_apart"]) == (0.25, False)
    assert share["low"] > 0
    assert ", not significant (p = 0.25)" in settings_text.sentence(found)


def test_of_several_objectives_the_ends_of_each_number_are_tested_with_the_correction():
    values = {"high": [0.6, 0.92, 0.99] * 6, "flat": [0.31, 0.35, 0.4] * 6, "mid": [0.3, 0.5, 0.95] * 6}
    study = study_results.read(Study(values))
    text, shown = settings_text.sentence(study), settings_text.study_values(study)
    assert "0.99): high 67 % [44, 84], " in text
    assert "; high - flat = 67 points [" in text
    assert text.count(", Holm correction for 3 pairs)") == 2
    assert shown["pairs"] == "3 pairs"
    assert [title for title, _ in shown["families"]] == ["good share (primary)", "mean value (exploratory)"]
    [share, mean] = [rows for _, rows in shown["families"]]
    assert {row["pair"]: row["verdict"] for row in share}["high - flat"] == "high higher"
    assert mean[0]["pair"] == "high - mid"
    assert {row["objective"]: row["own"] for row in shown["rows"]} == {"high": "67 %", "mid": "33 %", "flat": "100 %"}


def test_where_another_count_is_primary_the_share_is_exploratory():
    study = study_results.read(Study({"gp": FLAT, "clip": PEAKED}))
    assert settings_text.sentence(study, primary=False).startswith("Exploratory: gp and clip")
    titles = [title for title, _ in settings_text.study_values(study, primary=False)["families"]]
    assert titles == ["good share (exploratory)", "mean value (exploratory)"]


def test_trials_that_repeat_settings_are_counted_and_not_tested():
    points = [{"lr": 1e-3, "norm": SPACE["norm"]["choices"][i % 2]} for i in range(4)]
    study = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, points=points))
    text, shown = settings_text.sentence(study), settings_text.study_values(study)
    assert ": gp 50 %, clip 25 %; gp - clip = 25 points (not tested)" in text
    assert "some of them repeated" in text
    assert text.endswith("gp - clip = 0.455 (not tested).")
    assert shown["notes"][0].startswith("gp: 2 distinct settings")
    assert {row["verdict"] for _, rows in shown["families"] for row in rows} == {"not tested"}


def test_a_trial_that_is_better_by_now_than_the_chosen_is_named():
    fresh = {"gp": [0.8, 0.9], "clip": [0.5, 0.7]}
    shown = settings_text.study_values(study_results.read(Study({"gp": FLAT, "clip": PEAKED}, fresh, chosen={"gp": 1})))
    [note] = shown["notes"]
    assert "trial 3 is now best (0.90)" in note
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
    texts = [settings_text.confirmation(found) for found in read]
    assert [("was trained" in text, "confirms" in text) for text in texts] == [
        (True, False), (False, True), (False, True), (False, False),
    ]  # fmt: skip
    assert all((each in text) for text in texts[:3])


def test_spaces_are_said_to_differ_only_where_their_sizes_do():
    points = [{"lr": 1e-4 * (i + 1), "norm": "none"} for i in range(4)]
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, points=points))
    assert not settings_text.study_values(found)["unequal"]
    trials = found.trials.assign(norm=found.trials["norm"].where(found.trials["objective"] == "gp"))
    assert settings_text.study_values(replace(found, trials=trials))["unequal"]


def test_trials_that_learn_have_a_reason_in_place_of_importances():
    found = study_results.read(Study({"gp": [0.5, 0.9, 0.2, 0.3]}, sampler="tpe"))
    assert "4 TPE trials" in settings_text.sentence(found)
    assert settings_text.study_values(found)["weights"] == settings_text.NO_TPE


def test_before_all_have_ended_the_sentence_counts():
    found = study_results.read(Study({"gp": FLAT, "clip": PEAKED}, statuses={"clip-0-101": "pending"}))
    assert settings_text.sentence(found).startswith("7 of 8 trials")
    [_, row] = settings_text.study_values(found)["rows"]
    assert (row["confirmed"], row["middle"]) == (NOTHING, NOTHING)
    assert settings_text.study_values(found)["families"] == []


@pytest.mark.slow
def test_importances_are_said_of_each_objective_or_why_not():
    points = [{"lr": float(rate), "norm": "none"} for rate in np.geomspace(1e-4, 1e-2, 24)]
    rising = list(np.linspace(0.1, 0.9, 24))
    found = study_results.read(Study({"gp": rising, "lost": [0.0] * 24}, points=points))
    text = settings_text.study_values(found)["weights"]
    assert text.startswith("gp: lr ")
    assert "lost: too few trials" in text


def test_few_trials_have_that_for_a_reason():
    text = settings_text.study_values(study_results.read(Study({"gp": FLAT, "clip": PEAKED})))["weights"]
    assert text == settings_text.FEW
