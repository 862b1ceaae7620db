"""What is damaged in a results folder, and goes to its shelf; what writers that were killed left half done."""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.disk.documents import read_if_there
from harness.disk.files import ABSENT
from harness.disk.owners import wrote_and_died
from harness.errors import Damaged
from harness.store.folder import Store, numbers, read_artefact
from harness.store.records import Record
from harness.store.shelf import set_aside


def mend(store: Store, run_ids: Iterable[str], deep: bool = False) -> list[str]:
    """Set aside what is damaged of these runs and return a line for each of them.

    Records, attempts and scores are read; artefacts are there and of their size, and with `deep` of their content.
    Raises StoreError where the folder cannot be written.
    """
    lines = []
    for run_id in run_ids:
        if run_damage(store, run_id, deep):
            with store.placing():  # looked at again under the lock: another may have mended it, and trained it since
                lines += _mend(store, run_id, run_damage(store, run_id, deep))
    return lines


def run_damage(store: Store, run_id: str, deep: bool = False) -> dict[Path, str]:
    """Return why each damaged file of a run is one, by path, as it stands on the disk now."""
    fresh, folder = type(store)(store.folder), store.run_folder(run_id)
    record = fresh.record(run_id)
    fresh.attempts(run_id)
    with suppress(*ABSENT):
        for name in os.listdir(folder / "scores"):
            if name.endswith(".json") and not name.startswith("."):
                fresh.scores(run_id, name.removesuffix(".json"))
    if record is not None:
        fresh.damage |= _artefact_damage(folder, record, deep)
    return fresh.damage


def missing(store: Store) -> list[str]:
    """Return the line of every planned run, and of its scores, that was set aside and has not been made again."""
    needed: dict[Path, Path] = {}
    for run_id in store.planned:
        folder, scores = store.run_folder(run_id), store.scores_path(run_id, store.plan.score_id)
        needed |= {folder: folder / "record.json", scores: scores}
    lines = []
    for number in numbers(store.folder / "damaged", ""):
        with suppress(Damaged):
            why = read_if_there(store.folder / "damaged" / str(number) / "why.json", needs_sum=True)
            path = needed.get(store.folder / why["path"]) if why is not None else None
            if why is not None and path is not None and not os.path.exists(path):
                lines.append(why["line"])
    return lines


def spent_checkpoints(store: Store) -> list[Path]:
    """Return the checkpoints of stacks, and of runs that trained alone, of which every run is finished.

    They are left by a kill between the last commit and the end of a stack. Raises StoreError where there is no plan.
    """
    paths = sorted((store.folder / "checkpoints").glob("[!.]*"))
    if not paths:
        return []  # without reading a plan that may be large
    finished, stacks = store.finished(), {stack.id: stack.runs for stack in store.plan.stacks}
    return [path for path in paths if finished.issuperset(stacks.get(path.name, [path.name]))]


def drop_drafts(store: Store) -> None:
    """Remove what killed writers of this host left half done; what cannot be removed stays: nothing reads it."""
    for path in [path for path in store.folder.rglob(".*.tmp") if wrote_and_died(path.name)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def _artefact_damage(folder: Path, record: Record, deep: bool) -> dict[Path, str]:
    damage = {}
    for name, digest in record.files.items():
        path = folder / name
        try:
            size = os.stat(path).st_size
        except OSError:
            damage[path] = "missing"
            continue
        if size != record.sizes.get(name, size):
            damage[path] = f"{size:,} bytes, of {record.sizes[name]:,}"
        elif deep:
            try:
                read_artefact(path, digest)
            except Damaged as damaged:
                damage[path] = damaged.why
    return damage


def _mend(store: Store, run_id: str, damage: dict[Path, str]) -> list[str]:
    if any(store.spoils_a_run(path) for path in damage):
        whys = "; ".join(f"{path}: {why}" for path, why in damage.items())
        return [set_aside(store.folder, store.run_folder(run_id), f"{whys}; its run is trained again")]
    return [set_aside(store.folder, path, f"{path}: {why}") for path, why in damage.items()]
