"""The tables of frozen results, read as they were written; `frozen` makes them."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import StoreError
from harness.text import reason

if TYPE_CHECKING:
    import pandas as pd


MARKER = "FROZEN"


def is_frozen(folder: Path) -> bool:
    """Whether a results folder holds a table alone."""
    return (folder / MARKER).is_file()


def refuse_frozen(folder: Path) -> None:
    """Raise StoreError where a results folder is frozen."""
    if is_frozen(folder):
        raise StoreError(
            f"{folder}: frozen, so that it holds the table of its runs and no records; `harness compare`, `harness "
            "export` and `harness.load` read that table"
        )


def frozen_table(folder: Path) -> "pd.DataFrame":
    """Return the table of a frozen folder: one row for every planned run. Raises StoreError where it cannot be read."""
    return _parquet(folder / "runs.parquet")


def frozen_scored(folder: Path) -> "pd.DataFrame":
    """Return the long table of a frozen folder: one row for every scored step. Raises what `frozen_table` raises."""
    return _parquet(folder / "scored.parquet")


def _parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        return pd.read_parquet(io.BytesIO(path.read_bytes()))
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise StoreError(f"{path}: cannot be read ({reason(error)}); freeze those results again") from None
