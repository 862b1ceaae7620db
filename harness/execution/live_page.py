"""`run --watch`: the report of what has ended so far, drawn again and again by a process of its own.

Drawing does not hold training up: its process is nice, and it draws for a small share of the time. Nor does it break a
run: what it raises is said once, and the page stays as it was.
"""

import html
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from harness.disk.files import write_atomic
from harness.execution.outcomes import Event, Planned, Progress, Reporting, Trained, Undrawn, Watching
from harness.execution.requests import Request, Retry, Todo, report_of
from harness.plan.cost_text import duration
from harness.store import open_store
from harness.text import reason, run_command
from harness.workers import open_executor

LOOK_S = 3.0  # between two looks for something new
SHARE = 0.1  # of the time of one core that drawing may take
NICE = 10  # on a busy core such a process has a tenth of the time

RELOAD = re.compile(r'<meta http-equiv="refresh"[^>]*>\n?')
LINE = re.compile(r'<div class="live">.*?</div>', re.DOTALL)  # both as the page's template has them

State = tuple[int, ...]  # how many runs have a record, scores, an attempt that failed; when checkpoints were written


@dataclass(frozen=True)
class Drawn:
    """A page, None where the one before is as new, the state of the results, and the seconds of a core it took."""

    page: bytes | None
    state: State
    cpu_s: float


def prepare() -> None:
    """Import what draws, and let others go first from now on."""
    import harness.report.rebuild  # noqa: F401

    os.nice(NICE)


def draw(folder: str, speed: str, known: State | None) -> Drawn:
    """Draw the page of a results folder as it is now, unless it is as `known`. What a worker does."""
    from harness.report.rebuild import live_page

    began, store = time.process_time(), open_store(folder)
    state = _state(folder)
    page = live_page(store, speed) if state != known else None
    return Drawn(page, state, time.process_time() - began)


def _state(folder: str) -> State:
    store = open_store(folder)
    runs = [store.run_folder(run_id) for run_id in store.begun()]
    scores = [store.scores_path(run.name, store.plan.score_id) for run in runs]
    ended = sum((run / "record.json").exists() for run in runs)
    failed, written = sum((run / "attempts").exists() for run in runs), []
    for path in store.checkpoint_path("x").parent.glob("[!.]*"):
        with suppress(OSError):  # its stack has ended meanwhile
            written.append(path.stat().st_mtime_ns)
    return ended, sum(path.exists() for path in scores), failed, *sorted(written)


class LivePage:
    """The page of one call, from its first plan to its report; `listen` is told the call's events.

    Where the call ends without a report, as when it is interrupted, the page says so and no longer reloads itself.
    """

    def __init__(self, request: Request | Retry, progress: Progress) -> None:
        self._request, self._progress = request, progress
        self._over, self._thread = Flag(), Thread(target=self._work, daemon=True)
        self._folder, self._page = "", Path()
        self._began, self._trained, self._total = 0.0, 0, 0

    def listen(self, event: Event) -> None:
        """Pass an event on; begin at a plan, make way for the report."""
        if isinstance(event, Reporting):
            self.stop()
        self._progress(event)
        if isinstance(event, Planned):
            self._plan(event.todo)
        elif isinstance(event, Trained):
            self._trained += len(event.runs)

    def _plan(self, todo: Todo) -> None:
        self._began, self._trained = time.monotonic(), 0
        self._total = sum(len(stack.runs) for stack in todo.stacks)
        if not self._folder:
            self._folder, self._page = todo.folder, Path(report_of(self._request, todo.folder)) / "index.html"
            self._progress(Watching(str(self._page)))
            self._thread.start()

    def stop(self) -> None:
        """Draw no more. What is being drawn is given up."""
        self._over.set()
        if self._folder:
            self._thread.join()

    def settle(self) -> None:
        """Stop; a page that no report has replaced reloads itself no longer, and says why."""
        self.stop()
        with suppress(OSError):
            text = self._page.read_text(encoding="utf-8") if self._folder else ""
            final = settled(text, run_command(Path(self._folder)))
            if final != text:
                write_atomic(self._page, final.encode(), flush=False)

    def _work(self) -> None:
        state, pause, error = None, 0.0, ""
        with open_executor(1, prepare) as executor:
            while not self._over.wait(pause):
                future, pause = executor.submit(draw, self._folder, self._speed(), state), LOOK_S
                while not future.done():
                    if self._over.wait(0.05):
                        return
                try:
                    drawn = future.result()
                    state, pause = drawn.state, max(LOOK_S, drawn.cpu_s * (1 / SHARE - 1))
                    if drawn.page is not None:
                        write_atomic(self._page, drawn.page, flush=False)
                except Exception as why:  # of any kind: it is not what this call is for
                    if error != (error := reason(why)):
                        self._progress(Undrawn(error))

    def _speed(self) -> str:
        """Return the runs a minute of this call and the time left, as far as they are known."""
        took = time.monotonic() - self._began
        if not self._trained or took <= 0:
            return ""
        left = (self._total - self._trained) * took / self._trained
        return f"{60 * self._trained / took:.1f} runs a minute" + (f", about {duration(left)} left" if left > 0 else "")


def settled(page: str, command: str) -> str:
    """Return a page that a call has left behind: without what reloads it, and with what continues."""
    line = f'<div class="live"><p>This call has ended: <code>{html.escape(command)}</code> continues.</p></div>'
    return LINE.sub(lambda _: line, RELOAD.sub("", page))


@contextmanager
def watched(request: Request | Retry, progress: Progress) -> Iterator[Progress]:
    """Yield what is to be told the events of a call: where it is to be watched, a page is kept current by them."""
    if not request.watch:
        yield progress
        return
    page = LivePage(request, progress)
    try:
        yield page.listen
    finally:
        page.settle()
