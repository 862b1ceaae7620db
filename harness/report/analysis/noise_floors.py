"""What real data reach by the metrics of a report, and which objectives came near it: beside it every value is read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from harness.metrics.columns import MetricColumn, covered
from harness.report.analysis.cell_table import are_held_out, data_columns, numbers, tasks_of
from harness.text import number

FLOORS = 2  # within so many floors the best mean excess counts as near: the rule by which shipped suites choose steps
NEAREST = ["dataset", "objective", "setting", "excess", "floor", "near"]
# Of images, in the order in which they are shown: all by one extractor, or what its classifier sees.
OF_IMAGES = ("fid", "fd", "kid", "cmmd", "precision", "recall", "vendi", "authpct", "class_kl", "modes", "sliced_w")


@dataclass(frozen=True)
class ImageFloors:
    """What real images of a data set reach.

    metrics   the floor or ceiling of each metric by its column, of the extractor that ranks and at the largest n
    errors    the share of the images that runs are scored against about which each extractor was wrong
    held_out  whether these are held out, or those that runs train on
    singular  the extractors that have at least as many features as there are images for FID
    """

    dataset: str
    metrics: Mapping[str, float]
    errors: Mapping[str, float]
    held_out: bool
    singular: list[str]


def of_points(table: pd.DataFrame, metrics: Mapping[str, str]) -> str:
    """Return the range of the floor of W1 over the finished runs; "" where no metric is an excess over it."""
    floors = numbers(table, "w1_floor").dropna()
    if floors.empty or not any(MetricColumn.parse(metric).is_excess for metric in metrics.values()):
        return ""
    return " to ".join(dict.fromkeys(number(float(end)) for end in (floors.min(), floors.max())))


def of_images(ok: pd.DataFrame, metrics: Mapping[str, str], data_axes: Collection[str]) -> list[ImageFloors]:
    """Return the floors of each data set of images, and swept value of one, of runs that are ok on such."""
    names = [task.data_label for task in tasks_of(ok, data_axes)]
    rows = []
    for name, part in ok.groupby(pd.Series(names, ok.index, dtype=object), sort=False):
        medians = {c: numbers(part, str(c)).median() for c in map(MetricColumn.parse, part.columns)}
        known = {column: float(value) for column, value in medians.items() if pd.notna(value)}
        if floors := _floors(known, MetricColumn.parse(metrics[str(part["dataset"].iloc[0])]).extractor):
            errors = {c.extractor: known[c] for c in covered("extractor_error", part.columns) if c in known}
            singular = [
                c.extractor for c in covered("fid_singular", part.columns) if (numbers(part, str(c)) == 1).any()
            ]
            rows.append(ImageFloors(str(name), floors, errors, are_held_out(part), singular))
    return rows


def _floors(known: Mapping[MetricColumn, float], extractor: str) -> dict[str, float]:
    fit = [c for c in known if c.suffix and not c.sampler and (not extractor or c.extractor in ("", extractor))]
    by_name = {name: [column for column in fit if column.name == name] for name in OF_IMAGES}
    largest = [max(own, key=lambda column: (column.n or 0, str(column))) for own in by_name.values() if own]
    return {str(replace(column, suffix="")): known[column] for column in largest}


def over_floor(rows: pd.DataFrame, metric: str) -> tuple[pd.Series, float] | None:
    """Return the excess of every row over what real data reach, and the mean of that; None of a metric without it."""
    name = "w1_floor" if metric == "w1_excess" else f"{metric}_floor"
    if metric not in rows or name not in rows or MetricColumn.parse(metric).name not in ("w1_excess", "fid", "fd"):
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
    return pd.DataFrame(rows, columns=NEAREST).astype({"near": bool})
