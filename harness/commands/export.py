"""Tables as files for other programs: csv that a spreadsheet can open safely, parquet; cells for a paper or a page;
a study for Optuna.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.disk.files import write_atomic
from harness.errors import HarnessError, lookup
from harness.store import Store, open_store
from harness.store.find import all_folders
from harness.store.table_files import csv, is_frozen, parquet
from harness.text import counted

STDOUT = "-"  # a file of this name is what a program behind a pipe reads


class Format(NamedTuple):
    """What is written of a results folder: rows of what, and how; `ending` is the file's."""

    ending: str
    noun: str
    rows: Callable[[Store], pd.DataFrame]
    encode: Callable[[pd.DataFrame], bytes]


@dataclass(frozen=True)
class Exported:
    """A file that was written, how many runs, cells or trials it holds, and whether it replaced an earlier one."""

    file: str
    noun: str
    rows: int
    replaced: bool

    def to_json(self) -> dict[str, object]:
        """Return the entry of `harness export --json`."""
        return {"file": self.file, f"{self.noun}s": self.rows, "replaced": self.replaced}


def export(path: str, to: str, output: str | None) -> list[Exported]:
    """Write the table of runs, of cells, or of a study's trials, of a results folder, or of each below a root.

    The file is `output`, "-" being standard output, else <suite>.<ending> in the working directory. Raises UnknownName
    where `to` is no format, HarnessError where the file cannot be written, is one for several suites, or there is no
    study to write, StoreError where there are no results.
    """
    form, folders = lookup(_formats(), to, "--to"), all_folders(path)
    folders = [folder for folder in folders if not is_frozen(folder)] or folders
    if output is not None and len(folders) > 1:
        raise HarnessError(
            f"-o {output}: {len(folders)} suites found and one file given; name one suite, or leave -o out"
        )
    written = []
    for folder in folders:
        table = form.rows(open_store(folder))
        file, content = Path(output or f"{folder.resolve().name}.{form.ending}"), form.encode(table)
        replaced = output != STDOUT and write_output(file, content)
        if output == STDOUT:
            sys.stdout.buffer.write(content)
        written.append(Exported(str(file), form.noun, len(table), replaced))
    return written


def render(written: list[Exported]) -> str:
    """Return a line a file."""
    return "\n".join(
        f"{entry.file}: {counted(entry.rows, entry.noun)}{' (replaced)' if entry.replaced else ''}" for entry in written
    )


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
        raise HarnessError(f"-o {file}: cannot be written ({error.strerror}); name another file") from None
    return was_there
