"""`harness verify`: whether every file is what was committed, and W1 of the kept samples what was recorded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.errors import Damaged, StoreError
from harness.metrics.transport import wasserstein_1
from harness.store import Record, Store, open_store
from harness.store.find import result_folders
from harness.store.published_file import FILES, is_published
from harness.store.records import Metrics
from harness.store.repair import Code, run_damage, walk
from harness.text import counted

TOLERANCE = 1e-9  # of W1, in data units


@dataclass
class Verified:
    """How many runs, files and values of W1 of a folder were checked, and a line a mismatch."""

    folder: str
    runs: int = 0
    files: int = 0
    w1: int = 0
    mismatches: list[str] = field(default_factory=list)


def verify(path: str) -> list[Verified]:
    """Check each suite's folder, or a published file.

    Raises StoreError where there are no results, a plan is damaged, or a published file is not as it was written.
    """
    if is_published(Path(path)):
        return [_verified_file(open_store(path))]
    return [_verified(open_store(folder)) for folder in result_folders(path)]


def render(entries: Sequence[Verified]) -> str:
    """Return the mismatches, and a line a folder."""
    lines = []
    for entry in entries:
        checked = f"{counted(entry.runs, 'run')}, {counted(entry.files, 'file')} and {entry.w1} values of w1 checked"
        lines += [*entry.mismatches, f"{entry.folder}: {checked}, {len(entry.mismatches)} do not match"]
    return "\n".join(lines)


def _verified_file(store: Store) -> Verified:
    """Read all of a published file, which is refused where a checksum does not hold."""
    entry = Verified(str(store.folder), runs=len(store.plan.run_ids), files=len(FILES))
    store.scored()
    return entry


def _verified(store: Store) -> Verified:
    entry = Verified(str(store.folder))
    entry.mismatches += [finding.line for finding in walk(store, Code.DAMAGED_PLAN, Code.NO_FOLDER)]
    for run_id, dataset in {row.run_id: row.dataset for row in store.plan.runs}.items():
        mine = [f"{path}: {why}" for path, why in sorted(run_damage(store, run_id, deep=True).items())]
        entry.mismatches += mine
        record = store.record(run_id)
        if record is None:
            continue
        entry.runs += 1
        entry.files += 1 + len(record.files)
        metrics = _last_metrics(store, record)
        if "w1" in metrics and not mine:
            entry.w1 += 1
            entry.mismatches += _w1_mismatch(store, run_id, dataset, metrics["w1"])
    return entry


def _last_metrics(store: Store, record: Record) -> Metrics:
    """Return the metrics of the last step of a run that is ok and scored."""
    scores = store.scores(record.run_id, store.plan.score_id) if record.status == "ok" else None
    return scores.steps.get(record.last_step, {}) if scores else {}


def _w1_mismatch(store: Store, run_id: str, dataset: str, recorded: float | None) -> list[str]:
    path = store.run_folder(run_id) / "samples.npz"
    try:
        samples = store.arrays(run_id, path.name)
        real = store.reference(dataset, run_id)
    except Damaged as damaged:
        return [f"{damaged.path}: {damaged.why}"]
    except StoreError as error:
        return [str(error)]
    points = np.concatenate([samples["generated"], samples["more"]])
    if len(points) < len(real):
        return []  # it was scored anew on more samples than these, drawn from its weights
    if points.shape[1:] != real.shape[1:]:
        return [f"{path}: samples of shape {list(points.shape[1:])}, and of {list(real.shape[1:])} in its reference"]
    points = points[: len(real)]
    w1 = wasserstein_1(points, real) if np.isfinite(points).all() else math.nan
    is_same = abs(w1 - recorded) <= TOLERANCE if recorded is not None else not math.isfinite(w1)
    return [] if is_same else [f"{path}: its w1 is {w1}, and {recorded} was recorded"]
