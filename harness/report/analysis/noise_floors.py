"""What real data reach by the metrics of a report: beside it every value of a generator is to be read."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from harness.metrics.columns import MetricColumn, covered
from harness.report.analysis.cell_table import tasks_of
from harness.report.analysis.primary import image_datasets
from harness.report.analysis.tables import View
from harness.text import listed, number

# Of images, in the order in which they are shown: all by one extractor, or what its classifier sees.
OF_IMAGES = ("fid", "kid", "precision", "recall", "class_kl", "modes", "sliced_w")


def of_points(table: pd.DataFrame, metrics: Mapping[str, str]) -> str:
    """Return the range of the floor of W1 over the finished runs; "" where no metric is an excess over it."""
    if "w1_floor" not in table or not any(MetricColumn.parse(metric).is_excess for metric in metrics.values()):
        return ""
    floors = pd.to_numeric(table["w1_floor"], errors="coerce").dropna()
    return " to ".join(dict.fromkeys(number(float(end)) for end in (floors.min(), floors.max()))) if len(floors) else ""


def of_images(view: View) -> list[str]:
    """Return a sentence for each data set of images, and swept value of one: what real ones reach, how often each
    extractor was wrong, and where there are too few images for its FID.
    """
    rows = view.table[view.table["dataset"].isin(image_datasets(view.plan)) & (view.table["status"] == "ok")]
    names = [task.data_label for task in tasks_of(rows, view.plan.data_axes)]
    sentences = []
    for name, part in rows.groupby(pd.Series(names, rows.index, dtype=object), sort=False):
        metric = MetricColumn.parse(view.metrics[str(part["dataset"].iloc[0])])
        if floors := _floors(part, metric.extractor):
            reached = listed([f"{column} {value}" for column, value in floors.items()])
            sentences.append(f"Real images of {name} reach {reached}.{_extractors(part)}")
    return sentences


def _floors(rows: pd.DataFrame, extractor: str) -> dict[str, str]:
    """Return the floor or ceiling of each metric by its column, of the extractor that ranks and at the largest n."""
    columns = [c for c in map(MetricColumn.parse, rows.columns) if c.suffix and not c.sampler and c.name in OF_IMAGES]
    fit = [c for c in columns if rows[str(c)].notna().any() and (not extractor or c.extractor in ("", extractor))]
    floors = {}
    for name in OF_IMAGES:
        if own := [column for column in fit if column.name == name]:
            largest = max(own, key=lambda column: (column.n or 0, str(column)))
            floors[str(replace(largest, suffix=""))] = number(float(rows[str(largest)].astype(float).median()))
    return floors


def _extractors(rows: pd.DataFrame) -> str:
    """Say how often each extractor was wrong about held-out images, and of which there are too few images for FID."""
    errors = {name: 100 * float(values.median()) for name, values in _by_extractor(rows, "extractor_error").items()}
    few = [name for name, values in _by_extractor(rows, "fid_singular").items() if (values == 1).any()]
    wrong = listed([f"{name} on {error:.2g} %" for name, error in errors.items()]) if errors else ""
    return (f" Wrong about held-out ones: {wrong}." if wrong else "") + (
        f" There are no more images than features of {listed(few)}: its FID says little." if few else ""
    )


def _by_extractor(rows: pd.DataFrame, name: str) -> dict[str, pd.Series]:
    """Return the columns name[x] that have values, by x."""
    columns = [c for c in covered(name, rows.columns) if rows[str(c)].notna().any()]
    return {column.extractor: rows[str(column)].astype(float) for column in columns}
