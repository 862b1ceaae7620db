"""What is derived from the records of a results folder: the table, and the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import Damaged
from harness.execution.opening import open_planned
from harness.store import STATUSES, Store, mend, missing, write_atomic, writing
from harness.store.reference_samples import ensure_references

if TYPE_CHECKING:
    import pandas as pd

    from harness.report.results import Records


def finish(folder: str, report: str) -> dict[str, Any]:
    """Write runs.parquet and the report.

    Returns the report's path, counts by status, how many runs are trained and not scored, a line for each run that was
    damaged and is to be trained again, and one for each extractor that is too weak.
    """
    with Store(folder).locked():  # another call may end at the same moment
        counts = write_table(folder)  # first: it stands whatever becomes of the report
        ensure_references(*open_planned(folder))
        written = write_report(folder, report)
        store = Store(folder)
        mend(store, written["spoiled"], deep=True)
        unscored = store.unscored([row["run_id"] for row in store.plan["runs"]], store.plan["score_id"])
        counts = write_table(folder) if written["spoiled"] else counts
        ended = {"counts": counts, "report": written["report"], "unscored": len(unscored), "damage": missing(store)}
        return ended | {"weak": weak_lines(store.table())}


def weak_lines(table: "pd.DataFrame") -> list[str]:
    """Return a line for each data set and each extractor that was too weak for its classes."""
    from harness.metrics.extractors import OF_CLASSES
    from harness.suite.checks.image_ranking import weak_extractor

    lines = []
    for name in (name for name in OF_CLASSES if f"extractor_weak[{name}]" in table):
        weak = table[table[f"extractor_weak[{name}]"] == 1]
        errors = weak.groupby("dataset", sort=False)[f"extractor_error[{name}]"].max()
        lines += [weak_extractor(str(label), name, float(error)) for label, error in errors.items()]
    return lines


def write_table(folder: str) -> dict[str, int]:
    """Rebuild runs.parquet from the records; return counts of runs by status. Raises StoreError."""
    from harness.commands.export import parquet

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
