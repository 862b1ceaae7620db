"""Tasks on this machine: spawned worker processes, one thread each, or this very process.

pebble's pool is used because a worker that dies or hangs costs only its own task; concurrent.futures and loky lose
every pending one.
"""

import contextlib
import ctypes
import os
import platform
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from multiprocessing import get_context
from typing import Any, Protocol

Task = Callable[..., Any]


class Executor(Protocol):
    """Runs tasks whose arguments and results are plain JSON."""

    def submit(self, task: Task, *arguments: Any) -> "Future[Any]":
        """Start a task, or queue it."""

    def stop(self) -> None:
        """End every task at once."""


class InProcess:
    """`workers: 0`: tasks run here, as they are submitted. What a notebook with its own objective uses."""

    def submit(self, task: Task, *arguments: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(task(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def stop(self) -> None:
        """Nothing runs between calls."""


class Workers:
    """A pool of spawned processes."""

    def __init__(self, count: int) -> None:
        from pebble import ProcessPool

        # Spawned, never forked: a fork would copy locks held by threads of this process.
        self._pool = ProcessPool(max_workers=count, context=get_context("spawn"), initializer=start_worker)

    def submit(self, task: Task, *arguments: Any) -> "Future[Any]":
        return self._pool.schedule(task, args=arguments)

    def stop(self) -> None:
        self._pool.stop()
        self._pool.join()


def as_they_end(futures: "dict[Future[Any], Any]") -> "Iterator[tuple[Future[Any], Any]]":
    """Yield each future with its label as it ends; futures may be added to the dict meanwhile."""
    while futures:
        done, _ = wait(list(futures), return_when=FIRST_COMPLETED)
        for future in done:
            yield future, futures.pop(future)


@contextlib.contextmanager
def open_executor(workers: int) -> Iterator[Executor]:
    """Open workers, or this process where `workers` is 0; whatever runs is ended on the way out."""
    executor: Executor = InProcess() if workers == 0 else Workers(workers)
    try:
        yield executor
    finally:
        executor.stop()


def default_workers(device: str) -> int:
    """A process a core this process may use; one where a GPU trains."""
    if device == "cuda":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def start_worker() -> None:
    """Make this process a well-behaved worker: one thread, no Ctrl-C of its own, gone when its parent is.

    Two OpenMP threads beside a busy core ran ten times slower than one. The variables are read when torch and numpy
    are first imported, which is after this.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    if platform.system() == "Linux":
        libc = ctypes.CDLL(None)
        libc.prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG
        if hasattr(libc, "mallopt"):
            # Keep freed tensors of up to 256 MB in the heap (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD): handing them back to
            # the kernel and faulting them in again took a fifth of a training step at width 64, batch 256.
            libc.mallopt(-1, 2**28)
            libc.mallopt(-3, 2**28)
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
