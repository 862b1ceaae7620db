"""What tasks send back: runs trained or scored, failures, what a folder holds at the end; and the events of a call.

No torch: the parent of workers reads them.
"""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.execution.requests import Todo
from harness.plugins.guard import raised_at
from harness.workers import OutOfTime, WorkerDied

MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")  # of torch, C and C++


@dataclass(frozen=True)
class TrainedRun:
    """A run that was trained, or that failed.

    train_s   its share of the stack's steps; task_s  the whole of the stack's task; None where they are not known
    error     one line, of a run that failed
    """

    run_id: str
    status: str
    train_s: float | None = None
    task_s: float | None = None
    error: str = ""


@dataclass(frozen=True)
class ScoredRun:
    """A run that was scored; `reference_s` where its reference was made for it."""

    run_id: str
    score_s: float
    reference_s: float | None = None


@dataclass(frozen=True)
class Failure:
    """Why training gave no record: `status` is one of store.LOST, `error` one line, `log` goes into log.txt."""

    status: str
    error: str
    log: str


@dataclass(frozen=True)
class StackOutcome:
    """What became of a stack: its runs, or the failure for which nothing is kept."""

    runs: Sequence[TrainedRun] = ()
    failure: Failure | None = None


@dataclass(frozen=True)
class Ending:
    """What a folder holds at the end: its report, counts by status, how many runs are trained and not scored.

    damage   a line for each run that was damaged and is to be trained again
    weak     a line for each extractor that is too weak
    """

    report: str
    counts: dict[str, int]
    unscored: int
    damage: list[str]
    weak: list[str]


def failure_of(error: Exception) -> Failure:
    """Return what is known of training that raised, or of a task that never answered."""
    text = " ".join(str(error).split())
    if isinstance(error, OutOfTime):
        return Failure("timeout", text, f"{error}\n")
    if isinstance(error, WorkerDied):
        return Failure("oom" if error.short_of_memory else "failed", text, f"{error}\n")
    is_memory = isinstance(error, MemoryError) or any(words in text.lower() for words in MEMORY_WORDS)
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if (place := raised_at(error)) is not None:
        line = f"the plug-in {place[0]} raises {line} at line {place[1]}"
    return Failure("oom" if is_memory else "failed", line, "".join(traceback.format_exception(error)))


# Events


@dataclass(frozen=True)
class Planned:
    """What there is to do is known."""

    todo: Todo


@dataclass(frozen=True)
class Trained:
    """Runs of a stack ended; `whole` where all of it was trained in one task and committed."""

    stack: str
    runs: Sequence[TrainedRun]
    whole: bool


@dataclass(frozen=True)
class Split:
    """A stack failed, and its runs are to be trained apart."""

    stack: str
    runs: Sequence[str]
    error: str


@dataclass(frozen=True)
class Alone:
    """A stack found no memory on a GPU that others train on, and is to be trained again with no other beside it."""

    stack: str
    error: str


@dataclass(frozen=True)
class Scored:
    """Runs were scored."""

    runs: Sequence[ScoredRun]


@dataclass(frozen=True)
class Unscored:
    """A run could not be scored."""

    run_id: str
    error: str


@dataclass(frozen=True)
class Waiting:
    """Nothing is left but stacks that another call holds."""

    stacks: int


@dataclass(frozen=True)
class Reporting:
    """The report is being written."""

    report: str


@dataclass(frozen=True)
class Watching:
    """A page is kept current from here on."""

    page: str


@dataclass(frozen=True)
class Undrawn:
    """That page could not be drawn."""

    error: str


Event = Planned | Trained | Split | Alone | Scored | Unscored | Waiting | Reporting | Watching | Undrawn
Progress = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""
