"""The data flow of `harness run`, `retry` and `score`: plan, train, score, report. This process imports no torch."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import HarnessError
from harness.execution import tasks
from harness.execution.scheduler import TASKS, Progress, Shift, Tasks, ignore
from harness.execution.workers import Executor, Task, WorkerDied, default_workers, open_executor
from harness.plan.cost_text import duration
from harness.plan.estimate import estimate
from harness.plan.meter import Meter
from harness.plan.timings import add_timings, read_timings
from harness.store import LOST, Store, missing
from harness.store.find import one_folder, report_folder
from harness.text import counted, printable, waiting, waiting_scores


@dataclass(frozen=True)
class Request:
    """What a user asked `run` or `study` for. `suite`: a path, YAML text, or a mapping."""

    suite: str | Mapping[str, Any]
    root: str = "results"
    scale: str | None = None
    sets: Sequence[str] = ()
    only: Sequence[str] = ()
    device: str = "auto"
    workers: int | None = None
    report: str | None = None
    fail_fast: bool = False
    study: bool = False  # refuse a suite that has none

    @property
    def planning(self) -> tuple[str | Mapping[str, Any], str, str | None, list[str], list[str], str]:
        """The arguments of `tasks.plan_suite`, but for whether it writes."""
        return self.suite, self.root, self.scale, list(self.sets), list(self.only), self.device

    @property
    def plan(self) -> tuple[Task, tuple[Any, ...]]:
        """The task that plans it, and its arguments."""
        return tasks.plan_suite, (*self.planning, True, self.study)

    @property
    def processes(self) -> int:
        """Workers side by side."""
        return _processes(self.workers)


@dataclass(frozen=True)
class Again:
    """What a user asked `retry` for: to train the runs of a results folder that were lost, as they were planned."""

    folder: str
    only: Sequence[str] = ()
    workers: int | None = None
    report: str | None = None
    fail_fast: bool = False

    @property
    def plan(self) -> tuple[Task, tuple[Any, ...]]:
        """The task that plans it, and its arguments."""
        return tasks.plan_retry, (str(one_folder(self.folder)), list(self.only))

    @property
    def processes(self) -> int:
        """Workers side by side."""
        return _processes(self.workers)


def _processes(workers: int | None) -> int:
    return default_workers("cpu") if workers is None else workers


@dataclass
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
            lines.append(f"{self.unplanned} earlier runs are no longer planned and kept on disk")
        estimated = "" if self.estimated_s is None else f", {duration(self.estimated_s)} estimated"
        return "\n".join(
            [*lines, *self.damage, *self.weak, f"took {duration(self.took_s)}{estimated}", f"report: {self.report}"]
        )


def run(request: Request | Again, progress: Progress = ignore, do: Tasks = TASKS) -> RunResult:
    """Train what is asked for and missing, score it, and write runs.parquet and the report.

    A study is planned anew as often as its trials have ended, up to the confirmation of the best. The same call goes on
    where an interrupted one left off. What its parts took is kept, for later estimates.
    Raises SuiteError, StoreError.
    """
    began, rounds = time.perf_counter(), list[Round]()
    with open_executor(request.processes, do.prepare) as executor:
        while not rounds or rounds[-1].ended is None:
            known = len(rounds[-1].plan["labels"]) if rounds else 0
            rounds.append(_round(executor, request, progress, do, known))
    plan, ended = rounds[-1].plan, rounds[-1].ended or {}
    return RunResult(
        folder=Path(plan["folder"]),
        trained=sum(part.trained for part in rounds),
        already=rounds[0].plan["finished"],
        unplanned=plan["unplanned"],
        unscored=ended["unscored"],
        counts=ended["counts"],
        report=Path(ended["report"]),
        took_s=time.perf_counter() - began,
        estimated_s=rounds[0].expected_s if len(rounds) == 1 else None,  # what a study plans later was not known
        damage=ended["damage"],
        weak=ended["weak"],
    )


class Round(NamedTuple):
    """A plan whose runs have ended, how many this call trained, and what its report says, where it was the last."""

    plan: dict[str, Any]
    trained: int
    expected_s: float | None
    ended: dict[str, Any] | None


def _round(executor: Executor, request: Request | Again, progress: Progress, do: Tasks, known: int) -> Round:
    """Plan, train and score; write runs.parquet and the report, unless a study leads on from there.

    It does not where nothing is planned beside the `known` runs: some of them could not be trained, or scored.
    """
    clock = [time.perf_counter()]
    planner, arguments = request.plan
    plan = _answer(executor.submit(planner, *arguments), "planning")
    clock.append(time.perf_counter())
    progress("planned", plan)
    expected = estimate(plan["workload"], read_timings(plan["machine"]), request.processes)
    meter, ended = Meter(plan["workload"], request.processes), None
    try:
        shift = Shift(executor, plan, do, _noted(meter, progress))
        shift.work(request.fail_fast)
        clock.append(time.perf_counter())
        leads_on = plan.get("more", False) and len(plan["labels"]) > known
        if not leads_on or (request.fail_fast and shift.lost):
            report = request.report or report_folder(str(Path(plan["folder"]).parent), plan["folder"])
            progress("reporting", {"report": report})
            ended = _answer(executor.submit(do.finish, plan["folder"], report), "writing the report")
            clock.append(time.perf_counter())
    finally:
        meter.call(clock)
        add_timings(plan["machine"], meter.timings())
    return Round(plan, shift.trained + shift.lost, expected["seconds"], ended)


def _answer(future: "Future[Any]", doing: str) -> Any:
    """Return a task's result. Raises HarnessError where its worker died within it, or had no memory for it."""
    try:
        return future.result()
    except (WorkerDied, MemoryError) as error:
        text = (
            f"{doing}: {error or type(error).__name__}; what is finished is kept, and the same call goes on from there"
        )
        raise HarnessError(text) from None


def score(
    folder: str, samples: int | None = None, workers: int | None = None, progress: Progress = ignore
) -> dict[str, Any]:
    """Score the finished runs of a results folder by the metrics of today, without training, and write runs.parquet.

    `samples` replaces the suite's; where no run could be scored so, the folder is left as it was. Returns folder,
    scored, unscored, counts by status, and `damage`: a line for each run that was set aside and is to be trained again.
    Raises HarnessError where more samples are asked for than runs keep or can draw, or memory can take; StoreError.
    """
    with open_executor(_processes(workers), tasks.prepare) as executor:
        plan = _answer(executor.submit(tasks.plan_scores, str(one_folder(folder)), samples), "planning")
        progress("planned", plan)
        shift = Shift(executor, plan, TASKS, progress)
        shift.work()
        if shift.unscored and not shift.scored:
            _answer(executor.submit(tasks.unpin_scores, plan["folder"], plan["before"]), "taking the scoring back")
        counts = _answer(executor.submit(tasks.write_table, plan["folder"]), "writing runs.parquet")
    done = {"folder": plan["folder"], "scored": shift.scored, "unscored": shift.unscored, "counts": counts}
    return {**done, "damage": missing(Store(plan["folder"]))}


def render_scores(result: dict[str, Any]) -> str:
    """Return what `harness score` prints."""
    lines = [f"{result['folder']}: {counted(result['scored'], 'run')} scored now"]
    if result["unscored"]:
        kept = "" if result["scored"] else "; the folder is left as it was"
        lines.append(f"{counted(result['unscored'], 'run')} could not be scored{kept}")
    lines += [printable(line) for line in result["damage"]]
    return "\n".join([*lines, f"the report is written by `harness report {result['folder']}`"])


def _noted(meter: Meter, progress: Progress) -> Progress:
    """Return a listener that notes what things took, and passes everything on."""

    def tell(event: str, what: dict[str, Any]) -> None:
        if event == "trained" and what["whole"]:
            meter.trained(what["stack"], what["runs"])
        elif event == "scored":
            meter.scored(what["runs"])
        progress(event, what)

    return tell
