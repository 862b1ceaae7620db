"""What the tasks of a call took, as timings for later estimates."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import mean

from harness.execution.outcomes import ScoredRun, TrainedRun
from harness.plan.estimate import StackSeconds, TrainingTask, Workload, makespan
from harness.plan.timings import Timing


class Meter:
    """Collects what tasks took, and gives one timing for each thing that was done: the mean, as totals count."""

    def __init__(self, workload: Workload, workers: int, trainers: int | None = None) -> None:
        self._workload, self._workers, self._trainers = workload, workers, trainers
        self._stacks = {stack.id: stack for stack in workload.stacks}
        self._scores = {score.run_id: score for score in workload.every_score}
        self._values: dict[tuple[str, str, float], list[float]] = {}
        self._trained: dict[str, float] = {}
        self._scored: dict[str, float] = {}

    def trained(self, stack_id: str, runs: Sequence[TrainedRun]) -> None:
        """Note a stack that ended."""
        timed, stack = [run for run in runs if run.task_s is not None], self._stacks.get(stack_id)
        if not timed or stack is None:
            return  # it failed, or is a part of one that did
        task_s, steps_s = timed[0].task_s or 0.0, (timed[0].train_s or 0.0) * stack.members
        self._add("step", stack.key, stack.size, steps_s / stack.steps)
        self._add("keep", stack.key, stack.members, max(task_s - steps_s, 0.0) / stack.points)
        self._trained[stack_id] = task_s

    def scored(self, runs: Iterable[ScoredRun]) -> None:
        """Note runs that were scored."""
        for run in runs:
            score = self._scores.get(run.run_id)
            if score is None:
                continue  # another call trained it meanwhile
            self._add("score", score.key, score.size, run.score_s)
            if run.reference_s is not None:
                self._add("reference", score.key, self._workload.samples**2, run.reference_s)
            self._scored[run.run_id] = run.score_s + (run.reference_s or 0.0)

    def call(self, clock: Sequence[float]) -> None:
        """Note the parts of a call, from the clock at its start and the ends of its planning, tasks and report.

        A call that was cut short has fewer of them.
        """
        for what, (began, ended) in zip(("plan", "start", "report"), pairwise(clock), strict=False):
            seconds = ended - began if what != "start" else self._starting(ended - began)
            if seconds is not None:
                self._add(what, "", max(self._workload.runs, 1), seconds)

    def timings(self) -> list[Timing]:
        """Return a timing of each thing that was done."""
        return [Timing(*of, self._workers, mean(values)) for of, values in self._values.items()]

    def _starting(self, seconds: float) -> float | None:
        """Return what no task accounts for of the time that all took together: the start of workers.

        None where a task failed, as its time is not known, and where there was none.
        """
        before = [score.run_id for score in self._workload.scores]
        if not (self._stacks or before) or self._stacks.keys() - self._trained or {*before} - self._scored.keys():
            return None
        tasks = [self._task(stack) for stack in self._stacks.values()]
        scored = [self._scored[run_id] for run_id in before]
        return max(seconds - makespan(self._workers, tasks, scored, self._trainers), 0.0)

    def _task(self, stack: TrainingTask) -> StackSeconds:
        own = [self._scored[score.run_id] for score in stack.scores if score.run_id in self._scored]
        return self._trained[stack.id], own

    def _add(self, what: str, key: str, size: float, value: float) -> None:
        self._values.setdefault((what, key, size), []).append(value)
