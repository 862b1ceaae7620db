"""Which process something belongs to, and whether that lives: claims, and files that a writer left half done.

A process is named by host, boot, pid name space, pid and the start time of that pid. Of one on this host it is known
whether it lives.
"""

import hashlib
import os
import platform
import re
import time
from pathlib import Path
from typing import Any

MARK = re.compile(r"\.([0-9a-f]{6})([0-9a-f]{6})([0-9a-f]{6})-(\d*)\.(\d+)\.tmp")


def owner() -> dict[str, Any]:
    """Return what names this process among all: host, boot, space, pid, start."""
    here = os.getpid()
    return {"host": platform.node(), "boot": _boot(), "space": _space(), "pid": here, "start": _start(here)}


def is_alive(said: dict[str, Any]) -> bool | None:
    """Return whether a process lives; None where it is of another host, or of a container unlike ours."""
    return _judged(said, owner())


def mark() -> str:
    """Return what names this process in a file's name."""
    ours = owner()
    return "".join(_short(ours[key]) for key in ("host", "boot", "space")) + f"-{ours['start']}.{ours['pid']}"


def wrote_and_died(name: str) -> bool:
    """Whether a file's name bears the mark of a process of this host that is gone."""
    found = MARK.search(name)  # at its end; a name may hold anything before
    if found is None:
        return False
    host, boot, space, start, pid = found.groups()
    ours = owner()
    shortened = {**ours, **{key: _short(ours[key]) for key in ("host", "boot", "space")}}
    return _judged({"host": host, "boot": boot, "space": space, "start": start, "pid": int(pid)}, shortened) is False


def booted() -> float | None:
    """Return when this host started, in seconds of its clock; None where that is not known."""
    try:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        return None


def _judged(said: dict[str, Any], ours: dict[str, Any]) -> bool | None:
    if said["host"] != ours["host"]:
        return None
    if said["boot"] != ours["boot"]:
        return False
    if said["space"] != ours["space"]:
        return None
    try:
        os.kill(said["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process
    return bool(_start(said["pid"]) == said["start"])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _boot() -> str:
    return _text(Path("/proc/sys/kernel/random/boot_id"))


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _start(pid: int) -> str:
    """The time a process started, in ticks since boot; "" for one that has ended, and where there is no /proc."""
    state, *fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split() or [""]
    return "" if state in ("", "Z", "X") else fields[18]


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
