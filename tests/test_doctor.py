"""`harness doctor`: finds what is wrong, mends what it can, says what to run."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness import tasks
from harness.errors import HarnessError
from harness.store import Store, npz_bytes, write_json

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


def test_what_is_derived_is_made_again_as_it_was(whole, call):
    before = tree()
    (FOLDER / "runs.parquet").write_bytes(b"torn")
    (FOLDER / "references/8gaussians.npz").unlink()
    (FOLDER / "references/parallel-lines.npz").write_bytes(before[FOLDER / "references/parallel-lines.npz"][:-9])
    code, out, _ = call("doctor")
    assert code == 0
    assert out.count("made again") == 3
    assert tree() == before


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
    plan = tasks.plan_suite(str(FOLDER / "suite.yaml"), "results", None, [], ["objective=averaged"], "cpu", True)
    assert plan["damage"] == []
    for stack in plan["stacks"]:
        tasks.train_stack(plan["folder"], stack["id"], stack["runs"], "cpu")
        tasks.score_runs(plan["folder"], stack["runs"])
    assert call("doctor")[0] == 0
    assert path.read_bytes() != bytes(content)
    assert "damaged: " not in call("status")[1]


def test_damaged_scores_are_to_be_scored_again(whole, call):
    path = next((FOLDER / "runs" / whole["averaged mlp"] / "scores").iterdir())
    path.write_bytes(b"{}")
    code, out, _ = call("doctor")
    assert code == 1
    assert f"{path}: it holds no steps; set aside" in out
    assert "not scored yet" in out
    tasks.score_runs(str(FOLDER), [whole["averaged mlp"]])
    assert call("doctor")[0] == 0


def test_a_torn_plan_is_made_again_from_the_suite_and_the_records(whole, call):
    before, finished = Store(FOLDER).plan, Store(FOLDER).finished()
    torn = (FOLDER / "plan.json").read_bytes()[:-50]
    (FOLDER / "plan.json").write_bytes(torn)
    assert "results/small/plan.json: not valid JSON" in call("status")[1]
    code, out, _ = call("doctor")
    assert code == 0
    assert "plan.json: not valid JSON" in out
    after = Store(FOLDER).plan
    assert (FOLDER / "damaged/1/plan.json").read_bytes() == torn
    assert after["runs"] == before["runs"]
    assert after["specs"] == before["specs"]
    assert Store(FOLDER).finished() == finished
    pinned = {run_id: stack["id"] for stack in after["stacks"] for run_id in stack["runs"]}
    was = {run_id: stack["id"] for stack in before["stacks"] for run_id in stack["runs"]}
    assert set(pinned) == set(was)
    assert all(pinned[run_id] == was[run_id] for run_id in finished)
    assert len({stack["id"] for stack in after["stacks"]}) == len(after["stacks"])


def test_a_plan_that_is_gone_beside_finished_runs_is_made_again_by_the_next_run(whole):
    (FOLDER / "plan.json").unlink()
    plan = tasks.plan_suite(str(FOLDER / "suite.yaml"), "results", None, [], [], "cpu", True)
    assert ["plan.json: missing" in line for line in plan["damage"]] == [True]
    assert plan["finished"] == 4
    (FOLDER / "plan.json").unlink()
    with pytest.raises(HarnessError, match="keep 2500 samples each"):
        tasks.plan_suite(str(FOLDER / "suite.yaml"), "results", None, ["score.samples=5000"], [], "cpu", True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("name: small", "name: other"), "of another suite, 'other'"),
        (lambda text: text + "plugins: [evil.py]\n", "plug-ins, which are not run here"),
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
    done = next(stack["id"] for stack in store.plan["stacks"] if set(stack["runs"]) <= store.finished())
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
        store.checkpoint_path(done): "its stack is finished; removed",
        store.checkpoint_path("0099"): "set aside",
        old: "left by a writer that was killed; removed",
    }.items():
        assert [words in line for line in out.splitlines() if str(path) in line] == [True]
        assert not path.exists()
    assert all(f"noted: {path}: " in out for path in strange)
    assert all(path.read_text() == "precious" for path in strange)
    assert (FOLDER / "damaged/1/checkpoints/0099").read_bytes() == b"torn"


def test_a_report_is_made_without_a_run_that_is_damaged(whole, call, monkeypatch):
    """Nothing else stops, and in a folder that may not be written too."""
    path = FOLDER / "runs" / whole["averaged mlp"] / "curves.parquet"
    path.write_bytes(b"")
    read = []

    def build(store, out):
        for run_id in sorted(store.finished()):
            store.curves(run_id)
            read.append(run_id)
        return out / "index.html"

    monkeypatch.setattr("harness.report.build_report", build)
    code, out, err = call("report", "results", "-o", "elsewhere")
    assert (code, out) == (0, "elsewhere/index.html\n")
    assert err == f"{path}: its content does not match its record\n"
    assert whole["averaged mlp"] not in read[-3:]
    assert path.exists()
    ended = tasks.finish(str(FOLDER), "report")
    assert ended["counts"]["pending"] == 2
    assert [str(path) in line for line in ended["damage"]] == [True]
    assert not path.exists()


def test_a_snapshot_that_changed_is_found_as_it_is_scored(whole):
    store, run_id = Store(FOLDER), whole["averaged mlp"]
    store.scores_path(run_id, store.plan["score_id"]).unlink()
    path = store.run_folder(run_id) / "snapshots/20.npz"
    path.write_bytes(npz_bytes({"generated": np.zeros((2500, 2), np.float32)}))
    assert tasks.score_runs(str(FOLDER), sorted(store.finished())) == []
    assert store.status(run_id) == "pending"


def test_what_version_1_wrote_is_read(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(Path(__file__).parent / "data/version1", "results/old")
    code, out, _ = call("status")
    assert (code, out.splitlines()[0]) == (0, "results/old: 3 runs planned: 1 ok, 1 diverged, 1 failed")
    assert call("verify") == (0, "results/old: 2 runs, 8 files and 1 values of w1 checked, 0 do not match\n", "")
    code, out, _ = call("doctor")
    assert (code, "damage" in out) == (0, False)
    table = Store("results/old").table().set_index("status")
    assert table.loc["failed", "error"] == "RuntimeError: boom"
    assert table.loc["ok", "w1"] > 0
    plan = tasks.plan_suite("results/old/suite.yaml", "results", None, [], [], "cpu", False)
    assert (plan["finished"], plan["unplanned"]) == (0, 2)  # the engine's numerics have changed since
    path = next(Path("results/old/runs").glob("*/record.json"))
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    assert "its content does not match its checksum" in call("doctor")[1]


def test_status_of_a_folder_imports_nothing_heavy(results):
    code = (
        "import sys; sys.argv = ['harness', 'status']\nfrom harness.cli import main\ntry: main()\n"
        "except SystemExit: pass\nprint([m for m in ('torch', 'pandas', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.endswith("[]\n")
    assert "5 runs planned: 3 ok, 1 diverged, 1 pending" in done.stdout


def test_status_names_who_trains_and_what_is_damaged(results, call):
    store = Store(FOLDER)
    with store.claim("0001"):
        assert f"in training: stack 0001 by process {os.getpid()} on " in call("status")[1]
    path = store.run_folder(results["averaged mlp"]) / "record.json"
    write_json(path, {**store.record(results["averaged mlp"]), "run_id": "0" * 16})
    before = tree()
    code, out, _ = call("status")
    assert code == 0
    assert f"damaged: {path}: it is the record of another run, {'0' * 16}" in out
    assert tree() == before
