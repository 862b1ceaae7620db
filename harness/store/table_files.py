"""Tables as files for other programs: csv that a spreadsheet can open safely, parquet."""

import io
import json
from typing import TYPE_CHECKING, Any, Literal

from harness.disk.files import write_atomic, writing
from harness.store import STATUSES, Store
from harness.text import printable

if TYPE_CHECKING:
    import pandas as pd


def parquet(frame: "pd.DataFrame", compression: Literal["snappy", "zstd"] = "snappy") -> bytes:
    """Return a table as parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression=compression)
    return buffer.getvalue()


def csv(frame: "pd.DataFrame") -> bytes:
    """Return a table as CSV in UTF-8. Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    import numpy as np
    import pandas as pd

    made = frame.copy()
    made.columns = pd.Index([_defused(str(name)) for name in frame.columns])
    for place in range(made.shape[1]):
        column = made.iloc[:, place]
        if not pd.api.types.is_numeric_dtype(column):
            made.isetitem(place, np.array([_defused(value) for value in column], dtype=object))
    return made.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace")


def write_table(folder: str) -> dict[str, int]:
    """Rebuild runs.parquet from the records; return counts of runs by status. Raises StoreError."""
    store = Store(folder)
    table = store.table()
    with writing(store.folder / "runs.parquet"):
        write_atomic(store.folder / "runs.parquet", parquet(table), flush=False)
    return {status: int((table["status"] == status).sum()) for status in STATUSES}


def _defused(value: Any) -> Any:
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str)
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if value.lstrip()[:1] in ("=", "+", "-", "@") else printable(value)
