"""Whether a JSON file of a results folder can be what its place says: sums tell torn files, not foreign ones.

Each function says what is wrong with a mapping, or None. Files of version 1 other than records have no sum at all.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

FINAL = ("ok", "diverged")
LOST = ("failed", "oom", "timeout")  # tried again by a later call
STATUSES = (*FINAL, *LOST, "pending")

PLAN = {"runs": list, "specs": dict, "stacks": list, "resolved": dict, "score_id": str}
NAMES = ("run_id", "dataset", "architecture", "objective", "objective.base")
ROW = {**dict.fromkeys(NAMES, str), "seed": int, "sweep": dict}
STACK = {"id": str, "device": str, "runs": list}


def wrong_record(record: Mapping[str, Any], run_id: str) -> str | None:
    """Say why a record whose sum is right is not one of this run."""
    lacking = _lacking(record, {"run_id": str, "files": dict})
    if lacking:
        return lacking
    if record["run_id"] != run_id:
        return f"it is the record of another run, {record['run_id']}"
    if record.get("status") not in FINAL:
        return "it is no record"
    leading_out = [name for name in record["files"] if Path(name).is_absolute() or ".." in Path(name).parts]
    return f"it names a file outside of its folder, {leading_out[0]}" if leading_out else None


def wrong_attempt(attempt: Mapping[str, Any]) -> str | None:
    """Say why this is no attempt that ended without a record."""
    lacking = _lacking(attempt, {"status": str, "error": str})
    if lacking or attempt["status"] in LOST:
        return lacking
    return f"its status is {attempt['status'][:40]!r}, and that of an attempt is one of {', '.join(LOST)}"


def wrong_scores(scores: Mapping[str, Any]) -> str | None:
    """Say why these are no metrics by step."""
    lacking = _lacking(scores, {"steps": dict, "score_s": (int, float)})
    if lacking:
        return lacking
    is_metrics = [step.isdecimal() and isinstance(metrics, dict) for step, metrics in scores["steps"].items()]
    return None if all(is_metrics) else "its steps are not metrics by step"


def wrong_plan(plan: Mapping[str, Any]) -> str | None:
    """Say why this is no plan: what every command takes for granted in one is missing, or of another kind."""
    lacking = _lacking(plan, PLAN)
    if lacking:
        return lacking
    for what, kind in (("runs", ROW), ("stacks", STACK)):
        for entry in plan[what]:
            if not isinstance(entry, dict) or _lacking(entry, kind):
                return f"one of its {what} is none"
    unknown = [row["run_id"] for row in plan["runs"] if row["run_id"] not in plan["specs"]]
    return f"it holds no spec of the run {unknown[0][:40]}" if unknown else None


def _lacking(value: Mapping[str, Any], kinds: Mapping[str, type | tuple[type, ...]]) -> str | None:
    """Name the first key that a mapping does not hold, or whose value is of another kind."""
    for key, kind in kinds.items():
        if not isinstance(value.get(key), kind):
            return f"its {key} is malformed" if key in value else f"it holds no {key}"
    return None
