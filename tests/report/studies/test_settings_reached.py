"""What a report says of settings that every objective was tried at: counts by hand, the sentence, figures as data."""

import numpy as np
import pytest
from report.fake_study import Study

from harness.report import styles
from harness.report.figures import study_figures
from harness.report.studies import settings_reached, study_results
from harness.report.text.settings_text import of_reached, reached_values
from harness.text import NOTHING

GAN, GP = [0.15, 0.75, 0.25, 0.95], [0.6, 0.8, 0.35, 0.25]


def read(store):
    return settings_reached.read(store, study_results.read(store))


def test_numbers_are_those_of_the_trials():
    found = read(Study({"gan": GAN, "gp": GP}))
    assert (found.n, found.noun) == (4, "setting")
    curve = found.curves.set_index(["objective", "at"])["share"]
    assert [curve["gan", at] for at in (0.0, 0.2, 0.5, 0.9, 1.0)] == [1, 0.75, 0.5, 0.25, 0]
    row = found.pairs.set_index("at").loc[0.5]
    assert [row["first"], row["second"], *row[list(settings_reached.COUNTS)]] == ["gan", "gp", 1, 1, 1, 1]
    assert (row["difference"], row["p"]) == (0, 1)
    assert (found.pairs["low"] <= found.pairs["difference"]).all()
    assert (found.pairs["high"] >= found.pairs["difference"]).all()


def test_a_lost_run_counts_0():
    lost = {f"gp-1-{seed}": status for seed, status in ((100, "diverged"), (101, "oom"))}
    whole, found = read(Study({"gan": GAN, "gp": GP})), read(Study({"gan": GAN, "gp": GP}, statuses=lost))
    row = found.pairs.set_index("at").loc[0.1]
    assert [*row[list(settings_reached.COUNTS)]] == [1, 0, 3, 0]
    assert whole.pairs.set_index("at").loc[0.1, "both"] == 4
    assert found.n == 4


def test_a_trial_that_lost_its_runs_reaches_no_score_and_one_at_0_reaches_0():
    lost = {f"gp-1-{seed}": "diverged" for seed in (100, 101)}
    found = read(Study({"gan": [0.0, *GAN[1:]], "gp": GP}, statuses=lost))
    row = found.pairs.set_index("at").loc[0.0]
    assert [*row[list(settings_reached.COUNTS)]] == [1, 0, 3, 0]
    assert found.curves.set_index(["objective", "at"])["share"]["gp", 0.0] == 0.75


def of_architectures(values, **more):
    """A study that draws settings of players alone."""
    points = [{"generator.depth": i, "critic.width": 8} for i in range(len(next(iter(values.values()))))]
    space = {name: {"low": 0, "high": 40, "whole": True} for name in points[0]}
    return Study(values, points=points, space=space, **more)


@pytest.mark.slow
def test_the_sentence_has_the_counts_and_the_test():
    text = of_reached(read(of_architectures({"gan": [0.2] * 9 + [0.8], "gp": [0.9] * 10})))
    assert text.startswith(
        "Of 10 architectures, 1 reach a score of 0.5 with both objectives, 9 with gp alone, 0 with gan"
    )
    assert text.endswith("gp - gan = 90 points [70, 100], significant (McNemar's exact test, p = 0.0039).")
    turned = of_reached(read(of_architectures({"gp": [0.9] * 10, "gan": [0.2] * 9 + [0.8]})))
    assert "gan - gp = -90 points [-100, -70], significant" in turned
    same = of_reached(read(of_architectures({"gan": GAN, "gp": GP})))
    assert "= 0 points [" in same
    assert "], not significant (McNemar" in same
    assert of_reached(read(of_architectures({"gan": GAN, "gp": GP, "lp": GP}))) == ""


def test_every_other_objective_is_set_against_the_first():
    found = read(Study({"gan": GAN, "gp": GP, "lp": GP}))
    assert [(pair["first"], pair["second"]) for pair in reached_values(found)["pairs"]] == [
        ("gan", "gp"),
        ("gan", "lp"),
    ]
    a, b = (part.drop(columns="second") for _, part in found.pairs.groupby("second"))
    np.testing.assert_array_equal(a.to_numpy()[:, 1:], b.to_numpy()[:, 1:])


def test_there_is_none_before_the_end_of_one_objective_or_of_other_settings():
    assert read(Study({"gan": GAN, "gp": GP}, statuses={"gp-0-101": "pending"})) is None
    assert read(Study({"gan": GAN})) is None
    store = Study({"gan": GAN, "gp": GP})
    plan = store.plan
    plan.study.trials[-1].params["lr"] = 0.5
    store.__class__ = type("Other", (Study,), {"plan": plan})
    assert read(store) is None


@pytest.mark.parametrize(
    ("store", "noun", "primary"),
    [
        (of_architectures({"gan": GAN, "gp": GP}), "architecture", True),
        (of_architectures({"gan": GAN, "gp": GP, "lp": GP}), "architecture", False),
        (Study({"gan": GAN, "gp": GP}), "setting", False),
    ],
)
def test_it_answers_of_architectures_and_two_objectives_alone(store, noun, primary):
    found = read(store)
    assert (found.noun, found.primary, reached_values(found)["primary"]) == (noun, primary, primary)
    assert bool(of_reached(found)) == primary


def test_where_settings_repeat_the_counts_stand_alone():
    points = [{"generator.depth": i // 2} for i in range(4)]
    store = Study({"gan": GAN, "gp": GP}, points=points, space={"generator.depth": {"choices": [0, 1]}})
    found = read(store)
    assert found.pairs[["low", "high", "p"]].isna().all(axis=None)
    assert found.curves[["low", "high"]].isna().all(axis=None)
    assert of_reached(found).endswith("gp - gan = 0 points, not tested: some are the same.")
    [pair] = reached_values(found)["pairs"]
    assert {row["p"] for row in pair["rows"]} == {NOTHING}
    figure, _, _ = study_figures._reached(found, styles.styles(["gan", "gp"]))
    assert len(figure.axes[0].collections) == 0


def test_the_page_has_the_counts_as_text():
    [pair] = reached_values(read(Study({"gan": GAN, "gp": GP})))["pairs"]
    assert [row["at"] for row in pair["rows"]] == ["0.1", "0.3", "0.5", "0.7", "0.9"]
    assert [row["neither"] for row in pair["rows"]] == ["0", "0", "1", "2", "3"]
    assert pair["rows"][-1]["gap"].startswith("-25 points [")


def test_the_figures_draw_shares_and_differences_with_their_bands():
    found = read(Study({"gan": GAN, "gp": GP}))
    styled = styles.styles(["gan", "gp"])
    figure, _, _ = study_figures._reached(found, styled)
    [ax] = figure.axes
    for line, (_, part) in zip(ax.lines, found.curves.groupby("objective"), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), part["share"])
    assert len(ax.collections) == 2
    figure, _, said = study_figures._differences(found, styled)
    [ax] = figure.axes
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), found.pairs["difference"])
    assert said.endswith("gan, paired by setting")
