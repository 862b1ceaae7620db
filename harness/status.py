"""Counts of a results folder's runs by status. Reads plan.json and records only: no torch, no pandas."""

from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.store import STATUSES, Store


def result_folders(path: str) -> list[Path]:
    """Return the folder itself where it holds a plan.json, else those below it that do.

    Raises StoreError where there is none.
    """
    root = Path(path)
    if (root / "plan.json").is_file():
        return [root]
    below = sorted(plan.parent for plan in root.glob("*/plan.json"))
    if not below:
        raise StoreError(f"{path}: no results there; `harness run quickstart` makes some in results/quickstart")
    return below


def statuses(path: str) -> list[dict[str, Any]]:
    """Return one entry a suite: folder, planned, counts by status, and how many finished runs have no scores yet."""
    entries = []
    for folder in result_folders(path):
        store = Store(folder)
        plan = store.plan
        ids = [planned["run_id"] for planned in plan["runs"]]
        found = {run_id: store.status(run_id) for run_id in set(ids)}
        counts = {status: sum(found[run_id] == status for run_id in ids) for status in STATUSES}
        unscored = len(store.unscored(set(ids), plan["score_id"]))
        entries.append({"folder": str(folder), "planned": len(ids), "counts": counts, "unscored": unscored})
    return entries


def render(entries: list[dict[str, Any]]) -> str:
    """Return the entries as lines for a terminal."""
    lines = []
    for entry in entries:
        counts = ", ".join(f"{n} {status}" for status, n in entry["counts"].items() if n)
        scoring = f"; {entry['unscored']} not scored yet" if entry["unscored"] else ""
        lines.append(f"{entry['folder']}: {entry['planned']} runs planned: {counts}{scoring}")
    return "\n".join(lines)
