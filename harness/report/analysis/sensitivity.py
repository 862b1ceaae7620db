"""Sensitivity to what was swept: the score against each swept number, and which objective it moves least."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report.analysis import cell_table, grid_edges
from harness.report.analysis.null_rows import undefined
from harness.statistics import intervals
from harness.suite.format.models import COMPUTING

RECIPE = "recipe"
NOTHING = 0.005  # a score below is written 0.00: where nothing works, nothing is sensitive
RANGES = ("objective", "settings", "seeds", "worst", "best", "width", "wider", "low", "high")


@dataclass(frozen=True)
class Sweep:
    """One swept number over the tasks that were swept alike.

    name   as a suite has it, such as lr
    tasks  whose scores are averaged, on these datasets
    lines  objective, value, score, low, high (a t interval over seeds), recipe (whether `recipe` stands there)
    """

    name: str
    tasks: tuple[str, ...]
    datasets: tuple[str, ...]
    lines: pd.DataFrame


def swept(table: pd.DataFrame, data_axes: Collection[str] = ()) -> list[str]:
    """Return the swept names of several values, without those of data sets and of ways of computing."""
    columns = cell_table.tuned_columns(table, data_axes)
    return [c.removeprefix("sweep.") for c in columns if table[c].astype(str).nunique() > 1]


def sweeps(table: pd.DataFrame, data_axes: Collection[str] = ()) -> list[Sweep]:
    """Return every swept number of a labelled table with scores; a run that was lost scores 0.

    `recipe` stands at the value that it had for its objective, of a rate that differs between the players at the
    critic's. Tasks with other values, or with another recipe, are a sweep of their own: means over different tasks
    cannot be joined by a line. Other swept values are averaged. There is none before every run has ended.
    """
    runs = scored(table)
    return [] if runs is None else [sweep for name in swept(table, data_axes) for sweep in _of(name, runs)]


def scored(table: pd.DataFrame) -> pd.DataFrame | None:
    """Return the runs of tasks with a score, 0 where they were lost; None where there are none, or one is pending."""
    if "score" not in table or (table["status"] == "pending").any():
        return None
    runs = table[~table["task"].isin(undefined(table))]
    return None if runs.empty else runs.assign(score=runs["score"].astype(float).where(runs["status"] == "ok", 0.0))


def _of(name: str, runs: pd.DataFrame) -> Iterator[Sweep]:
    column = f"sweep.{name}"
    mine = runs[runs[column].notna()]
    values = grid_edges.numbers(mine, column)
    if values.isna().any() or not np.isfinite(values).all():
        return  # names, lists and schedules have no place on an axis
    placed = mine.assign(value=values, recipe=mine[column].astype(str) == RECIPE)
    ways = placed.groupby("task", sort=False)[["objective", "value", "recipe"]].apply(_way)
    for _, tasks in ways.groupby(ways, sort=False):
        alike = placed[placed["task"].isin(tasks.index)]
        lines = _lines(alike)
        if (lines.groupby("objective")["value"].nunique() > 1).any():
            yield Sweep(name, tuple(tasks.index), tuple(map(str, alike["dataset"].unique())), lines)


def _way(rows: pd.DataFrame) -> str:
    """Return what distinguishes one way of sweeping a task from another."""
    return str(sorted(set(rows.itertuples(index=False, name=None))))


def _lines(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row an objective and value: seeds, not runs, are what repeats independently."""
    seeds = runs.groupby(["objective", "value", "seed", "task"])["score"].mean().groupby(level=[0, 1, 2]).mean()
    recipe, rows = runs.groupby(["objective", "value"])["recipe"].any(), []
    for key, scores in seeds.groupby(level=[0, 1]):
        mean = intervals.score_interval(scores)
        entry = dict(zip(("objective", "value"), cast(tuple[str, float], key), strict=True))
        rows.append(entry | {"score": mean.mean, "low": mean.low, "high": mean.high, "recipe": bool(recipe[key])})
    return pd.DataFrame(rows)


def table_of(sweeps: list[Sweep]) -> pd.DataFrame:
    """Return the lines of all sweeps in one table, with the name and the tasks of each."""
    parts = [sweep.lines.assign(swept=sweep.name, tasks=", ".join(sweep.tasks)) for sweep in sweeps]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def ranges(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return how far the swept settings move each objective's score, a row an objective, of RANGES.

    `worst` and `best` are the mean scores over seeds of a task's worst and best setting, averaged over the tasks in
    which the objective has several; `width` is between them; `settings` is the most that it has in one. `wider`, with
    its t interval over seeds (`low`, `high`), is by how much the width exceeds the first row's, each task at the same
    two settings for all seeds; no bounds where there is one seed, or where a setting lacks one. Narrowest first, those
    that score nothing at their best (below NOTHING) last. A lost run scores 0.
    """
    runs = scored(table)
    if runs is None or not swept(table, data_axes):
        return pd.DataFrame(columns=list(RANGES))
    runs = runs.assign(setting=cell_table.settings(runs, [*data_axes, *COMPUTING]))
    by_seed = runs.pivot_table(index=["objective", "task", "setting"], columns="seed", values="score")
    means = by_seed.mean(axis=1).groupby(level=[0, 1])
    ends = pd.DataFrame({"settings": means.size(), "worst": means.min(), "best": means.max()})
    ends = ends[ends["settings"] > 1]
    worst, best = (by_seed.loc[at[ends.index]].droplevel("setting") for at in (means.idxmin(), means.idxmax()))
    spans = best - worst
    spans = spans.groupby(level=0).mean().where(spans.notna().groupby(level=0).all())
    rows = ends.groupby("objective").agg({"settings": "max", "worst": "mean", "best": "mean"}).reset_index()
    rows = rows.assign(width=rows["best"] - rows["worst"], seeds=by_seed.shape[1], flat=rows["best"] < NOTHING)
    rows = rows.sort_values(["flat", "width", "objective"], ignore_index=True)
    return _wider(rows, spans.loc[rows["objective"]].to_numpy(np.float64))[list(RANGES)]


def _wider(rows: pd.DataFrame, spans: NDArray[np.float64]) -> pd.DataFrame:
    """Set every width against the first, paired by seed. `spans` [objectives, seeds] are the widths of each seed."""
    if rows.empty:
        return rows.reindex(columns=list(RANGES))
    wider = rows["width"] - rows["width"].iloc[0]
    gaps = [intervals.paired_difference(x, spans[0]) if np.isfinite(x - spans[0]).all() else None for x in spans]
    bounds = [(gap.low, gap.high) if gap else (np.nan, np.nan) for gap in gaps]
    return rows.assign(wider=wider, low=[low for low, _ in bounds], high=[high for _, high in bounds])
