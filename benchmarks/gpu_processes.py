"""Processes that train on one GPU at once: what each more of them adds. It chooses `harness.execution.gpus.A_GPU`."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import Progress, tabulated
from benchmarks.plain_loop import Size
from benchmarks.toy_step import settle, specs_of, stepped
from harness.execution import tasks
from harness.workers import Executor, open_executor

COUNTS = (1, 2, 4, 8)
SMALL, RUNS = Size(64, 64), 15  # a stack of robustness-875: three rates with five seeds
CHUNK = 10  # steps between two looks at the clock
LIMIT_S = 90.0  # after which a process is ended: where one fails, the others wait for it
HEADING = (
    "generator steps of a run a second, of processes that share a GPU, each with a stack of mlps of width 64\n"
    "processes runs each steps a second times one"
)


def bench(progress: Progress) -> list[dict[str, Any]]:
    """Return a row for each of COUNTS."""
    with open_executor(max(COUNTS), tasks.prepare) as executor:
        return tabulated(progress, HEADING, render, measure(executor))


def render(row: dict[str, Any]) -> str:
    """Return a row as a line."""
    return f"{row['processes']:>9} {row['runs']:>10} {row['steps_s']:>15,.0f} {row['times_one']:>9.2f}"


def measure(
    executor: Executor, device: str = "cuda", counts: Sequence[int] = COUNTS, size: Size = SMALL, seconds: float = 3.0
) -> Iterator[dict[str, Any]]:
    """Yield for each count of processes how many generator steps of a run they make a second, together; plain data.

    Each trains a stack of its own, of equal size. `times_one` compares with one process.
    """
    one = None
    for count in counts:
        with TemporaryDirectory(prefix="harness-bench-") as folder:
            tasks = [
                executor.submit(steps_a_second, folder, count, i, device, size, seconds, limit_s=LIMIT_S)
                for i in range(count)
            ]
            rate = sum(task.result() for task in tasks)
        one = one or rate
        yield {"processes": count, "runs": RUNS, "steps_s": rate, "times_one": rate / one}


def steps_a_second(folder: str, count: int, number: int, device: str, size: Size, seconds: float) -> float:
    """Train a stack as one of `count` processes, from when all of them are ready; return steps a second of its runs."""
    steps = stepped(specs_of(size, RUNS), device)
    steps(3)  # records graphs, chooses kernels
    settle(device)
    Path(folder, str(number)).touch()
    while len([*Path(folder).iterdir()]) < count:
        time.sleep(0.001)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        steps(CHUNK)
        settle(device)
        done += CHUNK
    return done * RUNS / (time.perf_counter() - began)
