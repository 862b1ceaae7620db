"""The errors a user can meet: one sentence each, saying where, what was given and what would do.

HarnessError              exit code 2: the call or the suite is wrong
|-- SuiteError            every mistake of a suite file, one line each
|-- UnknownName           a name that a table does not hold, with the nearest that it does
|-- ShapeError            samples of a shape that an architecture cannot make
|-- DataError             data that cannot be used: missing, malformed, not finite
|-- PluginFailed          a metric or an extractor of a plug-in that fails in use
`-- StoreError            exit code 3: the results folder cannot be read or written
    `-- Damaged           a file in it that is not what was written
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.hints import QUOTED, quoted, shortened, suggestion

T = TypeVar("T")
KeyPath = tuple[str | int, ...]

LONGEST = 400  # characters of a mistake: what a library or a plug-in says in it may be longer
PRINTED = 20  # mistakes of one suite


@dataclass(frozen=True)
class Problem:
    """A mistake in a suite. Programs branch on its code; people read `place: key: text`.

    code    what kind of mistake it is: `unknown-name`, `bad-value`, ...
    path    its key in the suite, ("matrix", 0, "objective"); () for the whole file
    place   file and line of that, or the option: `suites/ring.yaml:12`; "" until they are looked up
    """

    code: str
    path: KeyPath
    text: str
    place: str = ""

    def __str__(self) -> str:
        path = ".".join(map(str, self.path))
        key = next((repr(part)[1:-1] for part in reversed(self.path) if isinstance(part, str)), "")
        what = shortened(key if self.place else path, 60)
        return ": ".join(filter(None, [self.place, what, shortened(" ".join(self.text.split()), LONGEST)]))


class Interrupted(BaseException):
    """A signal that asks to leave. No Exception, and no KeyboardInterrupt, which libraries answer in their own ways."""


class HarnessError(Exception):
    """A mistake the user can mend; the command line prints it without a traceback."""

    exit_code = 2


class SuiteError(HarnessError):
    """A suite that cannot be run. `problems` holds every mistake in it, in file order; its text has the first."""

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        further = len(self.problems) - PRINTED
        end = [f"{further:,} further mistakes are not printed."] if further > 0 else []
        super().__init__("\n".join([*map(str, self.problems[:PRINTED]), *end]))

    def __reduce__(self) -> tuple[type["SuiteError"], tuple[list[Problem]]]:
        return type(self), (self.problems,)  # a worker process sends it back whole


class UnknownName(HarnessError):
    """A name that is not in the table asked."""


class ShapeError(HarnessError):
    """Samples of a shape that an architecture cannot make or judge."""


class DataError(HarnessError):
    """Data that cannot be used: missing, malformed, not finite, changed since it was planned."""


class PluginFailed(HarnessError):
    """A metric or an extractor of a plug-in that fails in use: runs that it looks at get no scores."""


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


def lookup(table: Mapping[str, T], name: str, what: str) -> T:
    """Return `table[name]`.

    Raises UnknownName with the nearest known name where the table has no such entry.
    """
    try:
        return table[name]
    except KeyError:
        raise UnknownName(f"{what}: unknown name {quoted(name)}.{suggestion(name, table)}") from None


@contextmanager
def as_planned(run_id: str, component: str) -> Iterator[None]:
    """Raise HarnessError where a component refuses what is kept of a run: either may be another by now."""
    try:
        yield
    except (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        why = shortened(" ".join(str(error).split()), QUOTED) or type(error).__name__
        raise HarnessError(
            f"{run_id}: what is kept of it does not fit '{component}' as it is defined now ({why})"
        ) from error
