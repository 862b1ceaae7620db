"""The metric column that each data set of a suite is ranked on."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from harness.metrics.columns import MetricColumn, covered
from harness.plugins.components import require_metric
from harness.report.analysis.cell_table import numbers
from harness.store.plan_file import Plan


def metrics_of(plan: Plan, table: pd.DataFrame, scored: pd.DataFrame | None = None) -> dict[str, str]:
    """Return the column that each data set is ranked on."""
    suite, images = plan.resolved, plan.pictures
    names = map(str, table["dataset"].unique())
    wanted = {name: suite["primary"]["images" if name in images else "toys"] for name in names}
    for metric in wanted.values():
        require_metric(suite, metric)
    extractors = suite.get("score", {}).get("extractors") or ()
    return ranked(table, wanted, extractors, plan.data_axes, scored)


def ranked(
    table: pd.DataFrame,
    wanted: Mapping[str, str],
    extractors: Sequence[str],
    data_axes: Collection[str],
    scored: pd.DataFrame | None = None,
) -> dict[str, str]:
    """Return the column that each data set is ranked on, whose plain or whole name is `wanted`.

    Where swept values of a data set give it several, as two of its classes have another extractor than one, both tables
    get one under the plain name, in which each run has its own.
    """
    axes, metrics = [f"sweep.{axis}" for axis in data_axes if f"sweep.{axis}" in table], {}
    for dataset, rows in table.groupby("dataset", sort=False):
        name = wanted[str(dataset)]
        columns: dict[str, list[str]] = {}
        for _, part in rows.groupby(axes, sort=False, dropna=False) if axes else [("", rows)]:
            if (part["status"] == "ok").any():
                columns.setdefault(primary(part, name, extractors), []).extend(part["run_id"])
        plain = MetricColumn.parse(name).name
        metrics[str(dataset)] = next(iter(columns), name) if len(columns) < 2 else plain
        for frame in [] if len(columns) < 2 else [table] if scored is None else [table, scored]:
            for end in ("", "_floor"):
                _gather(frame, plain + end, {column + end: ids for column, ids in columns.items()})
    return metrics


def _gather(table: pd.DataFrame, name: str, columns: Mapping[str, list[str]]) -> None:
    """Give a table the column `name`, in which each run has the value of the column that lists it."""
    values = pd.Series(np.nan, index=table.index)
    for column, run_ids in columns.items():
        if column in table:
            values = values.where(~table["run_id"].isin(run_ids), numbers(table, column))
    if values.notna().any():
        table[name] = values


def primary(runs: pd.DataFrame, name: str, extractors: Sequence[str] = ()) -> str:
    """Return the column that the runs of one data set are ranked on: `fid` finds `fid[classifier]@540`.

    It is that of the first of the suite's extractors, else of the data set's own, at its largest n. Where no run that
    is ok has such a column, it is the name itself.
    """
    ok = runs[runs["status"] == "ok"]
    columns = covered(name, [c for c in ok.columns if ok[c].notna().any()])
    return str(max(columns, key=partial(_priority, name, list(extractors)))) if columns else name


def _priority(name: str, extractors: list[str], column: MetricColumn) -> tuple[bool, int, int]:
    """Return what puts a column before others: the very name, its extractor's place in the list, its n."""
    place = extractors.index(column.extractor) if column.extractor in extractors else len(extractors)
    return str(column) == name, -place, column.n or 0
