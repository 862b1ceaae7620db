"""`harness score` says what it will do, names what it set aside, and undoes what nothing came of."""

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import ot
import pytest
import scipy
import torch

from harness.report.analysis import tables
from harness.store import Store

FOLDER = Path("results/small")


@pytest.fixture
def score(results, call):
    """Call it in this process: exit code, output and errors."""
    return lambda *arguments: call("score", "results", "--workers", "0", *arguments)


def unscore(run_id):
    store = Store(FOLDER)
    store.scores_path(run_id, store.plan.score_id).unlink()


def test_it_says_how_many_runs_it_will_score(score, results):
    code, out, err = score()
    assert (code, err) == (0, "results/small: nothing to score\n")
    unscore(results["averaged mlp"])
    code, out, err = score()
    assert (code, err) == (0, "results/small: 1 run to score\n")
    assert "1 run scored now" in out


def test_a_run_that_is_met_as_damaged_is_named_and_the_exit_code_is_1(score, results):
    run_id = results["averaged mlp"]
    unscore(run_id)
    path = FOLDER / "runs" / run_id / "snapshots/20.npz"
    path.write_bytes(bytes(path.stat().st_size))
    code, out, _ = score()
    assert code == 1
    assert f"{path}: its content does not match its record; its run is trained again; set aside in " in out
    code, out, _ = score("--json")
    assert (code, [str(path) in line for line in json.loads(out)["damage"]]) == (1, [True])


def test_more_samples_than_memory_takes_are_refused_in_a_sentence_and_nothing_is_written(score, call):
    before = (FOLDER / "plan.json").read_bytes()
    code, out, err = score("--samples", "10000000")
    assert (code, out) == (2, "")
    assert "score.samples: 10,000,000 given" in err
    assert err.count("\n") == 1
    assert (FOLDER / "plan.json").read_bytes() == before
    more = ["--set", "score.samples=10000000", "--workers", "0", "-o", "elsewhere"]
    assert call("run", str(FOLDER / "suite.yaml"), *more)[0] == 2
    assert not Path("elsewhere").exists()


@pytest.fixture
def scarce(monkeypatch):
    """Let a number of samples be more than the solver takes."""
    from harness.metrics import make_reference

    def made(spec, samples, extractors):
        if samples == 70:
            raise MemoryError
        return make_reference(spec, samples, extractors)

    monkeypatch.setattr("harness.metrics.make_reference", made)


def test_where_nothing_could_be_scored_the_folder_stays_as_it_was(score, scarce, call):
    plan = Store(FOLDER).plan
    code, out, err = score("--samples", "70")
    assert (code, "Traceback" in err) == (1, False)
    assert "4 runs could not" in out
    assert Store(FOLDER).plan == plan
    assert score()[0] == 0
    assert call("doctor")[0] == 0


def test_records_and_scores_say_what_made_them(results):
    store = Store(FOLDER)
    table = store.table()
    ok = table[table["status"] == "ok"].iloc[0]
    expected = {"numpy": np.__version__, "scipy": scipy.__version__, "pot": ot.__version__, "torch": torch.__version__}
    expected["cpu_isa"] = torch.backends.cpu.get_cpu_capability()
    for name, value in expected.items():
        assert ok[name] == ok[f"scoring.{name}"] == value
    assert ok["torch-fidelity"] == ok["scoring.torch-fidelity"] == version("torch-fidelity")
    assert {*expected, *(f"scoring.{name}" for name in expected)} <= {*tables.versions(table)["what"]}


def test_records_of_before_are_read_without(results, monkeypatch):
    whole, later = Store.record, ("cpu_isa", "numpy", "scipy", "pot", "torch-fidelity")

    def record(store, run_id):
        if (today := whole(store, run_id)) is None:
            return None
        before = {name: value for name, value in today.provenance.items() if name not in later}
        return replace(today, provenance=before)

    monkeypatch.setattr(Store, "record", record)
    table = Store(FOLDER).table()
    assert (table["status"] == "ok").any()
    assert table["cpu_isa"].isna().all()
    assert not {*later} & {*tables.versions(table)["what"]}
    assert tables.mixed(table.assign(task="")) == []
