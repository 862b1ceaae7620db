"""`harness clean`: what a results folder no longer needs. Planned runs are never touched. Reads plan.json alone."""

import contextlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.disk.owners import wrote_and_died
from harness.errors import StoreError
from harness.store import Store
from harness.store.find import result_folders
from harness.text import counted, printable

ABANDONED_S = 3600  # of a writer that cannot be judged: a file being written is younger, as that takes seconds

RUN_ID = re.compile(r"[0-9a-f]{16}")
TEMPORARY = re.compile(r"\..+\.\d+\.tmp")


def leftovers(path: str) -> list[dict[str, Any]]:
    """Return what can go from a results folder or those below a root: path, what (run, reference, temporary), bytes.

    Of a run also `set`: the --set with which the suite was last resolved, which may be why it is no longer planned.

    A run goes where the suite as last resolved does not plan it, a reference where none of its runs was scored against
    it, a temporary file where its writer, a process of this host, is gone, or nobody has written to it for an hour.
    Raises StoreError where there are no results.
    """
    return [entry for folder in result_folders(path) for entry in _leftovers(Store(folder))]


def remove(entries: list[dict[str, Any]]) -> None:
    """Remove them. Raises StoreError for the first that cannot be removed; those before it are gone."""
    for entry in entries:
        path = Path(entry["path"])
        try:
            if path.is_dir() and not path.is_symlink():
                (path / "record.json").unlink(missing_ok=True)  # first: half a run must not count as a finished one
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot be removed ({error.strerror}); what follows it was left") from None


def render(entries: list[dict[str, Any]]) -> str:
    """Return a line an entry, and their sum."""
    if not entries:
        return "nothing to remove"
    lines = [f"{entry['bytes'] / 1e6:>9.2f} MB  {entry['what']:<14}  {entry['path']}" for entry in entries]
    narrowed = sorted({" ".join(f"--set {text}" for text in entry["set"]) for entry in entries if entry.get("set")})
    notes = [f"these runs are not planned since the last call with {printable(sets)}" for sets in narrowed]
    return "\n".join([*lines, *notes, f"{summary(entries)} can go"])


def summary(entries: list[dict[str, Any]]) -> str:
    """Return "2 runs, 1 reference, 3.10 MB"."""
    counts = Counter(entry["what"] for entry in entries)
    total = sum(entry["bytes"] for entry in entries)
    return ", ".join([*(counted(n, what) for what, n in counts.items()), f"{total / 1e6:.2f} MB"])


def _leftovers(store: Store) -> Iterator[dict[str, Any]]:
    rows = store.plan["runs"]
    planned = {row["run_id"] for row in rows}
    needed = {store.reference_path(row["dataset"], row["run_id"]) for row in rows}
    for path in sorted((store.folder / "runs").glob("*")):
        if RUN_ID.fullmatch(path.name) and path.name not in planned:
            yield {"path": str(path), "what": "run", "bytes": _size(path), "set": store.suite.get("set") or []}
    for path in sorted((store.folder / "references").glob("*.npz")):
        if path not in needed:
            yield {"path": str(path), "what": "reference", "bytes": _size(path)}
    for path in sorted(store.folder.rglob(".*.tmp")):
        parts = path.relative_to(store.folder).parts
        goes_anyway = parts[0] == "runs" and bool(RUN_ID.fullmatch(parts[1])) and parts[1] not in planned
        if TEMPORARY.fullmatch(path.name) and not goes_anyway and _is_abandoned(path):
            yield {"path": str(path), "what": "temporary file", "bytes": _size(path)}


def _is_abandoned(path: Path) -> bool:
    if wrote_and_died(path.name):
        return True
    try:
        return path.lstat().st_mtime < time.time() - ABANDONED_S
    except FileNotFoundError:
        return False  # put in its place meanwhile


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for part in [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]:
        with contextlib.suppress(FileNotFoundError):
            total += 0 if part.is_dir() and not part.is_symlink() else part.lstat().st_size
    return total
