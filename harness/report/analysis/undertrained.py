"""Whether the best objective came near the data: where none does, more training may turn the order round."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from harness.metrics.columns import MetricColumn
from harness.report.analysis.cell_table import described
from harness.text import listed, number

# Floors within which the best mean excess counts as near: the rule by which shipped suites choose their steps.
FLOORS = 2


def over_floor(rows: pd.DataFrame, metric: str) -> tuple[pd.Series, float] | None:
    """Return the excess of every row over what real data reach, and the mean of that; None of a metric without it."""
    name = "w1_floor" if metric == "w1_excess" else f"{metric}_floor"
    if metric not in rows or name not in rows or MetricColumn.parse(metric).name not in ("w1_excess", "fid"):
        return None
    values, floor = rows[metric].astype(float), rows[name].astype(float)
    return values if metric == "w1_excess" else values - floor, float(floor.mean())


def nearest(table: pd.DataFrame, metrics: Mapping[str, str], data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return a row for every data set, and swept value of one, ranked on w1_excess or FID: objective, setting, excess,
    floor, near.

    `excess` is the lowest mean over all runs (every architecture and seed) of an objective at one setting, of those
    that lost no run. `table` is labelled (`cell_table.labelled`), with the same `data_axes`.
    """
    rows = []
    swept = [c for c in table.columns if c.startswith("sweep.") and c.removeprefix("sweep.") in data_axes]
    for _, runs in table.groupby(["dataset", *swept], sort=False, dropna=False):
        name = str(runs["dataset"].iloc[0])
        found = over_floor(runs, metrics[name])
        if found is None:
            continue
        excess, floor = found
        groups = runs.assign(excess=excess.where(runs["status"] == "ok"))
        means = groups.groupby(["objective", "setting"], sort=False)["excess"].agg(lambda x: x.mean(skipna=False))
        if means.notna().any():
            best = means.dropna().sort_values(kind="stable").head(1)
            row = best.reset_index().assign(floor=floor, near=best.iloc[0] <= FLOORS * floor).to_dict("records")[0]
            value = described(runs.iloc[0].to_dict(), swept)
            rows.append({"dataset": f"{name}, {value}" if value else name, **row})
    return pd.DataFrame(rows, columns=["dataset", "objective", "setting", "excess", "floor", "near"])


def sentence(found: pd.DataFrame, alone: bool = False) -> str:
    """Return which data sets the best objective, or the one that is `alone`, came near, and which it missed and by how
    much; "" for no data set.
    """
    if found.empty:
        return ""
    near = [f"{row['dataset']} ({_told(row)})" for row in found[found["near"]].to_dict("records")]
    far = [f"{row['dataset']} ({_told(row)})" for row in found[~found["near"]].to_dict("records")]
    said = [f"within two floors of zero excess on {listed(near)}"] if near else []
    said += [f"{'but not' if near else 'not within two floors of zero excess'} on {listed(far)}"] if far else []
    more = f": more training may {'bring it nearer' if alone else 'change the order'} there" if far else ""
    whose = "The objective's" if alone else "The best objective's"
    return f"{whose} mean over all architectures and seeds, less its floor, is {', '.join(said)}{more}."


def _told(row: Mapping[Any, Any]) -> str:
    who = f"{row['objective']}, {row['setting']}" if row["setting"] else row["objective"]
    return f"{who}: {number(row['excess'])}, two floors {number(FLOORS * row['floor'])}"
