"""`harness verify`: whether every file is what was committed, and W1 of the kept samples what was recorded."""

import math
from typing import Any

import numpy as np

from harness.disk.arrays import npz_arrays
from harness.errors import Damaged, StoreError
from harness.metrics.transport import wasserstein_1
from harness.store import Store, run_damage
from harness.store.find import result_folders
from harness.text import counted

TOLERANCE = 1e-9  # of W1, in data units


def verify(path: str) -> list[dict[str, Any]]:
    """Return, for each suite's folder, how many runs, files and values of W1 were checked, and a line a mismatch.

    Raises StoreError where there are no results, or a plan is damaged.
    """
    return [_verified(Store(folder)) for folder in result_folders(path)]


def render(entries: list[dict[str, Any]]) -> str:
    """Return the mismatches, and a line a folder."""
    lines = []
    for entry in entries:
        lines += entry["mismatches"]
        checked = ", ".join(counted(entry[what], noun) for what, noun in (("runs", "run"), ("files", "file")))
        found = len(entry["mismatches"])
        lines.append(f"{entry['folder']}: {checked} and {entry['w1']} values of w1 checked, {found} do not match")
    return "\n".join(lines)


def _verified(store: Store) -> dict[str, Any]:
    rows = {row["run_id"]: row["dataset"] for row in store.plan["runs"]}
    entry: dict[str, Any] = {"folder": str(store.folder), "runs": 0, "files": 0, "w1": 0, "mismatches": []}
    for run_id, dataset in rows.items():
        damage = run_damage(store, run_id, deep=True)
        entry["mismatches"] += [f"{path}: {why}" for path, why in damage.items()]
        record = store.record(run_id)
        if record is None:
            continue
        entry["runs"] += 1
        entry["files"] += 1 + len(record["files"])
        recorded = _recorded(store, record)
        if recorded is not None and not damage:
            entry["w1"] += 1
            entry["mismatches"] += _w1_mismatch(store, run_id, dataset, recorded["w1"])
    return entry


def _recorded(store: Store, record: dict[str, Any]) -> dict[str, Any] | None:
    """Return the metrics of the last step of a run that is ok, scored, and has a W1 among them."""
    scores = store.scores(record["run_id"], store.plan["score_id"]) if record["status"] == "ok" else None
    final = (scores or {"steps": {}})["steps"].get(str(record["spec"]["setup"]["train"]["steps"]))
    return final if final is not None and "w1" in final else None


def _w1_mismatch(store: Store, run_id: str, dataset: str, recorded: float | None) -> list[str]:
    path = store.run_folder(run_id) / "samples.npz"
    try:
        kept = npz_arrays(store.artefact(run_id, path.name), path)
        real = store.reference(dataset, run_id)
    except Damaged as damaged:
        return [f"{damaged.path}: {damaged.why}"]
    except StoreError as error:
        return [str(error)]
    points = np.concatenate([kept["generated"], kept["more"]])
    if len(points) < len(real):
        return []  # it was scored anew on more samples than these, drawn from its weights
    found = wasserstein_1(points[: len(real)], real)
    same = abs(found - recorded) <= TOLERANCE if recorded is not None else not math.isfinite(found)
    return [] if same else [f"{path}: its w1 is {found}, and {recorded} was recorded"]
