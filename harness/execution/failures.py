"""What became of training that gave no record: a status, one line that says why, and a log with all that is known."""

import traceback
from typing import Any, NamedTuple

from harness.execution.workers import OutOfTime, WorkerDied

MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")  # of torch, C and C++


class Failure(NamedTuple):
    """`status` is one of store.LOST; `error` is one line; `log` goes into the run's log.txt."""

    status: str
    error: str
    log: str


def of_exception(error: Exception) -> Failure:
    """Return what an exception in training says, in the process that raised it."""
    said = " ".join(str(error).split())
    is_memory = isinstance(error, MemoryError) or any(words in said.lower() for words in MEMORY_WORDS)
    line = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return Failure("oom" if is_memory else "failed", line, "".join(traceback.format_exception(error)))


def of_end(error: Exception) -> Failure:
    """Return what is known of a task that never answered, in the process that waited for it."""
    if isinstance(error, OutOfTime):
        return Failure("timeout", str(error), f"{error}\n")
    if isinstance(error, WorkerDied):
        return Failure("oom" if error.short_of_memory else "failed", str(error), f"{error}\n")
    return of_exception(error)


def from_json(plain: Any) -> Failure | None:
    """Return the failure that a task sent back as a list, None where there is none."""
    return Failure(*plain) if plain is not None else None
