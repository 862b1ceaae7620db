"""`harness doctor`: finds what is wrong, mends what it can, says what to run."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from plans import stack_of

from harness.disk.arrays import npz_bytes
from harness.disk.documents import seal, write_json
from harness.disk.files import temporary
from harness.errors import HarnessError
from harness.execution import tasks
from harness.execution.requests import Request
from harness.store import Store

FOLDER = Path("results/small")


def tree():
    return {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file() and not path.name.startswith(".")}


@pytest.fixture
def whole(results, call):
    """A folder whose derived files are there, and all that was planned is scored; run ids by their labels."""
    assert call("doctor")[0] == 0
    return results


def test_a_whole_folder_is_left_as_it_is(whole, call):
    before = tree()
    code, out, err = call("doctor")
    assert (code, out, err) == (0, "results/small: everything is whole\n", "")
    assert tree() == before


@pytest.mark.slow
def test_what_is_derived_is_made_again_as_it_was(whole, call):
    before = tree()
    (FOLDER / "runs.parquet").write_bytes(b"torn")
    (FOLDER / "references/8gaussians.npz").unlink()
    (FOLDER / "references/parallel-lines.npz").write_bytes(before[FOLDER / "references/parallel-lines.npz"][:-9])
    code, out, _ = call("doctor")
    assert code == 0
    assert out.count("made again") == 3
    assert tree() == before


@pytest.mark.slow
def test_a_damaged_run_is_set_aside_and_its_command_makes_it_again(whole, call):
    path = FOLDER / "runs" / whole["averaged mlp"] / "snapshots/20.npz"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    code, out, _ = call("doctor", "--json")
    (found,) = json.loads(out)
    assert code == 1
    assert [str(path) in line for line in found["redo"]] == [True]
    assert found["command"] == "harness run results/small/suite.yaml"
    assert " 2 pending" in call("status")[1]
    assert "damaged: " in call("status")[1]
    table = pd.read_parquet(FOLDER / "runs.parquet").set_index("run_id")
    assert table.loc[whole["averaged mlp"], "status"] == "pending"
    assert call("doctor")[0] == 1  # until it is trained
    plan = tasks.plan_suite(
        Request(str(FOLDER / "suite.yaml"), "results", only=["objective=averaged"], device="cpu"), True
    )
    assert plan.damage == []
    for stack in plan.stacks:
        tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu")
        tasks.score_runs(plan.folder, stack.runs)
    assert call("doctor")[0] == 0
    assert path.read_bytes() != bytes(content)
    assert "damaged: " not in call("status")[1]


def test_damaged_scores_are_to_be_scored_again(whole, call):
    path = next((FOLDER / "runs" / whole["averaged mlp"] / "scores").iterdir())
    path.write_bytes(b"{}")
    code, out, _ = call("doctor")
    assert code == 1
    assert f"{path}: its steps" in out
    assert "not scored yet" in out
    tasks.score_runs(str(FOLDER), [whole["averaged mlp"]])
    assert call("doctor")[0] == 0


def test_a_torn_plan_is_made_again_from_the_suite_and_the_records(whole, call):
    before, finished = Store(FOLDER).plan, Store(FOLDER).finished()
    torn = (FOLDER / "plan.json").read_bytes()[:-50]
    (FOLDER / "plan.json").write_bytes(torn)
    code, out, _ = call("status")
    assert (code, "4 finished runs" in out, "damaged (not valid JSON" in out) == (3, True, True)
    assert "`harness doctor results/small`" in out
    code, out, _ = call("doctor")
    assert (code, call("status")[0]) == (0, 0)
    assert "plan.json: not valid JSON" in out
    after = Store(FOLDER).plan
    assert (FOLDER / "damaged/1/plan.json").read_bytes() == torn
    assert after.runs == before.runs
    assert after.specs == before.specs
    assert Store(FOLDER).finished() == finished
    pinned = {run_id: stack.id for stack in after.stacks for run_id in stack.runs}
    was = {run_id: stack.id for stack in before.stacks for run_id in stack.runs}
    assert set(pinned) == set(was)
    assert all(pinned[run_id] == was[run_id] for run_id in finished)
    assert len({stack.id for stack in after.stacks}) == len(after.stacks)


def other_name(plan):
    return {**plan, "suite": "other"}


def other_runs(plan):
    strange = {row["run_id"]: f"{number:016x}" for number, row in enumerate(plan["runs"])}
    rows = [{**row, "run_id": strange[row["run_id"]]} for row in plan["runs"]]
    specs = {new: plan["specs"][old] for old, new in strange.items()}
    return {**plan, "runs": rows, "specs": specs, "stacks": [stack_of("0001", *specs)]}


def other_runs_but_one(plan):
    kept = min(Store(FOLDER).finished())
    other = other_runs(plan)
    row = next(row for row in plan["runs"] if row["run_id"] == kept)
    specs, stack = {**other["specs"], kept: plan["specs"][kept]}, stack_of("0001", *other["specs"], kept)
    return {**other, "runs": [*other["runs"], row], "specs": specs, "stacks": [stack]}


@pytest.mark.parametrize("foreign", [other_name, other_runs, other_runs_but_one])
def test_a_plan_of_another_suite_is_named_and_made_again(whole, call, foreign):
    finished, runs = Store(FOLDER).finished(), Store(FOLDER).plan.runs
    write_json(FOLDER / "plan.json", foreign(Store(FOLDER).plan.to_json()))
    for verb in ("status", "verify", "clean"):
        code, out, err = call(verb)
        assert (code, "of another suite, " in out + err) == (3, True)
    code, out, _ = call("doctor")
    assert (code, "of another suite, " in out) == (0, True)
    assert (FOLDER / "damaged/1/plan.json").exists()
    assert (Store(FOLDER).finished(), Store(FOLDER).plan.runs) == (finished, runs)
    assert [call(verb)[0] for verb in ("status", "verify")] == [0, 0]


def test_a_plan_that_is_gone_beside_finished_runs_is_made_again_by_the_next_run(whole):
    (FOLDER / "plan.json").unlink()
    plan = tasks.plan_suite(Request(str(FOLDER / "suite.yaml"), "results", device="cpu"), True)
    assert ["plan.json: missing" in line for line in plan.damage] == [True]
    assert plan.finished == 4
    (FOLDER / "plan.json").unlink()
    with pytest.raises(HarnessError, match="keep 2500 samples each"):
        tasks.plan_suite(
            Request(str(FOLDER / "suite.yaml"), "results", sets=["score.samples=5000"], device="cpu"), True
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("name: small", "name: other"), "of another suite, 'other'"),
        (lambda text: text + "plugins: [evil.py]\n", "plug-ins"),
        (lambda text: "[", "suite.yaml"),
    ],
)
def test_a_plan_that_cannot_be_made_again_is_exit_1_and_runs_no_code(whole, call, change, words):
    Path("results/small/evil.py").write_text("raise SystemExit('ran')")
    suite = FOLDER / "suite.yaml"
    suite.write_text(change(suite.read_text()))
    (FOLDER / "plan.json").write_bytes(b"")
    code, out, _ = call("doctor")
    assert code == 1
    assert words in out
    assert "Traceback" not in out


def test_leftovers_go_and_what_is_foreign_stays_and_is_named(whole, call):
    store, run_id = Store(FOLDER), whole["averaged mlp"]
    old = store.folder / "runs" / f".{run_id}.abcd.1.tmp"
    old.mkdir()
    (old / "record.json").write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    subprocess.run(
        [sys.executable, "-c", "import os, sys; from harness.store import Store; "
         "Store(sys.argv[1]).claim('0001'); os._exit(0)", str(FOLDER)], check=True, timeout=60,
    )  # fmt: skip
    done = next(stack.id for stack in store.plan.stacks if set(stack.runs) <= store.finished())
    store.write_checkpoint(done, {"state": b"x"})
    store.write_checkpoint("0099", {"state": b"x"})
    store.checkpoint_path("0099").write_bytes(b"torn")
    strange = [FOLDER / "thesis.tex", FOLDER / "runs/mine", store.run_folder(run_id) / "notes.txt"]
    for path in strange:
        path.write_text("precious")
    code, out, _ = call("doctor")
    assert code == 0
    for path, words in {
        FOLDER / "claims/0001.json": "is gone; removed",
        store.checkpoint_path(done): "is finished; removed",
        store.checkpoint_path("0099"): "set aside",
        old: "was killed; removed",
    }.items():
        assert [words in line for line in out.splitlines() if str(path) in line] == [True]
        assert not path.exists()
    assert all(f"noted: {path}: " in out for path in strange)
    assert all(path.read_text() == "precious" for path in strange)
    assert (FOLDER / "damaged/1/checkpoints/0099").read_bytes() == b"torn"


@pytest.mark.slow
def test_a_report_is_made_without_a_run_that_is_damaged(whole, call, monkeypatch):
    """Nothing else stops, and in a folder that may not be written too."""
    path = FOLDER / "runs" / whole["averaged mlp"] / "curves.parquet"
    path.write_bytes(b"")
    read = []

    def build(store, out, workers):
        for run_id in sorted(store.finished()):
            store.curves(run_id)
            read.append(run_id)
        return out / "index.html"

    monkeypatch.setattr("harness.report.page.build_report", build)
    code, out, err = call("report", "results", "-o", "elsewhere")
    assert (code, out) == (0, "elsewhere/index.html\n")
    assert err == f"{path}: its content does not match its record\n"
    assert whole["averaged mlp"] not in read[-3:]
    assert path.exists()
    ended = tasks.finish(str(FOLDER), "report", 1)
    assert ended.counts["pending"] == 2
    assert [str(path) in line for line in ended.damage] == [True]
    assert not path.exists()


def test_a_snapshot_that_changed_is_found_as_it_is_scored(whole):
    store, run_id = Store(FOLDER), whole["averaged mlp"]
    store.scores_path(run_id, store.plan.score_id).unlink()
    path = store.run_folder(run_id) / "snapshots/20.npz"
    path.write_bytes(npz_bytes({"generated": np.zeros((2500, 2), np.float32)}))
    assert tasks.score_runs(str(FOLDER), sorted(store.finished())) == []
    assert store.status(run_id) == "pending"


@pytest.mark.slow
def test_what_version_1_wrote_is_read(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(Path(__file__).parents[1] / "data/version1", "results/old")
    code, out, _ = call("status")
    assert (code, out.splitlines()[0]) == (0, "results/old: 3 runs planned: 1 ok, 1 diverged, 1 failed")
    assert call("verify") == (0, "results/old: 2 runs, 8 files and 1 values of w1 checked, 0 do not match\n", "")
    code, out, _ = call("doctor")
    assert (code, "damage" in out) == (0, False)
    table = Store("results/old").table().set_index("status")
    assert table.loc["failed", "error"] == "RuntimeError: boom"
    assert table.loc["ok", "w1"] > 0
    plan = tasks.plan_suite(Request("results/old/suite.yaml", "results", device="cpu"), False)
    assert (plan.finished, plan.unplanned) == (0, 2)  # the engine's numerics have changed since
    path = next(Path("results/old/runs").glob("*/record.json"))
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    assert "does not match its checksum" in call("doctor")[1]


@pytest.mark.slow
def test_status_of_a_folder_imports_nothing_heavy(results):
    code = (
        "import sys; sys.argv = ['harness', 'status']\nfrom harness.__main__ import main\ntry: main()\n"
        "except SystemExit: pass\nprint([m for m in ('torch', 'pandas', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.endswith("[]\n")
    assert "3 ok, 1 diverged, 1 pending" in done.stdout


def test_status_names_who_trains_and_what_is_damaged(results, call):
    store = Store(FOLDER)
    with store.claim("0001"):
        assert f"stack 0001 by process {os.getpid()} on " in call("status")[1]
    path = store.run_folder(results["averaged mlp"]) / "record.json"
    write_json(path, asdict(store.record(results["averaged mlp"])) | {"run_id": "0" * 16})
    before = tree()
    code, out, _ = call("status")
    assert code == 0
    assert f"damaged: {path}: " in out
    assert tree() == before


@pytest.mark.parametrize("gone", ["plan.json", "suite.yaml"])
def test_a_plan_or_a_suite_that_is_lost_is_made_again_of_the_other(whole, call, gone):
    before = Store(FOLDER).plan
    (FOLDER / gone).unlink()
    for folder in ("results", "results/small"):
        code, out, _ = call("status", folder)
        assert (code, "4 finished runs" in out) == ((3, True) if gone == "plan.json" else (0, False))
    code, out, _ = call("doctor")
    assert (code, f"{FOLDER / gone}: missing" in out) == (0, True)
    assert Store(FOLDER).plan.runs == before.runs
    again = tasks.plan_suite(Request(str(FOLDER / "suite.yaml"), "results", device="cpu"), False)
    assert (again.finished, again.unplanned) == (4, 0)


def test_without_plan_and_suite_it_says_what_would_do_and_names_no_command_that_would_not(whole, call):
    (FOLDER / "plan.json").unlink()
    (FOLDER / "suite.yaml").unlink()
    code, out, _ = call("doctor")
    assert (code, out.count("plan.json"), "suite.yaml\n" in out) == (1, 1, False)
    assert "makes both again" in out
    assert json.loads(call("doctor", "--json")[1])[0]["command"] is None


def test_a_plan_of_a_newer_harness_is_named_once_and_left_alone(whole, call):
    content = seal({"x": 1}).replace(b'"version": 2', b'"version": 9')
    blank = content.replace(content.split(b'"sha256": "')[1].split(b'"')[0], b"", 1)
    content = blank.replace(b'"sha256": ""', b'"sha256": "' + hashlib.sha256(blank).hexdigest().encode() + b'"')
    (FOLDER / "plan.json").write_bytes(content)
    code, out, _ = call("doctor")
    assert (code, out.count("of version 9"), "harness run" in out) == (1, 1, False)
    code, out, _ = call("status")
    assert (code, out.count("of version 9"), "doctor" in out) == (3, 1, False)
    assert (FOLDER / "plan.json").read_bytes() == content


@pytest.mark.parametrize("content", ["{}", '{"version": 1}', None])
@pytest.mark.parametrize(
    "words", ["status", "verify", "score results", "retry results", "report results", "logs a", "clean",
              "export results --to csv"],
)  # fmt: skip
def test_no_command_stumbles_over_a_plan_that_is_none(results, call, content, words):
    path = FOLDER / "plan.json"
    path.unlink() if content is None else path.write_text(content)
    more = ["--workers", "0"] if words.split()[0] in ("score", "retry") else []
    code, out, err = call(*words.split(), *more)
    assert code == 3
    assert "harness doctor" in out + err
    assert "Traceback" not in out + err


@pytest.mark.slow
@pytest.mark.parametrize("content", ["{}", "torn", None])
def test_a_lost_plan_beside_a_damaged_artefact_is_no_dead_end(whole, call, content):
    run_id = min(run_id for run_id in Store(FOLDER).finished() if Store(FOLDER).steps(run_id))
    path = Store(FOLDER).run_folder(run_id) / "snapshots/20.npz"
    path.write_bytes(bytes(path.stat().st_size))  # of its size: only its sum tells
    (FOLDER / "plan.json").unlink() if content is None else (FOLDER / "plan.json").write_text(content)
    shutil.copytree("results", "again")
    plan = tasks.plan_suite(Request("again/small/suite.yaml", "again", device="cpu"), True)
    assert (plan.finished, len(plan.damage)) == (3, 2)
    code, out, _ = call("doctor")
    assert code == 1
    assert f"{path}: its content" in out
    assert Store(FOLDER).finished() == Store("again/small").finished()


@pytest.mark.slow
@pytest.mark.parametrize("is_file", [False, True])
def test_runs_that_are_gone_are_told_until_they_are_there_again(whole, call, is_file):
    shutil.rmtree(FOLDER / "runs")
    if is_file:
        (FOLDER / "runs").write_text("precious")
    for _ in range(2):
        code, out, _ = call("doctor")
        assert (code, "runs: missing" in out) == (1, True)
        assert "harness run results/small/suite.yaml" in out
    if is_file:
        assert (FOLDER / "damaged/1/runs").read_text() == "precious"
    assert call("verify")[0] == 0
    assert "5 pending" in call("status")[1]


def test_its_command_is_one_that_a_shell_takes(whole, call):
    root = Path("my results; x")
    Path("results").rename(root)
    (root / "small/runs" / whole["averaged mlp"] / "record.json").write_bytes(b"")
    (found,) = json.loads(call("doctor", str(root), "--json")[1])
    assert shlex.split(found["command"]) == ["harness", "run", f"{root}/small/suite.yaml", "-o", str(root)]


def test_what_a_dead_writer_left_goes_at_once(whole, call):
    dead = temporary(FOLDER / "runs" / whole["averaged mlp"]).name.replace(f".{os.getpid()}.", ".4194305.")
    living = temporary(FOLDER / "runs" / whole["averaged mlp"])
    living.mkdir()
    for left in (lambda: call("clean", "--yes"), lambda: call("doctor")):
        (FOLDER / "runs" / dead).mkdir()
        assert str(FOLDER / "runs" / dead) in left()[1]
        assert (living.exists(), (FOLDER / "runs" / dead).exists()) == (True, False)
    (FOLDER / "runs" / dead).mkdir()
    tasks.plan_suite(Request(str(FOLDER / "suite.yaml"), "results", device="cpu"), True)
    assert (living.exists(), (FOLDER / "runs" / dead).exists()) == (True, False)


def test_a_claim_that_cannot_be_read_and_is_older_than_this_boot_goes(whole, call):
    path = FOLDER / "claims/0001.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    os.utime(path, (0, 0))
    assert "whose claim cannot be read" in call("status")[1]
    assert f"{path}: cannot be read" in call("doctor")[1]
    assert not path.exists()


def test_a_lost_plan_of_one_suite_hides_no_run_of_another(whole, call):
    shutil.copytree(FOLDER, "results/other")
    shutil.rmtree(FOLDER / "runs" / whole["wild mlp"])
    (FOLDER / "plan.json").unlink()
    assert call("logs", whole["wild mlp"])[0] == 0
    assert call("logs", "nothing")[0] == 3
