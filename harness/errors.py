"""The errors a user can meet: one sentence each, saying where, what was given and what would do.

HarnessError              exit code 2: the call or the suite is wrong
|-- SuiteError            every mistake of a suite file, one line each
|-- UnknownName           a name that a table does not hold, with the nearest that it does
|-- ShapeError            samples of a shape that an architecture cannot make
|-- DataError             data that cannot be used: missing, malformed, not finite
`-- StoreError            exit code 3: the results folder cannot be read or written
    `-- Damaged           a file in it that is not what was written
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class HarnessError(Exception):
    """A mistake the user can mend; the command line prints it without a traceback."""

    exit_code = 2


class SuiteError(HarnessError):
    """A suite that cannot be run. `problems` holds one sentence for each mistake, in file order."""

    def __init__(self, problems: str | list[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type["SuiteError"], tuple[list[str]]]:
        return type(self), (self.problems,)  # a worker process sends it back whole


class UnknownName(HarnessError):
    """A name that is not in the table asked."""


class ShapeError(HarnessError):
    """Samples of a shape that an architecture cannot make or judge."""


class DataError(HarnessError):
    """Data that cannot be used: missing, malformed, not finite, changed since it was planned."""


class StoreError(HarnessError):
    """A results folder that cannot be read or written."""

    exit_code = 3


class Damaged(StoreError):
    """A file that is not what was written: torn, changed, empty, of another run. `path` is it, `why` says so."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path}: {why}; `harness doctor` mends that, or says what to do")

    def __reduce__(self) -> tuple[type["Damaged"], tuple[Path, str]]:
        return type(self), (self.path, self.why)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known name, else the known names, else nothing."""
    known = sorted(known)
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known: {', '.join(known)}." if known else ""


def lookup(table: Mapping[str, T], name: str, what: str) -> T:
    """Return `table[name]`.

    Raises UnknownName with the nearest known name where the table has no such entry.
    """
    try:
        return table[name]
    except KeyError:
        raise UnknownName(f"{what}: unknown name {name!r}.{suggestion(name, table)}") from None
