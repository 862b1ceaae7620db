"""`harness compare` as a tired student types it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from plans import rewrite

from harness.commands.compare import compare
from harness.store import Store


@pytest.fixture
def other(results):
    """A second folder of the same runs, elsewhere."""
    shutil.copytree("results/small", "elsewhere/small")
    return Path("elsewhere/small")


def rescored(folder, run_id, by):
    """Let the metrics of a run be others."""
    store = Store(folder)
    score_id = store.plan.score_id
    found = store.scores(run_id, score_id)
    steps = {step: {**m, "w1_excess": m["w1_excess"] + by} for step, m in found.steps.items()}
    store.commit_scores(run_id, score_id, steps, found.score_s)


@pytest.mark.slow
def test_the_same_records_are_identical(other, call):
    code, out, err = call("compare", "results/small", "elsewhere/small")
    assert (code, err) == (0, "")
    first = out.splitlines()[0]
    assert first.startswith("results/small and elsewhere/small: identical")
    assert "4 pairs" in first
    assert "[" not in out  # no test where there is nothing to test
    assert "5 runs: 3 ok, 1 diverged, 1 pending" in out
    assert "No setting differs." in out
    assert "warning" not in out


@pytest.mark.slow
def test_the_folder_above_the_other_one_will_do(other, call):
    assert call("compare", "results/small", "elsewhere") == call("compare", "results/small", "elsewhere/small")
    assert call("compare", "results", "elsewhere/small") == call("compare", "results/small", "elsewhere/small")
    shutil.copytree("elsewhere/small", "elsewhere/large")
    assert "identical records" in call("compare", "results/small", "elsewhere")[1]


@pytest.mark.slow
def test_one_changed_metric_is_told_with_its_task_and_all_is_plain_json(other, results, call):
    rescored(other, results["averaged mlp"], 0.25)
    found = json.loads(call("compare", "results/small", "elsewhere/small", "--json")[1])
    assert not found["identical"]
    verdicts = {row["task"]: row["verdict"] for row in found["tasks"]}
    assert verdicts.pop("8gaussians / mlp") == "one seed"
    assert set(verdicts.values()) == {"identical records"}
    mine = {row["objective"]: row for row in found["objectives"]}["averaged"]
    assert mine["by_metric"] == {"mean": pytest.approx(0.125), "low": None, "high": None}
    assert (mine["by"], mine["p"], mine["p_holm"]) == ("score", None, None)  # one seed
    assert found["over_tasks"] is None  # parallel lines have no score at 60 points: a Gaussian fit is as near as real
    assert found["a"]["counts"]["pending"] == found["b"]["counts"]["pending"] == 1
    assert found["settings"] == found["warnings"] == []


@pytest.mark.slow
def test_two_objectives_or_architectures_of_a_folder(results, call):
    code, out, _ = call("compare", "results/small", "averaged", "wild")
    assert code == 0
    assert "worst: 1 of wild" in out
    (line,) = (line for line in out.splitlines() if line.startswith("A  averaged"))
    assert line.endswith("2 ok; 1 run without a partner")
    assert ["objective.base", "nsgan", "wgan-gp", "1", "pair"] in [line.split() for line in out.splitlines()]
    assert call("compare", "averaged", "wild")[1] == out
    assert call("compare", "results/small averaged", "results/small wild")[1] == out
    code, out, _ = call("compare", "results/small", "mlp", "mlp-bn")
    assert code == 0
    assert "8gaussians / averaged" in out
    assert "architecture.base" in out


@pytest.mark.slow
def test_an_objective_of_one_folder_beside_one_of_another(other):
    found = compare(["results/small", "averaged", "elsewhere/small", "averaged"])
    assert found["a"]["name"] == "averaged of results/small"
    assert found["identical"]


@pytest.mark.slow
def test_another_suite_with_a_changed_rate_says_what_it_changed(other):
    store = Store(other)
    plan = store.plan.to_json()
    renamed = {row["run_id"]: row["run_id"][::-1] for row in plan["runs"]}
    for old, new in renamed.items():  # as if each had been trained at another rate
        spec = plan["specs"].pop(old)
        plan["specs"][new] = {**spec, "hyper": {**spec["hyper"], "critic_lr": 0.5}}
    rows = [{**row, "run_id": renamed[row["run_id"]]} for row in plan["runs"]]
    stacks = [{**stack, "runs": [renamed[run_id] for run_id in stack["runs"]]} for stack in plan["stacks"]]
    rewrite(store, {**plan, "runs": rows, "stacks": stacks})
    table = Store("results/small").table()
    shutil.rmtree(other / "runs")
    table.assign(run_id=table["run_id"].str[::-1]).to_parquet(other / "runs.parquet")
    (other / "FROZEN").touch()
    found = compare(["results/small", "elsewhere/small"])
    changed = [(row["a"], row["b"], row["pairs"]) for row in found["settings"] if row["setting"] == "hyper.critic_lr"]
    assert changed == [("1e-3", "0.5", 4), ("1e+14", "0.5", 1)]
    assert {row["setting"] for row in found["settings"]} == {"hyper.critic_lr"}
    assert found["first"][0].startswith("settings differ")
    assert "hyper.critic_lr is " in found["first"][0]
    assert found["identical"]  # other settings, and yet the same numbers: both are said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["results/small"], 2, "1 name given"),
        (["results/small", "results/small"], 2, "are the same results"),
        (["results/small", "./results/small/"], 2, "are the same results"),
        (["results/small", "results"], 2, "are the same results"),
        (["results/small", "elsewhere"], 2, "'elsewhere' beside results/small"),
        (["elsewhere", "results/small"], 2, "'elsewhere' beside results/small"),
        (["results/small", "nowhere/small"], 3, "nowhere/small: no such folder"),
        (["nowhere/a", "nowhere/b"], 3, "nowhere/a and nowhere/b: "),
        (["results/small", "averaged", "averaged"], 2, "'averaged' is given twice"),
        (["results/small", "averaged", "wlid"], 2, "'wlid': no folder"),
        (["results/small", "averaged", "mlp"], 2, "beside an architecture"),
        (["results/small", "averaged", "wgan-clip"], 2, "no cell and seed"),
        (["results/small", "averaged", "pending"], 2, "averaged and pending: "),
        (["a", "b", "c", "d", "e"], 2, "5 names given"),
        ([""], 2, "1 name given"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_one_sentence(results, call, words, code, said):
    found, out, err = call("compare", *words)
    assert (found, out) == (code, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_roots_of_several_suites_name_one(other, call):
    shutil.copytree("results/small", "results/large")
    shutil.copytree("results/small", "elsewhere/large")
    code, _, err = call("compare", "results", "elsewhere")
    assert code == 2
    assert "such as results/large" in err


@pytest.mark.slow
def test_runs_that_wait_for_scores_are_pending_and_named(other, results, call):
    store = Store(other)
    store.scores_path(results["averaged mlp"], store.plan.score_id).unlink()
    out = call("compare", "results/small", "elsewhere/small")[1]
    assert "`harness score elsewhere/small`" in out
    assert "measurements of 3 pairs" in out


def test_folders_scored_on_other_numbers_of_samples_have_no_verdict(other, call):
    store = Store(other)
    resolved = {**store.suite, "score": {**store.suite["score"], "samples": 800}}
    store.write_plan(replace(store.plan, resolved=resolved), store.suite_text)
    code, out, err = call("compare", "results/small", "elsewhere/small")
    assert (code, out) == (2, "")
    assert "`harness score results/small --samples 800`" in err


@pytest.mark.slow
def test_settings_that_differ_stand_before_the_verdict(other, call):
    store = Store(other)
    resolved = {**store.suite, "primary": {**store.suite["primary"], "toys": "hq"}}
    store.write_plan(replace(store.plan, resolved=resolved), store.suite_text)
    lines = call("compare", "results/small", "elsewhere/small")[1].splitlines()
    assert lines[0].startswith("warning: settings differ")
    assert "primary.toys is " in lines[0]
    assert lines[2].startswith("results/small and elsewhere/small: identical")


@pytest.mark.slow
def test_text_of_a_results_folder_moves_no_terminal(other, results, call):
    store = Store(other)
    (store.run_folder(results["wild mlp"]) / "record.json").unlink()
    resolved = {**store.suite, "score": {**store.suite["score"], "\x1b[31m": 1}}
    store.write_plan(replace(store.plan, resolved=resolved), store.suite_text)
    out = call("compare", "results/small", "elsewhere/small")[1]
    assert "\x1b" not in out


def test_two_names_beside_two_suites_name_the_suites(results, call):
    shutil.copytree("results/small", "results/large")
    code, _, err = call("compare", "averaged", "wild")
    assert (code, "no such folders" in err, "results/large" in err) == (2, False, True)


def test_missing_folders_are_named(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    code, _, err = call("compare", "a", "b")
    assert code == 3
    assert "a and b: no such folders" in err
    assert "harness run quickstart" in err
