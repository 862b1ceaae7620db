"""Tables as files: csv that a spreadsheet can open safely, parquet; and those of frozen results, read as they lie."""

import io
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import StoreError
from harness.text import printable, reason

if TYPE_CHECKING:
    import pandas as pd

MARKER = "FROZEN"  # a file of a frozen folder; `frozen` makes them


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
    """Whether a results folder holds tables alone."""
    return (folder / MARKER).is_file()


def refuse_frozen(folder: Path) -> None:
    """Raise StoreError where a results folder is frozen."""
    if is_frozen(folder):
        raise StoreError(
            f"{folder}: frozen, so that it holds the table of its runs and no records; `harness compare`, `harness "
            "export` and `harness.load` read that table"
        )


def frozen_table(folder: Path, name: Literal["runs", "scored"]) -> "pd.DataFrame":
    """Return a table of a frozen folder: one row for every run, or for every scored step. Raises StoreError."""
    import pandas as pd

    path = folder / f"{name}.parquet"
    try:
        return pd.read_parquet(io.BytesIO(path.read_bytes()))
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise StoreError(f"{path}: cannot be read ({reason(error)}); freeze those results again") from None
