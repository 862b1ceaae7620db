"""Running what a user wrote in Python: whatever it does, a sentence names it, and this process goes on as it was."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import HarnessError, Interrupted, Problem, SuiteError
from harness.processes import Step, is_worker, memory_limit, watched
from harness.text import listed, printable, reason

LIMIT_S = 60.0  # of importing a plug-in, and of trying one of its entries
LIMIT_GB = 4.0
MAX_BYTES = 1_000_000  # of a plug-in's file
MODULE = "harness_plugin_"  # begins the name under which a plug-in is imported
PARTS = ("builtins", "json", __name__.partition(".")[0])  # whose functions no plug-in may replace, nor those of
PACKAGES: set[str] = set()  # top-level modules of installed plug-ins
ALONE = ("os", "os.path", "torch", "torch.nn", "torch.nn.functional", "numpy")

Table = dict[Any, Any]


def plugin_error(text: str) -> SuiteError:
    """Return the error of a plug-in, or of an objective given in Python, that cannot be used."""
    return SuiteError(Problem("bad-plugin", (), printable(text)))


@contextmanager
def guarded(path: str | Path, action: str, tables: Iterable[Table] = ()) -> Iterator[None]:
    """Let code of a plug-in act, as "it is imported", within limits of time and memory.

    Raises SuiteError naming the file for whatever it raises, and where it replaces functions of ours or of json, or
    changes `tables`; both are put back, and so is the working folder. What it prints goes to standard error.
    """
    functions, before = _functions(), [(table, dict(table)) for table in tables]
    folder, process = os.getcwd(), os.getpid()
    step = Step(f"the plug-in {path}, while {action}", LIMIT_S)
    try:
        with watched(step), _timed(), memory_limit(LIMIT_GB), contextlib.redirect_stdout(sys.stderr), _staying():
            yield
    except BaseException as error:
        if _is_ours(error):
            raise
        place = raised_at(error)
        where = f" at line {place[1]}" if place and place[0] == str(path) else ""
        raise plugin_error(f"the plug-in {path}: while {action}, it raises {_words(error)}{where}.") from None
    finally:
        if os.getpid() != process:
            os._exit(0)  # a copy of this process, which the plug-in left behind
        os.chdir(folder)
        changed = _put_back(functions) or _tables_put_back(before)
    if changed:
        raise plugin_error(f"the plug-in {path}: while {action}, it replaces {changed}, which no plug-in may change.")


@contextmanager
def _timed() -> Iterator[None]:
    """Raise TimeoutError where the block takes longer than LIMIT_S in the main thread of a process that nobody watches:
    that of `report` and `compare`, or a notebook's."""
    if is_worker() or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_: int, __: object) -> NoReturn:
        raise TimeoutError(f"more than {LIMIT_S:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _staying() -> Iterator[None]:
    """Let os._exit raise SystemExit in a process that is no worker: nobody would say why it is gone."""
    leave = os._exit

    def stay(status: int) -> NoReturn:
        raise SystemExit(status)

    if not is_worker():
        os._exit = stay
    try:
        yield
    finally:
        os._exit = leave


@contextmanager
def blamed() -> Iterator[None]:
    """Raise SuiteError naming the plug-in where one raises what nobody expects in the block, or where that fails in a
    worker with plug-ins, which may have changed anything.
    """
    try:
        yield
    except BaseException as error:
        if _is_ours(error):
            raise
        if place := raised_at(error):
            raise plugin_error(f"the plug-in {place[0]} raises {_words(error)} at line {place[1]}.") from None
        loaded = [str(module.__file__) for name, module in sys.modules.items() if name.startswith(MODULE)]
        if not loaded or not is_worker():
            raise
        raise plugin_error(f"planning fails with the plug-in {listed(loaded)}: {_words(error)}.") from error


def _is_ours(error: BaseException) -> bool:
    """Whether an error is no plug-in's doing: a mistake that we found, or a signal to this process."""
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return not is_worker()
    return isinstance(error, HarnessError) and raised_at(error) is None


def _words(error: BaseException) -> str:
    try:
        text = reason(error)
    except BaseException:  # its text is the plug-in's as well
        text = "no reason given"
    name = type(error).__name__
    return name if text == name else f"{name}: {text}"


def raised_at(error: BaseException) -> tuple[str, int] | None:
    """Return the file and line of a plug-in at which something was raised; None where no plug-in's code raised it."""
    place, trace = None, error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith(MODULE) or module.partition(".")[0] in PACKAGES:
            place = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return place


def _functions() -> dict[tuple[str, str], tuple[Any, Any]]:
    """Return the functions and classes of PARTS, and those in the classes of json: (owner, function) by their names."""
    owners: dict[str, object] = {
        name: module for name, module in sys.modules.items() if name.partition(".")[0] in PARTS or name in ALONE
    }
    owners |= {
        f"{name}.{cls.__name__}": cls
        for name, module in owners.items()
        if name.startswith("json")
        for cls in vars(module).values()
        if isinstance(cls, type) and cls.__module__ == name
    }
    return {
        (name, key): (owner, value)
        for name, owner in owners.items()
        for key, value in list(vars(owner).items())
        if callable(value) and not key.startswith("__")
    }


def _put_back(functions: Mapping[tuple[str, str], tuple[Any, Any]]) -> str:
    """Undo every replacement, and return the name of the first."""
    now = {of: vars(owner).get(of[1]) for of, (owner, _) in functions.items()}
    changed = [
        of
        for of, (_, value) in functions.items()
        if now[of] is not value and not _wrapped_itself(of[0], value, now[of])
    ]
    for of in changed:
        setattr(functions[of][0], of[1], functions[of][1])
    return ".".join(changed[0]) if changed else ""


def _wrapped_itself(owner: str, before: Any, now: Any) -> bool:
    """Whether a package wraps a function of its own, as torch does with `manual_seed` when its compiler is imported."""
    by = str(getattr(now, "__globals__", {}).get("__name__", ""))
    return getattr(now, "__wrapped__", None) is before and by.partition(".")[0] == owner.partition(".")[0]


def _tables_put_back(tables: Iterable[tuple[Table, Table]]) -> str:
    changed = ""
    for table, before in tables:
        if [*map(id, table.values())] != [*map(id, before.values())] or [*table] != [*before]:
            changed = "entries of a table of components"
            table.clear()
            table.update(before)
    return changed
