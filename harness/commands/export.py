"""Results for other programs: tables as csv that a spreadsheet opens safely, or parquet; cells for a paper or a page;
a study for Optuna; a folder of event files for TensorBoard.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.disk.files import write_atomic
from harness.errors import HarnessError, lookup
from harness.store import Store, open_store
from harness.store.find import all_folders
from harness.store.table_files import csv, is_frozen, parquet, refuse_frozen
from harness.text import counted, reason

STDOUT = "-"  # a file of this name is what a program behind a pipe reads
EVENTS = "tensorboard"  # the format that is a folder, and how its name ends


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
    runs as TensorBoard's event files.

    The file is `output`, "-" being standard output, else <suite>.<ending> in the working directory; of event files it
    is a folder. Raises UnknownName where `to` is no format, HarnessError where nothing can be written there, it is one
    for several suites, or there is no study to write, StoreError where there are no results.
    """
    write, folders = lookup(_writers(), to, "--to"), all_folders(path)
    folders = [folder for folder in folders if not is_frozen(folder)] or folders
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
