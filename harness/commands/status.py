"""How far a results folder is: counts by status, what trains, how fast, what failed. No torch, no pandas."""

import shlex
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from harness.errors import Damaged, StoreError
from harness.plan.cost_text import duration
from harness.store import LOST, STATUSES, Store, missing
from harness.store.find import result_folders, run_label
from harness.text import counted, printable, waiting

RECENT_S = 600.0  # of which the speed is taken
FAILURES = 5  # shown of each suite, the newest


def statuses(path: str) -> list[dict[str, Any]]:
    """Return one entry a suite.

    folder, planned, counts   the counts by status sum to planned
    unreadable                without a plan that can be read: how much lies there, why, and what would do; else None
    unscored                  finished runs without scores
    more                      whether a study plans further runs once these have ended
    training                  claims: stack, host, pid, alive
    failures                  the newest: run_id, label, status, error
    runs_a_minute, left_s     None where nothing trains, or too little has ended to tell
    damage                    a line for each damaged file, and for what was set aside and is not made again yet
    """
    return [_entry(Store(folder)) for folder in result_folders(path)]


def render(entries: list[dict[str, Any]]) -> str:
    """Return the entries as lines for a terminal."""
    lines = []
    for entry in entries:
        lines.append(headline(entry))
        lines += [_speed(entry)] if entry["runs_a_minute"] is not None else []
        lines += [f"  in training: stack {_words(claim)}" for claim in entry["training"]]
        lines += [f"  {one['status']}: {one['run_id']} {one['label']}: {one['error']}" for one in entry["failures"]]
        lost = sum(entry["counts"][status] for status in LOST)
        lines += [f"  {waiting(lost, entry['folder'])}"] if lost else []
        lines += [f"  damaged: {line}" for line in entry["damage"]]
    return printable("\n".join(lines))


def headline(entry: dict[str, Any]) -> str:
    """Return the first line of an entry: its folder, and how many runs there are of each status."""
    if entry["unreadable"]:
        return f"{entry['folder']}: {entry['unreadable']}"
    counts = ", ".join(f"{n} {status}" for status, n in entry["counts"].items() if n)
    scoring = f"; {entry['unscored']} not scored yet" if entry["unscored"] else ""
    more = "; its study plans more once these have ended" if entry["more"] else ""
    return f"{entry['folder']}: {entry['planned']} runs planned: {counts or 'none'}{scoring}{more}"


def _entry(store: Store) -> dict[str, Any]:
    unreadable, damage = None, list[str]()
    try:
        plan, damage = store.plan, missing(store)
    except StoreError as error:
        unreadable = _unreadable(store, error)
        plan = {"runs": [], "score_id": ""}
    rows = {row["run_id"]: row for row in plan["runs"]}
    ids = [row["run_id"] for row in plan["runs"]]
    found = {run_id: store.status(run_id) for run_id in rows}
    counts = {status: sum(found[run_id] == status for run_id in ids) for status in STATUSES}
    training = store.claims()
    pace = _pace(store, rows) if any(claim["alive"] is not False for claim in training) else None
    lost = [run_id for run_id, status in found.items() if status in LOST]
    return {
        "folder": str(store.folder),
        "planned": len(ids),
        "counts": counts,
        "unreadable": unreadable,
        "unscored": len(store.unscored(rows, plan["score_id"])),
        "more": "study" in plan and not plan["study"]["chosen"],
        "training": training,
        "runs_a_minute": None if pace is None else 60 * pace,
        "left_s": None if pace is None else counts["pending"] / pace,
        "failures": [_failure(store, rows[run_id]) for run_id in sorted(lost, key=_logged(store))[:FAILURES]],
        "damage": damage + [f"{path}: {why}" for path, why in sorted(store.damage.items())],
    }


def _unreadable(store: Store, error: StoreError) -> str:
    """Say what is known of a folder without its plan."""
    there = counted(len(store.finished()), "finished run")
    if (store.folder / "plan.json").is_file() and not isinstance(error, Damaged):
        return f"{there}, and a plan that cannot be read: {error}"
    why = f"its plan.json is damaged ({error.why})" if isinstance(error, Damaged) else "it has no plan.json"
    again = f"`harness doctor {shlex.quote(str(store.folder))}`, or a `harness run` of its suite, makes it again"
    return f"{there}, and how many were planned is not known: {why}; {again}"


def _pace(store: Store, run_ids: Iterable[str]) -> float | None:
    """Return how many runs ended a second lately, after the first of them and its stack; None where none did."""
    now, times = time.time(), [_time(store.run_folder(run_id) / "record.json") for run_id in run_ids]
    recent = sorted(when for when in times if when > now - RECENT_S)
    later = [when for when in recent if when > recent[0] + 1]
    return len(later) / (now - recent[0]) if later else None


def _failure(store: Store, row: dict[str, Any]) -> dict[str, Any]:
    attempt = store.last_attempt(row["run_id"]) or {"status": "failed", "error": ""}
    said = {key: attempt[key] for key in ("status", "error")}
    return {"run_id": row["run_id"], "label": run_label(row), **said}


def _logged(store: Store) -> Callable[[str], float]:
    """Return the sort key that puts the newest log first."""
    return lambda run_id: -_time(store.run_folder(run_id) / "log.txt")


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _speed(entry: dict[str, Any]) -> str:
    left = f", {duration(entry['left_s'])} left" if entry["counts"]["pending"] else ""
    return f"  {entry['runs_a_minute']:.1f} runs a minute{left}"


def _words(claim: dict[str, Any]) -> str:
    if claim["pid"] is None:
        return f"{claim['stack']} by a process that is gone, whose claim cannot be read"
    gone = ", which is gone" if claim["alive"] is False else ""
    return f"{claim['stack']} by process {claim['pid']} on {claim['host']}{gone}"
