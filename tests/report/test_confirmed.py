"""What prints or compares a study reads the runs that confirm it alone, wherever a suite's runs are read."""

import json
from pathlib import Path

import pandas as pd
import pytest
from plans import STUDY, rewrite

from harness.commands.compare import compare
from harness.report.merged import merge
from harness.store import Store

RATE = {"lr": 1e-3}
SENTENCE = "Of the study in results/small only the runs that confirm the chosen settings, on fresh seeds, are compared."


@pytest.fixture
def studied(results):
    """Let results/small be a study of two objectives with one trial each, on seed 100, confirmed on seed 0.

    Returns a function that takes the confirmation away.
    """
    store = Store("results/small")
    plan = json.loads(json.dumps(store.plan.to_json()))
    fresh = {"averaged": results["averaged mlp"], "wild": results["wild mlp"]}
    tuning = {"averaged": results["averaged mlp-bn"], "wild": results["pending mlp"]}
    rows = {row["run_id"]: row for row in plan["runs"]}
    for found, seed in ((tuning, 100), (fresh, 0)):
        for name, run_id in found.items():
            rows[run_id] |= {"objective": name, "architecture": "mlp", "seed": seed, "sweep": RATE}
    plan["runs"] = [rows[run_id] for run_id in (*tuning.values(), *fresh.values())]

    def pin(chosen):
        trials = [
            [{"objective": name, "number": 0, "params": RATE, "runs": [run_id]} for name, run_id in found.items()]
            for found in (tuning, fresh)
        ]
        plan["study"] = {"identity": "x", "trials": trials[0], "chosen": trials[1] if chosen else []}
        plan["resolved"]["study"] = STUDY
        rewrite(store, plan)

    pin(chosen=True)
    return lambda: pin(chosen=False)


def test_cells_for_a_paper_are_those_of_fresh_seeds_and_all_runs_are_exported(studied, call):
    assert call("export", "results/small", "--to", "markdown")[1] == "small.md: 2 cells\n"
    head, _, *rows = Path("small.md").read_text().split("\n\n")[0].splitlines()
    assert "setting" not in head
    assert sorted(row.split(" | ")[3] for row in rows) == ["0/1", "1/1"]
    call("export", "results/small", "--to", "csv")
    assert sorted(pd.read_csv("small.csv")["seed"]) == [0, 0, 100, 100]


def test_a_merged_report_holds_fresh_seeds_and_says_so(studied, results):
    found = merge(["results/small"])
    assert set(found.table()["run_id"]) == {results["averaged mlp"], results["wild mlp"]}
    assert found.finished() == set(found.table()["run_id"])
    assert found.plan.resolved["question"].endswith(f"Merged from results/small. {SENTENCE}")
    assert set(found.scored()["run_id"]) <= found.finished()


@pytest.mark.slow
def test_objectives_of_a_study_are_compared_on_fresh_seeds(studied):
    found = compare(["results/small", "averaged", "wild"])
    assert (found["a"]["runs"], found["b"]["runs"], found["pairs"]) == (1, 1, 1)
    assert found["answer"].endswith(f" {SENTENCE}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "results/small", "--to", "latex"],
        ["report", "results/small", "results/again"],
        ["compare", "results/small", "averaged", "wild"],
    ],
)
def test_trials_alone_are_no_comparison(studied, call, arguments):
    studied()
    Path("results/again").symlink_to("small")
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("results/small: its study")
    assert "`harness run results/small/suite.yaml`" in err
    assert len(err.splitlines()) == 1
