"""Which process something belongs to, and whether that lives: claims, and files that a writer left half done.

Of a process on this host it is known whether it lives.
"""

import hashlib
import os
import platform
import re
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

MARK = re.compile(r"\.([0-9a-f]{6})([0-9a-f]{6})([0-9a-f]{6})-(\d*)\.(\d+)\.tmp")


@dataclass(frozen=True)
class Owner:
    """What names a process among all: its host, boot, pid name space and pid, and the start time of that pid."""

    host: str
    boot: str
    space: str
    pid: int
    start: str

    def shortened(self) -> "Owner":
        """Return the owner as a file's name tells it."""
        return replace(self, host=_short(self.host), boot=_short(self.boot), space=_short(self.space))


def owner() -> Owner:
    """Return what names this process."""
    return _owner(os.getpid(), platform.node())


@cache
def _owner(pid: int, host: str) -> Owner:
    return Owner(host, _text(Path("/proc/sys/kernel/random/boot_id")), _space(), pid, _start(pid))


def this_process() -> str:
    """Return what a lock file says of its holder."""
    return f"process {os.getpid()} on {platform.node()}"


def holder(text: str) -> str:
    """Return whom a lock file names, and whether that process is stopped."""
    match = re.fullmatch(r"process (\d+) on ([^\s\x00-\x1f]+)", text)
    if match is None:
        return "another process"
    pid, host = match.groups()
    if host == platform.node() and _stat(int(pid))[0] in ("T", "t"):
        return f"{text} (stopped; `kill -CONT {pid}` lets it go on)"
    return text


def is_alive(other: Owner, observer: Owner | None = None) -> bool | None:
    """Return whether a process lives; None where it is of another host, or of a container unlike the observer's."""
    ours = observer or owner()
    if other.host != ours.host:
        return None
    if other.boot != ours.boot:
        return False
    if other.space != ours.space:
        return None
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process
    return _start(other.pid) == other.start


def mark() -> str:
    """Return what names this process in a file's name."""
    ours = owner().shortened()
    return f"{ours.host}{ours.boot}{ours.space}-{ours.start}.{ours.pid}"


def wrote_and_died(name: str) -> bool:
    """Whether a file's name bears the mark of a process of this host that is gone."""
    match = MARK.search(name)  # at its end; a name may hold anything before
    if match is None:
        return False
    host, boot, space, start, pid = match.groups()
    return is_alive(Owner(host, boot, space, int(pid), start), owner().shortened()) is False


def booted() -> float | None:
    """Return when this host started, in seconds of its clock; None where that is not known."""
    try:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        return None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _start(pid: int) -> str:
    """The time a process started, in ticks since boot; "" for one that has ended, and where there is no /proc."""
    fields = _stat(pid)
    return "" if fields[0] in ("", "Z", "X") else fields[19]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; an empty one where there is none."""
    return _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split() or [""]


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
