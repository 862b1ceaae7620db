"""The data flow of `harness run`, `retry` and `score`: plan, train, score, report. This process imports no torch."""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness.errors import HarnessError
from harness.execution import tasks
from harness.execution.gpus import assign
from harness.execution.live_page import watched
from harness.execution.meter import Meter
from harness.execution.outcomes import Ending, Event, Planned, Progress, Reporting, Scored, Trained, ignore
from harness.execution.requests import Request, Retry, Todo, processes, report_of
from harness.execution.scheduler import TASKS, Scheduler, Tasks
from harness.hints import quoted
from harness.plan.cost_text import duration
from harness.plan.estimate import estimate
from harness.plan.timings import add_timings, read_timings
from harness.processes import collecting_no_garbage
from harness.store import LOST, missing, open_store
from harness.store.find import one_folder
from harness.text import counted, printable, waiting, waiting_scores
from harness.workers import Executor, OutOfTime, WorkerDied, open_executor

T = TypeVar("T")

EXECUTORS = ("local", "ray")


@dataclass(frozen=True)
class RunResult:
    """What a call did. `exit_code`: 0 all runs ok or diverged; 1 some failed, oom or timeout, or not scored."""

    folder: Path
    trained: int  # those that failed among them
    already: int
    unplanned: int
    unscored: int
    counts: dict[str, int]
    report: Path
    took_s: float
    estimated_s: float | None  # from timings of earlier calls
    damage: list[str]  # of runs that are to be trained again
    weak: list[str]  # of extractors that are wrong too often

    @property
    def lost(self) -> int:
        """Runs that wait for `harness retry`."""
        return sum(self.counts.get(status, 0) for status in LOST)

    @property
    def exit_code(self) -> int:
        """Of the command line."""
        return 1 if self.lost or self.unscored or self.damage else 0

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {**asdict(self), "folder": str(self.folder), "report": str(self.report), "exit_code": self.exit_code}

    def render(self) -> str:
        """Return the last lines that `run` prints."""
        counts = ", ".join(f"{n} {status}" for status, n in self.counts.items() if n)
        did = f"{self.trained} trained now" if self.trained else "nothing was left to train"
        lines = [f"{self.folder}: {sum(self.counts.values())} runs: {counts} ({did}, {self.already} kept from before)"]
        if self.lost:
            lines.append(f"{waiting(self.lost, str(self.folder))}; `harness logs RUN` says why it failed")
        if self.unscored:
            lines.append(waiting_scores(self.unscored, str(self.folder)))
        if self.unplanned:
            lines.append(f"kept on disk, and no longer planned: {counted(self.unplanned, 'earlier run')}")
        estimated = "" if self.estimated_s is None else f", {duration(self.estimated_s)} estimated"
        return "\n".join(
            [*lines, *self.damage, *self.weak, f"took {duration(self.took_s)}{estimated}", f"report: {self.report}"]
        )


def run(request: Request | Retry, progress: Progress = ignore, do: Tasks = TASKS) -> RunResult:
    """Train what is asked for and missing, score it, and write runs.parquet and the report.

    A study is planned anew as often as its trials have ended, up to the confirmation of the best. The same call goes on
    where an interrupted one left off. What its parts took is kept, for later estimates.
    Raises SuiteError, StoreError.
    """
    began, rounds, ending = time.perf_counter(), list[Round](), None
    with watched(request, progress) as tell, _executor(request, do) as (executor, request):
        while ending is None:
            known = len(rounds[-1].todo.labels) if rounds else 0
            rounds.append(_round(executor, request, tell, do, known))
            ending = rounds[-1].ending
    first, last = rounds[0], rounds[-1].todo
    return RunResult(
        folder=Path(last.folder),
        trained=sum(part.trained for part in rounds),
        already=first.todo.finished,
        unplanned=last.unplanned,
        unscored=ending.unscored,
        counts=ending.counts,
        report=Path(ending.report),
        took_s=time.perf_counter() - began,
        estimated_s=first.expected_s if len(rounds) == 1 else None,  # what a study plans later was not known
        damage=ending.damage,
        weak=ending.weak,
    )


@contextmanager
def _executor(request: Request | Retry, do: Tasks) -> Iterator[tuple[Executor, Request | Retry]]:
    """Open what carries a request out; the request that it gives names the device of a cluster, where that trains.

    Raises HarnessError where there is no such executor, or cluster.
    """
    if request.executor not in EXECUTORS:
        raise HarnessError(f"--executor: {quoted(request.executor)} given; {' or '.join(EXECUTORS)} is needed")
    if request.executor == "local":
        if request.address is not None:
            raise HarnessError("--address: only with --executor ray; give both, or neither")
        with open_executor(processes(request.workers), do.prepare) as executor:
            yield executor, request
        return
    from harness.execution.cluster.node import TaskFunctions
    from harness.execution.cluster.ray import device, open_on_ray  # Ray, which most do without

    functions = TaskFunctions(do.prepare, do.train, do.score)
    with open_executor(1, do.prepare) as here, open_on_ray(here, functions, request.workers, request.address) as there:
        yield there, replace(request, device=device(request.device)) if isinstance(request, Request) else request


class Round(NamedTuple):
    """A plan whose runs have ended, how many this call trained, and what its folder holds, where it was the last."""

    todo: Todo
    trained: int
    expected_s: float | None
    ending: Ending | None


def _round(executor: Executor, request: Request | Retry, progress: Progress, do: Tasks, known: int) -> Round:
    """Plan, train and score; write runs.parquet and the report, unless a study leads on from there.

    It does not where nothing is planned beside the `known` runs: some of them could not be trained, or scored.
    """
    clock, ending = [time.perf_counter()], None
    with collecting_no_garbage():
        if isinstance(request, Request):
            planning = executor.submit(do.plan, request, True)
        else:
            planning = executor.submit(do.retry, str(one_folder(request.folder)), list(request.only), request.executor)
        todo = answer(planning, "planning")
    clock.append(time.perf_counter())
    progress(Planned(todo))
    workers = processes(request.workers) if request.executor == "local" else executor.trainers
    executor.pin(*assign(todo, workers))
    expected = estimate(todo.workload, read_timings(todo.machine), workers, executor.trainers)
    meter = Meter(todo.workload, workers, executor.trainers)
    try:
        scheduler = Scheduler(executor, todo, do, _metered(meter, progress))
        scheduler.work(request.fail_fast)
        clock.append(time.perf_counter())
        leads_on = todo.more and len(todo.labels) > known
        if not leads_on or (request.fail_fast and scheduler.lost):
            report = report_of(request, todo.folder)
            progress(Reporting(report))
            ended = executor.submit(do.finish, todo.folder, report, processes(request.workers))
            ending = answer(ended, "writing the report")
            clock.append(time.perf_counter())
    finally:
        meter.call(clock)
        if request.executor == "local":  # else they would say little of this machine
            add_timings(todo.machine, meter.timings())
    return Round(todo, scheduler.trained + scheduler.lost, expected.seconds, ending)


def answer(future: "Future[T]", task: str) -> T:
    """Return a task's result. Raises HarnessError where its worker died or hung within it, or had no memory for it."""
    try:
        return future.result()
    except (WorkerDied, OutOfTime) as error:
        if error.what:
            raise HarnessError(f"{error}; fix it, or leave it out of `plugins`") from None
        why: object = error
    except MemoryError as error:
        why = error if str(error) else type(error).__name__
    raise HarnessError(f"{task}: {why}; finished runs are kept, and the same command continues")


def _metered(meter: Meter, progress: Progress) -> Progress:
    """Return a listener that notes what things took, and passes everything on."""

    def listen(event: Event) -> None:
        if isinstance(event, Trained) and event.whole:
            meter.trained(event.stack, event.runs)
        elif isinstance(event, Scored):
            meter.scored(event.runs)
        progress(event)

    return listen


@dataclass(frozen=True)
class ScoreResult:
    """What `harness score` did: how many runs it scored, or could not; counts by status; runs that are damaged."""

    folder: str
    scored: int
    unscored: int
    counts: dict[str, int]
    damage: list[str]


def score(
    folder: str, samples: int | None = None, workers: int | None = None, progress: Progress = ignore
) -> ScoreResult:
    """Score the finished runs of a results folder by the current metrics, without training, and write runs.parquet.

    `samples` replaces the suite's; where no run could be scored so, the folder is left as it was. Raises HarnessError
    where more samples are asked for than runs keep or can draw, or memory can take; StoreError.
    """
    with open_executor(processes(workers), tasks.prepare) as executor:
        todo = answer(executor.submit(tasks.plan_scores, str(one_folder(folder)), samples), "planning")
        progress(Planned(todo))
        scheduler = Scheduler(executor, todo, TASKS, progress)
        scheduler.work()
        if scheduler.unscored and not scheduler.scored:
            answer(executor.submit(tasks.unpin_scores, todo.folder, todo.before), "taking the scoring back")
        counts = answer(executor.submit(tasks.write_table, todo.folder), "writing runs.parquet")
    return ScoreResult(todo.folder, scheduler.scored, scheduler.unscored, counts, missing(open_store(todo.folder)))


def render_scores(result: ScoreResult) -> str:
    """Return what `harness score` prints."""
    lines = [f"{result.folder}: {counted(result.scored, 'run')} scored now"]
    if result.unscored:
        unchanged = "" if result.scored else "; the folder is left as it was"
        lines.append(f"{counted(result.unscored, 'run')} could not be scored{unchanged}")
    lines += [printable(line) for line in result.damage]
    return "\n".join([*lines, f"the report is written by `harness report {result.folder}`"])
