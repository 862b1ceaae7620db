"""Numbers of cells and runs.

A cell is data set x architecture x objective variant x every swept value; its runs differ by seed alone. Intervals are
over training seeds. A run that diverged, failed, ran out of memory or of time counts as worse than any number.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.errors import HarnessError
from harness.metrics import lower_is_better
from harness.metrics.columns import MetricColumn
from harness.spec import Task
from harness.statistics.intervals import spread
from harness.store import STATUSES
from harness.suite.format.models import COMPUTING
from harness.text import NOTHING, plain, swept_value

Row = Mapping[Any, Any]  # of a table
FAILURES = tuple(status for status in STATUSES if status not in ("ok", "pending"))
CELL = ("task", "dataset", "architecture", "objective", "setting")
# Shown beside the primary metric, as medians of the runs that are ok.
BESIDE = ("w1", "w1_floor", "hq", "modes@2500", "modes_half", "reverse_kl", "reverse_kl_floor", "train_s")
BESIDE_OF_PICTURES = (
    "fid",
    "fd",
    "fid_train",
    "fd_train",
    "kid",
    "cmmd",
    "vendi",
    "authpct",
    "precision",
    "recall",
    "density",
    "coverage",
    "class_kl",
    "modes",
)


def numbers(runs: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of runs as numbers: NaN where there is none, or no such column."""
    values = runs[column] if column in runs else pd.Series(np.nan, index=runs.index)
    return pd.to_numeric(values, errors="coerce").astype(float)


def are_held_out(runs: pd.DataFrame) -> bool:
    """Return whether the real images that runs are scored against are held out, and none that they train on."""
    return not (numbers(runs, "setup.held_out") == 0).any()


def values_of(runs: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return what `numbers` does as an array [runs]."""
    return numbers(runs, column).to_numpy(np.float64, na_value=np.nan)


def refuse_missing(table: pd.DataFrame, metric: str) -> None:
    """Raise HarnessError naming the first run that is ok and has no finite `metric`: nothing is averaged around it."""
    ok = table[table["status"] == "ok"]
    bad = ok[~np.isfinite(values_of(ok, metric))]
    if len(bad):
        row = bad.iloc[0]
        place = f"{Task(row['dataset'], row['architecture']).label} / {row['objective']}, seed {row['seed']}"
        raise HarnessError(
            f"run {row['run_id']} ({place}) is ok but its {metric} is not a finite number: score it again before "
            "reporting on it."
        )


def learns(table: pd.DataFrame) -> pd.Series:
    """Return of each run whether it trains a generator."""
    if "setup.trained" not in table:
        return pd.Series(True, index=table.index)
    return table["setup.trained"] != "fixed"


def swept_columns(table: pd.DataFrame, leave: Iterable[str] = ()) -> list[str]:
    """Return the columns of swept values, without those of the names to `leave` out, such as a suite's data axes."""
    left = {f"sweep.{name}" for name in leave}
    return [c for c in map(str, table.columns) if c.startswith("sweep.") and c not in left]


def tuned_columns(table: pd.DataFrame, data_axes: Iterable[str] = ()) -> list[str]:
    """Return the columns of swept values among which settings are chosen: neither of data sets, nor of `COMPUTING`."""
    return [c for c in swept_columns(table, data_axes) if not _is_computing(c)]


def _is_computing(column: str) -> bool:
    return column.removeprefix("sweep.") in COMPUTING


def data_columns(table: pd.DataFrame, data_axes: Iterable[str]) -> list[str]:
    """Return the columns of swept values that belong to data sets."""
    rest = swept_columns(table, data_axes)
    return [c for c in swept_columns(table) if c not in rest]


def tasks_of(table: pd.DataFrame, data_axes: Iterable[str], rivals: str = "objective") -> list[Task]:
    """Return the task of every row, for objectives as `rivals` or for architectures, which an objective trains."""
    other = "architecture" if rivals == "objective" else "objective"
    data = data_columns(table, data_axes)
    values = [tuple(_swept(row, data)) for row in table[data].to_dict("records")] if data else [()] * len(table)
    names = zip(table["dataset"].astype(str), table[other].astype(str), values, strict=True)
    return [Task(*name) for name in names]


def labelled(table: pd.DataFrame, data_axes: Iterable[str] = ()) -> pd.DataFrame:
    """Return the table with `task`, the label of its Task, and `setting`, all other swept values; where updates are
    computed in several ways (`COMPUTING`) with that part of a setting as `computing`.

    `data_axes` are the swept names that belong to data sets: they change the question, not the answer. A swept number
    that stands beside words is written as in a suite: 3e-4.
    """
    runs, data_axes = table.reset_index(drop=True), list(data_axes)
    for name in swept_columns(runs):  # numbers beside words are text: 0.0003
        if not pd.api.types.is_numeric_dtype(runs[name]):
            runs[name] = [swept_value(value) if isinstance(value, str) else value for value in runs[name]]
    if computing := [c for c in swept_columns(runs, data_axes) if _is_computing(c)]:
        runs = runs.assign(computing=[described(row, computing) for row in runs[computing].to_dict("records")])
    return runs.assign(setting=settings(runs, data_axes), task=[task.label for task in tasks_of(runs, data_axes)])


def settings(table: pd.DataFrame, data_axes: Iterable[str]) -> list[str]:
    """Return the swept values of every row that belong to no data set, in words."""
    columns = swept_columns(table, data_axes)
    return [described(row, columns) for row in table[columns].to_dict("records")] if columns else [""] * len(table)


def described(row: Row, columns: Iterable[str]) -> str:
    """Write the swept values of one row: "lr=3e-4, gp_weight=10"; values the objective does not have are left out."""
    return ", ".join(f"{name}={text}" for name, text in _swept(row, columns))


def _swept(row: Row, columns: Iterable[str]) -> list[tuple[str, str]]:
    texts = ((c.removeprefix("sweep."), plain(row[c])) for c in columns)
    return [(name, text) for name, text in texts if text != NOTHING]


def beside_of(column: str) -> str:
    """Return the name without extractor and number of a column that is shown beside images' primary; "" of others."""
    parsed = MetricColumn.parse(column)
    return parsed.name if parsed.name in BESIDE_OF_PICTURES and not (parsed.suffix or parsed.sampler) else ""


def cells(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one row a cell: counts by status, median, mean and interval, quartiles, extremes, `rank` in its task.

    `table` is the store's, one row for every planned run. mean, low, high, q1 and q3 are null unless every planned run
    is ok; min, max and the metrics beside it (medians) are over those that are. Raises as `refuse_missing` does.
    """
    refuse_missing(table, metric)
    lower, runs = lower_is_better(metric), table if "task" in table else labelled(table)
    beside = dict.fromkeys([*(c for c in BESIDE if c in runs), *(c for c in runs.columns if beside_of(c))])
    beside.pop(metric, None)
    medians = pd.DataFrame({name: numbers(runs, name) for name in beside}, index=runs.index)
    medians = medians.where(runs["status"] == "ok")
    runs = runs[[*CELL, "status", *([metric] if metric in runs else []), *swept_columns(runs)]]  # of a hundred: quicker
    groups = runs.groupby(["task", "objective", "setting"], sort=False, dropna=False)
    rows = pd.DataFrame([_cell(group, metric, lower) for _, group in groups])
    if rows.empty:
        return rows
    keys = [runs[name] for name in ("task", "objective", "setting")]
    rows = pd.concat([rows, medians.groupby(keys, sort=False, dropna=False).median().reset_index(drop=True)], axis=1)
    parts = [
        part.assign(rank=ranks(part, lower)).sort_values("rank", kind="stable", na_position="last")
        for _, part in rows.groupby("task", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)


def _cell(group: pd.DataFrame, metric: str, lower: bool) -> dict[str, object]:
    statuses, values = group["status"].to_numpy(), values_of(group, metric)
    summary = spread(values, statuses.tolist(), lower)
    ok = values[statuses == "ok"]
    spans = summary.complete and ok.size > 1
    q1, q3 = np.quantile(ok, [0.25, 0.75]).tolist() if spans else (math.nan, math.nan)
    return {
        **{key: group[key].iloc[0] for key in (*CELL, *swept_columns(group))},
        "metric": metric,
        "n_planned": summary.n_planned,
        **{f"n_{status}": int((statuses == status).sum()) for status in STATUSES},
        "median": summary.median,
        "mean": summary.interval.mean,
        "low": summary.interval.low,
        "high": summary.interval.high,
        "q1": q1,
        "q3": q3,
        "min": float(ok.min()) if ok.size else math.nan,
        "max": float(ok.max()) if ok.size else math.nan,
    }


def ranks(rows: pd.DataFrame, lower: bool) -> list[float]:
    """Return the place of every row of one task: 1 is best, NaN where nothing has finished.

    By mean where every run of the task is ok; otherwise by the median with failed runs as worst, so that nobody gains
    by losing runs; ties by the share of finished runs lost, then by name.
    """
    whole = bool((rows["n_ok"] == rows["n_planned"]).all())
    lost = 1 - rows["n_ok"] / (rows["n_planned"] - rows["n_pending"]).clip(lower=1)
    value = rows["mean" if whole else "median"] * (1.0 if lower else -1.0)
    keys = list(zip(value, lost, rows["objective"].astype(str), rows["setting"].astype(str), strict=True))
    order = sorted((i for i, key in enumerate(keys) if not math.isnan(key[0])), key=keys.__getitem__)
    places = dict(zip(order, range(1, len(order) + 1), strict=True))
    return [float(places.get(i, math.nan)) for i in range(len(keys))]


def best_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the best ranked cell of every objective in every task: cells come ordered by rank."""
    return cells.drop_duplicates(["task", "objective"]) if len(cells) else cells


def median_run(group: pd.DataFrame, metric: str) -> str | None:
    """Return the run_id of the (lower) median run of a cell among those that are ok; None where none is."""
    ok = group[group["status"] == "ok"]
    if ok.empty:
        return None  # where no run of a suite is ok there is not even a column of the metric
    return str(ok.sort_values([metric, "seed"], kind="stable")["run_id"].iloc[(len(ok) - 1) // 2])


def axis_scale(values: ArrayLike) -> str:
    """Return how to show values on one axis: linear, log where positive over a decade, symlog where far flung."""
    x = np.asarray(values, dtype=np.float64).ravel()
    x = x[np.isfinite(x)]
    if x.size == 0 or x.min() == x.max():
        return "linear"
    if x.min() > 0:
        return "log" if x.max() / x.min() > 10 else "linear"
    return "symlog" if np.abs(x).max() > 50 * max(float(np.median(np.abs(x))), 1e-12) else "linear"
