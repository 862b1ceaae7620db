"""`harness clean` removes what the plan does not need, and nothing else."""

import io
import json
import os
import time
from pathlib import Path

import pytest

from harness.disk.documents import write_json
from harness.store import Store

TEMPORARY = ".record.json.123.tmp"


@pytest.fixture
def replanned(results):
    """The folder once its suite no longer plans one run, the critic's, nor its data set; with an abandoned file."""
    store, gone = Store("results/small"), results["wgan-clip mlp"]
    plan = store.plan.to_json()
    write_json(store.folder / "plan.json", {**plan, "runs": [row for row in plan["runs"] if row["run_id"] != gone]})
    abandoned = store.run_folder(results["averaged mlp"]) / TEMPORARY
    abandoned.write_bytes(b"half")
    os.utime(abandoned, (time.time() - 7200,) * 2)
    (store.folder / "runs" / "my notes").mkdir()
    (store.folder / f".fresh.json.{os.getpid()}.tmp").write_bytes(b"being written")
    return {"run": store.run_folder(gone), "reference": Path("results/small/references/parallel-lines.npz"),
            "temporary file": abandoned}  # fmt: skip


def everything():
    return {path for path in Path("results").rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_folder_that_needs_all_it_holds_keeps_it(results, call):
    before = everything()
    assert call("clean") == (0, "nothing to remove\n", "")
    assert call("clean", "--yes")[0] == 0
    assert everything() == before


@pytest.mark.slow
def test_it_lists_with_sizes_and_removes_only_when_told(replanned, call, monkeypatch):
    before = everything()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = call("clean", "results/small")
    assert code == 2
    assert "add --yes" in err
    assert all(str(path) in out for path in replanned.values())
    assert "1 run, 1 reference, 1 temporary file, " in out
    listed = json.loads(call("clean", "--json")[1])
    assert listed["removed"] is False
    assert {entry["what"]: Path(entry["path"]) for entry in listed["entries"]} == replanned
    sizes = {entry["what"]: entry["bytes"] for entry in listed["entries"]}
    assert sizes["temporary file"] == 4
    assert sizes["run"] == sum(path.stat().st_size for path in replanned["run"].rglob("*") if path.is_file())
    assert everything() == before


@pytest.mark.slow
def test_with_yes_it_removes_those_and_nothing_else(replanned, call):
    before = everything()
    assert call("clean", "--yes")[0] == 0
    removed = before - everything()
    assert {path for path in removed if replanned["run"] not in path.parents} == {
        replanned["reference"],
        replanned["temporary file"],
    }
    assert not replanned["run"].exists()
    assert Path("results/small/runs/my notes").exists()
    assert call("clean", "--yes")[1] == "nothing to remove\n"
    assert "no longer planned" in call("logs", replanned["run"].name)[1]
    assert "status: pending" in call("logs", replanned["run"].name)[1]


@pytest.mark.parametrize(("answer", "gone"), [("y", True), ("n", False), ("", False)])
def test_on_a_terminal_it_asks(replanned, call, monkeypatch, answer, gone):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question: answer == "y")
    assert call("clean")[0] == 0
    assert replanned["run"].exists() != gone


def test_a_link_goes_and_what_it_points_to_stays(replanned, call, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("precious")
    link = Path("results/small/runs") / ("0" * 16)
    link.symlink_to(tmp_path / "mine")
    assert call("clean", "--yes")[0] == 0
    assert not link.is_symlink()
    assert (tmp_path / "mine/thesis.txt").read_text() == "precious"


def test_what_cannot_be_removed_is_a_sentence_and_exit_3(replanned, call, monkeypatch):
    def refused(path, *arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", refused)
    code, _, err = call("clean", "--yes")
    assert code == 3
    assert f"{replanned['run']}: cannot be removed" in err


def test_it_says_where_a_set_narrowed_the_plan(replanned, call):
    store = Store("results/small")
    plan = store.plan.to_json()
    write_json(store.folder / "plan.json", {**plan, "resolved": {**plan["resolved"], "set": ["seeds=1"]}})
    assert "not planned since the last call with --set seeds=1\n" in call("clean", "results/small")[1]


def test_what_is_planned_while_it_asks_is_kept(replanned, call, monkeypatch):
    whole = Store("results/small").plan.to_json()

    def answer(question):
        gone = {**whole["runs"][0], "run_id": replanned["run"].name, "dataset": "parallel-lines"}
        write_json(Path("results/small/plan.json"), {**whole, "runs": [*whole["runs"], gone]})
        return True

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", answer)
    code, out, _ = call("clean")
    assert code == 0
    assert out.endswith("removed; 2 of them are needed again, and kept\n")
    assert replanned["run"].exists()
    assert replanned["reference"].exists()
    assert not replanned["temporary file"].exists()
