"""Results for other programs: tables as csv that a spreadsheet opens safely, or parquet; cells for a paper or a page;
a study for Optuna; a folder of event files for TensorBoard; for other trackers run by run to a function of the user's;
and for other people, as one published file.
"""

import contextlib
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.disk.files import write_atomic
from harness.errors import HarnessError, lookup
from harness.store import Store, open_store
from harness.store.find import one_folder, readable_folders
from harness.store.frozen import publish as published_file
from harness.store.table_files import csv, parquet, refuse_frozen
from harness.text import counted, printable, reason

STDOUT = "-"  # a file of this name is what a program behind a pipe reads
EVENTS = "tensorboard"  # the format that is a folder, and how its name ends
SINK = "write"  # the function of a user's file that is called with every finished run


class Format(NamedTuple):
    """What is written of a results folder as one file: rows of what, and how; `ending` is the file's."""

    ending: str
    noun: str
    rows: Callable[[Store], pd.DataFrame]
    encode: Callable[[pd.DataFrame], bytes]


@dataclass(frozen=True)
class Exported:
    """A file or folder that was written, how many runs, cells or trials it holds, and whether it replaced an earlier
    one.
    """

    file: str
    noun: str
    rows: int
    replaced: bool

    def to_json(self) -> dict[str, object]:
        """Return the entry of `harness export --json`."""
        return {"file": self.file, f"{self.noun}s": self.rows, "replaced": self.replaced}


def export(path: str, to: str, output: str | None) -> list[Exported]:
    """Write the table of runs, of cells, or of a study's trials, of a results folder, or of each below a root; or its
    runs as TensorBoard's event files; or call the function `write` of a Python file `to` with each.

    The file is `output`, "-" being standard output, else <suite>.<ending> in the working directory; of event files it
    is a folder. Raises UnknownName where `to` is no format, HarnessError where nothing can be written there, it is one
    for several suites, there is no study to write, or the Python file raises; StoreError where there are no results.
    """
    write = partial(_write_to_sink, to) if to.endswith(".py") else lookup(_writers(), to, "--to")
    folders = readable_folders(path)
    if output is not None and len(folders) > 1:
        raise HarnessError(
            f"-o {output}: {len(folders)} suites found and one file given; name one suite, or leave -o out"
        )
    return [write(open_store(folder), output) for folder in folders]


def render(written: list[Exported]) -> str:
    """Return a line a file."""
    return "\n".join(
        f"{entry.file}: {counted(entry.rows, entry.noun)}{' (replaced)' if entry.replaced else ''}" for entry in written
    )


def _write_file(form: Format, store: Store, output: str | None) -> Exported:
    table = form.rows(store)
    file, content = Path(output or f"{store.folder.resolve().name}.{form.ending}"), form.encode(table)
    replaced = output != STDOUT and write_output(file, content)
    if output == STDOUT:
        sys.stdout.buffer.write(content)
    return Exported(str(file), form.noun, len(table), replaced)


def _write_events(store: Store, output: str | None) -> Exported:
    from harness.report.event_files import write_events

    if output == STDOUT:
        raise HarnessError(f"-o {output}: --to {EVENTS} writes a folder; name one")
    refuse_frozen(store.folder)
    folder = output or f"{store.folder.resolve().name}.{EVENTS}"
    runs, replaced = write_events(store, Path(folder))
    return Exported(folder, "run", runs, replaced)


def _write_to_sink(file: str, store: Store, output: str | None) -> Exported:
    """Call a user's function with every finished run. What it prints goes to standard error."""
    from harness.plugins.local_modules import first_on_path
    from harness.processes import progress
    from harness.report.run_series import finished, series

    if output is not None:
        raise HarnessError(f"-o {output}: {file} says where its runs go; leave -o out")
    refuse_frozen(store.folder)
    place = Path(file).resolve()
    if not place.is_file():
        raise HarnessError(f"--to {file}: no such file; name a Python file with a function {SINK}(run)")
    with contextlib.redirect_stdout(sys.stderr), first_on_path(place.parent):
        with _blaming(file, place, "it is imported"):
            write = runpy.run_path(str(place)).get(SINK)
        if not callable(write):
            raise HarnessError(f"--to {file}: it has no function {SINK}(run), which is called with every finished run")
        runs = finished(store)
        with progress(f"giving runs to {file}", len(runs)) as tell:
            for done, run in enumerate(runs, start=1):
                content = series(store, run)
                with _blaming(file, place, f"it is given {content.name}"):
                    write(content)
                tell(done)
    return Exported(file, "run", len(runs), replaced=False)


@contextlib.contextmanager
def _blaming(file: str, place: Path, action: str) -> Iterator[None]:
    """Raise HarnessError with the line of a user's file for what it raises, as it is its author who can mend that."""
    try:
        yield
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(place)]
        where = f" at line {lines[-1]}" if lines else ""
        name, text = type(error).__name__, reason(error)
        words = name if text == name else f"{name}: {text}"
        raise HarnessError(printable(f"--to {file}: while {action}, it raises {words}{where}")) from None


def publish(folder: str, output: str | None) -> Exported:
    """Write a finished results folder as one file to give to others: `output`, else <suite>.zip, here.

    Raises StoreError where there are no results, HarnessError where they are unfinished or nothing can be written.
    """
    source = one_folder(folder, tables=True)
    store, content = open_store(source), published_file(source)
    file = Path(output or f"{source.resolve().name}.zip")
    return Exported(str(file), "run", len(store.plan.runs), write_output(file, content))


def _writers() -> dict[str, Callable[[Store, str | None], Exported]]:
    return {**{name: partial(_write_file, form) for name, form in _formats().items()}, EVENTS: _write_events}


def _formats() -> dict[str, Format]:
    from harness.report.text import typeset

    def trials(store: Store) -> pd.DataFrame:
        from harness.study import optuna_database  # imports Optuna

        return optuna_database.trials_table(store)

    def database(frame: pd.DataFrame) -> bytes:
        from harness.study import optuna_database

        return optuna_database.database(frame)

    return {
        "csv": Format("csv", "run", Store.table, csv),
        "parquet": Format("parquet", "run", Store.table, parquet),
        "latex": Format("tex", "cell", typeset.cells, typeset.latex),
        "markdown": Format("md", "cell", typeset.cells, typeset.markdown),
        "optuna": Format("db", "trial", trials, database),
    }


def write_output(file: Path, content: bytes) -> bool:
    """Write what a user asked for, whole; return whether it replaced an earlier file.

    Raises HarnessError where it cannot be written.
    """
    try:
        if file.is_dir():
            raise HarnessError(f"-o {file}: a folder; name a file in it")
        was_there = file.exists()
        write_atomic(file, content, flush=False)
    except OSError as error:
        raise HarnessError(f"-o {file}: cannot be written ({reason(error)}); name another file") from None
    return was_there
