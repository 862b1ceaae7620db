"""Tables as files: csv that a spreadsheet can open safely, parquet; and those of frozen results, read as they lie."""

import io
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import StoreError
from harness.store import published_file
from harness.store.published_file import MARKER
from harness.text import printable, reason

if TYPE_CHECKING:
    import pandas as pd

NEEDED = {
    "runs": ("run_id", "status", "dataset", "architecture", "objective", "objective.base", "seed"),
    "scored": ("run_id", "step"),
}
MOST_CELLS = 10**8  # of a table: 800 MB of numbers


def parquet(frame: "pd.DataFrame", compression: Literal["snappy", "zstd"] = "snappy") -> bytes:
    """Return a table as parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression=compression)
    return buffer.getvalue()


def csv(frame: "pd.DataFrame") -> bytes:
    """Return a table as CSV in UTF-8. Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    import numpy as np
    import pandas as pd

    safe = frame.copy()
    safe.columns = pd.Index([_defused(str(name)) for name in frame.columns])
    for place in range(safe.shape[1]):
        column = safe.iloc[:, place]
        if not pd.api.types.is_numeric_dtype(column):
            safe.isetitem(place, np.array([_defused(value) for value in column], dtype=object))
    return safe.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace")


def _defused(value: Any) -> Any:
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str)
    return _defused_text(value) if isinstance(value, str) else value


@lru_cache(maxsize=10_000)  # names and settings that most rows repeat
def _defused_text(text: str) -> str:
    return f"'{printable(text)}" if text.lstrip()[:1] in ("=", "+", "-", "@") else printable(text)


def is_frozen(folder: Path) -> bool:
    """Whether results are tables alone: a frozen folder, or a published file."""
    return published_file.is_published(folder) or (folder / MARKER).is_file()


def refuse_frozen(folder: Path) -> None:
    """Raise StoreError where results are frozen, or published."""
    if is_frozen(folder):
        what = "published" if published_file.is_published(folder) else "frozen"
        raise StoreError(
            f"{folder}: {what}, so that it holds the table of its runs and no records; `harness report`, `harness "
            "compare`, `harness export` and `harness.load` read that table"
        )


def frozen_file(folder: Path, name: str) -> bytes:
    """Return a file of a frozen folder, or of a published file. Raises StoreError."""
    if published_file.is_published(folder):
        return published_file.member(folder, name)
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise StoreError(f"{folder / name}: cannot be read ({reason(error)}); freeze those results again") from None


def frozen_table(folder: Path, name: Literal["runs", "scored"]) -> "pd.DataFrame":
    """Return a table of frozen or published results: one row for every run, or for every scored step.

    Raises StoreError.
    """
    path = folder / f"{name}.parquet"
    content = io.BytesIO(frozen_file(folder, path.name))
    try:
        table = _table(content)
    except Exception as error:  # foreign bytes raise anything
        raise StoreError(f"{path}: cannot be read ({reason(error)}); freeze those results again") from None
    if missing := [column for column in NEEDED[name] if column not in table]:
        raise StoreError(f"{path}: it has no column {missing[0]}; freeze those results again")
    return table


def _table(content: io.BytesIO) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow.parquet as pq

    size = pq.read_metadata(content)
    if size.num_rows * size.num_columns > MOST_CELLS:
        raise ValueError(f"{size.num_rows:,} rows of {size.num_columns:,} columns are more than a suite has")
    content.seek(0)
    return pd.read_parquet(content)
