"""`harness clean`: removes what a results folder no longer needs. Planned runs are never touched."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.store import open_store
from harness.store.find import result_folders
from harness.store.repair import Code, remove_path, walk
from harness.text import counted, printable

LEFT_OVER = (Code.UNPLANNED, Code.UNNEEDED, Code.ABANDONED)


@dataclass(frozen=True)
class Leftover:
    """What can go: a run, a reference or a temporary file.

    `sets`, of a run: the --set with which its suite was last resolved, which may be why it is no longer planned.
    """

    path: Path
    what: str
    bytes: int
    sets: Sequence[str] | None

    def to_json(self) -> dict[str, object]:
        """Return the entry of `harness clean --json`."""
        sets = {} if self.sets is None else {"set": self.sets}
        return {"path": str(self.path), "what": self.what, "bytes": self.bytes, **sets}


def leftovers(path: str) -> list[Leftover]:
    """Return what can go from a results folder or those below a root. Raises StoreError where there are no results."""
    entries = []
    for store in map(open_store, result_folders(path)):
        for finding in walk(store, *LEFT_OVER):
            sets = (store.suite.get("set") or []) if finding.code is Code.UNPLANNED else None
            entries.append(Leftover(finding.path, finding.code.value, _size(finding.path), sets))
    return entries


def remove(path: str, entries: Iterable[Leftover]) -> list[Leftover]:
    """Remove those that can still go, and return them: meanwhile another call may have planned some of them.

    Nobody plans, or puts a run in place, while they go. Raises StoreError for the first that cannot be removed; those
    before it are gone.
    """
    listed, removed = {entry.path: entry for entry in entries}, list[Leftover]()
    for store in map(open_store, result_folders(path) if listed else []):
        with store.locked(), store.placing():
            for finding in walk(store, *LEFT_OVER):
                if finding.path in listed:
                    remove_path(finding.path)
                    removed.append(listed[finding.path])
    return removed


def render(entries: Sequence[Leftover]) -> str:
    """Return a line an entry, and their sum."""
    if not entries:
        return "nothing to remove"
    lines = [f"{entry.bytes / 1e6:>9.2f} MB  {entry.what:<14}  {entry.path}" for entry in entries]
    sets = sorted({" ".join(f"--set {text}" for text in entry.sets) for entry in entries if entry.sets})
    notes = [f"these runs are not planned since the last call with {printable(text)}" for text in sets]
    counts = [counted(n, what) for what, n in Counter(entry.what for entry in entries).items()]
    total = f"{sum(entry.bytes for entry in entries) / 1e6:.2f} MB"
    return "\n".join([*lines, *notes, f"{', '.join([*counts, total])} can go"])


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for part in [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]:
        with contextlib.suppress(FileNotFoundError):
            total += 0 if part.is_dir() and not part.is_symlink() else part.lstat().st_size
    return total
