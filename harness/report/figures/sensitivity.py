"""Sensitivity to what was swept: the score against each swept number, and which objective it moves least."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.report.analysis import cell_table
from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import INK
from harness.report.figures.panels import Drawn, Section
from harness.report.styles import Style
from harness.statistics import intervals
from harness.statistics.power import smallest_effect
from harness.text import counted, interval, listed, seen

WIDE = 4  # how many times its smallest the largest value must be for a logarithmic axis
RECIPE = "recipe"
NOTHING = 0.005  # a score below is written 0.00: where nothing works, nothing is sensitive
RANGES = ("objective", "settings", "seeds", "worst", "best", "width", "wider", "low", "high")
LABELS = {
    "lr": "learning rate", "critic_lr": "learning rate of the critic", "generator_lr": "learning rate of the generator",
    "clip": "bound of the weights (clip)", "gp_weight": "weight of the penalty (gp_weight)",
}  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """One swept number over the tasks that were swept alike.

    name      as a suite has it, such as lr
    tasks     whose scores are averaged, on these datasets
    lines     objective, value, score, low, high (a t interval over seeds), recipe (whether `recipe` stands there)
    """

    name: str
    tasks: tuple[str, ...]
    datasets: tuple[str, ...]
    lines: pd.DataFrame


def swept(table: pd.DataFrame, data_axes: Collection[str] = ()) -> list[str]:
    """Return the names swept beside the data that have several values."""
    columns = cell_table.swept_columns(table, data_axes)
    return [c.removeprefix("sweep.") for c in columns if table[c].astype(str).nunique() > 1]


def sweeps(table: pd.DataFrame, data_axes: Collection[str] = ()) -> list[Sweep]:
    """Return every swept number of a labelled table with scores; a run that was lost scores 0.

    `recipe` stands at the value that it had for its objective, of a rate that differs between the players at the
    critic's. Tasks with other values, or with another recipe, are a sweep of their own: means over different tasks
    cannot be joined by a line. Other swept values are averaged. There is none before every run has ended.
    """
    if "score" not in table or (table["status"] == "pending").any():
        return []
    runs = table.assign(score=table["score"].astype(float).where(table["status"] == "ok", 0.0))
    return [sweep for name in swept(table, data_axes) for sweep in _of(name, runs)]


def _of(name: str, runs: pd.DataFrame) -> Iterator[Sweep]:
    column = f"sweep.{name}"
    mine = runs[runs[column].notna()]
    text = mine[column].astype(str)
    values = pd.to_numeric(text, errors="coerce").where(text != RECIPE, _at_recipe(name, mine))
    if values.isna().any() or not np.isfinite(values).all():
        return  # names, lists and schedules have no place on an axis
    placed = mine.assign(value=values, recipe=text == RECIPE)
    seen = placed.groupby("task", sort=False)[["objective", "value", "recipe"]].apply(_seen)
    for _, tasks in seen.groupby(seen, sort=False):
        alike = placed[placed["task"].isin(tasks.index)]
        lines = _lines(alike)
        if (lines.groupby("objective")["value"].nunique() > 1).any():
            yield Sweep(name, tuple(tasks.index), tuple(map(str, alike["dataset"].unique())), lines)


def _at_recipe(name: str, runs: pd.DataFrame) -> pd.Series:
    """Return the number that each run was trained with."""
    value = pd.Series(np.nan, index=runs.index)
    for column in (f"hyper.{name}", f"setup.{name}", f"hyper.critic_{name}"):
        if column in runs:
            value = value.fillna(pd.to_numeric(runs[column], errors="coerce").astype(float))
    return value


def _seen(rows: pd.DataFrame) -> str:
    """Return what tells one way of sweeping a task from another."""
    return str(sorted(set(rows.itertuples(index=False, name=None))))


def _lines(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row an objective and value: seeds, not runs, are what repeats independently."""
    seeds = runs.groupby(["objective", "value", "seed", "task"])["score"].mean().groupby(level=[0, 1, 2]).mean()
    recipe, rows = runs.groupby(["objective", "value"])["recipe"].any(), []
    for key, scores in seeds.groupby(level=[0, 1]):
        found = intervals.score_interval(scores)
        entry = dict(zip(("objective", "value"), cast(tuple[str, float], key), strict=True))
        rows.append(entry | {"score": found.mean, "low": found.low, "high": found.high, "recipe": bool(recipe[key])})
    return pd.DataFrame(rows)


def ranges(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return how far the swept settings move each objective's score, a row an objective, of RANGES.

    `worst` and `best` are the mean scores over seeds of a task's worst and best setting, averaged over the tasks in
    which the objective has several; `width` is between them; `settings` is the most that it has in one. `wider`, with
    its t interval over seeds (`low`, `high`), is by how much the width exceeds the first row's, each task at the same
    two settings for all seeds; no bounds where there is one seed, or where a setting lacks one. Narrowest first, those
    that score nothing at their best (below NOTHING) last. A lost run scores 0.
    """
    names = swept(table, data_axes)
    if "score" not in table or not names or (table["status"] == "pending").any():
        return pd.DataFrame(columns=list(RANGES))
    runs = table.assign(score=table["score"].astype(float).where(table["status"] == "ok", 0.0))
    by_seed = runs.pivot_table(index=["objective", "task", "setting"], columns="seed", values="score")
    means = by_seed.mean(axis=1).groupby(level=[0, 1])
    found = pd.DataFrame({"settings": means.size(), "worst": means.min(), "best": means.max()})
    found = found[found["settings"] > 1]
    ends = [by_seed.loc[at[found.index]].droplevel("setting") for at in (means.idxmin(), means.idxmax())]
    spans = ends[1] - ends[0]
    spans = spans.groupby(level=0).mean().where(spans.notna().groupby(level=0).all())
    found = found.groupby("objective").agg({"settings": "max", "worst": "mean", "best": "mean"}).reset_index()
    found = found.assign(width=found["best"] - found["worst"], seeds=by_seed.shape[1], flat=found["best"] < NOTHING)
    found = found.sort_values(["flat", "width", "objective"], ignore_index=True)
    return _wider(found, spans.loc[found["objective"]].to_numpy(np.float64))[list(RANGES)]


def _wider(found: pd.DataFrame, spans: NDArray[np.float64]) -> pd.DataFrame:
    """Set every width against the first, paired by seed. `spans` [objectives, seeds] are the widths of each seed."""
    if found.empty:
        return found.reindex(columns=list(RANGES))
    wider = found["width"] - found["width"].iloc[0]
    gaps = [intervals.paired_difference(x, spans[0]) if np.isfinite(x - spans[0]).all() else None for x in spans]
    bounds = [(gap.low, gap.high) if gap else (np.nan, np.nan) for gap in gaps]
    return found.assign(wider=wider, low=[low for low, _ in bounds], high=[high for _, high in bounds])


def sentence(found: pd.DataFrame, names: list[str]) -> str:
    """Name the objective whose score varies least over what was swept, its range, by how much that of the second varies
    more, and whose varies most; and those that are left out, for they score nothing anywhere.
    """
    if found.empty:
        return ""
    over, there = f"Over the swept settings ({listed(names)})", found["best"] >= NOTHING
    if not there.any():
        return f"{over} no objective has a score, in the mean over the tasks, even at a task's best setting."
    flat = [str(name) for name in found.loc[~there, "objective"]]
    are = "is" if len(flat) == 1 else "are"
    left = f"; {listed(flat)} {are} left out, with a score of {_two(0)} at a task's best setting, too" if flat else ""
    first, *others = found[there].to_dict("records")
    span = f"from {_two(first['worst'])} at a task's worst setting to {_two(first['best'])} at its best"
    mean = "in the mean over the tasks"
    if not others:
        return f"{over} the score of {first['objective']} goes {span}, {mean}{left}."
    said = f"{over} the score of {first['objective']} varies least: {span}, {mean}; {_others(others)}"
    surest = max((first, *others), key=lambda row: row["worst"])
    said += f"; at its worst setting {surest['objective']} is highest, {_two(surest['worst'])}"
    if first["settings"] != others[-1]["settings"]:
        said += f"; of {counted(first['settings'], 'setting')} and {others[-1]['settings']}"
    return f"{said}{left}."


def _others(others: list[dict[Any, Any]]) -> str:
    """Write by how much the second varies more than the first, and whose score varies most."""
    second, last = others[0], others[-1]
    size = interval(second["wider"], second["low"], second["high"])
    ends = f"from {_two(second['worst'])} to {_two(second['best'])}"
    said = f"that of {second['objective']}, {ends}, varies {size} more, {_sure(second)}"
    if last is second:
        return said
    return f"{said}; that of {last['objective']} varies most, from {_two(last['worst'])} to {_two(last['best'])}"


def _sure(row: dict[Any, Any]) -> str:
    if row["seeds"] == 1:
        return "but one seed gives no interval"
    if np.isnan(row["low"]):
        return "not paired, for settings differ in their seeds"
    n = row["seeds"]
    return (
        "paired by seed"
        if row["low"] > 0
        else f"paired by seed: no difference found ({seen(n, 'seed', smallest_effect(n))})"
    )


def _two(score: float) -> str:
    return f"{score:.2f}"


def table(found: list[Sweep]) -> pd.DataFrame:
    """Return the lines of all sweeps in one table, with the name and the tasks of each."""
    parts = [sweep.lines.assign(swept=sweep.name, tasks=", ".join(sweep.tasks)) for sweep in found]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def section(view: View, found: list[Sweep]) -> Section:
    """Return a panel for every sweep."""
    return panels.collect("sweep", found[: panels.MOST], partial(_panel, view), len(found), "sweeps")


def _panel(view: View, sweep: Sweep) -> Drawn:
    figure, ax = drawing.blank(4.7, 3.6)
    draw(ax, sweep.lines, dict(view.styled))
    values = sweep.lines["value"]
    wide = values.min() > 0 and values.max() > WIDE * values.min()
    drawing.scaled(ax, "x", "log" if wide else "linear")
    over = (
        f"{counted(len(sweep.tasks), 'task')} of {listed(sweep.datasets)}" if len(sweep.tasks) > 1 else sweep.tasks[0]
    )
    ax.set_xlabel(LABELS.get(sweep.name, sweep.name))
    ax.set_ylabel("score" if len(sweep.tasks) == 1 else "score, mean over tasks")
    ax.set_title(over)
    return figure, f"{sweep.name} {over}", f"Score against {sweep.name} on {over}, a line an objective, recipes hollow"


def draw(ax: Axes, lines: pd.DataFrame, styled: dict[str, Style]) -> None:
    """Draw scores against a swept number: a line an objective with the band of its interval, its recipe a hollow
    diamond. `lines` are those of a Sweep.
    """
    for name, part in lines.groupby("objective", sort=True):
        look, rows = styled[str(name)], part.sort_values("value")
        ax.plot(
            rows["value"], rows["score"], color=look.colour, linestyle=look.dash, marker=look.marker, markersize=5,
            linewidth=1.8, label=str(name), zorder=3,
        )  # fmt: skip
        if rows["low"].notna().any():
            ax.fill_between(rows["value"], rows["low"], rows["high"], color=look.colour, alpha=0.15, linewidth=0)
        recipe = rows[rows["recipe"]]
        ax.plot(
            recipe["value"], recipe["score"], linestyle="none", marker="D", markersize=8, markerfacecolor="white",
            markeredgecolor=look.colour, markeredgewidth=1.8, zorder=4,
        )  # fmt: skip
    if lines["recipe"].any():
        ax.plot([], [], linestyle="none", marker="D", markersize=8, color="white", markeredgecolor=INK, label=RECIPE)
    cast(Figure, ax.figure).legend(loc="outside lower center", ncols=3, handlelength=3)
    ax.set_ylim(-0.02, 1.02)
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)
