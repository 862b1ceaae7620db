"""One walk over a results folder: what is damaged, left over or foreign; and how damage of runs is mended.

`verify`, `doctor` and `clean` act on what the walk finds; `run`, `retry` and `score` mend the runs of their plan.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from harness.disk.documents import read_json
from harness.disk.files import ABSENT
from harness.disk.owners import wrote_and_died
from harness.errors import Damaged, StoreError
from harness.store import checkpoints
from harness.store.folder import Store, numbers, read_artefact

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


Looks = Iterable[tuple[Path, str]]


def _no_folder(store: Store) -> Looks:
    path = store.folder / "runs"
    return [(path, "no folder")] if path.exists() and not path.is_dir() else []


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
        raise StoreError(f"{path}: cannot be removed ({error.strerror}); what follows it was left") from None


def drop_drafts(store: Store) -> None:
    """Remove what killed writers of this host left half done; what cannot be removed stays: nothing reads it."""
    for path in [path for path in store.folder.rglob(".*.tmp") if wrote_and_died(path.name)]:
        with suppress(StoreError):
            remove_path(path)


# Damage of runs


def mend(store: Store, run_ids: Iterable[str], deep: bool = False) -> list[str]:
    """Set aside what is damaged of these runs and return a line for each of them.

    Records, attempts and scores are read; artefacts are there and of their size, and with `deep` of their content.
    Raises StoreError where the folder cannot be written.
    """
    lines = []
    for run_id in run_ids:
        if run_damage(store, run_id, deep):
            with store.placing():  # looked at again under the lock: another may have mended it, and trained it since
                damage = run_damage(store, run_id, deep)
                whys = [f"{path}: {why}" for path, why in damage.items()]
                if any(store.spoils_a_run(path) for path in damage):
                    why = f"{'; '.join(whys)}; its run is trained again"
                    lines.append(store.set_aside(store.run_folder(run_id), why))
                else:
                    lines += [store.set_aside(path, why) for path, why in zip(damage, whys, strict=True)]
    return lines


def run_damage(store: Store, run_id: str, deep: bool = False) -> dict[Path, str]:
    """Return why each damaged file of a run is one, by path, as it stands on the disk now."""
    fresh, folder = Store(store.folder), store.run_folder(run_id)
    record = fresh.record(run_id)
    fresh.attempts(run_id)
    with suppress(*ABSENT):
        for name in os.listdir(folder / "scores"):
            if name.endswith(".json") and not name.startswith("."):
                fresh.scores(run_id, name.removesuffix(".json"))
    damage = fresh.damage
    if record is None:
        return damage
    for name, digest in record.files.items():
        path = folder / name
        try:
            size = os.stat(path).st_size
            if size != record.sizes.get(name, size):
                damage[path] = f"{size:,} bytes, of {record.sizes[name]:,}"
            elif deep:
                read_artefact(path, digest)
        except OSError:
            damage[path] = "missing"
        except Damaged as damaged:
            damage[path] = damaged.why
    return damage


def missing(store: Store) -> list[str]:
    """Return the line of every planned run, and of its scores, that was set aside and has not been made again."""
    needed: dict[Path, Path] = {}
    for run_id in store.planned:
        folder, scores = store.run_folder(run_id), store.scores_path(run_id, store.plan.score_id)
        needed |= {folder: folder / "record.json", scores: scores}
    lines = []
    for number in numbers(store.folder / "damaged", ""):
        with suppress(Damaged):
            why = read_json(store.folder / "damaged" / str(number) / "why.json", needs_sum=True)
            path = needed.get(store.folder / why["path"]) if why is not None else None
            if why is not None and path is not None and not os.path.exists(path):
                lines.append(why["line"])
    return lines
