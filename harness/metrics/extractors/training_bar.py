"""What the training of an extractor shows on standard error: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from harness.metrics.extractors.extractor_training import STEPS, Tell

EVERY_S = 10.0  # between two lines: what is trained in less says nothing


@contextmanager
def reported(title: str) -> Iterator[Tell]:
    """Yield what is to be called with each step that is validated, and its validation error.

    A worker process prints lines on a terminal, too: the bar there is its parent's.
    """
    if not sys.stderr.isatty() or parent_process() is not None:
        yield _lines(title)
        return
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=STEPS)

        def tell(step: int, error: float) -> None:
            bar.update(task, completed=step, description=f"{title}: {_sentence(step, error)}")

        yield tell


def _lines(title: str) -> Tell:
    last = time.monotonic()
    clear = "\r\x1b[2K" if sys.stderr.isatty() else ""

    def tell(step: int, error: float) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY_S:
            last = time.monotonic()
            print(f"{clear}{title}: {_sentence(step, error)}", file=sys.stderr, flush=True)

    return tell


def _sentence(step: int, error: float) -> str:
    return f"step {step:,} of at most {STEPS:,}, validation error {100 * error:.1f} %"
