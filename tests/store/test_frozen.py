"""Frozen results: a table that is read as it was written, small, and that nothing trains in, scores or makes again."""

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import harness
from harness.errors import HarnessError, StoreError
from harness.report.analysis import tables
from harness.store import Store
from harness.store import frozen as frozen_module
from harness.store.find import result_folders
from harness.store.frozen import freeze
from harness.store.table_files import is_frozen

FILES = {"suite.yaml", "plan.json", "runs.parquet", "scored.parquet", "FROZEN"}


@pytest.fixture
def finished(results):
    """The suite without the runs that are pending, and its frozen copy."""
    store = Store("results/small")
    done = [row for row in store.plan.runs if row.run_id in store.finished()]
    store.write_plan(replace(store.plan, runs=tuple(done), source="../x/small.yaml"), store.suite_text)
    return freeze("results/small", "results/reference/small")


def everything(folder):
    return {path: path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def test_the_table_is_that_of_the_records(finished):
    assert {path.name for path in finished.iterdir()} == FILES
    ours, theirs = harness.load("results/small"), harness.load(finished)
    assert list(ours) == list(theirs)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_exact=True)
    assert Store(finished).plan == replace(Store("results/small").plan, source="")


def test_it_does_not_say_where_the_suite_lay(finished):
    assert Store("results/small").plan.source == "../x/small.yaml"
    assert (Store("results/small").source != "", Store(finished).source) == (True, "")
    assert b"../x" not in (finished / "plan.json").read_bytes()


@pytest.mark.slow
def test_the_reference_names_no_place_of_a_machine():
    folders = [path.parent for path in (Path(__file__).parents[2] / "results" / "reference").glob("*/plan.json")]
    assert len(folders) > 1
    assert {folder.name for folder in folders if Store(folder).source or Store(folder).plan.source} == set()


@pytest.mark.slow
def test_the_scored_steps_are_those_of_the_records(finished):
    ours, theirs = (Store(folder).scored() for folder in ("results/small", finished))
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_exact=True)
    assert len(ours) == 3
    assert tables.read(Store(finished)).metrics == tables.read(Store("results/small")).metrics


@pytest.mark.slow
def test_it_is_read_and_never_made_again(finished, call):
    table = harness.load(finished).assign(w1_excess=0.125)
    table.to_parquet(finished / "runs.parquet")
    before = everything(finished)
    assert set(harness.load(finished)["w1_excess"]) == {0.125}
    assert call("compare", "results/small", str(finished))[0] == 0
    assert everything(finished) == before


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["status", "retry", "score", "doctor", "verify", "clean"])
def test_what_needs_records_refuses_it_in_a_sentence(finished, call, verb):
    before = everything(finished)
    code, out, err = call(verb, str(finished))
    assert (code, out) == (3, "")
    assert err.startswith(f"{finished}: frozen")
    assert len(err.splitlines()) == 1
    assert everything(finished) == before


@pytest.mark.parametrize("verb", ["run", "plan"])
def test_nothing_is_planned_or_trained_there(finished, call, verb):
    before = everything(finished)
    Path("small.yaml").write_text((finished / "suite.yaml").read_text())
    code, _, err = call(verb, "small.yaml", "-o", "results/reference", "--workers", "0")
    assert code == 3
    assert "small: frozen" in err
    assert everything(finished) == before


def test_watching_it_ends_at_once(finished, call):
    code, _, err = call("status", str(finished), "--watch")
    assert (code, "frozen" in err) == (3, True)


def test_it_is_passed_over_below_a_root(finished, call):
    shutil.copytree(finished, "results/old")
    assert result_folders("results") == [Path("results/small")]
    assert [path.name for path in Path("results").iterdir() if is_frozen(path)] == ["old"]
    with pytest.raises(StoreError, match="frozen"):
        result_folders("results/reference")


def test_a_table_of_it_is_exported(finished, call):
    code, out, _ = call("export", str(finished), "--to", "csv")
    assert (code, out) == (0, "small.csv: 4 runs\n")
    assert len(pd.read_csv("small.csv")) == 4
    assert call("export", "results/reference", "--to", "csv")[1] == "small.csv: 4 runs (replaced)\n"
    shutil.copytree(finished, "results/old")
    assert call("export", "results", "--to", "parquet")[1] == "small.parquet: 4 runs\n"  # of the records


def test_only_finished_results_are_frozen(results):
    with pytest.raises(HarnessError, match="1 pending of 5 runs"):
        freeze("results/small", "kept")
    Store("results/small").commit_attempt(results["pending mlp"], "oom", "too large", "log")
    with pytest.raises(HarnessError, match="1 oom of 5 runs"):
        freeze("results/small", "kept")
    assert not Path("kept").exists()


def test_runs_without_scores_are_not_frozen(finished):
    store = Store("results/small")
    store.scores_path(store.plan.runs[0].run_id, store.plan.score_id).unlink()
    with pytest.raises(HarnessError, match="1 not scored of 4 runs"):
        freeze("results/small", "kept")


def test_frozen_results_are_replaced_and_nothing_else_is(finished):
    before = everything(finished)
    (finished / "runs.parquet").write_bytes(b"torn")
    freeze("results/small", finished)
    assert everything(finished) == before
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("years of work")
    with pytest.raises(HarnessError, match="mine: there already"):
        freeze("results/small", "mine")
    with pytest.raises(StoreError, match="frozen"):
        freeze(finished, "again")


@pytest.mark.parametrize("content", [None, b"", b"PAR1"])
def test_a_torn_table_is_a_sentence(finished, call, content):
    (finished / "runs.parquet").unlink()
    if content is not None:
        (finished / "runs.parquet").write_bytes(content)
    code, _, err = call("compare", "results/small", str(finished))
    assert code == 3
    assert "runs.parquet: cannot be" in err
    assert len(err.splitlines()) == 1


def test_its_command_writes_it_and_says_what_is_wrong(finished, capsys):
    assert frozen_module._main(["results/small", "kept"]) == ""
    assert capsys.readouterr().out.startswith("kept: FROZEN 0.00 MB")
    assert frozen_module._main(["results/small"]).startswith("usage: ")
    assert "no plan.json there" in frozen_module._main(["nowhere", "kept2"])
