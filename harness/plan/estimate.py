"""What is left of a plan, and how long it will take by what such tasks took before. No torch."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.plan.timings import Timings
from harness.spec import RunSpec
from harness.store.plan_file import Mode

StackSeconds = tuple[float, Sequence[float]]  # of a stack's training, and of scoring each of its runs


@dataclass(frozen=True)
class ScoringTask:
    """A run to be scored. `key` and `size` address its timings; `reference` is the address of what it is scored on."""

    run_id: str
    name: str
    key: str
    size: float
    reference: str


@dataclass(frozen=True)
class TrainingTask:
    """A stack to be trained, which keeps snapshots at `points` steps, and the scoring of its runs.

    `key` and `size` address its timings; `members` are the runs that train, finished ones among them. `left` is the
    share of the steps that is left: runs may go on from finished ones. A run writes `bytes`.
    """

    id: str
    name: str
    key: str
    size: float
    members: int
    steps: int
    points: int
    scores: tuple[ScoringTask, ...] = ()
    left: float = 1.0
    bytes: float = 0.0


@dataclass(frozen=True)
class Trial:
    """A stack to be tried for a moment: what its timings are addressed by, and the specs of its runs."""

    task: TrainingTask
    mode: Mode
    specs: Sequence[RunSpec]


@dataclass(frozen=True)
class Workload:
    """What is left of a plan of so many `runs`.

    scores      of runs that were trained before; those of stacks stand with these
    references  addresses of reference samples that exist
    """

    runs: int
    samples: int
    extractors: Sequence[str] | None = None
    stacks: tuple[TrainingTask, ...] = ()
    scores: tuple[ScoringTask, ...] = ()
    references: frozenset[str] = frozenset()

    @property
    def every_score(self) -> list[ScoringTask]:
        """All scoring tasks."""
        return [*self.scores, *(score for stack in self.stacks for score in stack.scores)]


@dataclass(frozen=True)
class Estimate:
    """How long a call takes.

    seconds   of the whole call, as `harness run` goes about it; None where training or scoring was never timed
    parts     seconds of planning, training, scoring and report on the clock, which sum to it
    missing   names of what was never timed; rough: of what was guessed from other stacks, data sets or workers
    timed     the day of the newest timing used
    bytes     on disk
    """

    seconds: float | None
    parts: dict[str, float] | None
    workers: int
    missing: list[str]
    rough: list[str]
    timed: str | None
    bytes: float


class Lookup:
    """Looks timings up and remembers what was guessed, what was missing, and how recent they were."""

    def __init__(self, timings: Timings, workers: int) -> None:
        self._timings, self._workers = timings, workers
        self.rough: dict[str, None] = {}
        self.missing: dict[str, None] = {}
        self.days: set[str] = set()
        self._values: dict[tuple[str, str, str, float], float] = {}  # many runs ask for the same

    def value(self, name: str, what: str, key: str, size: float) -> float:
        """Return what a thing takes; 0 where nothing says so, which `missing` then names."""
        address = name, what, key, size
        if address not in self._values:
            self._values[address] = self._sought(name, what, key, size)
        return self._values[address]

    def _sought(self, name: str, what: str, key: str, size: float) -> float:
        expected = self._timings.find(what, key, size, self._workers)
        if expected is None:
            self.missing[name] = None
            return 0.0
        self.days.add(expected.day)
        if expected.rough:
            self.rough[name] = None
        return expected.value


def estimate(workload: Workload, timings: Timings, workers: int, trainers: int | None = None) -> Estimate:
    """Return how long what is left will take, and how much it will write; `trainers` as in `makespan`."""
    lookup = Lookup(timings, workers)
    runs, stacks = max(workload.runs, 1), workload.stacks
    trained = [_training(stack, lookup) for stack in stacks]
    scored = _scoring([workload.scores, *(stack.scores for stack in stacks)], workload, lookup, workers)
    incomplete = bool(lookup.missing)
    together = makespan(workers, zip(trained, scored[1:], strict=True), scored[0], trainers)
    alone = makespan(workers, [(seconds, ()) for seconds in trained], trainers=trainers)
    starting = lookup.value("the start of workers", "start", "", runs) if stacks or workload.scores else 0.0
    parts = {
        "planning": lookup.value("planning", "plan", "", runs) + starting,
        "training": alone,
        "scoring": together - alone,
        "report": lookup.value("the report", "report", "", runs),
    }
    incomplete = incomplete or not lookup.days  # nothing is left, and not even planning was ever timed
    return Estimate(
        seconds=None if incomplete else sum(parts.values()),
        parts=None if incomplete else parts,
        workers=workers,
        missing=list(lookup.missing),
        rough=list(lookup.rough),
        timed=max(lookup.days, default=None),
        bytes=sum(len(stack.scores) * stack.bytes for stack in stacks),
    )


def makespan(
    workers: int, stacks: Iterable[StackSeconds], scores: Iterable[float] = (), trainers: int | None = None
) -> float:
    """Return the seconds until all is done: `scores` left from before, then stacks in order, then their scores.

    Tasks are given out as `harness run` does. A stack's scores join the queue when it ends; every stack was queued
    before them. Where only so many `trainers` train, the other workers score meanwhile.
    """
    scorers = 0 if trainers is None else max(workers - trainers, 0)
    free = [0.0] * max(workers - scorers, 1)

    def work(seconds: float, ready: float = 0.0) -> float:
        ended = max(free[0], ready) + seconds
        heapq.heapreplace(free, ended)
        return ended

    if not scorers:
        for seconds in scores:
            work(seconds)
        scores = ()
    ended = [(0.0, scores), *((work(seconds), own) for seconds, own in stacks)]
    free = sorted([*free, *[0.0] * scorers])
    for ready, own in sorted(ended, key=lambda stack: stack[0]):
        for seconds in own:
            work(seconds, ready)
    return max(free)


def _training(stack: TrainingTask, lookup: Lookup) -> float:
    """Return the seconds of a stack's task."""
    step = lookup.value(stack.name, "step", stack.key, stack.size)
    keep = lookup.value(stack.name, "keep", stack.key, stack.members)
    return stack.left * (stack.steps * step + stack.points * keep)


def _scoring(
    groups: Iterable[Iterable[ScoringTask]], workload: Workload, lookup: Lookup, workers: int
) -> list[list[float]]:
    """Return the seconds of every scoring task, group by group.

    The first that need a reference make it: one a worker, as they do so at the same time.
    """
    makers = dict.fromkeys(workload.references, 0)

    def seconds(score: ScoringTask) -> float:
        own = lookup.value(score.name, "score", score.key, score.size)
        makers[score.reference] = makers.get(score.reference, max(workers, 1)) - 1
        if makers[score.reference] < 0:
            return own
        return own + lookup.value(score.name, "reference", score.key, workload.samples**2)

    return [[seconds(score) for score in group] for group in groups]
