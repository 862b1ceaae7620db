"""Sensitivity to what was swept: lines and ranges worked out by hand, and what is drawn of them."""

import numpy as np
import pandas as pd
import pytest
from report.fake_results import EXCESS, FakeResults, score_of

from harness.report.analysis import cell_table, tables
from harness.report.analysis.sensitivity import ranges, sweeps, table_of
from harness.report.figures import study_figures, style
from harness.report.text.settings_text import sensitivity as sentence
from harness.statistics import intervals

TWO = (("8gaussians", "mlp"), ("swissroll", "mlp"))
RATES = ("recipe", 3e-4, 2e-3)


def labelled(**more):
    """Scores fall with the number of the task and the number of the rate, alike for all seeds."""
    return cell_table.labelled(FakeResults(**{"rates": RATES, "tasks": TWO, "noise": 0.0} | more).table())


def expected(objective, rate, tasks=(0, 1)):
    return np.mean([score_of(EXCESS[objective] * (1 + 0.3 * t + 0.5 * rate)) for t in tasks])


def test_a_line_is_the_mean_over_tasks_with_the_recipe_at_its_own_rate():
    [sweep] = sweeps(labelled())
    assert (sweep.name, sweep.tasks) == ("lr", ("8gaussians / mlp", "swissroll / mlp"))
    for name, part in sweep.lines.groupby("objective"):
        rows = part.sort_values("value")
        assert list(rows["value"]) == [1e-4, 3e-4, 2e-3]  # the recipe's is 1e-4
        assert list(rows["recipe"]) == [True, False, False]
        np.testing.assert_allclose(rows["score"], [expected(name, rate) for rate in range(3)])
        np.testing.assert_allclose(rows[["low", "high"]], rows[["score", "score"]])  # seeds agree


def test_the_band_is_over_seeds_and_a_lost_run_counts_0():
    lost = {(0, "gan", 1, 0): {"status": "diverged"}}
    [sweep] = sweeps(labelled(overrides=lost))
    row = sweep.lines.query("objective == 'gan' and value == 3e-4").iloc[0]
    by_seed = [expected("gan", 1, (1,)) / 2, expected("gan", 1), expected("gan", 1)]
    interval = intervals.t_interval(by_seed)
    np.testing.assert_allclose(row[["score", "high"]].astype(float), [interval.mean, min(interval.high, 1)])
    assert row["low"] == max(interval.low, 0)


def test_a_task_without_a_score_is_left_out_and_the_only_one_leaves_nothing():
    table = labelled()
    without = table["dataset"] == "swissroll"
    table = table.assign(score=table["score"].mask(without), score_undefined=without.astype(float))
    [sweep] = sweeps(table)
    assert sweep.tasks == ("8gaussians / mlp",)
    assert ranges(table)["best"].notna().all()
    assert sweeps(table[without]) == []
    assert ranges(table[without]).empty


def test_tasks_that_were_swept_otherwise_are_not_joined_by_a_line():
    table = labelled()
    fewer = table[(table["dataset"] != "swissroll") | (table["sweep.lr"] != 3e-4)]
    found = sweeps(fewer)
    assert [sweep.tasks for sweep in found] == [("8gaussians / mlp",), ("swissroll / mlp",)]
    assert [sweep.lines["value"].nunique() for sweep in found] == [3, 2]
    other = table.assign(**{"hyper.critic_lr": table["hyper.critic_lr"].where(table["dataset"] == "swissroll", 5e-5)})
    assert len(sweeps(other)) == 2  # whose recipes differ


@pytest.mark.parametrize("values", [("adam", "sgd", "rmsprop"), ("[1, 2]", "[3]", "recipe")])
def test_what_is_no_number_is_not_drawn(values):
    table = labelled()
    named = table.assign(**{"sweep.lr": table["sweep.lr"].map(dict(zip(RATES, values, strict=True)))})
    assert sweeps(named) == []


def test_nothing_is_drawn_before_all_have_ended_nor_without_a_score_nor_of_data():
    table = labelled()
    assert sweeps(labelled(overrides={(0, "gan", 0, 0): {"status": "pending"}})) == []
    assert sweeps(table.drop(columns="score")) == []
    assert sweeps(table, ["lr"]) == []
    assert ranges(table, ["lr"]).empty
    assert sentence(ranges(table, ["lr"]), []) == ""


def test_the_range_of_a_task_is_from_its_worst_to_its_best_setting():
    found = ranges(labelled()).set_index("objective")
    assert list(found.index) == ["wgan-gp", "wgan-clip", "gan"]  # the smallest excess grows least
    for name, row in found.iterrows():
        np.testing.assert_allclose([row["worst"], row["best"]], [expected(name, 2), expected(name, 0)])
    np.testing.assert_allclose(found["width"], found["best"] - found["worst"])
    text = sentence(found.reset_index(), ["lr"])
    assert "worst and best lr: wgan-gp 0.89 to 0.94; wgan-clip 0.62 to 0.80, 0.125 [0.125, 0.125] wider (" in text
    assert "gan 0.46 to 0.71" in text


def test_how_much_wider_is_paired_by_seed_at_the_settings_of_the_means():
    """Of two objectives in one task, by hand: b loses 0.3, 0.2 and 0.4 of its score, a 0.1 of each seed's."""
    scores = {("a", 0): [0.9, 0.8, 0.7], ("a", 1): [0.8, 0.7, 0.6], ("b", 0): [0.7, 0.6, 0.8], ("b", 1): [0.4] * 3}
    store = FakeResults(objectives=("a", "b"), rates=RATES[:2], overrides={
        (0, name, r, seed): {"score": score} for (name, r), found in scores.items() for seed, score in enumerate(found)
    })  # fmt: skip
    table = cell_table.labelled(store.table())
    found = ranges(table)
    assert found[["objective", "seeds"]].to_numpy().tolist() == [["a", 3], ["b", 3]]
    gap = intervals.t_interval([0.2, 0.1, 0.3])
    np.testing.assert_allclose(found.loc[1, ["wider", "low", "high"]].astype(float), [gap.mean, gap.low, gap.high])
    assert "b 0.40 to 0.70, 0.20 [-0.05, 0.45] wider (not significant (n = 3 seeds; " in sentence(found, ["lr"])
    turned = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(ranges(turned), found)
    lacking = ranges(table[(table["objective"] == "a") | (table["seed"] != 2)])
    assert lacking["low"].isna().tolist() == [False, True]
    assert "0.150 wider (not paired" in sentence(lacking, ["lr"])
    assert "0.200 wider (no interval" in sentence(ranges(table[table["seed"] == 0]), ["lr"])


def test_what_scores_nothing_anywhere_is_not_praised_for_varying_least():
    lost = {(t, "gan", r, s): {"status": "diverged"} for t in (0, 1) for r in range(3) for s in range(3)}
    found = ranges(labelled(overrides=lost))
    assert list(found["objective"]) == ["wgan-gp", "wgan-clip", "gan"]
    assert sentence(found, ["lr"]).endswith("gan 0.00 to 0.00.")


def test_objectives_with_other_numbers_of_settings_are_told():
    table = labelled()
    fewer = table[(table["objective"] != "gan") | (table["sweep.lr"] != 2e-3)]
    found = ranges(fewer)
    assert dict(zip(found["objective"], found["settings"], strict=True)) == {"wgan-gp": 3, "wgan-clip": 3, "gan": 2}
    assert "(3 settings)" in sentence(found, ["lr"])
    assert "(2 settings)" in sentence(found, ["lr"])
    alone = table[(table["objective"] == "gan") | (table["sweep.lr"] == "recipe")]
    assert list(ranges(alone)["objective"]) == ["gan"]


@pytest.mark.slow
def test_a_panel_draws_lines_bands_and_recipes_in_the_colours_of_the_objectives():
    view = tables.read(FakeResults(rates=RATES, tasks=TWO))
    [sweep] = sweeps(view.table)
    with style.applied():
        figure, title, alt = study_figures._sweep(view.styled, sweep)
    ax = figure.axes[0]
    assert ax.get_xscale() == "log"  # from 1e-4 to 2e-3
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "score, mean over tasks")
    assert ax.get_title(loc="left").endswith("of 8gaussians and swissroll")
    lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    for name, look in view.styled.items():
        rows = sweep.lines[sweep.lines["objective"] == name].sort_values("value")
        np.testing.assert_allclose(lines[name].get_xydata(), rows[["value", "score"]])
        assert lines[name].get_color() == look.colour
    hollow = [
        line for line in ax.lines if line.get_marker() == "D" and line.get_markersize() == 8 and len(line.get_xdata())
    ]
    assert [list(line.get_xdata()) for line in hollow] == [[1e-4]] * 3
    assert {line.get_markerfacecolor() for line in hollow} == {"white"}
    assert len(ax.collections) == 3  # a band each
    assert [text.get_text() for text in figure.legends[0].texts] == ["gan", "wgan-clip", "wgan-gp", "recipe"]
    assert "8gaussians" in title
    assert "a line an objective" in alt


def test_one_seed_has_no_band_and_near_values_a_linear_axis():
    view = tables.read(FakeResults(rates=(0.01, 0.02), seeds=1))
    [sweep] = sweeps(view.table)
    with style.applied():
        ax = study_figures._sweep(view.styled, sweep)[0].axes[0]
    assert ax.get_xscale() == "linear"
    assert not ax.collections
    assert ax.get_ylabel() == "score"


def test_the_table_of_sweeps_names_each():
    found = table_of(sweeps(labelled()))
    assert set(found["swept"]) == {"lr"}
    assert len(found) == 9
    assert isinstance(table_of([]), pd.DataFrame)
