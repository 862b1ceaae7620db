"""Whether the best objective came near the data: where none does, more training may turn the order round."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from harness.wording import listed, number

FLOORS = (
    2  # of w1, within which the best mean excess counts as near: the rule by which shipped suites choose their steps
)


def nearest(table: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """Return a row for every data set ranked on w1_excess: objective, setting, excess, floor, near.

    `excess` is the lowest mean over all runs (every architecture and seed) of an objective at one setting, of those
    that lost no run. `table` is labelled (`stats.labelled`).
    """
    rows = []
    for dataset, runs in table.groupby("dataset", sort=False):
        if metrics[str(dataset)] != "w1_excess" or "w1_excess" not in runs:
            continue
        groups = runs.assign(excess=runs["w1_excess"].astype(float).where(runs["status"] == "ok"))
        means = groups.groupby(["objective", "setting"], sort=False)["excess"].agg(lambda x: x.mean(skipna=False))
        if means.notna().any():
            best, floor = (
                means.dropna().sort_values(kind="stable").head(1),
                float(runs["w1_floor"].astype(float).mean()),
            )
            found = best.reset_index().assign(floor=floor, near=best.iloc[0] <= FLOORS * floor).to_dict("records")[0]
            rows.append({"dataset": dataset, **found})
    return pd.DataFrame(rows, columns=["dataset", "objective", "setting", "excess", "floor", "near"])


def sentence(found: pd.DataFrame) -> str:
    """Return which data sets the best objective came near, and which it missed and by how much; "" for no data set."""
    if found.empty:
        return ""
    near = [f"{row['dataset']} ({_told(row)})" for row in found[found["near"]].to_dict("records")]
    far = [f"{row['dataset']} ({_told(row)})" for row in found[~found["near"]].to_dict("records")]
    said = [f"within two floors of zero excess on {listed(near)}"] if near else []
    said += [f"{'but not' if near else 'not within two floors of zero excess'} on {listed(far)}"] if far else []
    more = ": more training may change the order there" if far else ""
    return f"The best objective's mean w1_excess over all architectures and seeds is {', '.join(said)}{more}."


def _told(row: Mapping[Any, Any]) -> str:
    who = f"{row['objective']}, {row['setting']}" if row["setting"] else row["objective"]
    return f"{who}: {number(row['excess'])}, two floors {number(FLOORS * row['floor'])}"
