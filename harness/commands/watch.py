"""`harness status --watch`: the same again and again, until there is nothing left to wait for."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.commands.status import Status, render, statuses
from harness.errors import Interrupted, StoreError
from harness.store.find import result_folders
from harness.store.table_files import refuse_frozen
from harness.text import counted, listed, printable, run_command

EVERY_S = 2.0  # between two looks
QUIET_S = 20.0  # without anybody at work, after which nobody is expected: a call takes seconds until its first claim


def watched(path: str) -> Iterator[list[Status]]:
    """Yield the entries of `statuses` every two seconds; none as long as there are no results.

    Ends when every run is finished and scored, or failed, and no study plans more; when nobody has been at work on the
    rest for a while; and at Ctrl-C.
    """
    quiet_s = 0.0
    try:
        while True:
            entries = _statuses(path)
            yield entries
            if entries and not any(entry.is_unfinished for entry in entries):
                return
            quiet_s = quiet_s + EVERY_S if entries and not any(entry.is_training for entry in entries) else 0.0
            if quiet_s >= QUIET_S:
                return
            time.sleep(EVERY_S)
    except Interrupted:
        return


def watch(path: str, say: Callable[[str], None], to_text: Callable[[list[Status]], str] | None = None) -> list[Status]:
    """Show the entries as they change: by `to_text` where that is given, in place on a terminal, else as a line a look.

    Returns the last ones.
    """
    last: list[Status] = []
    if to_text is not None:
        for last in watched(path):
            say(to_text(last))
        return last
    if sys.stdout.isatty():
        with Live(console=Console(highlight=False), auto_refresh=False) as screen:
            for last in watched(path):
                screen.update(Text(f"{_now()}\n{render(last)}" if last else waiting_line(path)), refresh=True)
    else:
        for last in watched(path):
            say(line(last) if last else waiting_line(path))
    for sentence in filter(None, map(left, last)):
        say(sentence)
    return last


def line(entries: Sequence[Status]) -> str:
    """Return the entries in one line, with the time."""
    parts = ["; ".join(filter(None, (entry.headline, entry.speed))) for entry in entries]
    return printable(f"{_now()} " + " | ".join(parts))


def waiting_line(path: str) -> str:
    """Say that there is nothing to count yet."""
    return printable(
        f"{_now()} {path}: no results there yet; waiting for a `harness run` to plan some (Ctrl-C ends this)"
    )


def left(entry: Status) -> str | None:
    """Say what would go on with a suite that nobody works on, None where there is nothing to say."""
    if entry.is_training or not entry.is_unfinished:
        return None
    pending = entry.counts["pending"]
    what = [f"{counted(pending, 'run')} pending"] if pending else []
    what += [f"{counted(entry.unscored, 'run')} not scored"] if entry.unscored else []
    what += ["more to plan of its study"] if entry.more else []
    command = run_command(Path(entry.folder))
    return printable(f"{entry.folder}: no runner is active: {listed(what)}; `{command}` continues")


def _statuses(path: str) -> list[Status]:
    refuse_frozen(Path(path))  # no runner will ever be active there
    try:
        result_folders(path)
    except StoreError:
        return []
    return statuses(path)


def _now() -> str:
    return time.strftime("%H:%M:%S")
