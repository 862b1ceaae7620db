"""A fault, the tries of it, and the row that they give."""

import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faults.commands import end_all

HEAD = "| fault | tries | survived | seconds | |\n| --- | ---: | ---: | ---: | --- |"

Tries = Iterator[str | None]


class Untried(Exception):
    """This machine cannot try it; says why."""


@dataclass(frozen=True)
class Fault:
    """`tries(folder, rounds)` tries it in an empty folder, and yields after each try that was survived.

    It raises AssertionError where one was not, and Untried. What it yields is None or words for the row; `few` rounds
    take seconds, and are 0 where one takes eight or more. `slow`: more than a few seconds.
    """

    name: str
    tries: Callable[[Path, int], Tries]
    rounds: int = 1
    few: int = 1
    slow: bool = True


@dataclass
class Row:
    """What became of a fault's tries. `trace` is how the one that was not survived ended."""

    fault: Fault
    tries: int = 0
    survived: int = 0
    took_s: float = 0.0
    words: str = ""
    trace: str = ""

    def render(self) -> str:
        """Return the row of a table in Markdown."""
        return f"| {self.fault.name} | {self.tries} | {self.survived} | {self.took_s:.0f} | {self.words} |"


def attempt(fault: Fault, rounds: int) -> Row:
    """Try a fault in a folder of its own, which is removed unless it was not survived."""
    row, folder = Row(fault), Path(tempfile.mkdtemp(prefix="faults-"))
    folder.chmod(0o755)  # another user is let in
    started = time.perf_counter()
    try:
        for words in fault.tries(folder, rounds):
            row.tries += 1
            row.survived += 1
            row.words = words or row.words
        assert row.tries, "nothing was tried"
    except Untried as reason:
        row.words = f"not tried here: {reason}"
    except Exception:
        row.tries += 1
        row.words, row.trace = f"kept in {folder}", traceback.format_exc()
    finally:
        end_all()
    row.took_s = time.perf_counter() - started
    if not row.trace:
        shutil.rmtree(folder, ignore_errors=True)
    return row
