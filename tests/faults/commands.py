"""The command line as a process of its own, in a session of its own, so that whatever it leaves behind is found."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.commands.status import statuses
from harness.errors import StoreError

ROOT = Path(__file__).resolve().parents[2]
_SESSIONS: list[int] = []
PATIENCE_S = 120.0  # for a command to end by itself, on a machine that does other things as well


def start(
    folder: Path, *arguments: str, module: str = "harness", prefix: Sequence[str] = (), **more: Any
) -> "subprocess.Popen[str]":
    """Start `python -m module arguments` in `folder`; `more` goes to Popen, but for `env`, which is added to ours.

    `prefix`: a command that starts this one.
    """
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "HARNESS_CACHE": str(folder / "cache")}
    Path(paths["HARNESS_CACHE"]).mkdir(exist_ok=True)
    env = {**os.environ, "OMP_NUM_THREADS": "1", **paths, **more.pop("env", {})}
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,
    )
    _SESSIONS.append(process.pid)
    return process


def end_all() -> None:
    """End whatever was started and has not ended, after a try that was not survived."""
    for session in _SESSIONS:
        for pid in living(session):
            os.kill(pid, signal.SIGKILL)
    _SESSIONS.clear()


def ended(process: "subprocess.Popen[str]", code: int) -> str:
    """Wait for a command; return what it said. It must end with this code, no traceback, and nobody left behind."""
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, f"exit code {process.returncode} and not {code}:\n{out}\n{err}"
    assert "Traceback" not in out + err, err
    nobody_left(process.pid)
    return out + err


def call(folder: Path, *arguments: str, code: int = 0, **more: Any) -> str:
    """Do `start` and `ended` in one."""
    return ended(start(folder, *arguments, **more), code)


def living(session: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue  # it ended meanwhile
        if int(of) == session and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def nobody_left(session: int, within_s: float = 3.0) -> None:
    """Make sure that all processes of a session end within so many seconds."""
    assert until(lambda: not living(session), within_s), f"left behind: {living(session)}"


def until(is_so: Callable[[], Any], within_s: float = PATIENCE_S) -> bool:
    """Wait until something is so; return whether that came about."""
    end = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def status_works(folder: Path) -> int:
    """Make sure that `status` counts every planned run once, and names no damage. Returns how many are finished."""
    try:
        (entry,) = statuses(str(folder))
    except StoreError as error:
        if "no results there" not in str(error):
            raise
        return 0  # nothing was planned yet
    assert sum(entry.counts.values()) == entry.planned, entry
    assert not entry.damage, entry.damage
    return int(entry.counts["ok"])
