"""What `harness run` prints as it goes: one bar with ETA on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from harness.execution.outcomes import (
    Alone,
    Event,
    Planned,
    Reporting,
    Scored,
    Split,
    Trained,
    TrainedRun,
    Undrawn,
    Unscored,
    Waiting,
    Watching,
)
from harness.execution.requests import Todo
from harness.text import counted, printable, waiting


class Reporter:
    """Shows the events of `runner.run` on standard error; nothing where `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, markup=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("runs, elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("reading the suite", total=None)
        self._done = 0
        self._total = 0
        self._waits = False
        self._scores = False  # and nothing is to be trained
        self._labels: Mapping[str, str] = {}

    def __enter__(self) -> "Reporter":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Print one event of the runner."""
        match event:
            case Planned(todo):
                self._planned(todo)
            case Trained(stack, runs):
                for run in runs:
                    self._trained(run)
            case Split(stack, runs, error):
                self._say(f"stack {stack}: {error}; its {counted(len(runs), 'run')} will be trained apart")
            case Alone(stack, error):
                self._say(f"stack {stack}: {error}; it will be trained again with no other beside it")
            case Scored(runs) if self._scores:
                self._ended(len(runs))
            case Unscored(run_id, error):
                self._ended(1 if self._scores else 0)
                self._say(f"{run_id} {self._labels[run_id]}: not scored: {error}")
            case Waiting(stacks) if not self._waits:
                self._waits = True
                self._say(f"waiting for {counted(stacks, 'stack')} that another call holds")
            case Watching(page):
                self._say(f"page: {page}: kept current, reloads itself")
            case Undrawn(error):
                self._say(f"the page was not drawn: {error}; training goes on")
            case Reporting():
                self._bar.update(self._task, description="writing the report")

    def _planned(self, todo: Todo) -> None:
        for line in [*todo.damage, *todo.notes]:
            self._say(line)
        self._scores = not todo.wanted
        self._total = sum(len(stack.runs) for stack in (todo.unscored if self._scores else todo.stacks))
        already = f", {todo.finished} already finished" if todo.finished else ""
        if self._scores:
            left = f"{counted(self._total, 'run')} to score" if self._total else "nothing to score"
        elif self._total:
            stacks = counted(len(todo.stacks), "stack")
            left = f"{counted(self._total, 'run')} to train in {stacks} on {todo.device}{already}"
        else:
            left = f"nothing to train{already}"
        self._say(f"{todo.folder}: {left}")
        if todo.waiting:
            self._say(waiting(todo.waiting, todo.folder))
        self._labels, self._done = todo.labels, 0
        verb = "scoring" if self._scores else "training"
        self._bar.update(self._task, description=verb, completed=0, total=self._total)

    def _ended(self, runs: int) -> None:
        self._done += runs
        self._bar.update(self._task, completed=self._done)

    def _trained(self, run: TrainedRun) -> None:
        self._ended(1)
        seconds = f" {run.train_s:.1f} s" if run.train_s is not None else ""
        why = f": {run.error}" if run.error else ""
        self._say(f"[{self._done}/{self._total}] {run.run_id} {self._labels[run.run_id]}: {run.status}{seconds}{why}")

    def _say(self, text: str) -> None:
        self._bar.console.print(printable(text))
