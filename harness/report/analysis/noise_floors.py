"""What real data reach by the metrics of a report: beside it every value of a generator is to be read."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from harness.metrics.columns import MetricColumn, covered
from harness.report.analysis.tables import View, pictured
from harness.text import listed, number

# Of pictures, in the order in which they are shown: all by one extractor, or what its classifier sees.
OF_PICTURES = ("fid", "kid", "precision", "recall", "class_kl", "modes", "sliced_w")


def of_points(table: pd.DataFrame, metrics: Mapping[str, str]) -> str:
    """Return the range of the floor of W1 over the finished runs; "" where no metric is an excess over it."""
    if "w1_floor" not in table or not any(MetricColumn.parse(metric).is_excess for metric in metrics.values()):
        return ""
    floors = pd.to_numeric(table["w1_floor"], errors="coerce").dropna()
    if floors.empty:
        return ""
    low, high = number(float(floors.min())), number(float(floors.max()))
    return low if low == high else f"{low} to {high}"


def of_pictures(view: View) -> list[str]:
    """Return a sentence for each data set of pictures, and swept value of one: what real ones reach, how good the judge
    is, and where there are too few pictures for it."""
    pictures = pictured(view.plan)
    rows = view.table[view.table["dataset"].isin(pictures)]
    pairs = zip(rows["task"], rows["architecture"], strict=True)
    names = [str(task).replace(f" / {architecture}", "", 1) for task, architecture in pairs]
    said = []
    for name, part in rows[rows["status"] == "ok"].groupby(pd.Series(names, rows.index), sort=False):
        metric = MetricColumn.parse(view.metrics[str(part["dataset"].iloc[0])])
        if reached := _reached(part, metric.extractor):
            listing = listed([f"{column} {value}" for column, value in reached.items()])
            said.append(f"Real pictures of {name} reach {listing}.{_judge(part)}{_singular(part)}")
    return said


def _reached(rows: pd.DataFrame, extractor: str) -> dict[str, str]:
    """Return the floor or ceiling of each metric by its column, of the extractor that ranks and at the largest n."""
    columns = [c for c in map(MetricColumn.parse, rows.columns) if c.suffix and not c.sampler and c.name in OF_PICTURES]
    fit = [c for c in columns if rows[str(c)].notna().any() and (not extractor or c.extractor in ("", extractor))]
    reached = {}
    for name in OF_PICTURES:
        if own := [column for column in fit if column.name == name]:
            largest = max(own, key=lambda column: (column.n, str(column)))
            value = rows[str(largest)].astype(float).median()
            reached[str(replace(largest, suffix=""))] = number(float(value))
    return reached


def _judge(rows: pd.DataFrame) -> str:
    """Return how often each extractor was wrong about pictures that it was not trained on."""
    errors = _by_extractor(rows, "extractor_error")
    names = [f"{name} on {100 * float(values.median()):.2g} %" for name, values in errors.items()]
    return f" Wrong about held-out ones: {listed(names)}." if names else ""


def _singular(rows: pd.DataFrame) -> str:
    """Return of which extractors there are no more pictures than features."""
    names = [name for name, values in _by_extractor(rows, "fid_singular").items() if (values == 1).any()]
    return f" There are no more pictures than features of {listed(names)}: its FID says little." if names else ""


def _by_extractor(rows: pd.DataFrame, name: str) -> dict[str, pd.Series]:
    """Return the columns name[x] that have values, by x."""
    columns = [c for c in covered(name, rows.columns) if rows[str(c)].notna().any()]
    return {column.extractor: rows[str(column)].astype(float) for column in columns}
