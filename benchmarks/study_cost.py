"""What stacks save a study: its runs in them, and a sample of the same runs one after another, in turn.

Both go the way of every run (`harness.execution.scheduler`: claimed, trained, committed, scored), in as many
processes of one thread as the machine has cores. They differ in what plan.json pins: full stacks, or a stack for each
run.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import Progress, tabulated
from harness.errors import HarnessError
from harness.execution import tasks
from harness.execution.outcomes import ignore
from harness.execution.provenance import provenance
from harness.execution.requests import Request, StackTodo, Todo
from harness.execution.scheduler import TASKS, Scheduler
from harness.store import Store
from harness.store.plan_file import Stack
from harness.store.reference_samples import new_reference
from harness.text import counted
from harness.workers import Executor, default_workers, open_executor

LIMIT = 0.6  # of the time of one run after another
OWN = {"wgan-clip": ("clip", 0.01), "wgan-gp": ("gp_weight", 10.0)}  # each objective's setting, and its paper's value


@dataclass(frozen=True)
class StudySize:
    """A study of an objective on the ring: trials, seeds of each, generator steps, units of each of three layers.

    Runs are scored halfway and at the end on `samples`; one in `every` is trained alone too.
    """

    objective: str
    trials: int = 60
    seeds: int = 3
    steps: int = 1000
    width: int = 64
    samples: int = 1000
    every: int = 6


def bench(progress: Progress) -> dict[str, Any]:
    """Compare a study of each objective with its runs one by one."""
    sizes = [StudySize(objective) for objective in OWN]
    with open_executor(default_workers(), tasks.prepare) as executor:
        measured = (measure(executor, size) for size in sizes)
        rows = tabulated(progress, heading(sizes[0], executor.slots), render, measured)
        return {"rows": rows, "machine": executor.submit(provenance, "cpu").result()}


def heading(size: StudySize, workers: int) -> str:
    """Return the lines above the rows."""
    return (
        f"a study of {size.trials} trials x {size.seeds} seeds on ring: mlp of width {size.width}, "
        f"{counted(size.steps, 'step')}; trained and scored, {counted(workers, 'worker')} on each side\n"
        f"one by one: timed on 1 run in {size.every}, drawn at random, and scaled to all\n"
        "objective  runs in stacks (s) one by one (s)    measured  ratio  at most"
    )


def render(row: dict[str, Any]) -> str:
    """Return a row as a line: seconds of all runs on both sides, and the ratio."""
    return (
        f"{row['objective']:<9} {row['runs']:>5} {row['stacks_s']:>13.1f} {row['alone_s']:>15.1f} "
        f"{row['sampled']:>11} {row['ratio']:>6.2f} {row['limit']:>8.2f}"
    )


def measure(executor: Executor, size: StudySize) -> dict[str, Any]:
    """Return the seconds of a study's runs in stacks, and of as many one after another, with their ratio; plain data.

    A round is a stack for each worker, and the sampled runs of these stacks; which goes first alternates. What the
    sample took is scaled to all runs, round by round. Raises HarnessError where a run failed or could not be scored.
    """
    with TemporaryDirectory(prefix="harness-bench-") as folder:
        stacked = _planned(executor, size, f"{folder}/stacked")
        _pin_apart(Store(stacked.folder), Path(folder, "alone"))
        alone = _planned(executor, size, f"{folder}/alone")
        rounds = list(_rounds(executor, size, stacked, alone))
    stacks_s = sum(part["stacks_s"] for part in rounds)
    alone_s = sum(part["alone_s"] * part["runs"] / part["sampled"] for part in rounds)
    return {
        **asdict(size),
        "workers": executor.slots,
        "runs": sum(part["runs"] for part in rounds),
        "sampled": sum(part["sampled"] for part in rounds),
        "stacks_s": stacks_s,
        "alone_s": alone_s,
        "ratio": stacks_s / alone_s,
        "limit": LIMIT,
        "rounds": rounds,
    }


def _planned(executor: Executor, size: StudySize, root: str) -> Todo:
    """Plan the study in a worker, which imports what that needs, and make there what its runs are scored against."""
    planned: Todo = executor.submit(tasks.plan_suite, Request(_suite(size), root, device="cpu"), True).result()
    executor.submit(_make_reference, planned.folder).result()
    return planned


def _suite(size: StudySize) -> dict[str, Any]:
    """The space of suites/ring-sensitivity.yaml."""
    rate = {"low": 1e-5, "high": 1e-2, "log": True}
    own, papers = OWN[size.objective]
    space = {"generator_lr": rate, "critic_lr": rate, own: {"low": 0.032 * papers, "high": 32 * papers, "log": True}}
    return {
        "version": 1,
        "name": "bench",
        "seeds": 1,
        "train": {"steps": size.steps, "batch": 64, "optimizer": "adam", "beta1": 0.5, "beta2": 0.9, "n_critic": 5},
        "score": {"at": [0.5, 1], "samples": size.samples},
        "architectures": {"mlp": {"width": size.width}},
        "matrix": [{"dataset": "ring", "architecture": "mlp", "objective": size.objective}],
        "study": {"trials": size.trials, "seeds": size.seeds, "space": space},
    }


def _make_reference(folder: str) -> None:
    store, plan = tasks.open_planned(folder)
    new_reference(store, plan.runs[0])


def _pin_apart(stacked: Store, root: Path) -> None:
    """Pin the same runs in another root, each in a stack of its own; a plan keeps what is pinned."""
    runs = [run_id for stack in stacked.plan.stacks for run_id in stack.runs]
    stacks = tuple(Stack(f"{number:04d}", "cpu", "single", (run_id,)) for number, run_id in enumerate(runs, 1))
    Store(root / stacked.folder.name).write_plan(replace(stacked.plan, stacks=stacks), stacked.suite_text)


def _rounds(executor: Executor, size: StudySize, stacked: Todo, alone: Todo) -> Iterator[dict[str, Any]]:
    draw, workers = random.Random(0), executor.slots
    for number, start in enumerate(range(0, len(stacked.stacks), workers)):
        together = stacked.stacks[start : start + workers]
        runs = [run_id for stack in together for run_id in stack.runs]
        equal = -(-len(runs) // (size.every * workers)) * workers  # as many for each worker
        chosen = set(draw.sample(runs, min(equal, len(runs))))
        apart = [stack for stack in alone.stacks if stack.runs[0] in chosen]
        sides = {"stacks_s": (stacked, together), "alone_s": (alone, apart)}
        order = list(sides)[:: -1 if number % 2 else 1]  # the first steps of a process, which cost most, are stacks'
        seconds = {side: _timed(executor, *sides[side]) for side in order}
        yield {"runs": len(runs), "sampled": len(chosen), **seconds}


def _timed(executor: Executor, todo: Todo, stacks: Sequence[StackTodo]) -> float:
    """Return the seconds in which stacks of a plan are trained and scored."""
    began = time.perf_counter()
    scheduler = Scheduler(executor, replace(todo, stacks=stacks), TASKS, ignore)
    scheduler.work()
    if scheduler.lost or scheduler.unscored:
        raise HarnessError(
            f"bench study: {scheduler.lost} runs failed, {scheduler.unscored} could not be scored; nothing to time"
        )
    return time.perf_counter() - began
