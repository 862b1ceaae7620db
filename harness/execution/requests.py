"""What a user asks for, and what there is to do for it. No torch: these values go between processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.plan.description import Description
from harness.plan.estimate import Trial, Workload
from harness.plan.timings import Machine
from harness.store import LOST
from harness.store.find import report_folder
from harness.store.plan_file import Device
from harness.workers import default_workers


@dataclass(frozen=True)
class Request:
    """What a user asked `plan`, `run` or `study` for. `suite`: a path, YAML text, or a mapping."""

    suite: str | Mapping[str, Any]
    root: str = "results"
    scale: str | None = None
    sets: Sequence[str] = ()
    only: Sequence[str] = ()
    device: str = "auto"
    workers: int | None = None
    report: str | None = None
    fail_fast: bool = False
    watch: bool = False  # keep a page current meanwhile
    study: bool = False  # refuse a suite that has none
    executor: str = "local"  # or ray
    address: str | None = None  # of a Ray cluster; None starts one of this machine


@dataclass(frozen=True)
class Retry:
    """What a user asked `retry` for: to train the runs of a results folder that were lost, as they were planned."""

    folder: str
    only: Sequence[str] = ()
    workers: int | None = None
    report: str | None = None
    fail_fast: bool = False
    watch: bool = False
    executor: str = "local"
    address: str | None = None


def report_of(request: Request | Retry, folder: str) -> str:
    """Return where the report of a results folder is written."""
    return request.report or report_folder(str(Path(folder).parent), folder)


def processes(workers: int | None) -> int:
    """Return how many workers run side by side where so many were asked for: by default one a core."""
    return default_workers() if workers is None else workers


@dataclass(frozen=True)
class StackTodo:
    """The runs of a pinned stack that are to be trained, or scored where there are no `members`.

    `members` train with them, or with so many copies that there are at `least` that many.
    """

    id: str
    runs: Sequence[str]
    members: Sequence[str] = ()
    least: int = 1


@dataclass(frozen=True)
class ScoringPin:
    """How runs are scored, as plan.json has it."""

    score: Mapping[str, Any]
    score_id: str


@dataclass(frozen=True)
class GpuMemory:
    """Bytes of a GPU: of the smallest how many may be taken, and what a process takes that trains, or that scores."""

    room: float
    training: float
    scoring: float


@dataclass(frozen=True)
class Todo:
    """What is left of a plan.

    stacks     to be trained, long ones first, so that no core waits for one at the end
    unscored   runs that were trained and not scored, by stack
    wanted     the statuses that are to be trained   limit_s    of training one run
    waiting    selected runs that are lost and left  finished   how many selected runs are
    unplanned  finished runs that are planned no longer
    labels     of all planned runs                   workload   what is left, as timings know it on this `machine`
    notes      lines on how runs are scored          damage     lines on what was set aside
    more       whether a study has more to plan once these runs have ended
    before     how runs were scored, where they are to be scored anew
    gpus       to train and score on, none on a CPU  gpu_memory  what a process takes of one
    description, trials, plugins   of a plan of a suite: what `harness plan` prints, and what --measure tries
    """

    folder: str
    device: Device
    machine: Machine
    score_id: str
    workload: Workload
    stacks: Sequence[StackTodo] = ()
    unscored: Sequence[StackTodo] = ()
    wanted: Sequence[str] = LOST
    limit_s: float | None = None
    waiting: int = 0
    finished: int = 0
    unplanned: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    damage: Sequence[str] = ()
    more: bool = False
    before: ScoringPin | None = None
    gpus: Sequence[str] = ()
    gpu_memory: GpuMemory | None = None
    description: Description | None = None
    trials: Sequence[Trial] = ()
    plugins: Sequence[str] = ()
