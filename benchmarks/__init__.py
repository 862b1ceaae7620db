"""`harness bench`: what a generator step costs beside a plain loop, on CPU and GPU, what stacks save a study, what
diagnostics cost, how long a whole suite takes and how busy it keeps GPUs and cores.

Each benchmark is a module: what it measures, how a row of its table reads, and `bench(progress)`, which returns the
rows and the machine as plain data. A new one is such a module and a line of BENCHMARKS.

plain_loop  the loops that a careful author would write, which others compare with
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, lookup
from harness.execution.provenance import provenance
from harness.workers import open_executor

CLONE = Path(__file__).parents[1]
Progress = Callable[[str], None]  # called with each line of a table as it comes

BENCHMARKS = {
    "engine": "toy_step",  # stacks of runs against the plain loop
    "images": "image_step",  # stacks of convolutional runs against it
    "study": "study_cost",  # the runs of a study in stacks, against one run after another
    "diagnostics": "diagnostics",  # what the critic's diagnostics take of a run's time
    "gpu": "gpu_step",  # stacks on a GPU against the plain loop there, then (gpu_processes) several processes on it
    "suite": "whole_suite",  # a call of `harness run` from its first training step to its report
    "cores": "all_cores",  # a part of such a call on all cores, and on one
    "compiled": "compiled_step",  # stacks with compiled updates, against the same stacks as they are
    "scoring": "scoring",  # exact W1 as an assignment, against POT alone
    "report": "large_report",  # a report of two thousand runs, in one process and in as many as there are cores
    "growth": "growth",  # what takes longer, and by how much, where there is more of it
    "scaling": "scaling",  # the same of plan, driver, store and report, up to a hundred thousand runs
}


def bench(what: str = "engine", progress: Progress = lambda line: None) -> dict[str, Any]:
    """Run a benchmark and return its rows and the machine as plain data.

    Raises UnknownName for a benchmark that is not there.
    """
    measured: dict[str, Any] = import_module(f"benchmarks.{lookup(BENCHMARKS, what, 'bench')}").bench(progress)
    return measured


def in_worker(
    progress: Progress,
    heading: str,
    render: Callable[[dict[str, Any]], str],
    measure: Callable[..., dict[str, Any]],
    cases: Iterable[Sequence[Any]],
) -> dict[str, Any]:
    """Measure each case, the arguments of `measure`, in a worker of one thread, as runs are trained in."""
    with open_executor(1) as executor:
        rows = tabulated(progress, heading, render, (executor.submit(measure, *case).result() for case in cases))
        return {"rows": rows, "machine": executor.submit(provenance, "cpu").result()}


def tabulated(
    progress: Progress, heading: str, render: Callable[[dict[str, Any]], str], rows: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Print the heading of a table and each row as it comes; return the rows."""
    progress(heading)
    listed = []
    for row in rows:
        listed.append(row)
        progress(render(row))
    return listed


def machine(device: str = "cpu") -> dict[str, Any]:
    """Return the machine, as a worker sees it."""
    with open_executor(1) as executor:
        return executor.submit(provenance, device).result()


def in_process(module: str, *arguments: object) -> dict[str, Any]:
    """Run a benchmark's module as a program of its own, on one thread, and return what it prints.

    Nothing else is in its memory, and it finds the helpers of the tests. Raises HarnessError where it fails.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    path = os.pathsep.join([str(CLONE), str(CLONE / "tests"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    if done.returncode:
        raise HarnessError(f"bench: {' '.join(command[2:])} failed: {done.stderr.strip().splitlines()[-1]}")
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return printed
