"""One walk over a results folder: what is damaged, left over or foreign. `verify`, `doctor` and `clean` act on it."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from harness.disk.owners import wrote_and_died
from harness.errors import Damaged
from harness.store import checkpoints
from harness.store.folder import Store
from harness.store.repair import run_damage, spent_checkpoints

ABANDONED_S = 3600  # of a writer that cannot be judged: a file being written is younger, as that takes seconds
RUN_ID = re.compile(r"[0-9a-f]{16}")
TEMPORARY = re.compile(r"\..+\.\d+\.tmp")
KNOWN = {"suite.yaml", "plan.json", "runs.parquet", "runs", "references", "claims", "checkpoints", "damaged", "report"}
KEPT_BESIDE = {"record.json", "log.txt", "attempts", "scores"}  # in the folder of a run, and not named in its record


class Code(Enum):
    """What is found, in the order of the walk; the comment says what mends it."""

    NO_FOLDER = "a file in place of the runs"  # doctor sets it aside
    DAMAGED = "a file of a run that is not what was committed"  # doctor sets it aside; run trains or score scores again
    STALE_CLAIM = "a claim of a process that is gone"  # doctor removes it
    DAMAGED_CHECKPOINT = "a checkpoint that is not what was written"  # doctor sets it aside
    SPENT_CHECKPOINT = "a checkpoint of a finished stack"  # doctor removes it
    UNPLANNED = "run"  # clean removes it
    UNNEEDED = "reference"  # clean removes it
    ABANDONED = "temporary file"  # doctor and clean remove it
    FOREIGN = "a file of somebody else"  # it is left alone


@dataclass(frozen=True)
class Finding:
    """What was found where, and why it counts as that."""

    code: Code
    path: Path
    why: str

    @property
    def line(self) -> str:
        return f"{self.path}: {self.why}"


def walk(store: Store, *codes: Code) -> Iterator[Finding]:
    """Yield what is found of these codes, in their order. Reads a folder only when the walk arrives there, so that a
    caller may mend in between. Raises StoreError where there is no plan.
    """
    for code in Code:
        if code in codes:
            yield from (Finding(code, path, why) for path, why in LOOKS[code](store))


Looks = Iterator[tuple[Path, str]]


def _no_folder(store: Store) -> Looks:
    path = store.folder / "runs"
    if path.exists() and not path.is_dir():
        yield path, "no folder"


def _damaged(store: Store) -> Looks:
    for run_id in sorted(store.planned | store.finished()):
        yield from run_damage(store, run_id, deep=True).items()


def _stale_claims(store: Store) -> Looks:
    for claim in store.claims():
        if claim.alive is False:
            whose = "cannot be read, and its owner" if claim.pid is None else f"its owner, process {claim.pid},"
            yield store.folder / "claims" / f"{claim.stack}.json", f"{whose} is gone"


def _damaged_checkpoints(store: Store) -> Looks:
    for path in sorted((store.folder / "checkpoints").glob("[!.]*")):
        try:
            checkpoints.read_checkpoint(path)
        except Damaged as damaged:
            yield path, f"{damaged.why}; its stack is trained from the start"


def _spent_checkpoints(store: Store) -> Looks:
    return ((path, "its stack is finished") for path in spent_checkpoints(store))


def _unplanned(store: Store) -> Looks:
    for path in sorted((store.folder / "runs").glob("*")):
        if _is_unplanned(store, path.name):
            yield path, "not planned by the suite as last resolved"


def _unneeded(store: Store) -> Looks:
    needed = {store.reference_path(run.dataset, run.run_id) for run in store.plan.runs}
    for path in sorted((store.folder / "references").glob("*.npz")):
        if path not in needed:
            yield path, "no planned run is scored against it"


def _abandoned(store: Store) -> Looks:
    """Temporary files outside of unplanned runs, whose writer is gone, or to which nobody has written for an hour."""
    for path in sorted(store.folder.rglob(".*.tmp")):
        top, below, *_ = [*path.relative_to(store.folder).parts, ""]
        is_in_unplanned = top == "runs" and _is_unplanned(store, below)
        if TEMPORARY.fullmatch(path.name) and not is_in_unplanned and _is_abandoned(path):
            yield path, "left by a writer that was killed"


def _foreign(store: Store) -> Looks:
    for path in _visible(store.folder):
        if path.name not in KNOWN:
            yield path, "not of the harness"
    for path in _visible(store.folder / "runs"):
        if not RUN_ID.fullmatch(path.name):
            yield path, "no run"
    for run_id in sorted(store.finished()):
        record = store.record(run_id)
        ours = KEPT_BESIDE | {Path(name).parts[0] for name in (record.files if record else ())}
        for path in _visible(store.run_folder(run_id)):
            if path.name not in ours:
                yield path, "not named in the record"


def _visible(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*"))


def _is_unplanned(store: Store, run_id: str) -> bool:
    return bool(RUN_ID.fullmatch(run_id)) and run_id not in store.planned


def _is_abandoned(path: Path) -> bool:
    if wrote_and_died(path.name):
        return True
    try:
        return path.lstat().st_mtime < time.time() - ABANDONED_S
    except FileNotFoundError:
        return False  # put in its place meanwhile


LOOKS: dict[Code, Callable[[Store], Looks]] = {
    Code.NO_FOLDER: _no_folder,
    Code.DAMAGED: _damaged,
    Code.STALE_CLAIM: _stale_claims,
    Code.DAMAGED_CHECKPOINT: _damaged_checkpoints,
    Code.SPENT_CHECKPOINT: _spent_checkpoints,
    Code.UNPLANNED: _unplanned,
    Code.UNNEEDED: _unneeded,
    Code.ABANDONED: _abandoned,
    Code.FOREIGN: _foreign,
}
