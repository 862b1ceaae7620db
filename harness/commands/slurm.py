"""`harness slurm`: a batch file for a cluster whose nodes share a folder, and a trial of that folder."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.disk.files import locked, write_atomic
from harness.errors import StoreError
from harness.text import reason

LEAVE_S = 120  # seconds before its time is up that a job is told to stop: it keeps what it has
COUNTS = 50  # that each process of a trial adds
PATIENCE_S, LEAVING_S = 60.0, 5.0  # that it waits for the others to come, and to go


@dataclass(frozen=True)
class Job:
    """What Slurm is asked for: `array` tasks of one node each, with their processors, GPUs and hours."""

    array: int = 1
    cpus: int = 8
    gpus: int = 0
    hours: float = 4.0
    options: Sequence[str] = ()  # of sbatch, as partition=gpu


def options(root: str, scale: str | None, sets: Sequence[str] | None, only: Sequence[str] | None) -> list[str]:
    """Return these options of `harness run` as the arguments that give them."""
    named = [("--scale", scale), *(("--set", each) for each in sets or []), *(("--only", each) for each in only or [])]
    return [part for name, value in [*named, ("--output", root)] if value is not None for part in (name, value)]


def batch_file(suite: str, arguments: Sequence[str], job: Job) -> str:
    """Return a file for sbatch: tasks that each run the same command in one shared folder until nothing is left.

    `exec` makes the command the batch shell, which alone is signalled: it keeps its checkpoints and leaves. A task has
    a worker for each of its cores, and insists on the GPUs that it asks for.
    """
    gpus = [f"--gpus-per-node={job.gpus}"] if job.gpus else []
    minutes = max(1, round(60 * job.hours))
    lines = [
        f"--job-name=harness-{Path(suite).stem}",
        f"--array=1-{job.array}",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={job.cpus}",
        *gpus,
        f"--time={minutes}",
        f"--signal=B:INT@{LEAVE_S}",
        "--output=%x-%A_%a.log",
        *(f"--{option}" for option in job.options),
    ]
    where = ["--device", "cuda" if job.gpus else "cpu", "--workers", str(job.cpus)]
    command = [sys.executable, "-m", "harness", "run", str(Path(suite).resolve()), *arguments, *where]
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH {line}" for line in lines),
            "# A task takes runs that no other has; the last to end writes the report. Submitted again, it continues.",
            "set -euo pipefail",
            f"cd {shlex.quote(str(Path.cwd()))}",
            "export OMP_NUM_THREADS=1",
            f"exec {shlex.join(command)}",
        ]
    )


def probe(root: str) -> str:
    """Try whether processes may share a folder: locks must exclude, and a rename must replace a file at once.

    Under srun every task takes part, on whichever node it is; without it two processes of this machine do. Returns a
    sentence. Raises StoreError where the folder cannot be written, or loses counts.
    """
    tasks = int(os.environ.get("SLURM_NTASKS", "1"))
    if tasks > 1:
        name, me = f"{os.environ['SLURM_JOB_ID']}.{os.environ['SLURM_STEP_ID']}", os.environ["SLURM_PROCID"]
        return count(root, name, me, tasks)
    name = f"{os.uname().nodename}.{os.getpid()}"
    code = "import sys; from harness.commands.slurm import count; count(*sys.argv[1:4], 2)"
    with subprocess.Popen([sys.executable, "-c", code, root, name, "1"], stderr=subprocess.DEVNULL):
        return count(root, name, "0", 2)


def count(root: str, name: str, me: str, tasks: int) -> str:
    """Add COUNTS to a number in a file of the folder, as one of so many tasks, and wait until all have.

    Returns what was found, as a sentence. Raises StoreError as `probe` does.
    """
    folder = Path(root) / f".probe-{name}"
    file, due = folder / "count", time.monotonic() + PATIENCE_S
    try:
        for _ in range(COUNTS):
            with locked(folder / "lock"):
                before = int(file.read_bytes()) if file.exists() else 0
                write_atomic(file, str(before + 1).encode())
        write_atomic(folder / f"done-{me}", os.uname().nodename.encode())
        while len(done := sorted(folder.glob("done-*"))) < tasks and time.monotonic() < due:
            time.sleep(0.05)
        total, hosts = int(file.read_bytes()), sorted({path.read_text() for path in done})
    except (OSError, ValueError) as error:
        raise StoreError(f"{root}: cannot be shared: {reason(error)}") from None
    _leave(folder, me, tasks)
    if len(done) < tasks:
        raise StoreError(
            f"{root}: only {len(done)} of {tasks} tasks are seen in it after {PATIENCE_S:.0f} s ({', '.join(hosts)}): "
            "the others write elsewhere, or did not start"
        )
    if total != COUNTS * tasks:
        raise StoreError(
            f"{root}: {tasks} tasks counted to {total} in place of {COUNTS * tasks}: locks do not exclude there, and "
            "runs would be trained twice; choose a file system with flock (NFS from version 4, Lustre with -o flock)"
        )
    return f"{root}: shared by {tasks} tasks on {', '.join(hosts)}: locks exclude, and renames replace at once."


def _leave(folder: Path, me: str, tasks: int) -> None:
    """Take the trial's folder away once nobody reads it."""
    with suppress(OSError):
        write_atomic(folder / f"left-{me}", b"")
        due = time.monotonic() + LEAVING_S
        while me == "0" and len([*folder.glob("left-*")]) < tasks and time.monotonic() < due:
            time.sleep(0.05)
        if me == "0":
            shutil.rmtree(folder)
