"""What is derived from the records of a results folder: the table, and the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import Damaged
from harness.references import ensure_references
from harness.store import STATUSES, Store, mend, missing, write_atomic, writing
from harness.tasks.opening import open_planned

if TYPE_CHECKING:
    from harness.report.records import Records


def finish(folder: str, report: str) -> dict[str, Any]:
    """Write runs.parquet and the report.

    Returns the report's path, counts by status, how many runs are trained and not scored, and a line for each run that
    was damaged and is to be trained again.
    """
    with Store(folder).locked():  # another call may end at the same moment
        counts = write_table(folder)  # first: it stands whatever becomes of the report
        ensure_references(*open_planned(folder))
        written = write_report(folder, report)
        store = Store(folder)
        mend(store, written["spoiled"], deep=True)
        unscored = store.unscored([row["run_id"] for row in store.plan["runs"]], store.plan["score_id"])
        counts = write_table(folder) if written["spoiled"] else counts
        return {"counts": counts, "report": written["report"], "unscored": len(unscored), "damage": missing(store)}


def write_table(folder: str) -> dict[str, int]:
    """Rebuild runs.parquet from the records; return counts of runs by status. Raises StoreError."""
    from harness.exports import parquet

    store = Store(folder)
    table = store.table()
    with writing(store.folder / "runs.parquet"):
        write_atomic(store.folder / "runs.parquet", parquet(table), flush=False)
    return {status: int((table["status"] == status).sum()) for status in STATUSES}


def write_report(folder: str, report: str) -> dict[str, Any]:
    """Build the report of a results folder; runs met as damaged are pending in it.

    Returns its path, what was damaged, and the runs that this spoiled.
    """
    return _built(Store(folder), report)


def write_merged(folders: Sequence[str], report: str) -> dict[str, Any]:
    """Build one report of several results folders, as `write_report` does of one. Raises what `merge` raises."""
    from harness.report.merged import merge

    return _built(merge(folders), report)


def _built(store: "Records", report: str) -> dict[str, Any]:
    from harness.report import build_report

    while True:
        known = len(store.spoiled)
        try:
            page = build_report(store, Path(report))
        except Damaged:
            if len(store.spoiled) == known:
                raise  # nothing of a run: without it there is no report
        else:
            damage = [f"{path}: {why}" for path, why in store.damage.items()]
            return {"report": str(page), "damage": damage, "spoiled": sorted(store.spoiled)}
