"""This process: its standard streams, progress on them, what signals do, whether it is a worker, its memory."""

import gc
import io
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from harness.errors import Interrupted

EXIT = 130  # of who is interrupted
SILENT_S = 2.0  # what takes less shows no progress
LINE_S = 10.0  # between two lines of what cannot show a bar

Tell = Callable[..., None]  # (how much is done, a note of it)


class _Lossy(io.FileIO):
    """A stream of messages, of which none is worth a run: what cannot be written is dropped."""

    def write(self, message: Any) -> int:
        try:
            return super().write(message) or 0
        except OSError:
            return len(message)


def settle_streams() -> None:
    """Let messages to standard error never fail, and no file that is opened later take the place of a closed stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for as long as this process lives
    if sys.stderr is sys.__stderr__:
        encoding = getattr(sys.stderr, "encoding", "utf-8")
        raw = io.BufferedWriter(_Lossy(2, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(raw, encoding, "backslashreplace", line_buffering=True)


@dataclass(frozen=True)
class Step:
    """What a worker is about to do that may end it or never end. `what` names whose fault that would be."""

    what: str
    limit_s: float = math.inf


_tell: Callable[[Step | None], None] | None = None  # in a worker: sends its parent the step, or that it is over
_is_retired = False


def become_worker(tell: Callable[[Step | None], None]) -> None:
    """Say that this process is a worker, and how it tells its parent of a step."""
    global _tell
    _tell = tell


def retire() -> None:
    """Let a worker process end once it has answered its task: another one takes its place."""
    global _is_retired
    _is_retired = True


def leave_gpu() -> None:
    """Leave what this process no longer needs of a GPU's memory to others that work there.

    After an error of CUDA a process computes nothing more: it would fail one task after another, and retires.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()  # graphs hold theirs in cycles
        try:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
        except RuntimeError:  # the task raised it already, or it came only now: either way this process is done
            retire()


def is_retired() -> bool:
    """Whether this process takes no further task."""
    return _is_retired


def is_worker() -> bool:
    """Whether this process is a worker: it may be limited, and prints nothing on a terminal."""
    return _tell is not None


@contextmanager
def progress(title: str, total: int) -> Iterator[Tell]:
    """Yield what is to be called with how much of `total` is done, to be shown on standard error after two seconds.

    A terminal shows a bar; anything else, and a worker process, whose parent has the bar, a line every ten seconds.
    """
    began, is_terminal, bar, row = time.monotonic(), sys.stderr.isatty(), None, None
    last = began + SILENT_S - LINE_S
    with ExitStack() as stack:

        def tell(done: int, note: str = "") -> None:
            nonlocal bar, row, last
            now = time.monotonic()
            text = f"{title}: {done:,} of {total:,}{note}"
            if now - began < SILENT_S:
                return
            if is_terminal and not is_worker():
                if bar is None:
                    bar = stack.enter_context(_bar())
                    row = bar.add_task(text, total=total)
                bar.update(row, completed=done, description=text)
            elif now - last >= LINE_S:
                last = now
                print(("\r\x1b[2K" if is_terminal else "") + text, file=sys.stderr, flush=True)

        yield tell


def _bar() -> Any:
    """Return a bar on standard error that is gone once it is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True)


@contextmanager
def watched(step: Step) -> Iterator[None]:
    """Let the parent end this process when the block takes longer than the step may, and name the step if it dies.

    Nobody watches a process that is no worker.
    """
    if _tell is None:
        yield
        return
    _tell(step)
    try:
        yield
    finally:
        _tell(None)


@contextmanager
def memory_limit(gb: float | None) -> Iterator[None]:
    """Let this worker process hold at most so much memory of its own while the block runs; what asks for more raises.

    Nothing is limited in a process that is no worker, as a notebook's, nor outside of Linux.
    """
    if gb is None or not is_worker() or sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int(gb * 1e9), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """Put off the search for cycles, which would look at all objects of a plan, or of a figure, again and again."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted at the first SIGINT or SIGTERM while the block runs; leave with exit code 130 at the second.

    Workers end with this process, and claims of a process that is gone hold nobody up: nothing is lost by leaving so.
    """
    before = {number: signal.signal(number, _leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except Interrupted:
        before = dict.fromkeys(before, signal.SIG_IGN)  # what is left takes no time, and must end with that code
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: Any) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _leave_at_once)
    raise Interrupted


def _leave_at_once(number: int, frame: Any) -> None:
    os._exit(EXIT)
