"""Processes that train on one GPU at once: what each more of them adds. It chooses `harness.execution.gpus.A_GPU`."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import Progress, tabulated
from benchmarks.plain_loop import Size
from benchmarks.toy_step import settle, specs_of, stack_of, stepped
from harness.execution import tasks
from harness.text import reason
from harness.workers import Executor, open_executor

COUNTS = (1, 2, 4, 8)
SMALL, RUNS = Size(64, 64), 15  # a stack of robustness-875: three rates with five seeds
SECONDS = 3.0  # that each count is clocked for
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
    """Return a row as a line, and below it why stacks fell back or nothing could be measured."""
    rate = f"{row['steps_s']:>15,.0f} {row['times_one']:>9.2f}" if "steps_s" in row else ""
    return "\n".join([f"{row['processes']:>9} {row['runs']:>10} {rate}", *(f"  missed: {why}" for why in row["fails"])])


def measure(
    executor: Executor,
    device: str = "cuda",
    counts: Sequence[int] = COUNTS,
    size: Size = SMALL,
    seconds: float = SECONDS,
) -> Iterator[dict[str, Any]]:
    """Yield for each count of processes how many generator steps of a run they make a second, together; plain data.

    Each trains a stack of its own, of equal size. `times_one` compares with one process. `fails` says why stacks were
    not replayed as graphs; where a process fails it says so, and no larger count is tried.
    """
    one = None
    for count in counts:
        started, row = time.perf_counter(), {"processes": count, "runs": RUNS}
        with TemporaryDirectory(prefix="harness-bench-") as folder:
            futures = [
                executor.submit(steps_a_second, folder, count, i, device, size, seconds, limit_s=LIMIT_S)
                for i in range(count)
            ]
            try:
                rates, because = zip(*(future.result() for future in futures), strict=True)
            except Exception as error:
                fails = [f"not measured: {reason(error)}"]
                yield {**row, "fails": fails, "took_s": time.perf_counter() - started}
                return
        one = one or sum(rates)
        fails = [f"fell back to eager updates: {why}" for why in sorted({*because} - {""})]
        took_s = time.perf_counter() - started
        yield {**row, "steps_s": sum(rates), "times_one": sum(rates) / one, "fails": fails, "took_s": took_s}


def steps_a_second(folder: str, count: int, number: int, device: str, size: Size, seconds: float) -> tuple[float, str]:
    """Train a stack as one of `count` processes, from when all of them are ready.

    Return steps a second of its runs, and why it was not replayed as graphs, "" where it was.
    """
    stack = stack_of(specs_of(size, RUNS), device)
    steps = stepped(stack)
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
    return done * RUNS / (time.perf_counter() - began), stack.eager_because
