"""The errors a user can meet: one sentence each, saying where, what was given and what would do.

HarnessError              exit code 2: the call or the suite is wrong
|-- SuiteError            every mistake of a suite file, one line each
|-- UnknownName           a name that a table does not hold, with the nearest that it does
|-- ShapeError            samples of a shape that an architecture cannot make
|-- DataError             data that cannot be used: missing, malformed, not finite
`-- StoreError            exit code 3: the results folder cannot be read or written
    `-- Damaged           a file in it that is not what was written
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
KeyPath = tuple[str | int, ...]

QUOTED = 80  # characters of what was given
LONGEST = 400  # characters of a mistake: what a library or a plug-in says in it may be longer
PRINTED = 20  # mistakes of one suite
LISTED = 200  # characters of the names that are known; of more the five nearest are listed

_ELSEWHERE = {  # what a key is called elsewhere
    "steps": "epoch epochs iter iters iterations n_iter",
    "lr": "learning_rate learningrate rate",
    "critic_lr": "lr_d d_lr lr_critic discriminator_lr critic_learning_rate",
    "generator_lr": "lr_g g_lr lr_gen gen_lr generator_learning_rate",
    "batch": "batch_size batchsize bs minibatch",
    "n_critic": "d_steps n_dis n_disc critic_iters critic_steps d_iters",
    "optimizer": "optim",
    "beta1": "betas beta momentum b1",
    "schedule": "scheduler lr_schedule",
    "gp_weight": "lambda lambda_gp gp_lambda gradient_penalty",
    "latent": "z_dim latent_dim nz noise_dim",
    "critic": "discriminator disc netd",
    "width": "hidden hidden_dim ngf ndf",
    "depth": "layers n_layers",
    "sd": "std sigma",
    "objective": "loss",
    "objectives": "losses",
    "architecture": "model network",
    "samples": "n_samples num_samples",
}


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


def quoted(value: Any) -> str:
    """Return `value` as a sentence quotes it: short, in one line, without control characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return (
        text if len(text) <= QUOTED else f"{text[: QUOTED - 4]}...{text[-1]}"
    )  # with the quote or bracket that ends it


def shortened(text: str, length: int) -> str:
    """Return text of at most so many characters, of which three dots stand for what is left out."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name that is the same but for its case, means the same, or is near; ""
    where there is none.
    """
    names = sorted(known)
    plain = {each.casefold().replace("_", "-"): each for each in reversed(names)}
    word = name[:QUOTED].casefold().replace("-", "_")
    synonyms = [each for each, words in _ELSEWHERE.items() if word in words.split() and each in names]
    same = [plain[key] for key in [word.replace("_", "-")] if key in plain]
    close = [*same, *synonyms] or [plain[key] for key in get_close_matches(word.replace("_", "-"), plain, 1, 0.6)]
    return f" Did you mean {close[0]!r}?" if close else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known name, else the known names, of many the nearest five."""
    names = sorted(known)
    if near := nearest(name, names):
        return near
    if len(", ".join(names)) <= LISTED:
        return f" Known: {', '.join(names)}." if names else ""
    five = get_close_matches(name[:QUOTED], names, 5, 0.2) or names[:5]
    return f" Known: {', '.join(five)} and {len(names) - len(five):,} more."


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
        why = " ".join(str(error).split())[:80] or type(error).__name__
        raise HarnessError(
            f"{run_id}: what is kept of it does not fit '{component}' as it is defined now ({why})"
        ) from error
