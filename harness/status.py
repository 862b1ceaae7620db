"""Counts of a results folder's runs by status. Reads plan.json and records only: no torch, no pandas."""

from pathlib import Path
from typing import Any

from harness.errors import Damaged, StoreError
from harness.store import STATUSES, Store, missing
from harness.wording import printable


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
    """Return one entry a suite: folder, planned, counts by status, unscored, training and damage.

    `unscored` counts finished runs without scores; `training` holds the claims of stacks (stack, host, pid, alive);
    `damage` holds a line for each damaged file, and for what was set aside and is not made again yet.
    """
    return [_entry(Store(folder)) for folder in result_folders(path)]


def render(entries: list[dict[str, Any]]) -> str:
    """Return the entries as lines for a terminal."""
    lines = []
    for entry in entries:
        counts = ", ".join(f"{n} {status}" for status, n in entry["counts"].items() if n)
        scoring = f"; {entry['unscored']} not scored yet" if entry["unscored"] else ""
        lines.append(f"{entry['folder']}: {entry['planned']} runs planned: {counts or 'none'}{scoring}")
        lines += [f"  in training: stack {_words(claim)}" for claim in entry["training"]]
        lines += [f"  damaged: {line}" for line in entry["damage"]]
    return printable("\n".join(lines))


def _entry(store: Store) -> dict[str, Any]:
    try:
        plan, damage = store.plan, missing(store)
    except Damaged as damaged:
        words = f"{damaged.path}: {damaged.why}; `harness doctor {store.folder}`, or a `harness run`, makes it again"
        plan, damage = {"runs": [], "score_id": ""}, [words]
    ids = [planned["run_id"] for planned in plan["runs"]]
    found = {run_id: store.status(run_id) for run_id in set(ids)}
    return {
        "folder": str(store.folder),
        "planned": len(ids),
        "counts": {status: sum(found[run_id] == status for run_id in ids) for status in STATUSES},
        "unscored": len(store.unscored(set(ids), plan["score_id"])),
        "training": store.claims(),
        "damage": damage + [f"{path}: {why}" for path, why in sorted(store.damage.items())],
    }


def _words(claim: dict[str, Any]) -> str:
    gone = ", which is gone" if claim["alive"] is False else ""
    return f"{claim['stack']} by process {claim['pid']} on {claim['host']}{gone}"
