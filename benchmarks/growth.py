"""How time and memory grow with the runs of a stack, steps, samples scored, records of a report and cells of a plan.

The axes of `scaling` are measured and drawn alike: plan, driver, store and report, up to a hundred thousand runs.
"""

import io
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from benchmarks import Progress, in_process, machine, tabulated
from harness.execution.outcomes import ScoredRun, StackOutcome, TrainedRun
from harness.execution.requests import Request, Todo
from harness.store import Record, Store, open_store

CLONE = Path(__file__).parents[1]
WARM = 3  # steps of a stack before the clock runs: the first ones fetch memory
STEPS = 30  # of a stack, over which its time is taken
IN_MEMORY = "/dev/shm"  # where folders lie: four hundred thousand files take a disk minutes to forget
FACTS = {"train_s": 0.0, "step_ms": 0.0, "peak_mb": 0.0}  # of a run that nobody trained
CORE = 64  # runs of a stack, at most, where there is no GPU
HEADING = "s of processor time, each in a process of its own, and its peak memory\naxis       value    seconds     GB"


class Axis(NamedTuple):
    """What grows: its name on the figure, the values that it takes, and what is done at one of them.

    `work` prepares one of the values in a process of its own, and returns what is timed.
    """

    label: str
    values: Sequence[int]
    work: Callable[[int, Path], Callable[[], object]]


def bench(progress: Progress) -> dict[str, Any]:
    """Measure each of AXES."""
    return along(AXES, progress)


def along(axes: Mapping[str, Axis], progress: Progress) -> dict[str, Any]:
    """Measure each value of axes, and say after an axis how its seconds grow."""

    def measured() -> Iterator[dict[str, Any]]:
        for axis in axes:
            rows = []
            for value in values(axis):
                rows.append(measure(axis, value))
                yield rows[-1]
            progress(f"{axis:<8} seconds grow as n^{slope(rows):.2f}")

    return {"rows": tabulated(progress, HEADING, render, measured()), "machine": machine()}


def render(row: dict[str, Any]) -> str:
    """Return a row as a line."""
    return f"{row['axis']:<8} {row['value']:>7,} {row['seconds']:>10.2f} {row['gb']:>6.2f}"


def measure(axis: str, value: int) -> dict[str, Any]:
    """Return the seconds of processor time that one value of an axis takes, and the GB of its process; plain data.

    The process is new: what others had in memory is none of its own. Raises HarnessError where it fails.
    """
    return {"axis": axis, "value": value, **in_process("growth", axis, value)}


def slope(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the exponent of the growth of an axis' seconds over the upper half of its values, by least squares."""
    upper = rows[len(rows) // 2 - (len(rows) < 4) :]
    value, seconds = (np.log([float(row[key]) for row in upper]) for key in ("value", "seconds"))
    return float(np.polyfit(value, seconds, 1)[0])


def draw(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Draw seconds and GB against the values, a panel an axis, on logarithmic scales; return a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from harness.report.figures import drawing, encoding, style

    of = {name: [row for row in rows if row["axis"] == name] for name in dict.fromkeys(row["axis"] for row in rows)}
    with style.applied():
        figure = Figure(figsize=(9.6, 5.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, -(-len(of) // 2)).ravel()
        for ax, (name, measured) in zip(axes, of.items(), strict=False):
            values = [row["value"] for row in measured]
            ax.plot(values, [row["seconds"] for row in measured], "o-", color="#0072B2", label="seconds")
            ax.plot(values, [row["gb"] for row in measured], "s--", color="#D55E00", label="GB, peak")
            drawing.scaled(ax, "x", "log")
            drawing.scaled(ax, "y", "log")
            some = values[:: -(-len(values) // 6)]
            ax.set_xticks(some, [f"{value:,}" for value in some])
            ax.set_title(f"seconds grow as n^{slope(measured):.2f}")
            ax.set_xlabel(EVERY[name].label)
            ax.grid(alpha=0.3)
        axes[0].legend()
        for ax in axes[len(of) :]:
            ax.set_axis_off()
        return encoding.png_of(figure)


def _stack(runs: int, folder: Path) -> Callable[[], object]:
    from benchmarks.plain_loop import Size
    from benchmarks.toy_step import settled, specs_of, stack_of, stepped

    device = _device()
    steps = settled(stepped(stack_of(specs_of(Size(64, 64), runs), device)), device)
    steps(WARM)
    return lambda: steps(STEPS)


def _steps(count: int, folder: Path) -> Callable[[], object]:
    from benchmarks.plain_loop import Size
    from benchmarks.toy_step import specs_of
    from harness.engine import Placement, train

    (spec,) = specs_of(Size(64, 64), 1)

    def run(steps: int) -> None:
        setup = replace(spec.setup, train={**spec.setup.train, "steps": steps})
        train([replace(spec, setup=setup)], [steps], 1000, Placement("single"))

    run(WARM)
    return lambda: run(count)


def _samples(n: int, folder: Path) -> Callable[[], object]:
    from harness.metrics.transport import wasserstein_1

    x, y = (np.random.default_rng(seed).normal(size=(n, 2)) + seed for seed in (0, 1))
    wasserstein_1(x[:300] + 1, y[:300])  # imports the solvers, and shares no solution
    return lambda: wasserstein_1(x, y)


def _records(n: int, folder: Path) -> Callable[[], object]:
    from report.fake_results import FakeResults  # type: ignore[import-not-found]  # of tests/, on the path of `measure`

    from harness.report.page import build_report

    # Two objectives with five seeds at a rate or more: ten records a task, a hundred where there are so many.
    rates, tasks = min(10, n // 10), max(1, n // 100)
    store: Any = FakeResults(
        objectives=("gan", "wgan-gp"),
        tasks=tuple((f"data-{i}", "mlp") for i in range(tasks)),
        seeds=5,
        rates=tuple(10.0**-k for k in range(1, rates + 1)),
    )
    assert len(store.table()) == n
    return lambda: build_report(store, folder)


def _cells(n: int, folder: Path) -> Callable[[], object]:
    rates = max(1, round(n**0.5))
    lr = ", ".join(f"{i}e-6" for i in range(1, rates + 1))
    beta1 = ", ".join(f"{i / 400:g}" for i in range(n // rates))
    suite = folder / "cells.yaml"
    suite.write_text(
        f"version: 1\nname: cells\nquestion: How many?\ntrain: {{steps: 5, batch: 8, lr: [{lr}], beta1: [{beta1}]}}\n"
        "matrix: [{dataset: ring, architecture: mlp, objective: nsgan}]\n"
    )
    return lambda: _plan(suite)


def _planned(n: int, folder: Path) -> Todo:
    """Plan n runs, and let nothing that is written wait for the disk: a flush says nothing of what is written."""
    from harness.execution import tasks

    os.fsync = lambda fd: None  # of this process, which ends with the measurement
    _cells(n, folder)
    return tasks.plan_suite(Request(str(folder / "cells.yaml"), str(folder / "results"), device="cpu"), True)


def _driver(n: int, folder: Path) -> Callable[[], object]:
    todo = _planned(n, folder)
    return lambda: _carried_out(todo)


def _store(n: int, folder: Path) -> Callable[[], object]:
    todo = _planned(n, folder)
    _carried_out(todo)
    return lambda: Store(todo.folder).table()


def _carried_out(todo: Todo) -> None:
    """Claim, commit and score all runs of a plan; training and scoring take no time, and leave no files but records."""
    from harness.execution.scheduler import Scheduler, Tasks
    from harness.workers import open_executor

    def train(folder: str, stack_id: str, runs: Sequence[str], device: str, members: Sequence[str]) -> StackOutcome:
        store = open_store(folder)
        for run_id in runs:
            provenance = {"device": "cpu", "stack": stack_id}
            store.commit(Record(run_id, "ok", store.plan.specs[run_id], facts=FACTS, provenance=provenance), {})
        return StackOutcome([TrainedRun(run_id, "ok", 0.0, 0.0) for run_id in runs])

    def score(folder: str, runs: Sequence[str]) -> list[ScoredRun]:
        store = open_store(folder)
        for run_id in runs:
            store.commit_scores(run_id, todo.score_id, {5: {"w1": 0.5, "w1_excess": 0.4, "score": 0.2}}, 0.0)
        return [ScoredRun(run_id, 0.0) for run_id in runs]

    with open_executor(0) as executor:
        Scheduler(executor, todo, Tasks(train=train, score=score), lambda event: None).work()


def _plan(suite: Path) -> None:
    from harness.__main__ import main

    with patch.object(sys, "argv", ["harness", "plan", str(suite)]), redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def values(axis: str) -> list[int]:
    """Return the values of an axis on this machine: a core is spared stacks of more than 64 runs."""
    most = CORE if axis == "runs" and _device() == "cpu" else max(EVERY[axis].values)
    return [value for value in EVERY[axis].values if value <= most]


AXES: dict[str, Axis] = {
    "runs": Axis(f"runs of a stack ({STEPS} steps)", tuple(2**k for k in range(11)), _stack),
    "steps": Axis("steps of a run", (10, 30, 100, 300, 1000), _steps),
    "samples": Axis("samples scored (W1)", (250, 500, 1000, 2000, 4000), _samples),
    "records": Axis("records of a report", (10, 100, 1000, 10_000), _records),
    "cells": Axis("cells of a plan", (10, 100, 1000, 10_000, 99_856), _cells),
}
MANY = (100, 1000, 10_000, 99_856)
SCALING: dict[str, Axis] = {
    "plan": Axis("runs of a plan", MANY, _cells),
    "driver": Axis("runs claimed, committed and scored", MANY, _driver),
    "store": Axis("records read as one table", MANY, _store),
    "report": Axis("records of a report", (100, 1000, 10_000, 100_000), _records),
}
EVERY = AXES | SCALING


def one(axis: str, value: int) -> dict[str, float]:
    """Do the work of one value in this process; return its seconds, and the most memory of it and what it started."""
    with TemporaryDirectory(
        prefix="harness-bench-", dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    ) as folder:
        timed = EVERY[axis].work(value, Path(folder))
        before, wall = _spent(), time.perf_counter()
        timed()
        seconds, wall_s = _spent() - before, time.perf_counter() - wall
    return {"seconds": seconds, "wall_s": wall_s, "gb": _peak_gb()}


def _peak_gb() -> float:
    """Return the peak memory of this process, plus that of the largest which it started and which has ended."""
    line = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert line is not None
    return 1024 * (int(line[1]) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1e9


def _spent() -> float:
    """Return the seconds of processor time of this process and of those that it started and that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1], int(sys.argv[2]))))
