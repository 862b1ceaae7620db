"""What tricks do, on tables whose scores are sums of known effects."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from harness.report.analysis import cell_table
from harness.report.findings.trick_effects import paragraph, section, trick_effects, values
from harness.statistics.power import smallest_effect

TASKS = {"8gaussians": "w1_excess", "digits": "fid"}
EFFECTS = {"nsgan": 0.0, "good": 0.1, "bad": -0.2, "idle": 0.0}
NOISE = np.random.default_rng(0).normal(0, 0.01, (4, 5))


def table(effects=EFFECTS, tasks=TASKS, **more):
    """Runs of nsgan, alone and with a trick each, at two rates of which the second is worse by .1."""
    rows = [
        {"dataset": task, "architecture": "mlp", "objective": name, "objective.base": "nsgan", "sweep.lr": rate,
         "setup.tricks": None if name == "nsgan" else name, "setup.critic.norm": "none", "seed": seed, "status": "ok",
         "score": 0.5 + effect + NOISE[place, seed] - 0.1 * (rate == "2e-3"), "w1_excess": 1.0 - effect, "fid": 1.0}
        for task, (place, (name, effect)), rate, seed in itertools.product(
            tasks, enumerate(effects.items()), ("1e-3", "2e-3"), range(5)
        )
    ]  # fmt: skip
    return cell_table.labelled(pd.DataFrame(rows).assign(run_id=[f"r{i:03d}" for i in range(len(rows))], **more))


def test_a_trick_is_paired_with_the_same_loss_without_it_at_the_best_rate():
    effects = trick_effects(table(), TASKS)
    assert list(effects.overall["trick"]) == ["good", "bad", "idle"]
    assert set(effects.overall["base"]) == {"nsgan"}
    for place, row in enumerate(effects.overall.to_dict("records"), start=1):
        apart = EFFECTS[row["trick"]] + NOISE[place] - NOISE[0]
        assert row["tasks"] == 2
        assert row["difference"] == pytest.approx(apart.mean())
        assert row["without"] == pytest.approx(0.5 + NOISE[0].mean())
        assert row["p"] == pytest.approx(ttest_rel(apart, np.zeros(5)).pvalue)
    ordered = np.sort(effects.overall["p"]) * [3, 2, 1]
    assert np.sort(effects.overall["p_holm"]) == pytest.approx(np.minimum(np.maximum.accumulate(ordered), 1))
    assert list(effects.overall["is_significant"]) == [True, True, False]
    assert len(effects.by_task) == 6
    assert effects.swept == ("lr",)


@pytest.mark.slow
def test_a_lost_run_has_the_score_of_0():
    runs = table()
    runs.loc[(runs["objective"] == "good") & (runs["seed"] == 0), ["status", "score"]] = ["diverged", np.nan]
    effects = trick_effects(runs, TASKS).overall.set_index("trick")
    whole = trick_effects(table(), TASKS).overall.set_index("trick")
    assert list(effects.index) == list(whole.index)
    assert effects.loc["good", "with_it"] == pytest.approx(whole.loc["good", "with_it"] - (0.6 + NOISE[1, 0]) / 5)


def test_a_trick_that_loses_a_run_of_its_only_task_keeps_its_rows():
    runs = table({"nsgan": 0.0, "good": 0.1}, {"8gaussians": "w1_excess"})
    lost = (runs["objective"] == "good") & (runs["seed"] == 0)
    runs.loc[lost, ["status", "score", "w1_excess"]] = ["diverged", np.nan, np.nan]
    effects = trick_effects(runs, TASKS)
    assert list(effects.overall["trick"]) == ["good"]
    row, shown = effects.by_task.iloc[0], values(effects)["by_task"][0]
    assert (row["lost_with"], row["lost_without"], row["is_significant"]) == (1, 0, False)
    assert np.isnan([row["with_it"], row["difference"], row["p_holm"]]).all()
    assert "1 with it" in shown["verdict"]
    runs["score"] = np.nan
    assert "1 with it" in paragraph(trick_effects(runs, TASKS))


def test_rows_with_lost_runs_count_in_the_correction():
    runs = table(tasks={"8gaussians": "w1_excess"})
    runs["w1_excess"] = 1 - runs["score"]
    lost = (runs["objective"] == "idle") & (runs["seed"] == 0)
    runs.loc[lost, ["status", "score", "w1_excess"]] = ["diverged", np.nan, np.nan]
    rows = trick_effects(runs, TASKS).by_task.set_index("trick")
    assert rows["p_holm"].min() == pytest.approx(3 * rows["p"].min())
    assert np.isnan(rows.loc["idle", "p_holm"])


@pytest.mark.slow
def test_a_task_in_which_all_score_0_is_in_no_mean():
    runs = table()
    runs.loc[runs["dataset"] == "digits", "score"] = 0.0
    effects = trick_effects(runs, TASKS)
    assert set(effects.overall["tasks"]) == {1}
    assert effects.silent == ("digits / mlp",)
    alone = runs[(runs["dataset"] == "digits") | (runs["objective"] != "bad")]
    effects = trick_effects(alone, TASKS)
    assert list(effects.overall["trick"]) == ["good", "idle"]
    assert set(effects.by_task["trick"]) == {"good", "bad", "idle"}
    assert "digits / mlp" in paragraph(effects)
    assert "bad" in values(effects)["silence"]
    silent = trick_effects(runs[runs["dataset"] == "digits"], TASKS)
    assert silent.overall.empty
    assert not re.search(r"\bfid\b", paragraph(silent))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "common", "own"),
    [
        ("hyper.beta1", 0.5, 0.9),
        ("hyper.gp_weight", 10.0, 1.0),
        ("hyper.critic_lr", 1e-3, 1e-4),
        ("setup.n_critic", "1", "5"),
        ("setup.schedule", "{}", '{"lr":"linear"}'),
        ("setup.generator.width", 64, 32),
    ],
)
def test_what_differs_in_more_than_tricks_is_no_pair(column, common, own):
    runs = table(**{column: common})
    assert set(trick_effects(runs, TASKS).overall["trick"]) == {"good", "bad", "idle"}
    runs.loc[runs["objective"] == "bad", column] = own
    assert set(trick_effects(runs, TASKS).overall["trick"]) == {"good", "idle"}


@pytest.mark.slow
def test_settings_of_its_own_tricks_leave_a_pair():
    runs = table(**{"setup.schedule": "{}"})
    runs.loc[runs["objective"] == "good", ["hyper.good.weight", "setup.schedule"]] = [2.0, '{"good.weight":"linear"}']
    assert set(trick_effects(runs, TASKS).overall["trick"]) == {"good", "bad", "idle"}
    narrow = runs[(runs["objective"] != "bad") | (runs["sweep.lr"] == "1e-3")]
    narrow = narrow.assign(**{"hyper.lr": narrow["sweep.lr"].astype(float)})
    assert set(trick_effects(narrow, TASKS).overall["trick"]) == {"good", "idle"}


def test_without_a_score_each_task_has_its_own_metric_and_direction():
    runs = table(tasks={"8gaussians": "w1_excess"}, score=np.nan)
    effects = trick_effects(runs, TASKS)
    rows = effects.by_task.set_index("trick")
    assert rows["difference"].round(9).to_dict() == {"good": 0.1, "bad": -0.2, "idle": 0.0}
    assert set(rows["metric"]) == {"w1_excess"}
    assert effects.overall.empty
    assert "good" in paragraph(effects)


@pytest.mark.slow
def test_there_are_none_where_nothing_is_the_same_but_for_a_trick():
    assert trick_effects(table({"nsgan": 0.0}), TASKS) is None
    runs = table()
    runs.loc[runs["objective"] != "nsgan", "objective.base"] = "lsgan"
    assert trick_effects(runs, TASKS) is None
    pending = table()
    pending.loc[pending["objective"] == "nsgan", "status"] = "pending"
    assert trick_effects(pending, TASKS) is None


def test_where_nothing_is_significant_the_first_sentence_claims_no_more():
    """An effect that the seeds cannot show is neither there nor absent."""
    text = paragraph(trick_effects(table({"nsgan": 0.0, "idle": 0.0}), TASKS))
    assert "none makes a significant difference" in text.split(". ")[0]
    assert "minimum detectable effect" in text
    assert "uncorrected 95 % confidence interval" in text
    one = table({"nsgan": 0.0, "idle": 0.0})
    text = paragraph(trick_effects(one[one["seed"] == 0], TASKS))
    assert "Not significant (n = 1 seed: no test): idle" in text


@pytest.mark.slow
def test_words_table_and_figure_name_every_trick():
    effects = trick_effects(table(), TASKS)
    text, shown = paragraph(effects), values(effects)
    assert re.search(r"1 helps \(good 0\.\d+ \[.*\) and 1 harms \(bad -0\.\d+ \[", text)
    assert "Holm correction for 3 comparisons" in text
    assert f"d = {smallest_effect(5, 0.05 / 3):.2f} at 80 % power, after correction): idle" in text
    assert [row["verdict"] for row in shown["overall"]] == ["better", "worse", "not significant"]
    panel, *of_metrics = section(effects).panels
    assert len(of_metrics) == len(TASKS)
    assert all(name in panel.files["svg"].decode() for name in ("good", "bad", "idle", "mean over tasks"))
