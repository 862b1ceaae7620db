"""Numbers of a report: pure functions of values and tables, numpy and scipy only.

A cell is data set x architecture x objective variant x every swept value; its runs differ by seed alone. Intervals are
over training seeds. A run that diverged, failed, ran out of memory or of time counts as worse than any number.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.errors import HarnessError
from harness.metrics import lower_is_better
from harness.metrics.columns import MetricColumn
from harness.statistics.intervals import spread
from harness.store import STATUSES
from harness.text import NOTHING, plain, swept_value

FAILURES = tuple(status for status in STATUSES if status not in ("ok", "pending"))


def refuse_missing(table: pd.DataFrame, metric: str) -> None:
    """Raise HarnessError naming the first run that is ok and has no finite `metric`: nothing is averaged around it."""
    ok = table[table["status"] == "ok"]
    bad = ok[~np.isfinite(values_of(ok, metric))]
    if len(bad):
        row = bad.iloc[0]
        raise HarnessError(
            f"run {row['run_id']} ({row['dataset']} / {row['architecture']} / {row['objective']}, seed {row['seed']}) "
            f"is ok but its {metric} is not a finite number: score it again before reporting on it."
        )


def swept_columns(table: pd.DataFrame, leave: Iterable[str] = ()) -> list[str]:
    """Return the columns of swept values, without those of the names to `leave` out, such as a suite's data axes."""
    left = {f"sweep.{name}" for name in leave}
    return [c for c in map(str, table.columns) if c.startswith("sweep.") and c not in left]


def labelled(table: pd.DataFrame, data_axes: Iterable[str] = ()) -> pd.DataFrame:
    """Return the table with `task` (data set, architecture, swept data values) and `setting` (all other swept values).

    `data_axes` are the swept names that belong to data sets: they change the question, not the answer. A swept number
    that stands beside words is written as in a suite: 3e-4.
    """
    rest = swept_columns(table, data_axes)
    data = [c for c in swept_columns(table) if c not in rest]
    made = table.copy()
    for name in swept_columns(made):  # numbers beside words are text: 0.0003
        if not pd.api.types.is_numeric_dtype(made[name]):
            made[name] = [swept_value(value) if isinstance(value, str) else value for value in made[name]]
    made["setting"] = [described(row, rest) for row in made[rest].to_dict("records")] if rest else ""
    extra = [described(row, data) for row in made[data].to_dict("records")] if data else [""] * len(made)
    names = zip(made["dataset"], made["architecture"], extra, strict=True)
    made["task"] = [f"{d} / {a}" + (f", {e}" if e else "") for d, a, e in names]
    return made.reset_index(drop=True)


def described(row: Mapping[Any, Any], columns: Iterable[str]) -> str:
    """Write the swept values of one row: "lr=3e-4, gp_weight=10"; values the objective does not have are left out."""
    texts = ((c.removeprefix("sweep."), plain(row[c])) for c in columns)
    return ", ".join(f"{name}={text}" for name, text in texts if text != NOTHING)


CELL = ("task", "dataset", "architecture", "objective", "setting")
# Shown beside the primary metric, as medians of the runs that are ok.
BESIDE = ("w1", "w1_floor", "hq", "modes@2500", "modes_half", "reverse_kl", "reverse_kl_floor", "train_s")
BESIDE_OF_PICTURES = ("fid", "fid_train", "kid", "precision", "recall", "density", "coverage", "class_kl", "modes")


def beside_of(column: str) -> str:
    """Return the name without extractor and number of a column that is shown beside pictures' primary; "" of others."""
    parsed = MetricColumn.parse(column)
    is_value = not parsed.suffix and not parsed.sampler
    return parsed.name if parsed.name in BESIDE_OF_PICTURES and is_value else ""


def cells(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one row a cell: counts by status, median, mean and interval, quartiles, extremes, `rank` in its task.

    `table` is the store's, one row for every planned run. mean, low, high, q1 and q3 are null unless every planned run
    is ok; min, max and the metrics beside it (medians) are over those that are. Raises as `refuse_missing` does.
    """
    refuse_missing(table, metric)
    lower = lower_is_better(metric)
    made = table if "task" in table else labelled(table)
    named = (*CELL, metric, "status", *BESIDE)
    used = [c for c in made.columns if c in named or c.startswith("sweep.") or beside_of(c)]  # of a hundred: quicker
    groups = made[used].groupby(["task", "objective", "setting"], sort=False, dropna=False)
    rows = pd.DataFrame([_cell(group, metric, lower) for _, group in groups])
    if rows.empty:
        return rows
    rows["rank"] = np.nan
    for _, part in rows.groupby("task", sort=False):
        rows.loc[part.index, "rank"] = ranks(part, lower)
    place = {task: i for i, task in enumerate(rows["task"].unique())}
    order = rows.assign(place=rows["task"].map(place)).sort_values(["place", "rank"], kind="stable", na_position="last")
    return order.drop(columns="place").reset_index(drop=True)


def _cell(group: pd.DataFrame, metric: str, lower: bool) -> dict[str, Any]:
    statuses, values = group["status"].tolist(), values_of(group, metric)
    ok, counts, found = np.array([s == "ok" for s in statuses]), Counter(statuses), spread(values, statuses, lower)
    x = values[ok]
    q1, q3 = np.quantile(x, [0.25, 0.75]).tolist() if found.complete and x.size > 1 else (math.nan, math.nan)
    beside = dict.fromkeys([*(c for c in BESIDE if c in group), *(c for c in group.columns if beside_of(c))])
    return {
        **{key: group[key].iloc[0] for key in (*CELL, *swept_columns(group))},
        "metric": metric,
        "n_planned": found.n_planned,
        **{f"n_{status}": counts[status] for status in STATUSES},
        "median": found.median,
        "mean": found.interval.mean,
        "low": found.interval.low,
        "high": found.interval.high,
        "q1": q1,
        "q3": q3,
        "min": float(x.min()) if x.size else math.nan,
        "max": float(x.max()) if x.size else math.nan,
        **{name: _median(values_of(group, name)[ok]) for name in beside if name != metric},
    }


def values_of(runs: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column of runs as numbers [runs]: NaN where there is none, or no such column."""
    found = runs[column] if column in runs else pd.Series(np.nan, index=runs.index)
    return pd.to_numeric(found, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else math.nan


def ranks(rows: pd.DataFrame, lower: bool) -> list[float]:
    """Return the place of every row of one task: 1 is best, NaN where nothing has finished.

    By mean where every run of the task is ok; otherwise by the median with failed runs as worst, so that nobody gains
    by losing runs; ties by the share of finished runs lost, then by name.
    """
    whole = bool((rows["n_ok"] == rows["n_planned"]).all())
    sign = 1.0 if lower else -1.0
    lost = 1 - rows["n_ok"] / (rows["n_planned"] - rows["n_pending"]).clip(lower=1)
    keys = zip(sign * rows["mean" if whole else "median"], lost, rows["objective"], rows["setting"], strict=True)
    order = sorted((key, place) for place, key in enumerate(keys) if not math.isnan(key[0]))
    found = [math.nan] * len(rows)
    for rank, (_, place) in enumerate(order, start=1):
        found[place] = float(rank)
    return found


def median_run(group: pd.DataFrame, metric: str) -> str | None:
    """Return the run_id of the (lower) median run of a cell among those that are ok; None where none is."""
    ok = group[group["status"] == "ok"]
    if ok.empty:
        return None  # where no run of a suite is ok there is not even a column of the metric
    ordered = ok.sort_values([metric, "seed"], kind="stable")
    return str(ordered["run_id"].iloc[(len(ok) - 1) // 2])


def axis_scale(values: ArrayLike) -> str:
    """Return how to show values on one axis: linear, log where positive over a decade, symlog where far flung."""
    x = np.asarray(values, dtype=np.float64).ravel()
    x = x[np.isfinite(x)]
    if x.size == 0 or x.min() == x.max():
        return "linear"
    if x.min() > 0:
        return "log" if x.max() / x.min() > 10 else "linear"
    return "symlog" if np.abs(x).max() > 50 * max(float(np.median(np.abs(x))), 1e-12) else "linear"
