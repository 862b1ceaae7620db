"""One walk over a results folder: what is damaged, left over or foreign; and how damage of runs is mended.

`verify`, `doctor` and `clean` act on what the walk finds; `run`, `retry` and `score` mend the runs of their plan.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from harness.disk.documents import Plain, read_json
from harness.disk.files import ABSENT, FOREIGN, read_bytes, write_atomic, writing
from harness.disk.owners import wrote_and_died
from harness.disk.schema import require, schema
from harness.errors import Damaged, StoreError
from harness.spec import content_id
from harness.store import checkpoints
from harness.store.folder import Store, numbers, read_artefact
from harness.text import reason

ABANDONED_S = 3600  # of a writer that cannot be judged: a file being written is younger, as that takes seconds
WHY = schema({"path": str, "line": str})
RUN_ID = re.compile(r"[0-9a-f]{16}")
TEMPORARY = re.compile(r"\..+\.\d+\.tmp")
KNOWN = {"suite.yaml", "plan.json", "runs.parquet", "runs", "references", "claims", "checkpoints", "damaged", "report"}
KEPT_BESIDE = {"record.json", "log.txt", "attempts", "scores"}  # in the folder of a run, and not named in its record


class Code(Enum):
    """What is found, in the order of the walk; the comment says what mends it."""

    DAMAGED_PLAN = "a plan.json that contradicts itself"  # doctor makes it again
    NO_FOLDER = "a file, or a broken link, in place of a folder"  # doctor sets it aside
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


Looks = Iterable[tuple[Path, str]]


def _damaged_plan(store: Store) -> Looks:
    wrong = next((run_id for run_id, spec in store.plan.specs.items() if content_id(spec) != run_id), None)
    return [] if wrong is None else [(store.plan_path, f"what it says of the run {wrong} is of another run")]


def _no_folder(store: Store) -> Looks:
    paths = (store.folder / name for name in ("runs", "references", "claims", "checkpoints"))
    return [(path, "no folder") for path in paths if _is_no_folder(path)]


def _damaged(store: Store) -> Looks:
    for run_id in sorted(store.planned | store.finished()):
        yield from run_damage(store, run_id, deep=True).items()


def _stale_claims(store: Store) -> Looks:
    for claim in store.claims():
        if claim.alive is False:
            whose = "cannot be read, and its owner" if claim.pid is None else f"its owner, process {claim.pid},"
            yield store.folder / "claims" / f"{claim.stack}.json", f"{whose} is gone"


def _damaged_checkpoints(store: Store) -> Looks:
    for path in _visible(store.folder / "checkpoints"):
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
    for path in sorted({*(store.folder / "references").glob("*.npz")} - needed):
        yield path, "no planned run is scored against it"


def _abandoned(store: Store) -> Looks:
    """Temporary files outside of unplanned runs, whose writer is gone, or to which nobody has written for an hour."""
    for path in sorted(store.folder.rglob(".*.tmp")):
        top, below, *_ = [*path.relative_to(store.folder).parts, ""]
        is_in_unplanned = top == "runs" and _is_unplanned(store, below)
        if TEMPORARY.fullmatch(path.name) and not is_in_unplanned and _is_abandoned(path):
            yield path, "left by a writer that was killed"


def _foreign(store: Store) -> Looks:
    yield from ((path, "not of the harness") for path in _visible(store.folder) if path.name not in KNOWN)
    yield from ((path, "no run") for path in _visible(store.folder / "runs") if not RUN_ID.fullmatch(path.name))
    for run_id in sorted(store.finished()):
        record = store.record(run_id)
        ours = KEPT_BESIDE | {Path(name).parts[0] for name in (record.files if record else ())}
        for path in _visible(store.run_folder(run_id)):
            if path.name not in ours:
                yield path, "not named in the record"


LOOKS: dict[Code, Callable[[Store], Looks]] = {
    Code.DAMAGED_PLAN: _damaged_plan,
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


def spent_checkpoints(store: Store) -> list[Path]:
    """Return the checkpoints of stacks, and of runs that trained alone, of which every run is finished.

    They are left by a kill between the last commit and the end of a stack. Raises StoreError where there is no plan.
    """
    paths = _visible(store.folder / "checkpoints")
    if not paths:
        return []  # without reading a plan that may be large
    finished, stacks = store.finished(), {stack.id: stack.runs for stack in store.plan.stacks}
    return [path for path in paths if finished.issuperset(stacks.get(path.name, [path.name]))]


def remove_path(path: Path) -> None:
    """Remove a file, a link, or a folder with all it holds. Raises StoreError where it cannot be removed."""
    try:
        if path.is_dir() and not path.is_symlink():
            (path / "record.json").unlink(missing_ok=True)  # first: half a run must not count as a finished one
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be removed ({reason(error)}); what follows it was left") from None


def drop_drafts(store: Store) -> None:
    """Remove what killed writers of this host left half done; what cannot be removed stays: nothing reads it."""
    for path in [path for path in store.folder.rglob(".*.tmp") if wrote_and_died(path.name)]:
        with suppress(StoreError):
            remove_path(path)


# Damage of runs


def mend(store: Store, run_ids: Iterable[str], deep: bool = False, planned: Collection[str] | None = None) -> list[str]:
    """Set aside what is damaged of these runs and return a line for each of them.

    Records, attempts and scores are read; artefacts are there and of their size, and with `deep` of their content.
    Those that are `planned` are trained again, by default all: the plan itself may be lost, and is not read.
    Raises StoreError where the folder cannot be written.
    """
    lines = []
    for run_id in run_ids:
        if run_damage(store, run_id, deep):
            with store.placing():  # looked at again under the lock: another may have mended it, and trained it since
                damage = run_damage(store, run_id, deep)
                if any(store.spoils_a_run(path) for path in damage):
                    why = "; ".join(f"{path}: {why}" for path, why in damage.items())
                    again = "; its run is trained again" if planned is None or run_id in planned else ""
                    lines.append(store.set_aside(store.run_folder(run_id), f"{why}{again}"))
                else:
                    lines += [_mended(store, run_id, path, f"{path}: {why}") for path, why in damage.items()]
    return lines


def _mended(store: Store, run_id: str, path: Path, why: str) -> str:
    """Set aside what is damaged and spoils no run; a log is made again from its attempt. Return a line that says so."""
    last = store.last_attempt(run_id)
    if path != store.log_path(run_id) or last is None or last.log is None:
        return store.set_aside(path, why)
    line = store.set_aside(path, why) if os.path.lexists(path) else why
    with writing(path):
        write_atomic(path, last.log.encode(), flush=False)
    return f"{line}; made again from its attempt"


def run_damage(store: Store, run_id: str, deep: bool = False) -> dict[Path, str]:
    """Return why each damaged file of a run is one, by path, as it stands on the disk now."""
    fresh, folder = Store(store.folder), store.run_folder(run_id)
    record, attempts = fresh.record(run_id), fresh.attempts(run_id)
    with suppress(*ABSENT):
        for name in os.listdir(folder / "scores"):
            if name.endswith(".json") and not name.startswith("."):
                fresh.scores(run_id, name.removesuffix(".json"))
    damage = fresh.damage
    damage |= {path: "no folder" for path in (folder, folder / "attempts", folder / "scores") if _is_no_folder(path)}
    log = store.log_path(run_id)
    if attempts and attempts[-1].log is not None:
        damage |= _log_damage(log, attempts[-1].log)
    elif os.path.lexists(log) and not os.path.isfile(log):
        damage[log] = "not a regular file"
    if log not in damage or attempts:
        damage |= _lost_attempt(store, run_id)
    if record is None:
        return damage
    if record.status == "ok" and not any(name.startswith("snapshots/") for name in record.files):
        damage[folder / "record.json"] = "it names no snapshot"
    for name, digest in record.files.items():
        path = folder / name
        try:
            size = os.stat(path).st_size
            if size != record.sizes.get(name, size):
                damage[path] = f"{size:,} bytes, of {record.sizes[name]:,}"
            elif deep:
                from harness.store import contents  # numpy, which `status` need not wait for

                contents.check(read_artefact(path, digest), path)
        except OSError as error:
            if not isinstance(error, ABSENT) and error.errno not in FOREIGN:  # a disk that fails makes nothing damaged
                raise StoreError(f"{path}: cannot be read ({reason(error)})") from None
            damage[path] = "missing"
        except Damaged as damaged:
            damage[path] = damaged.why
    return damage


def _is_no_folder(path: Path) -> bool:
    return os.path.lexists(path) and not os.path.isdir(path)


def _log_damage(path: Path, log: str) -> dict[Path, str]:
    try:
        content = read_bytes(path)
    except Damaged as damaged:
        return {path: damaged.why}
    return {} if content == log.encode() else {path: "missing" if content is None else "not the log of its attempt"}


def _lost_attempt(store: Store, run_id: str) -> dict[Path, str]:
    """Return the first attempt that is gone, before others or beside its log, but for those that were set aside."""
    folder = store.run_folder(run_id) / "attempts"
    there = {*numbers(folder, ".json")}
    last = max(there, default=int(os.path.lexists(store.log_path(run_id))))
    if last <= len(there):
        return {}
    aside = {path for path, _ in _set_aside(store)}
    gone = (folder / f"{number}.json" for number in range(1, last + 1) if number not in there)
    first = next((path for path in gone if path not in aside), None)
    return {} if first is None else {first: "missing"}


def _set_aside(store: Store) -> Iterator[tuple[Path, str]]:
    """Yield where each thing was that was set aside, and the line that said so."""
    for number in numbers(store.folder / "damaged", ""):
        with suppress(Damaged):
            why = read_json(store.folder / "damaged" / str(number) / "why.json", _why, needs_sum=True)
            if why is not None:
                yield store.folder / why["path"], why["line"]


def _why(value: Plain) -> Plain:
    require(value, WHY)
    return value


def missing(store: Store) -> list[str]:
    """Return the line of every planned run, and of its scores, that was set aside and has not been made again."""
    needed: dict[Path, Path] = {}
    for run_id in store.planned:
        folder, scores = store.run_folder(run_id), store.scores_path(run_id, store.plan.score_id)
        needed |= {folder: folder / "record.json", scores: scores}
    aside = _set_aside(store)
    return [line for path, line in aside if path in needed and not os.path.exists(needed[path])]
