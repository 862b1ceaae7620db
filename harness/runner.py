"""The data flow of `harness run`: plan, train, score, report; many tasks at once, and this process imports no torch."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import tasks
from harness.cost.estimate import estimate
from harness.cost.meter import Meter
from harness.cost.sentence import duration
from harness.cost.timings import add_timings, read_timings
from harness.errors import HarnessError
from harness.executors import Executor, as_they_end, default_workers, open_executor
from harness.status import result_folders
from harness.store import FINAL, LOST, Store

Progress = Callable[[str, dict[str, Any]], None]  # (event, what): "planned", "trained", "scored", "reporting"


@dataclass(frozen=True)
class Request:
    """What a user asked `run` for."""

    suite: str
    root: str = "results"
    scale: str | None = None
    sets: Sequence[str] = ()
    only: Sequence[str] = ()
    device: str = "auto"
    workers: int | None = None
    report: str | None = None

    @property
    def planning(self) -> tuple[str, str, str | None, list[str], list[str], str]:
        """The arguments of `tasks.plan_suite`, but for whether it writes."""
        return self.suite, self.root, self.scale, list(self.sets), list(self.only), self.device

    @property
    def processes(self) -> int:
        """Workers side by side."""
        return default_workers("cpu") if self.workers is None else self.workers


@dataclass
class RunResult:
    """What a call of `run` did. `exit_code`: 0 all runs ok or diverged; 1 some failed, oom or timeout."""

    folder: Path
    trained: int
    already: int
    unplanned: int
    counts: dict[str, int]
    report: Path
    took_s: float
    estimated_s: float | None  # from timings of earlier calls

    @property
    def exit_code(self) -> int:
        """Of the command line."""
        return 1 if any(self.counts.get(status) for status in LOST) else 0

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {**asdict(self), "folder": str(self.folder), "report": str(self.report), "exit_code": self.exit_code}

    def render(self) -> str:
        """Return the last lines that `run` prints."""
        counts = ", ".join(f"{n} {status}" for status, n in self.counts.items() if n)
        did = f"{self.trained} trained now" if self.trained else "nothing was left to train"
        runs = f"{self.folder}: {sum(self.counts.values())} runs: {counts} ({did}, {self.already} kept from before)"
        earlier = f"\n{self.unplanned} earlier runs are no longer planned and kept on disk" if self.unplanned else ""
        estimated = "" if self.estimated_s is None else f", {duration(self.estimated_s)} estimated"
        return f"{runs}{earlier}\ntook {duration(self.took_s)}{estimated}\nreport: {self.report}"


def run(request: Request, progress: Progress = lambda event, what: None) -> RunResult:
    """Train what the suite plans and the store lacks, score it, and write runs.parquet and the report.

    The same call goes on where an interrupted one left off. What its parts took is kept, for later estimates.
    Raises SuiteError, StoreError.
    """
    clock = [time.perf_counter()]
    with open_executor(request.processes) as executor:
        plan = executor.submit(tasks.plan_suite, *request.planning, True).result()
        clock.append(time.perf_counter())
        progress("planned", plan)
        expected = estimate(plan["workload"], read_timings(plan["machine"]), request.processes)
        meter = Meter(plan["workload"], request.processes)
        try:
            trained = _train_and_score(executor, plan, meter, progress)
            clock.append(time.perf_counter())
            report = request.report or report_folder(request.root, plan["folder"])
            progress("reporting", {"report": report})
            ended = executor.submit(tasks.finish, plan["folder"], report).result()
            clock.append(time.perf_counter())
        finally:
            meter.call(clock)
            add_timings(plan["machine"], meter.timings())
    return RunResult(
        folder=Path(plan["folder"]),
        trained=trained,
        already=plan["finished"],
        unplanned=plan["unplanned"],
        counts=ended["counts"],
        report=Path(ended["report"]),
        took_s=time.perf_counter() - clock[0],
        estimated_s=expected["seconds"],
    )


def report_folder(root: str, folder: str) -> str:
    """reports/<suite> beside results/<suite>; inside the suite's folder where another root was asked for."""
    return str(Path("reports") / Path(folder).name) if Path(root) == Path("results") else str(Path(folder) / "report")


def rebuild_reports(folders: Sequence[str], output: str | None) -> list[str]:
    """Write runs.parquet and the report of each results folder again; return the reports' paths.

    Raises HarnessError where `output` is one folder for several reports.
    """
    found = [folder for path in folders for folder in result_folders(path)]
    if output is not None and len(found) > 1:
        raise HarnessError(
            f"-o {output}: {len(found)} suites found and one folder given; name one suite, or leave -o out"
        )
    written = []
    for folder in found:
        tasks.write_table(str(folder))
        report = output or report_folder(str(folder.parent), str(folder))
        written.append(tasks.write_report(str(folder), report)["report"])
    return written


def _train_and_score(executor: Executor, plan: dict[str, Any], meter: Meter, progress: Progress) -> int:
    """Train stacks as workers come free and score each as it ends; return how many runs were trained."""
    folder, device = plan["folder"], plan["device"]
    pending: dict[Future[Any], dict[str, Any]] = {}
    store = Store(folder)
    left = store.unscored((run["run_id"] for run in store.plan["runs"]), store.plan["score_id"])
    for run_id in left:  # an earlier call was interrupted before it scored them
        pending[executor.submit(tasks.score_runs, folder, [run_id])] = {"task": "score"}
    for stack in plan["stacks"]:
        future = executor.submit(tasks.train_stack, folder, stack["id"], stack["runs"], device)
        pending[future] = {"task": "train", **stack}
    trained = 0
    for future, label in as_they_end(pending):
        if label["task"] == "score":
            meter.scored(future.result())
            progress("scored", {"runs": [run["run_id"] for run in future.result()]})
            continue
        done = _outcomes(store, future, label)
        trained += len(done)
        meter.trained(label["id"], done)
        progress("trained", {"stack": label["id"], "runs": done})
        for run in done:
            if run["status"] in FINAL:  # a task a run: the last stack's scores are then shared by all cores
                pending[executor.submit(tasks.score_runs, folder, [run["run_id"]])] = {"task": "score"}
    return trained


def _outcomes(store: Store, future: "Future[Any]", label: dict[str, Any]) -> list[dict[str, Any]]:
    """What a stack's training gave; a worker that died leaves a failed attempt for each of its runs."""
    try:
        return list(future.result())
    except HarnessError:
        raise
    except Exception as error:
        words = f"the worker process died ({type(error).__name__}: {error})"
        for run_id in label["runs"]:
            store.commit_attempt(run_id, "failed", words, words + "\n")
        return [{"run_id": run_id, "status": "failed", "train_s": None, "error": words} for run_id in label["runs"]]
