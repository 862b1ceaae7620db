"""What earlier runs took on this machine: a file of one JSON line a timing, in the user's cache.

It is a convenience: lines that are torn, foreign or of another machine are passed over, and a cache that cannot be read
or written stops nothing.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.disk.files import write_atomic
from harness.disk.folders import cache_folder

NEWEST = 5  # timings of one thing that are kept, and the least of which counts
MAX_BYTES = 2_000_000  # beyond it the file is written anew
MAX_LINES = 2_000  # that stay then
NEAR = 1.5  # a size within this factor of the one timed is scaled and trusted
FAR = 30.0  # beyond this factor nothing is guessed from another thing
WHOLE = ("plan", "start", "report")  # of a whole call: mostly imports, and no multiple of its runs

Machine = Mapping[str, Any]


@dataclass(frozen=True)
class Timing:
    """One thing timed.

    what     "step" (of a stack, s), "keep" (a stack at one scored step, beyond its steps, s), "score" (a run, s),
             "reference" (of a data set, s), and of a whole call, in s: "plan", "start", "report"
    key      the address of what decides the cost, "" where there is nothing
    size     how large it was relative to others, so that other sizes can be scaled
    workers  how many processes ran side by side
    trial    whether a trial gave it, and no real run
    """

    what: str
    key: str
    size: float
    workers: int
    value: float
    trial: bool = False
    day: str = ""


KINDS = {"what": str, "key": str, "size": int | float, "workers": int, "value": int | float, "trial": bool, "day": str}


@dataclass(frozen=True)
class Found:
    """What a thing takes, and whether that was guessed from another thing."""

    value: float
    rough: bool
    day: str


class Timings:
    """The timings of one machine, oldest first."""

    def __init__(self, timings: Iterable[Timing] = ()) -> None:
        self._known: dict[tuple[str, ...], list[Timing]] = {}
        for timing in timings:
            self.add(timing)

    def add(self, timing: Timing) -> None:
        """Add the newest."""
        self._known.setdefault((timing.what,), []).append(timing)
        self._known.setdefault((timing.what, timing.key), []).append(timing)

    def find(self, what: str, key: str, size: float, workers: int) -> Found | None:
        """Return what a thing takes: the least of the newest timings of it, else of the nearest thing, by size.

        Other work on a machine only adds to a timing, so that the least says best what a thing takes. Nearest is the
        same key, then as many workers, then a size within NEAR, then a real run rather than a trial. None where nothing
        of the kind was ever timed whose size is within FAR.
        """
        same_key = self._known.get((what, key), [])
        near = same_key or self._known.get((what,), [])
        known = near if same_key or what in WHOLE else [t for t in near if 1 / FAR < size / t.size < FAR]
        if not known:
            return None

        def distance(timing: Timing) -> tuple[bool, bool, bool, float]:
            away = abs(math.log(size / timing.size))
            return timing.workers != workers, away > math.log(NEAR), timing.trial, away

        nearest = min(map(distance, known))
        same = [timing for timing in known if distance(timing) == nearest][-NEWEST:]
        scales = [1.0 if what in WHOLE else size / timing.size for timing in same]
        value = min(scale * timing.value for scale, timing in zip(scales, same, strict=True))
        return Found(value, not same_key or any(nearest[:2]), max(timing.day for timing in same))


def cache_file() -> Path:
    """Return where timings lie: in the cache folder."""
    return cache_folder() / "timings.jsonl"


def read_timings(machine: Machine) -> Timings:
    """Return the timings of a machine; none where the cache cannot be read."""
    return Timings(timing for line in _lines() if (timing := _parsed(line, machine)))


def add_timings(machine: Machine, timings: Iterable[Timing]) -> None:
    """Add timings of a machine to the cache, one write a line, so that writers do not mix."""
    path, day = cache_file(), datetime.now(UTC).date().isoformat()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            for timing in timings:
                line = json.dumps({"machine": dict(machine), **asdict(timing), "day": day}, allow_nan=False)
                os.write(descriptor, f"\n{line}\n".encode())  # the first line end closes what another writer tore
            large = os.fstat(descriptor).st_size > MAX_BYTES
        finally:
            os.close(descriptor)
        if large:
            _shorten(path)


def _lines() -> list[str]:
    try:
        return cache_file().read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _parsed(line: str, machine: Machine | None = None) -> Timing | None:
    """Return a line's timing; None where it is none, or of another machine than the one asked for."""
    try:
        plain = json.loads(line)
        timing = Timing(**{name: plain[name] for name in KINDS})
        kinds = all(isinstance(plain[name], kind) for name, kind in KINDS.items())
        sound = kinds and 0 < timing.size < math.inf and 0 <= timing.value < math.inf
        return timing if sound and machine in (None, plain["machine"]) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _shorten(path: Path) -> None:
    """Keep the newest timings of each thing, and the newest things. A line added meanwhile is lost: no harm."""
    lines: list[str] = []
    counts: dict[str, int] = {}
    for line in reversed(_lines()):
        timing = _parsed(line)
        if timing is None:
            continue
        of = repr((json.loads(line)["machine"], timing.what, timing.key, timing.size, timing.workers, timing.trial))
        counts[of] = counts.get(of, 0) + 1
        if counts[of] <= NEWEST:
            lines.append(line)
    write_atomic(path, "".join(f"{line}\n" for line in reversed(lines[:MAX_LINES])).encode())
