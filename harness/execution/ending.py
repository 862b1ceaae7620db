"""What is derived from the records of a results folder: the table, and the report."""

from typing import TYPE_CHECKING

from harness.execution.opening import open_planned
from harness.execution.outcomes import Ending
from harness.store import STATUSES, mend, missing, open_store
from harness.store.reference_samples import ensure_references

if TYPE_CHECKING:
    import pandas as pd


def finish(folder: str, report: str, workers: int) -> Ending:
    """Write runs.parquet and, in so many processes, the report."""
    from harness.report.rebuild import write_report

    store = open_store(folder)
    with store.reporting():  # another call may end at the same moment
        table = store.write_table()  # first: it stands whatever becomes of the report
        open_planned(folder)
        ensure_references(store)
        written = write_report(store, report, table, workers)
        mend(store, written.spoiled, deep=True)
        store.refresh()
        unscored = store.unscored(store.plan.run_ids, store.plan.score_id)
        table = store.write_table() if written.spoiled else table
        return Ending(written.report, _counts(table), len(unscored), missing(store), weak_lines(table))


def write_table(folder: str) -> dict[str, int]:
    """Make runs.parquet again from the records; return counts of runs by status. Raises StoreError."""
    return _counts(open_store(folder).write_table())


def _counts(table: "pd.DataFrame") -> dict[str, int]:
    return {status: int((table["status"] == status).sum()) for status in STATUSES}


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
