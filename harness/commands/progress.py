"""What `harness run` prints as it goes: one bar with ETA on a terminal, plain lines elsewhere."""

import sys
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

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
        self._labels: dict[str, str] = {}

    def __enter__(self) -> "Reporter":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, event: str, what: dict[str, Any]) -> None:
        """Print one event of the runner."""
        if event == "planned":
            self._planned(what)
        elif event == "trained":
            for run in what["runs"]:
                self._trained(run, what["stack"])
        elif event == "split":
            runs = counted(len(what["runs"]), "run")
            self._say(f"stack {what['stack']}: {what['error']}; its {runs} will be trained apart")
        elif event == "scored" and self._scores:
            self._ended(len(what["runs"]))
        elif event == "unscored":
            self._ended(1 if self._scores else 0)
            self._say(f"{what['run_id']} {self._labels[what['run_id']]}: not scored: {what['error']}")
        elif event == "waiting" and not self._waits:
            self._waits = True
            self._say(f"waiting for {counted(what['stacks'], 'stack')} that another call holds")
        elif event == "reporting":
            self._bar.update(self._task, description="writing the report")

    def _planned(self, plan: dict[str, Any]) -> None:
        for line in [*plan["damage"], *plan["notes"]]:
            self._say(line)
        self._scores = not plan["wanted"]
        self._total = sum(len(stack["runs"]) for stack in plan["unscored" if self._scores else "stacks"])
        already = f", {plan['finished']} already finished" if plan["finished"] else ""
        if self._scores:
            todo = f"{counted(self._total, 'run')} to score" if self._total else "nothing to score"
            self._say(f"{plan['folder']}: {todo}")
        elif self._total:
            stacks = len(plan["stacks"])
            self._say(f"{plan['folder']}: {self._total} runs to train in {stacks} stacks on {plan['device']}{already}")
        else:
            self._say(f"{plan['folder']}: nothing to train{already}")
        if plan["waiting"]:
            self._say(waiting(plan["waiting"], plan["folder"]))
        self._labels, self._done = plan["labels"], 0
        self._bar.update(
            self._task, description="scoring" if self._scores else "training", completed=0, total=self._total
        )

    def _ended(self, runs: int) -> None:
        self._done += runs
        self._bar.update(self._task, completed=self._done)

    def _trained(self, run: dict[str, Any], stack: str) -> None:
        self._ended(1)
        seconds = f" {run['train_s']:.1f} s" if run["train_s"] is not None else ""
        why = f": {run['error']}" if run.get("error") else ""
        self._say(
            f"[{self._done}/{self._total}] {run['run_id']} {self._labels[run['run_id']]}: {run['status']}{seconds}{why}"
        )

    def _say(self, text: str) -> None:
        self._bar.console.print(printable(text))
