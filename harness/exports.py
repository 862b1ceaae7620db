"""Tables as files for other programs: csv that a spreadsheet can open safely, and parquet."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError, lookup
from harness.status import result_folders
from harness.store import Store, write_atomic
from harness.wording import printable


def export(path: str, to: str, output: str | None) -> list[dict[str, Any]]:
    """Write the table of runs of a results folder, or of each below a root, and return file, runs and replaced.

    The file is `output`, else <suite>.<to> in the working directory. Raises UnknownName where `to` is no format,
    HarnessError where the file cannot be written or is one for several suites, StoreError where there are no results.
    """
    encode = lookup({"csv": csv, "parquet": parquet}, to, "--to")
    folders = result_folders(path)
    if output is not None and len(folders) > 1:
        raise HarnessError(
            f"-o {output}: {len(folders)} suites found and one file given; name one suite, or leave -o out"
        )
    written = []
    for folder in folders:
        table = Store(folder).table()
        file = Path(output or f"{folder.resolve().name}.{to}")
        written.append({"file": str(file), "runs": len(table), "replaced": write_output(file, encode(table))})
    return written


def render(written: list[dict[str, Any]]) -> str:
    """Return a line a file."""
    return "\n".join(f"{x['file']}: {x['runs']} runs{' (replaced)' if x['replaced'] else ''}" for x in written)


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


def parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def csv(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV in UTF-8. Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    made = frame.copy()
    made.columns = pd.Index([_defused(str(name)) for name in frame.columns])
    for place in range(made.shape[1]):
        column = made.iloc[:, place]
        if not pd.api.types.is_numeric_dtype(column):
            made.isetitem(place, np.array([_defused(value) for value in column], dtype=object))
    return made.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace")


def _defused(value: Any) -> Any:
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str)
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if value.lstrip()[:1] in ("=", "+", "-", "@") else printable(value)
