"""The critic's norm as a factor, at the same norm and at each objective's usual one; edges of grids; total shares."""

import itertools

import numpy as np
import pandas as pd
import pytest
from report.analysis.test_headline import METRICS, RATES, curves, value

from harness.report.analysis import cell_table, critic_norms, grid_edges, ranking
from harness.report.analysis.across_tasks import variance_shares
from harness.report.analysis.headline import headline, tuned
from harness.report.analysis.leave_one_out import leave_one_out
from harness.report.text import remarks

NORMS = {"gan": {"auto": "batch", "none": "none", "layer": "layer"}, "gp": {"auto": "layer", "none": "none"}}


def normed(scores, swept=True):
    """A table in which gan has batch, none and layer, gp layer and none; scores by (objective, norm)."""
    rows = [
        {"dataset": task, "architecture": "mlp-bn", "objective": name, "objective.base": name, "seed": seed,
         "status": "ok", "steps": 100, "train_s": 1.0, "critic_updates": 100, "score": scores[name, norm],
         "setup.critic.norm": norm, "sweep.critic.norm": label, "sweep.lr": rate, "hyper.critic_lr": lr}
        for task, name in itertools.product(METRICS, NORMS) for label, norm in NORMS[name].items()
        for rate, lr in zip(RATES, (1e-4, 2e-3), strict=True) for seed in range(3)
        if swept or label == "auto"
    ]  # fmt: skip
    made = pd.DataFrame(rows).assign(run_id=[f"r{i:03d}" for i in range(len(rows))])
    return cell_table.labelled(made if swept else made.drop(columns="sweep.critic.norm"))


SCORES = {("gan", "batch"): 0.1, ("gan", "none"): 0.5, ("gan", "layer"): 0.7, ("gp", "layer"): 0.9, ("gp", "none"): 0.5}


@pytest.mark.slow
def test_at_the_same_norm_shared_norms_are_averaged_and_none_is_tuned():
    table = normed(SCORES)
    same = critic_norms.same(table)
    assert set(same["norm"]) == {"none", "layer"}  # gan alone has batch
    found = headline(same, curves(same), METRICS)
    assert value(found, "gan")["score"] == pytest.approx(0.6)  # not .7, the better norm
    assert value(found, "gp")["score"] == pytest.approx(0.7)
    assert (found.swept, found.best.ahead.mean) == ("lr", pytest.approx(0.1))


@pytest.mark.slow
def test_without_a_norm_the_headline_is_that_of_the_others():
    same = critic_norms.same(normed(SCORES))
    rows = leave_one_out(headline(same, curves(same), METRICS)).set_index(["part", "left_out"])
    found = rows.loc["critic norm"]
    assert found["ahead"].to_dict() == pytest.approx({"none": 0.2, "layer": 0.0})
    assert found["first"].to_dict()["none"] == "gp"
    assert found["shared"].to_dict() == {"none": False, "layer": True}
    assert set(found["tasks"]) == {2}


def test_task_by_task_norms_are_held_as_in_the_headline():
    table = normed(SCORES)
    table["w1_excess"] = 1 - table["score"] + 0.01 * table["seed"]
    competing = ranking.rivals(table)
    results = ranking.judge(competing, METRICS)
    for result in results:
        by = {c.objective: c for c in result.order}
        assert by["gan"].spread.interval.mean == pytest.approx(0.41)  # not .31, at its better norm
        assert by["gp"].spread.interval.mean == pytest.approx(0.31)
        assert {c.swept for c in result.order} == {("lr",)}
        assert by["gan"].values[2] == pytest.approx(0.42)
    words = "Every critic of a task has the same norm (none and layer, averaged where a task has several)."
    assert remarks.norms(competing, table) == words
    whole = pd.concat([table, table.assign(task="alone")])
    assert "left out, without a common norm: 1 task)." in remarks.norms(competing, whole)
    alone = table[table["objective"] == "gan"]
    assert ranking.rivals(alone)["objective"].nunique() > 1  # of one objective the norms compete


def test_a_seed_that_lost_a_run_at_one_norm_counts_as_lost():
    table = normed(SCORES).assign(w1_excess=0.5)
    gone = (table["objective"] == "gp") & (table["setup.critic.norm"] == "layer") & (table["seed"] == 0)
    table.loc[gone, ["status", "w1_excess"]] = ["diverged", np.nan]
    gp = ranking.judge(ranking.rivals(table), METRICS)[0].order[1]
    assert (gp.objective, gp.spread.n_ok, gp.spread.n_failed, set(gp.values)) == ("gp", 2, 1, {1, 2})


@pytest.mark.slow
def test_at_the_usual_norm_each_objective_has_what_auto_stands_for():
    table = normed(SCORES)
    usual = critic_norms.usual(table)
    found = headline(usual, curves(usual), METRICS)
    assert [value(found, name)["score"] for name in ("gan", "gp")] == pytest.approx([0.1, 0.9])
    at = critic_norms.norms(table)
    assert (at.is_factor, at.compared, at.usual) == (True, ("none", "layer"), {"gan": "batch", "gp": "layer"})
    assert remarks.unequal_norms(at) == ""


def test_where_norms_differ_and_are_not_swept_the_page_warns():
    at = critic_norms.norms(normed(SCORES, swept=False))
    assert not at.is_factor
    assert remarks.unequal_norms(at).startswith("In 2 tasks critics differ in norm (batch for gan; layer for gp): ")


@pytest.mark.slow
def test_chosen_values_at_the_edge_of_their_grid_are_counted():
    table = normed(SCORES)
    table["score"] += 0.01 * (table["sweep.lr"] == "2e-3") * (table["objective"] == "gp")
    found = headline(critic_norms.same(table), curves(critic_norms.same(table)), METRICS).edges.set_index("objective")
    row = found.loc["gp"]  # two tasks, two norms, three seeds; `recipe` is 1e-4
    assert (row["choices"], row["at_smallest"], row["at_largest"], row["fewest_values"]) == (12, 0, 12, 2)
    said = remarks.edges(found.reset_index())
    assert "lr of gp in 12 of 12 choices (the largest)" in said
    assert said.endswith(" A grid of two values of lr has no interior.")


def test_a_choice_inside_its_grid_and_a_setting_of_words_have_no_edge():
    runs = pd.DataFrame({
        "task": "t", "objective": "a", "seed": [0, 1, 0, 1, 0, 1], "status": "ok", "excess": 0.0, "lost": 0.0,
        "score": [0.1, 0.1, 0.9, 0.9, 0.2, 0.2], "setting": ["x", "x", "y", "y", "z", "z"],
        "sweep.lr": [1e-3, 1e-3, 3e-3, 3e-3, 1e-2, 1e-2], "sweep.optimizer": ["adam"] * 2 + ["sgd"] * 4,
    })  # fmt: skip
    found = grid_edges.edges(runs, tuned(runs), ["sweep.lr", "sweep.optimizer"])
    assert found.to_numpy().tolist() == [["a", "lr", 2, 0, 0, 3]]
    assert remarks.edges(found) == ""
    assert remarks.edges(found.assign(at_largest=2)).endswith("lr of a in 2 of 2 choices (the largest).")


def test_total_shares_hold_all_that_a_factor_takes_part_in():
    """y = a b for a, b = -1, 1: no main effect, and all of the variance with either factor."""
    rows = [(a, b, seed, a * b) for a in (-1, 1) for b in (-1, 1) for seed in range(3)]
    runs = pd.DataFrame(rows, columns=["a", "b", "seed", "score"]).assign(status="ok", run_id="r")
    found = variance_shares(runs, {"a": "a", "b": "b"}, "score", np.random.default_rng(0), 20).set_index("source")
    np.testing.assert_allclose(found.loc[["a", "b"], "total"], 1)
    assert "a x b" in found.index
    assert found.loc["a x b", ["share", "total"]].tolist() == pytest.approx([1, np.nan], nan_ok=True)
