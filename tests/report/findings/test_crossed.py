"""Losses crossed with penalties, on tables whose scores are sums of known effects."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report.analysis.test_headline import METRICS, curves

from harness.objectives import OBJECTIVES
from harness.report.analysis import cell_table
from harness.report.findings import crossed_figures, crossed_text
from harness.report.findings.crossed import crossed, factors, loss_and_penalty

LOSSES = {"nsgan": 0.0, "hinge": 0.02}
PENALTIES = {"none": 0.2, "r1": 0.5, "spectral norm": 0.4}
NOISE = (0.0, 0.01, -0.01)


def table(losses=LOSSES, penalties=PENALTIES):
    """Runs of every loss with every penalty on two tasks, at two rates of which the second is worse by .1."""
    rows = [
        {"dataset": task, "architecture": "mlp", "objective": loss if penalty != "r1" else f"{loss}-r1",
         "objective.base": loss, "setup.penalty": "r1" if penalty == "r1" else None, "setup.tricks": None,
         "setup.critic.norm": "spectral" if penalty == "spectral norm" else "none",
         "sweep.critic.norm": "spectral" if penalty == "spectral norm" else "none",
         "seed": seed, "status": "ok", "steps": 100, "train_s": 1.0, "critic_updates": 100, "setup.trained": "trained",
         "score": losses[loss] + penalties[penalty] + NOISE[seed] - 0.1 * (rate == "2e-3"), "sweep.lr": rate,
         "modes@2500": 5 + seed, "null.real.modes@2500": 8}
        for task, loss, penalty, rate, seed in itertools.product(
            METRICS, losses, penalties, ("1e-3", "2e-3"), range(len(NOISE))
        )
    ]  # fmt: skip
    return cell_table.labelled(pd.DataFrame(rows).assign(run_id=[f"r{i:03d}" for i in range(len(rows))]))


def found(runs):
    return crossed(runs, curves(runs), METRICS)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (("wgan", "r1", "none"), ("wgan", "r1")),
        (("wgan-gp", "", "none"), ("wgan", "gp")),
        (("dragan", "", "layer"), ("nsgan", "perturbed")),
        (("rpgan-r1r2", "", "none"), ("rpgan", "r1r2")),
        (("wgan-clip", "", "batch"), ("wgan", "clipping")),
        (("hinge", "", "spectral"), ("hinge", "spectral norm")),
        (("hinge", "r1", "spectral"), ("hinge", "r1 + spectral norm")),
        (("nsgan-smooth", "", ""), ("nsgan-smooth", "none")),
        (("someone's", "", ""), ("someone's", "none")),
    ],
)
def test_an_objective_is_a_loss_with_a_penalty(made, expected):
    assert loss_and_penalty(*made) == expected


def test_every_loss_of_the_table_without_a_penalty_is_one_of_its_own():
    for name in OBJECTIVES:
        loss, penalty = loss_and_penalty(name, "", "none")
        assert (penalty == "none") == (loss == name)
        assert loss_and_penalty(loss, "", "none") == (loss, "none")


@pytest.mark.slow
def test_effects_are_those_that_the_scores_are_made_of():
    cross = found(table())
    assert (cross.losses, cross.penalties) == (("nsgan", "hinge"), ("none", "r1", "spectral norm"))
    effects = cross.effects.set_index(["penalty", "loss"])["difference"]
    for loss in ("mean", *LOSSES):
        assert effects["r1", loss] == pytest.approx(0.3)
        assert effects["spectral norm", loss] == pytest.approx(0.2)
    cells = cross.cells.set_index(["task", "loss", "penalty"])
    for (loss, a), (penalty, b) in itertools.product(LOSSES.items(), PENALTIES.items()):
        row = cells.loc["ring / mlp", loss, penalty]
        assert row["score"] == pytest.approx(a + b)  # at the better rate
        assert (row["modes"], row["modes_of"], row["n_runs"], row["unlearned"]) == (6, 8, 6, 0)
    assert cross.coverage["share"].tolist() == pytest.approx([6 / 8] * 3)
    shares = cross.shares.set_index("source")["share"]
    of_cells = {
        "penalty": np.var([score for name, score in PENALTIES.items() if name != "none"]),
        "loss": np.var(list(LOSSES.values())),
    }
    assert shares["penalty"] / shares["loss"] == pytest.approx(of_cells["penalty"] / of_cells["loss"], rel=0.15)
    assert shares["loss x penalty"] == pytest.approx(0, abs=0.01)


@pytest.mark.slow
def test_a_penalty_that_helps_one_loss_alone_is_an_interaction():
    runs = table()
    helped = (runs["objective"] == "hinge-r1").to_numpy()
    runs["score"] = 0.2 + 0.6 * helped + np.take(NOISE, runs["seed"])
    cross = found(runs)
    effects = cross.effects.set_index(["penalty", "loss"])["difference"]
    assert [effects["r1", loss] for loss in ("hinge", "nsgan", "mean")] == pytest.approx([0.6, 0, 0.3])
    shares = cross.shares.set_index("source")["share"]
    assert shares["loss x penalty"] > shares["loss"] > 0.1


@pytest.mark.slow
def test_runs_that_were_lost_or_learned_nothing_are_counted_over_all_settings():
    runs = table()
    mine = (runs["objective"] == "nsgan-r1") & (runs["task"] == "ring / mlp") & (runs["sweep.lr"] == "2e-3")
    runs.loc[mine & (runs["seed"] == 0), "status"] = "diverged"
    runs.loc[mine & (runs["seed"] == 1), "score"] = 0.0
    cells = found(runs).cells.set_index(["task", "loss", "penalty"])
    row = cells.loc["ring / mlp", "nsgan", "r1"]
    assert (row["n_lost"], row["n_no_better"], row["unlearned"]) == (1, 1, pytest.approx(2 / 6))
    assert row["unlearned_low"] < 2 / 6 < row["unlearned_high"]
    assert cells["n_lost"].sum() == 1


def test_what_is_no_cross_has_none():
    runs = table()
    assert factors(runs[runs["objective"] != "hinge-r1"])["penalty"].unique().tolist() == ["none", "spectral norm"]
    assert factors(table(losses={"nsgan": 0.0})) is None
    assert factors(table(penalties={"none": 0.2})) is None
    assert factors(runs.assign(**{"setup.tricks": "ema"})) is None
    twice = runs.assign(objective=[f"x{i % 2}" for i in range(len(runs))])
    assert factors(twice) is None  # which of the two would stand for the cell?
    assert factors(runs[(runs["objective"] != "hinge-r1") | (runs["dataset"] != "grid")]) is None


@pytest.mark.slow
def test_the_answer_says_which_factor_decides():
    cross = found(table())
    text = " ".join(crossed_text.paragraphs(cross))
    assert "The penalty decides more than the loss" in text
    assert text.index(" with R1") < text.index(" with spectral norm")  # the largest effect first
    values = crossed_text.values(cross)
    assert float(values["effects"][0]["cells"][0].value) == pytest.approx(0.3)
    assert len(values["scores"]) == len(values["modes"]) == len(METRICS) * len(LOSSES)
    assert len(crossed_figures.section(cross).panels) == 1 + len(METRICS)
    turned = found(table({"nsgan": 0.0, "hinge": 0.3}, {"none": 0.2, "r1": 0.22}))
    assert "The loss decides more than the penalty" in " ".join(crossed_text.paragraphs(turned))


@pytest.mark.slow
def test_the_last_steps_are_enough_where_all_runs_of_a_task_have_as_many():
    runs = table()
    whole, last = crossed(runs, curves(runs), METRICS), crossed(runs, pd.DataFrame(), METRICS)
    pd.testing.assert_frame_equal(last.cells, whole.cells)
    pd.testing.assert_frame_equal(last.effects, whole.effects)
    assert crossed(runs.assign(steps=range(1, len(runs) + 1)), pd.DataFrame(), METRICS) is None


@pytest.mark.slow
def test_a_task_without_any_score_is_in_no_mean_and_told_by_its_own_metric():
    runs = table()
    worth = runs["penalty"] = [
        loss_and_penalty(*key)[1]
        for key in runs[["objective.base", "setup.penalty", "setup.critic.norm"]]
        .fillna("")
        .itertuples(index=False, name=None)
    ]
    distance = 1 - np.array([PENALTIES[name] for name in worth])
    dead = runs.assign(dataset="dead", task="dead / mlp", score=0.0, w1_excess=distance, run_id="d" + runs["run_id"])
    dead = dead[runs["task"] == "ring / mlp"]
    whole = pd.concat([runs, dead], ignore_index=True).drop(columns="penalty")
    cross = crossed(whole, curves(whole), {**METRICS, "dead": "w1_excess"})
    pd.testing.assert_frame_equal(cross.effects, found(runs.drop(columns="penalty")).effects)
    assert set(cross.cells["task"]) == {*runs["task"], "dead / mlp"}
    assert cross.at_zero["penalty"].tolist() == ["r1", "spectral norm", "none"]
    assert cross.at_zero["behind"].tolist() == pytest.approx([0, 0.1, 0.3])
    alike = cross.alike[cross.alike["task"] == "dead / mlp"]
    assert alike["losses"].tolist() == [("nsgan", "hinge")] * len(PENALTIES)
    assert len(crossed_text.values(cross)["at_zero"]) == len(PENALTIES)


@pytest.mark.slow
def test_a_share_below_zero_is_printed_as_estimated():
    cross = found(table())
    below = cross.shares.assign(share=[-0.034 if name == "loss" else 0.5 for name in cross.shares["source"]])
    assert "-3.4 %" in " ".join(crossed_text.paragraphs(replace(cross, shares=below)))
