"""How updates are computed (`compile`, `tf32`, `micro_batch`) is compared, and never tuned."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from report.analysis.test_headline import METRICS, planned
from report.analysis.test_headline import found as headline_of

from harness.plan.describe import grids
from harness.plan.description import Cell
from harness.report.analysis import cell_table, ranking
from harness.report.analysis.sensitivity import ranges, sweeps
from harness.report.findings.main_effects import find, main_effects
from harness.report.text import remarks
from harness.suite.format.models import COMPUTING, Train

WAYS = (False, True)


def computed(noise=0.1, **more):
    """Return a table in which every run is there eagerly and compiled, each with luck of its own."""
    plain = planned(**more).drop(columns=["task", "setting"])
    parts = [plain.assign(**{"sweep.compile": way, "run_id": plain["run_id"] + str(way)}) for way in WAYS]
    table = pd.concat(parts, ignore_index=True)
    luck = noise * np.random.default_rng(3).random(len(table))
    excess = {"w1_excess": 1 - 0.5 - luck}
    return cell_table.labelled(table.assign(score=0.5 + luck, **excess))


def one_way(table, way):
    rows = table[table["sweep.compile"] == way].drop(columns=["task", "setting", "computing", "sweep.compile"])
    return cell_table.labelled(rows)


def test_what_is_named_is_a_setting_of_training():
    assert {*COMPUTING} <= {*Train.model_fields}


@pytest.mark.slow
def test_the_headline_is_the_mean_over_ways_of_computing_and_not_the_better_one():
    table = computed()
    whole, alone = headline_of(table), [headline_of(one_way(table, way)) for way in WAYS]
    names = list(whole.by_seed)
    expected = np.mean([each.by_seed[names] for each in alone], axis=0)
    np.testing.assert_allclose(whole.by_seed, expected, atol=1e-12)
    np.testing.assert_allclose(whole.at_steps, np.mean([each.at_steps[names] for each in alone], axis=0), atol=1e-12)
    better = np.maximum(*(each.by_seed[names].to_numpy() for each in alone))
    assert (whole.by_seed.to_numpy() <= better).all()
    assert whole.swept == "lr"
    assert whole.runs["n_settings"].tolist() == [2, 2]
    assert whole.runs["tuned_over"].tolist() == ["lr", "lr"]
    assert "recipe" in set(whole.rows["way"])
    assert whole.n_tasks == 2  # a way of computing is no further task: tests over tasks would count each twice


def test_where_it_alone_is_swept_nothing_is_tuned():
    whole = headline_of(computed(rates=("recipe",)).drop(columns="sweep.lr"))
    assert (whole.swept, set(whole.rows["way"])) == ("", {"tuned"})


def test_each_task_compares_objectives_by_their_mean_over_ways():
    table = computed()
    results = ranking.judge(ranking.rivals(table), METRICS)
    alone = [ranking.judge(ranking.rivals(one_way(table, way)), METRICS) for way in WAYS]
    for whole, *parts in zip(results, *alone, strict=True):
        for contender in whole.order:
            of_ways = [next(c for c in part.order if c.objective == contender.objective).values for part in parts]
            assert contender.values == pytest.approx({s: np.mean([v[s] for v in of_ways]) for s in range(3)})
            assert contender.swept == ("lr",)
    said = remarks.fixed_factors(ranking.rivals(table), table)
    assert (
        said
        == "Updates are computed in several ways (compile=false and compile=true), which are averaged and not tuned."
    )
    assert remarks.fixed_factors(one_way(table, True), one_way(table, True)) == ""


def test_ways_of_computing_are_compared_by_their_main_effect():
    """Compiled runs score 0.2 more throughout; the rates, which are tuned, have no effect of their own."""
    table = computed(noise=0)
    table["score"] += 0.2 * table["sweep.compile"]
    side, way = main_effects(table)
    assert (side.factor, way.factor, way.contexts, way.seeds) == ("objective", "compile", 8, 3)
    levels = way.levels.set_index("level")
    assert levels["score"].to_dict() == pytest.approx({"false": 0.5, "true": 0.7})
    assert levels.loc["false", ["ahead", "ahead_low", "ahead_high"]].tolist() == pytest.approx([0.2] * 3)


def test_their_effect_does_not_open_the_answer_as_that_of_a_weight_does():
    table = computed()
    table["score"] += 0.2 * table["sweep.compile"]
    assert not find(SimpleNamespace(is_study=False, learners=table, data_axes=())).opens
    weighed = table.rename(columns={"sweep.compile": "sweep.gp_weight"}).drop(columns="computing")
    assert find(SimpleNamespace(is_study=False, learners=weighed, data_axes=())).opens


def test_they_compete_where_a_suite_asks_nothing_else():
    table = computed(objectives=("a",), rates=("recipe",)).drop(columns="sweep.lr")
    rivals = ranking.rivals(cell_table.labelled(table.drop(columns=["task", "setting", "computing"])))
    assert set(rivals["objective"]) == {"compile=false", "compile=true"}
    assert all(len(result.order) == 2 for result in ranking.judge(rivals, METRICS))
    assert remarks.fixed_factors(rivals, rivals) == ""


def test_a_plan_calls_none_of_them_a_grid():
    cells = [Cell("d", "m", "a", {"lr": lr, "micro_batch": n}, 3) for lr in (1e-3, 1e-2, 1e-1) for n in (8, 16)]
    assert grids(cells) == {"lr": 3}


def test_a_suite_without_them_has_no_such_column():
    assert "computing" not in planned()


def test_a_range_of_settings_spans_no_ways_of_computing():
    table = computed()
    pieces = table["sweep.compile"].map({False: 8, True: 16})
    assert "micro_batch" not in [sweep.name for sweep in sweeps(table.assign(**{"sweep.micro_batch": pieces}))]
    means = table.groupby(["objective", "task", "seed", "sweep.lr"])["score"].mean().reset_index()
    once = cell_table.labelled(one_way(computed(), False).drop(columns="score").merge(means))
    pd.testing.assert_frame_equal(ranges(table), ranges(once))


def test_a_hyperparameter_of_that_name_is_tuned():
    table = pd.DataFrame({"sweep.compile": [1], "sweep.objective.compile": [2], "sweep.lr": [3]})
    assert cell_table.tuned_columns(table) == ["sweep.objective.compile", "sweep.lr"]
