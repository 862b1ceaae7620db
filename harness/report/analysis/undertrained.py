"""Whether the best objective came near the data: where none does, more training may turn the order round."""

from collections.abc import Collection, Mapping

import pandas as pd

from harness.metrics.columns import MetricColumn
from harness.report.analysis.cell_table import data_columns, tasks_of
from harness.text import listed, number

FLOORS = 2  # within so many floors the best mean excess counts as near: the rule by which shipped suites choose steps
COLUMNS = ["dataset", "objective", "setting", "excess", "floor", "near"]


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
    for _, runs in table.groupby(["dataset", *data_columns(table, data_axes)], sort=False, dropna=False):
        over = over_floor(runs, metrics[str(runs["dataset"].iloc[0])])
        if over is None:
            continue
        groups = runs.assign(excess=over[0].where(runs["status"] == "ok")).groupby(["objective", "setting"], sort=False)
        means = groups["excess"].agg(lambda x: x.mean(skipna=False)).dropna().sort_values(kind="stable")
        if len(means):
            name, best = tasks_of(runs.head(1), data_axes)[0].data_label, float(means.iloc[0])
            rows.append((name, *means.index[0], best, over[1], best <= FLOORS * over[1]))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"near": bool})


def sentence(rows: pd.DataFrame, alone: bool = False) -> str:
    """Return which data sets the best objective, or the one that is `alone`, came near, and which it missed and by how
    much; "" for no data set.
    """
    if rows.empty:
        return ""
    texts = [
        f"{row['dataset']} ({row['objective']}{', ' * bool(row['setting'])}{row['setting']}: {number(row['excess'])}, "
        f"two floors {number(FLOORS * row['floor'])})"
        for row in rows.to_dict("records")
    ]
    near = [text for text, is_near in zip(texts, rows["near"], strict=True) if is_near]
    far = [text for text in texts if text not in near]
    parts = [f"within two floors of zero excess on {listed(near)}"] if near else []
    parts += [f"{'but not' if near else 'not within two floors of zero excess'} on {listed(far)}"] if far else []
    more = f": more training may {'bring it nearer' if alone else 'change the order'} there" if far else ""
    whose = "The objective's" if alone else "The best objective's"
    return f"{whose} mean over all architectures and seeds, less its floor, is {', '.join(parts)}{more}."
