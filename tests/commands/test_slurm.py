"""The job file of a cluster, and the trial of its shared folder."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from harness.commands import slurm
from harness.errors import StoreError

TINY = """\
version: 1
name: tiny
question: Who trains it?
seeds: 2
train: {steps: 20, batch: 8}
score: {at: 1, samples: 50}
architectures: {mlp: {width: 4, depth: 1}, mlp-bn: {width: 4, depth: 1}}
matrix: [{dataset: ring, architecture: [mlp, mlp-bn], objective: gan}]
"""


def test_the_job_runs_the_suite_and_is_a_shell_script(call, tmp_path):
    code, out, _ = call("slurm", "quickstart", "--array", "3", "--gpus", "2", "--cpus", "4", "--hours", "1.5",
                        "--set", "train.steps=7", "--sbatch", "partition=gpu", "-o", "shared results")  # fmt: skip
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "#!/bin/bash"
    asked = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")}
    assert {"--array=1-3", "--gpus-per-node=2", "--cpus-per-task=4", "--time=90", "--partition=gpu"} <= asked
    assert lines[-1].endswith("--set train.steps=7 --output 'shared results' --device cuda --workers 4")
    _, without, _ = call("slurm", "quickstart", "--cpus", "4")
    assert without.rstrip().endswith("--output results --device cpu --workers 4")
    file = tmp_path / "job.sh"
    file.write_text(out)
    subprocess.run(["bash", "-n", str(file)], check=True)


@pytest.mark.slow
def test_tasks_of_a_job_share_the_runs(call, tmp_path):
    """Two tasks at once, each as Slurm would start it: every run is there once, and both leave with 0."""
    suite, file = tmp_path / "tiny.yaml", tmp_path / "job.sh"
    suite.write_text(TINY)
    _, out, _ = call("slurm", str(suite), "--cpus", "1", "-o", str(tmp_path / "shared"), "--set", "train.steps=2")
    file.write_text(out)
    tasks = [subprocess.Popen(["bash", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    ends = [(task.communicate(), task.returncode) for task in tasks]
    assert [code for _, code in ends] == [0, 0], ends
    runs = tmp_path / "shared" / "tiny" / "runs"
    assert len([*runs.glob("*/record.json")]) == len([*runs.glob("[0-9a-f]*")]) == 4
    assert (tmp_path / "shared" / "tiny" / "report" / "index.html").exists()


def test_a_folder_that_can_be_shared(call, tmp_path):
    code, out, _ = call("slurm", "quickstart", "--probe", "-o", str(tmp_path / "shared"))
    assert code == 0
    assert out.rstrip().endswith(
        f"shared by 2 tasks on {os.uname().nodename}: locks exclude, and renames replace at once."
    )
    assert [*(tmp_path / "shared").iterdir()] == []


@pytest.mark.slow
def test_under_srun_all_tasks_take_part(tmp_path, monkeypatch):
    code = "from harness.commands.slurm import probe; import sys; print(probe(sys.argv[1]))"
    env = {**os.environ, "SLURM_NTASKS": "3", "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"}
    tasks = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            env={**env, "SLURM_PROCID": str(task)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for task in range(3)
    ]
    assert {task.communicate()[0].split(":")[1] for task in tasks} == {f" shared by 3 tasks on {os.uname().nodename}"}


def test_a_folder_whose_locks_do_not_exclude_is_refused(tmp_path, monkeypatch):
    @contextmanager
    def nothing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield

    monkeypatch.setattr(slurm, "locked", nothing)
    monkeypatch.setattr(slurm, "LEAVING_S", 0.1)  # the other is not there to leave
    (tmp_path / ".probe-a").mkdir()
    (tmp_path / ".probe-a" / "done-1").write_text("elsewhere")  # of a task whose counts were lost
    with pytest.raises(StoreError, match="2 tasks counted to 50 in place of 100: locks do not exclude"):
        slurm.count(str(tmp_path), "a", "0", 2)


def test_a_task_that_writes_elsewhere_is_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "PATIENCE_S", 0.1)
    monkeypatch.setattr(slurm, "LEAVING_S", 0.1)
    with pytest.raises(StoreError, match="only 1 of 2 tasks are seen in it"):
        slurm.count(str(tmp_path), "a", "0", 2)


def test_a_folder_that_cannot_be_written_is_a_sentence(call, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = call("slurm", "quickstart", "--probe", "-o", str(tmp_path / "file"))
    assert code == 3
    assert err == f"{tmp_path / 'file'}: cannot be shared: Not a directory\n"
