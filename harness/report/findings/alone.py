"""Critics that are trained alone, between two distributions that stay as they are: what each says of their distance."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.report.analysis.cell_table import data_columns, learns, numbers
from harness.statistics import intervals
from harness.statistics.intervals import Interval

SATURATED = 1e-9  # nats below log 2 at which JS no longer tells two distances apart
VALUES = ("dual", "w1", "kappa", "tv", "js", "kl", "kl_infinite")


@dataclass(frozen=True)
class CriticAlone:
    """The critics of one objective, architecture and setting.

    name         what tells them from the others of a suite
    axis         the number of the data that is swept, "" where there is none, or several
    runs         the finished ones: task, axis, seed and VALUES; KL is inf where it is infinite
    rows         a row a task, in the order of the axis: its value, n_ok, dual with low and high (a t interval over
                 seeds), and the means of the others
    n_planned    runs that were planned
    kappa        slope of dual over W1 through the origin, seed by seed: mean and t interval over seeds that finished
    correlation  Pearson's, of dual and W1 over all runs; NaN where W1 has one value
    """

    name: str
    axis: str
    runs: pd.DataFrame
    rows: pd.DataFrame
    n_planned: int
    kappa: Interval
    correlation: float

    @property
    def saturated(self) -> pd.Series:
        """Of each row, whether JS is log 2: the two distributions share no cell."""
        return self.rows["js"] >= math.log(2) - SATURATED


def critics_alone(table: pd.DataFrame, data_axes: Collection[str]) -> list[CriticAlone]:
    """Return what critics alone say, in a labelled table (`cell_table.labelled`) with these `data_axes`.

    Of records without the columns of critics, or without exact distances, there is nothing.
    """
    alone = table[~learns(table)]
    if not {"dual", "w1"} <= {*alone.columns}:
        return []
    keys = ["objective", "architecture", "dataset", "setting"]
    differing = [key for key in keys if alone[key].nunique() > 1 or key == "objective"]
    groups = alone.groupby(keys, sort=False)
    return [one for _, part in groups for one in _of(part, differing, data_axes)]


def _of(part: pd.DataFrame, differing: list[str], data_axes: Collection[str]) -> Iterator[CriticAlone]:
    columns = [c for c in data_columns(part, data_axes) if part[c].nunique() > 1]
    axis = columns[0] if len(columns) == 1 and pd.api.types.is_numeric_dtype(part[columns[0]]) else ""
    ok = part[part["status"] == "ok"]
    runs = ok[["task", "seed"]].assign(**{name: numbers(ok, name) for name in VALUES})
    runs = runs.assign(kl=runs["kl"].where(runs["kl_infinite"] != 1, math.inf))
    if axis:
        runs.insert(1, _name(axis), ok[axis].astype(float))
    runs = runs[runs["dual"].notna() & runs["w1"].notna()]
    if runs.empty:
        return
    rows = [_row(of_task) for _, of_task in runs.groupby("task", sort=False)]
    table = pd.DataFrame(rows)
    if axis:
        table = table.sort_values(_name(axis), kind="stable", ignore_index=True)
    slopes = [_slope(of_seed) for _, of_seed in runs.groupby("seed")]
    spread = runs["w1"].max() > runs["w1"].min() and runs["dual"].max() > runs["dual"].min()
    yield CriticAlone(
        name=", ".join(str(part[key].iloc[0]) for key in differing if str(part[key].iloc[0])),
        axis=_name(axis),
        runs=runs,
        rows=table,
        n_planned=len(part),
        kappa=intervals.t_interval(np.array(slopes)),
        correlation=float(np.corrcoef(runs["dual"], runs["w1"])[0, 1]) if spread else math.nan,
    )


def _row(runs: pd.DataFrame) -> dict[str, object]:
    dual = intervals.t_interval(runs["dual"].to_numpy())
    places = {name: runs[name].iloc[0] for name in runs.columns if name not in (*VALUES, "seed")}
    means = {name: float(runs[name].mean()) for name in VALUES if name != "dual"}
    return {**places, "n_ok": len(runs), "dual": dual.mean, "low": dual.low, "high": dual.high, **means}


def _slope(runs: pd.DataFrame) -> float:
    """Return the least-squares slope of dual over W1 through the origin."""
    return float((runs["dual"] * runs["w1"]).sum() / runs["w1"].pow(2).sum())


def _name(column: str) -> str:
    return column.removeprefix("sweep.")


def table_of(critics: list[CriticAlone]) -> pd.DataFrame:
    """Return the rows of all, with kappa and correlation of each."""
    parts = [
        one.rows.assign(
            critic=one.name, kappa_fit=one.kappa.mean, kappa_low=one.kappa.low, kappa_high=one.kappa.high,
            correlation=one.correlation,
        )
        for one in critics
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)
