"""Who trains a stack: a claim file a stack, so that two runners on one folder do not repeat each other's work.

Of an owner on this host it is known whether it lives; one elsewhere is taken for gone when its claim has not been
renewed for STALE_S seconds of the observer's own monotonic clock: clocks of two hosts are never compared. Every change
is made under one lock, so that of several who see the same dead owner one takes over. A claim saves work and guards
nothing: should two runners train the same run after all, the first commit wins.
"""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

from harness.disk.documents import Plain, read_json, seal
from harness.disk.files import locked, write_atomic, writing
from harness.disk.owners import Owner, booted, is_alive, owner
from harness.disk.schema import require, schema, whole
from harness.errors import Damaged

STALE_S = 60.0
RENEW_S = 10.0  # how often an owner should renew
OWNER = [field.name for field in fields(Owner)]
CLAIM = schema({**dict.fromkeys(OWNER, str), "pid": whole(1, 2**31), "token": str})

Mark = tuple[str, int]  # a claim's token and the time of its last renewal


@dataclass(frozen=True)
class Claim:
    """A stack that is ours to train until it is released, or lost to one who took us for dead."""

    path: Path
    token: str

    def renew(self) -> bool:
        """Show that its owner lives; to be called every RENEW_S seconds. Returns False where the claim is lost."""
        with suppress(FileNotFoundError):
            if _read(self.path).token == self.token:
                os.utime(self.path)
                return True
        return False

    def release(self) -> None:
        """Let others have the stack. Does nothing where the claim is lost."""
        with writing(self.path), locked(lock_of(self.path.parent)):
            if _read(self.path).token == self.token:
                self.path.unlink()

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


@dataclass(frozen=True)
class Holder:
    """Who holds the claim of a stack: host and pid, None of a claim that cannot be read; whether it lives, None where
    this host cannot tell.
    """

    stack: str
    host: str | None
    pid: int | None
    alive: bool | None


class Claims:
    """The claims of a results folder, as one observer sees them."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._watched: dict[str, tuple[Mark, float]] = {}  # by stack: its claim's mark, and when that was first seen

    def take(self, stack_id: str) -> Claim | None:
        """Claim a stack. None where another has it and is not known to be gone. Raises StoreError."""
        path = self._folder / f"{stack_id}.json"
        with writing(path), locked(lock_of(self._folder)):
            if path.exists() and self._is_held(stack_id, path):
                return None
            claim = Claim(path, secrets.token_hex(16))
            content = seal({**asdict(owner()), "token": claim.token})
            write_atomic(path, content, flush=False)  # worth nothing after a reboot
            return claim

    def holders(self) -> list[Holder]:
        """Return who holds each claim; one of this boot that cannot be read may yet be somebody's, and is left out."""
        holders = []
        for path in sorted(self._folder.glob("[!.]*.json")):
            claimant, _, alive = _read(path)
            if claimant is not None:
                holders.append(Holder(path.stem, claimant.host, claimant.pid, alive))
            elif alive is False:
                holders.append(Holder(path.stem, None, None, alive))
        return holders

    def _is_held(self, stack_id: str, path: Path) -> bool:
        _, token, alive = _read(path)
        if alive is not None:
            return alive
        mark = (token, path.stat().st_mtime_ns)
        last, since = self._watched.get(stack_id, (None, 0.0))
        if mark != last:
            self._watched[stack_id] = (mark, self._clock())
            return True
        return self._clock() - since < STALE_S


class Content(NamedTuple):
    """What a claim says: None and "" where it cannot be read; whether its owner lives, None where that is not known."""

    owner: Owner | None
    token: str
    alive: bool | None


def lock_of(folder: Path) -> Path:
    """Return the lock under which the claims of a folder change."""
    return folder / ".lock"


def _read(path: Path) -> Content:
    """Read a claim. One that cannot be read was put in place whole and is not flushed: a power failure took its
    content, and if that was before this boot, its owner as well."""
    with suppress(Damaged):
        content = read_json(path, _content, needs_sum=True)
        if content is not None:
            return content
    since = booted()
    with suppress(FileNotFoundError):  # released meanwhile
        if since is not None and path.stat().st_mtime < since:
            return Content(None, "", alive=False)
    return Content(None, "", alive=None)


def _content(plain: Plain) -> Content:
    """Return what a claim's mapping says. Raises Malformed."""
    require(plain, CLAIM)
    claimant = Owner(**{name: plain[name] for name in OWNER})
    return Content(claimant, plain["token"], is_alive(claimant))
