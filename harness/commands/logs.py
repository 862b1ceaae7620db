"""What became of one run: status, attempts, log, and where its files lie. Reads JSON and text only."""

from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.store.find import find_run, run_label
from harness.text import printable


def logs(text: str, root: str) -> dict[str, Any]:
    """Return run_id, label, folder, status, first_bad_step, facts, provenance, attempts, log and files of one run.

    `label` and the parts of a record are None where there are none. Raises what `find_run` raises.
    """
    found = find_run(text, root)
    folder = found.store.run_folder(found.run_id)
    record = found.store.record(found.run_id) or {}
    return {
        "run_id": found.run_id,
        "label": run_label(found.row) if found.row is not None else None,
        "folder": str(folder),
        "status": found.store.status(found.run_id),
        **{key: record.get(key) for key in ("first_bad_step", "facts", "provenance")},
        "attempts": found.store.attempts(found.run_id),
        "log": _log(folder),
        "files": sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()),
    }


def render(found: dict[str, Any]) -> str:
    """Return that as lines for a terminal."""
    record = {**(found["facts"] or {}), **(found["provenance"] or {})}
    said = {name: record.get(name) for name in ("train_s", "device", "torch", "harness")}
    ended = f" at step {found['first_bad_step']}" if found["first_bad_step"] else ""
    lines = [
        f"{found['run_id']} {found['label'] or 'no longer planned'}",
        f"status: {found['status']}{ended}",
        *(
            [", ".join(f"{name} {_short(value)}" for name, value in said.items() if value is not None)]
            if record
            else []
        ),
        *(f"attempt {n}: {one['status']}: {one['error']}" for n, one in enumerate(found["attempts"], 1)),
        f"files: {found['folder']}" + ("" if found["files"] else " (nothing there yet)"),
        *(f"  {name}" for name in found["files"]),
    ]
    if found["log"]:
        lines += ["log.txt:", found["log"].rstrip("\n")]
    return printable("\n".join(lines))


def _log(folder: Path) -> str | None:
    path = folder / "log.txt"
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
