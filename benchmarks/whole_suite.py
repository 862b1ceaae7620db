"""A whole call of `harness run`: when its first step is made, how busy those that train are, and when its report is."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks import Progress, machine, tabulated
from harness.errors import HarnessError
from harness.execution import tasks
from harness.execution.outcomes import Event, Planned, Reporting, StackOutcome
from harness.execution.requests import Request, processes
from harness.execution.runner import run
from harness.execution.scheduler import TASKS

SUITE = Path(__file__).parent / "robustness-875.yaml"
LOOK_MS = 500  # between two looks at how busy a GPU is
HEADING = (
    "wall-clock s: from the call to the first training step, from there until all is scored, from there until the\n"
    "report; the share of the time until the last stack ended in which no process trained, and GPUs were busy\n"
    "suite          runs workers trainers first step (s) trained, scored (s) report (s) none trains GPU busy"
)


class Training(NamedTuple):
    """A stack that was trained, by the clock on the wall: its task began, made its first step, and ended."""

    process: int
    began: float
    first_step: float
    ended: float


def bench(progress: Progress) -> dict[str, Any]:
    """Time a call of 875 runs."""
    (row,) = tabulated(progress, HEADING, render, map(measure, [str(SUITE)]))
    return {"rows": [row], "machine": machine(row["device"])}


def render(row: dict[str, Any]) -> str:
    """Return a row as a line."""
    what = f"{row['suite']:<14} {row['runs']:>4} {row['workers']:>7} {row['trainers']:>8}"
    seconds = f"{row['first_step_s']:>14.1f} {row['work_s']:>17.1f} {row['report_s']:>10.1f}"
    busy = "" if row["gpu_busy"] is None else f"{row['gpu_busy']:>9.0%}"
    return f"{what} {seconds} {row['idle']:>14.1%} {busy}".rstrip()


def measure(suite: str, workers: int | None = None, device: str = "auto", sets: Sequence[str] = ()) -> dict[str, Any]:
    """Run a suite into an empty folder and return what the call took, in seconds; plain data.

    first_step_s  from the call to the first training step      report_s  from there until the report was written
    work_s        from there until all runs were scored         idle      share of the time until the last stack ended
    trainers      processes that trained                                  in which no process trained
    gpu_busy      share of that time in which the GPUs computed, where nvidia-smi says so, else None

    Raises HarnessError where a run failed or could not be scored.
    """
    clock, devices = {"called": time.time()}, list[str]()

    def listen(event: Event) -> None:
        if isinstance(event, Planned):
            devices.append(event.todo.device)
        elif isinstance(event, Reporting):
            clock["scored"] = time.time()

    with TemporaryDirectory(prefix="harness-bench-") as folder, _gpus_watched(Path(folder, "gpus.csv")):
        log = Path(folder, "stacks.jsonl")
        do = replace(TASKS, train=partial(train_logged, str(log)))
        result = run(Request(suite, f"{folder}/results", workers=workers, device=device, sets=sets), listen, do)
        clock["ended"] = time.time()
        if result.lost or result.unscored:
            raise HarnessError(f"bench: {result.lost} runs failed, {result.unscored} could not be scored")
        trainings = [Training(*json.loads(line)) for line in log.read_text().splitlines()]
        first, last = min(each.first_step for each in trainings), max(each.ended for each in trainings)
        return {
            "suite": Path(suite).stem,
            "device": devices[0],
            "runs": result.trained,
            "workers": processes(workers),
            "trainers": len({each.process for each in trainings}),
            "first_step_s": first - clock["called"],
            "work_s": clock["scored"] - first,
            "report_s": clock["ended"] - first,
            "idle": idle(trainings),
            "gpu_busy": _busy(Path(folder, "gpus.csv"), first, last),
        }


def train_logged(log: str, *arguments: Any) -> StackOutcome:
    """Train a stack as any worker does, and append a line on it to a file."""
    from harness.engine.stack import Stack

    began, original, steps = time.time(), Stack.step, list[float]()

    def first(stack: Stack, step: int) -> Any:
        steps.append(time.time())
        Stack.step = original  # type: ignore[method-assign]  # no step after it is slowed down
        return original(stack, step)

    with patch.object(Stack, "step", first):
        outcome = tasks.train_stack(*arguments)
    line = json.dumps(Training(os.getpid(), began, min(steps, default=began), time.time()))
    with Path(log).open("a") as file:  # whole lines, as they are short
        file.write(f"{line}\n")
    return outcome


def idle(trainings: Sequence[Training]) -> float:
    """Return the share of the time from the first stack's beginning to the last one's end in which none trained."""
    until = began = min(each.began for each in trainings)
    busy = 0.0
    for each in sorted(trainings, key=lambda each: each.began):
        busy += max(each.ended - max(each.began, until), 0.0)
        until = max(until, each.ended)
    return 1 - busy / (until - began)


@contextmanager
def _gpus_watched(file: Path) -> Iterator[None]:
    """Let nvidia-smi write down how busy GPUs are while the block runs; nothing where there is none."""
    query = ["nvidia-smi", "--query-gpu=timestamp,utilization.gpu", "--format=csv,noheader,nounits"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    query += [f"--loop-ms={LOOK_MS}", *(["-i", visible] if visible else [])]
    watcher = None
    with suppress(OSError), file.open("w") as out:
        watcher = subprocess.Popen(query, stdout=out, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        if watcher is not None:
            watcher.kill()
            watcher.wait()


def _busy(file: Path, began: float, ended: float) -> float | None:
    """Return the mean share of their time in which GPUs computed, by what nvidia-smi wrote meanwhile."""
    shares = []
    for line in file.read_text().splitlines():
        with suppress(ValueError):  # torn, or of a GPU that does not say
            when, percent = line.split(",")
            if began <= datetime.strptime(when.strip(), "%Y/%m/%d %H:%M:%S.%f").astimezone().timestamp() <= ended:
                shares.append(float(percent) / 100)
    return fmean(shares) if shares else None
