"""What the tasks of a call took, as timings for later estimates."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import mean
from typing import Any

from harness.plan.makespan import Stack, makespan
from harness.plan.timings import Timing

Task = Mapping[str, Any]


class Meter:
    """Collects what tasks took, and gives one timing for each thing that was done: the mean, as totals count."""

    def __init__(self, workload: Mapping[str, Any], workers: int) -> None:
        self._workload, self._workers = workload, workers
        self._stacks = {stack["id"]: stack for stack in workload["stacks"]}
        every = [*workload["scores"], *(score for stack in workload["stacks"] for score in stack["scores"])]
        self._scores = {score["run_id"]: score for score in every}
        self._values: dict[tuple[str, str, float], list[float]] = {}
        self._trained: dict[str, float] = {}
        self._scored: dict[str, float] = {}

    def trained(self, stack_id: str, runs: Sequence[Task]) -> None:
        """Note a stack that ended: runs with `train_s` (a run's share of its steps), `task_s` of all, and `bytes`."""
        timed = [run for run in runs if "task_s" in run]
        stack = self._stacks.get(stack_id)
        if not timed or stack is None:
            return  # it failed, or is a part of one that did
        task, steps = timed[0]["task_s"], timed[0]["train_s"] * stack["members"]
        self._add("step", stack["key"], stack["size"], steps / stack["steps"])
        self._add("keep", stack["key"], stack["members"], max(task - steps, 0.0) / stack["points"])
        self._add("disk", stack["key"], stack["points"], mean(run["bytes"] for run in timed))
        self._trained[stack_id] = task

    def scored(self, runs: Iterable[Task]) -> None:
        """Note runs that were scored: run_id, `score_s`, and `reference_s` where the reference was made for it."""
        for run in runs:
            score, reference_s = self._scores.get(run["run_id"]), run["reference_s"]
            if score is None:
                continue  # another call trained it meanwhile
            self._add("score", score["key"], score["size"], run["score_s"])
            if reference_s is not None:
                self._add("reference", score["key"], self._workload["samples"] ** 2, reference_s)
            self._scored[run["run_id"]] = run["score_s"] + (reference_s or 0.0)

    def call(self, clock: Sequence[float]) -> None:
        """Note the parts of a call, from the clock at its start and the ends of its planning, tasks and report.

        A call that was cut short has fewer of them.
        """
        notes: list[Callable[[float], None]]
        notes = [partial(self._whole, "plan"), self._tasks, partial(self._whole, "report")]
        for note, (began, ended) in zip(notes, pairwise(clock), strict=False):
            note(ended - began)

    def timings(self) -> list[Timing]:
        """Return a timing of each thing that was done."""
        return [Timing(*of, self._workers, mean(values)) for of, values in self._values.items()]

    def _whole(self, what: str, seconds: float) -> None:
        self._add(what, "", max(self._workload["runs"], 1), seconds)

    def _tasks(self, seconds: float) -> None:
        """Note how long training and scoring took together: what no task accounts for is the start of workers.

        Not known where a task failed, as its time is not.
        """
        done = [score["run_id"] in self._scored for score in self._workload["scores"]]
        if not (self._stacks or done) or self._stacks.keys() - self._trained or not all(done):
            return
        scores = [self._scored[score["run_id"]] for score in self._workload["scores"]]
        tasks = makespan(self._workers, [self._task(stack) for stack in self._stacks.values()], scores)
        self._whole("start", max(seconds - tasks, 0.0))

    def _add(self, what: str, key: str, size: float, value: float) -> None:
        self._values.setdefault((what, key, size), []).append(value)

    def _task(self, stack: Mapping[str, Any]) -> Stack:
        own = [self._scored[score["run_id"]] for score in stack["scores"] if score["run_id"] in self._scored]
        return self._trained[stack["id"]], own
