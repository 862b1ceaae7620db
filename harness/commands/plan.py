"""The data flow of `harness plan`: the plan, and what it will take; with trials of what was never timed, on request."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

from harness.errors import HarnessError
from harness.execution import tasks
from harness.execution.gpus import assign
from harness.execution.requests import Request, Todo, processes
from harness.execution.runner import answer
from harness.plan.description import Description
from harness.plan.estimate import Trial, estimate, makespan
from harness.plan.timing_trial import TrialResult, try_stack
from harness.plan.timings import Timing, Timings, add_timings, read_timings
from harness.workers import Executor, as_they_end, open_executor

BUDGET_S = 120  # after which no trial starts

Say = Callable[[str], None]

EFFECTS = (0.01, 10.0)  # below, a suite would need 80,000 seeds; above, three show it


def plan(request: Request, measure: bool = False, say: Say = print, effect: float | None = None) -> Description:
    """Return the description of a plan, its `cost` included; results stay as they are.

    With `measure`, what was never timed on this machine is tried for a moment, with as many trials side by side as
    workers will train, since they slow each other. With an `effect` (Cohen's d of paired differences) there is
    a `power`, too. Raises SuiteError, StoreError, and HarnessError for what is no effect.
    """
    if effect is not None:
        refuse_effect(effect)
    workers = processes(request.workers)
    with open_executor(workers if measure else min(workers, 1)) as executor:
        todo = _measured(executor, request, workers, say) if measure else _planned(executor, request)
    training = len(assign(todo, workers).training) or workers
    cost = estimate(todo.workload, read_timings(todo.machine), workers, training)
    assert todo.description is not None  # a suite was planned
    description = replace(todo.description, cost=cost)
    if effect is not None:
        from harness.statistics.power import seeds_for  # imports scipy

        limits = description.conclusions
        description = replace(description, power=seeds_for(effect, limits.primary.pairs, limits.cell.seeds))
    return description


def untimed(trials: Iterable[Trial], timings: Timings, workers: int) -> list[tuple[Trial, bool]]:
    """Return the trials that are needed, each with whether it shall score: of stacks or data sets never timed.

    One trial serves stacks of one key that are near in size.
    """
    needed: list[tuple[Trial, bool]] = []
    planned = Timings()
    for trial in trials:
        task, score = trial.task, trial.task.scores[0]
        training = _unknown([planned, timings], "step", task.key, task.size, workers)
        scoring = _unknown([planned, timings], "score", score.key, score.size, workers)
        if training or scoring:
            needed.append((trial, scoring))
            planned.add(Timing("step", task.key, task.size, workers, 0.0))
        if scoring:
            planned.add(Timing("score", score.key, score.size, workers, 0.0))
    return needed


def _unknown(known: Iterable[Timings], what: str, key: str, size: float, workers: int) -> bool:
    expected = [timings.find(what, key, size, workers) for timings in known]
    return all(each is None or each.rough for each in expected)


def _planned(executor: Executor, request: Request) -> Todo:
    """Plan in a worker: whatever a plug-in does to its process is told here."""
    return answer(executor.submit(tasks.plan_suite, request, False), "planning")


def _measured(executor: Executor, request: Request, workers: int, say: Say) -> Todo:
    """Plan, try what was never timed, keep the timings, and return the plan."""
    began = time.perf_counter()
    todo = _planned(executor, request)
    ready = time.perf_counter()
    needed = untimed(todo.trials, read_timings(todo.machine), workers)
    if not needed:
        say("nothing to measure: no stack or data set is left that was never timed on this machine")
        return todo
    executor.pin(*assign(todo, workers))
    together = executor.trainers
    results = list(_tried(executor, todo, list(islice(cycle(needed), max(together, len(needed)))), say))
    values = [value for result in results for value in result.values]
    if results:
        waited = time.perf_counter() - ready - makespan(together, [(result.task_s, ()) for result in results])
        runs = max(todo.workload.runs, 1)
        values += [("plan", "", runs, ready - began), ("start", "", runs, max(waited, 0.0))]
    timings = [Timing(what, key, size, workers, value, trial=True) for what, key, size, value in values]
    add_timings(todo.machine, timings)
    return todo


def _tried(executor: Executor, todo: Todo, needed: list[tuple[Trial, bool]], say: Say) -> Iterator[TrialResult]:
    """Yield what each trial gave, as many side by side as workers train, until BUDGET_S are over."""
    until, numbered = time.monotonic() + BUDGET_S, enumerate(needed, 1)
    pending: dict[Future[Any], Trial] = {}

    def start() -> None:
        for number, (trial, score) in islice(numbered, 1):
            say(f"trial {number} of {len(needed)}: {trial.task.name}")
            rest = todo.device, todo.workload, score, todo.plugins
            pending[executor.submit(try_stack, trial, *rest, trains=True)] = trial

    for _ in range(executor.trainers):
        start()
    for future, trial in as_they_end(pending):
        try:
            yield future.result()
        except Exception as error:  # the plan is told all the same
            say(f"{trial.task.name}: not timed ({type(error).__name__}: {error})")
        if time.monotonic() < until:
            start()
    left = sum(1 for _ in numbered)
    if left:
        say(f"{left} trials were not begun within {BUDGET_S} s: what they would have timed is guessed from the others")


def refuse_effect(effect: float) -> None:
    """Raise HarnessError where an effect is none that seeds could be counted for."""
    if not EFFECTS[0] <= effect <= EFFECTS[1]:
        raise HarnessError(
            f"--power: {effect:g} is no effect to plan for: give Cohen's d of paired differences, from {EFFECTS[0]:g} "
            f"to {EFFECTS[1]:g}, such as 0.8."
        )
