"""What is derived from the records of a results folder: the table, and the report."""

from pathlib import Path
from typing import Any

from harness.store import STATUSES, Store, write_atomic


def finish(folder: str, report: str) -> dict[str, Any]:
    """Write runs.parquet and the report. Returns counts by status and the report's path."""
    with Store(folder).locked():  # another call may end at the same moment
        return {"counts": write_table(folder), **write_report(folder, report)}


def write_table(folder: str) -> dict[str, int]:
    """Rebuild runs.parquet from the records; return counts of runs by status."""
    from harness.exports import parquet

    store = Store(folder)
    table = store.table()
    write_atomic(store.folder / "runs.parquet", parquet(table))
    return {status: int((table["status"] == status).sum()) for status in STATUSES}


def write_report(folder: str, report: str) -> dict[str, Any]:
    """Build the report of a results folder."""
    from harness.report import build_report

    page = build_report(Store(folder), Path(report))
    return {"report": str(page)}
