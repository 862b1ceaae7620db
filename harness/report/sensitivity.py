"""Sensitivity to what was swept: the score against each swept number, and which objective it moves least."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report import figures, panels, stats
from harness.report.figures import INK, Style
from harness.report.panels import Drawn, Section
from harness.report.tables import View
from harness.wording import counted, listed

WIDE = 4  # how many times its smallest the largest value must be for a logarithmic axis
RECIPE = "recipe"
LABELS = {
    "lr": "learning rate", "critic_lr": "learning rate of the critic", "generator_lr": "learning rate of the generator",
    "clip": "bound of the weights (clip)", "gp_weight": "weight of the penalty (gp_weight)",
}  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """One swept number over the tasks that were swept alike.

    name   as a suite has it, such as lr
    tasks  whose scores are averaged
    lines  objective, value, score, low, high (a t interval over seeds), recipe (whether `recipe` stands there)
    """

    name: str
    tasks: tuple[str, ...]
    lines: pd.DataFrame


def swept(table: pd.DataFrame, data_axes: Collection[str] = ()) -> list[str]:
    """Return the names swept beside the data that have several values."""
    columns = stats.swept_columns(table, data_axes)
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
        lines = _lines(placed[placed["task"].isin(tasks.index)])
        if (lines.groupby("objective")["value"].nunique() > 1).any():
            yield Sweep(name, tuple(tasks.index), lines)


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
        found = stats.score_interval(scores)
        entry = dict(zip(("objective", "value"), cast(tuple[str, float], key), strict=True))
        rows.append(entry | {"score": found.mean, "low": found.low, "high": found.high, "recipe": bool(recipe[key])})
    return pd.DataFrame(rows)


def ranges(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return how far the swept settings move each objective's score: objective, settings, worst, best, width.

    `worst` and `best` are the mean scores over seeds of a task's worst and best setting, averaged over the tasks in
    which the objective has several; `settings` is the most that it has in one. Narrowest first. A lost run scores 0.
    """
    columns = ["objective", "settings", "worst", "best", "width"]
    names = swept(table, data_axes)
    if "score" not in table or not names or (table["status"] == "pending").any():
        return pd.DataFrame(columns=columns)
    runs = table.assign(score=table["score"].astype(float).where(table["status"] == "ok", 0.0))
    means = runs.groupby(["objective", "task", "setting"])["score"].mean().groupby(level=[0, 1])
    found = pd.DataFrame({"settings": means.size(), "worst": means.min(), "best": means.max()})
    found = found[found["settings"] > 1].groupby("objective").agg({"settings": "max", "worst": "mean", "best": "mean"})
    found = found.assign(width=found["best"] - found["worst"]).reset_index()
    return found.sort_values(["width", "objective"], ignore_index=True)[columns]


def sentence(found: pd.DataFrame, names: list[str]) -> str:
    """Name the objective whose score varies least over what was swept, its range, and whose varies most."""
    if found.empty:
        return ""
    first, *others = found.to_dict("records")
    over = f"Over the swept settings ({listed(names)})"
    span = f"from {_two(first['worst'])} at a task's worst setting to {_two(first['best'])} at its best"
    mean = "in the mean over the tasks"
    if not others:
        return f"{over} the score of {first['objective']} goes {span}, {mean}."
    last = others[-1]
    most = f"that of {last['objective']} varies most, from {_two(last['worst'])} to {_two(last['best'])}"
    said = f"{over} the score of {first['objective']} varies least: {span}, {mean}; {most}"
    surest = max(found.to_dict("records"), key=lambda row: row["worst"])
    said += f"; at its worst setting {surest['objective']} is highest, {_two(surest['worst'])}"
    if first["settings"] == last["settings"]:
        return f"{said}."
    return f"{said}; of {counted(first['settings'], 'setting')} and {last['settings']}."


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
    figure, ax = figures.blank(4.7, 3.6)
    draw(ax, sweep.lines, dict(view.styled))
    values = sweep.lines["value"]
    wide = values.min() > 0 and values.max() > WIDE * values.min()
    figures.scaled(ax, "x", "log" if wide else "linear")
    data = list(dict.fromkeys(task.partition(" / ")[0] for task in sweep.tasks))
    over = f"{counted(len(sweep.tasks), 'task')} of {listed(data)}" if len(sweep.tasks) > 1 else sweep.tasks[0]
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
