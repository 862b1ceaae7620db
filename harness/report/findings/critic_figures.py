"""Figures of what the critics know: their estimates and the exact W1 during training, and one against the other."""

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from harness.metrics import label
from harness.report.analysis.cell_table import are_held_out
from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels, style
from harness.report.figures.drawing import GREY
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.style import INK
from harness.report.figures.task_figures import (
    Cell,
    Tasks,
    cells_of,
    counted_in,
    median_of,
    runs_of,
    scale_axis,
    thin,
)
from harness.report.findings.critics import CELL, DISTANCES, ESTIMATES, Critics, by_step
from harness.report.styles import Style

MOST = 9  # panels of cells: of the first tasks all objectives, so that these can be compared
MOST_POINTS = 4000  # of a scatter plot: more than can be told apart
LINES = {"w1": "exact W1", "dual_over_slope": "estimate", "dual_certified": "certified bound"}
JS_MOST = math.log(2)


def sections(view: Tasks, critics: Critics) -> dict[str, Section]:
    """Return the page's figures by name: critics, a panel an objective and task, and estimates, a panel an estimate."""
    cells = cells_of(view.cells.merge(_drawn_steps(critics)[CELL].drop_duplicates()))
    estimates = [name for name in ESTIMATES if name in critics.points and critics.points[name].notna().any()]
    return {
        "critics": panels.collect("critics", cells[:MOST], partial(_steps, view, critics), len(cells), "cells"),
        "estimates": panels.collect(
            "estimates", estimates, partial(_scatter, view, critics), len(estimates), "estimates"
        ),
    }


def _drawn_steps(critics: Critics) -> pd.DataFrame:
    """Return the steps at which a critic that was trained has an estimate: a packed one has none."""
    unknown = pd.Series(np.nan, critics.steps.index)
    known = [critics.steps.get(name, unknown).notna() for name in ("dual_over_slope", "w1")]
    return critics.steps[known[0] & known[1] & (critics.steps["step"] > 0)]


def _steps(view: Tasks, critics: Critics, cell: Cell) -> Drawn:
    """The estimates and W1 of one cell against steps; panels of a task share their axes."""
    of_task = _drawn_steps(critics)
    of_task = of_task[of_task["task"] == cell.task]
    lines = of_task[(of_task["objective"] == cell.objective) & (of_task["setting"] == cell.setting)]
    return _estimates(view, cell, lines, of_task)


def estimate(view: View, cell: Cell) -> Drawn | None:
    """What the critics of one cell estimate against steps, beside W1 where that is solved.

    Of images it is `dual`, and in the median run the same of every batch.
    """
    runs = runs_of(view, cell)
    mine = view.scored[view.scored["run_id"].isin(runs.loc[runs["status"] == "ok", "run_id"])]
    mine = mine[mine["step"] > 0]
    names = [name for name in ("dual", *DISTANCES) if name in mine and mine[name].notna().any()]
    if not names:
        return None
    numbers = mine[names].apply(pd.to_numeric)
    lines = by_step(
        numbers.assign(step=mine["step"], task=cell.task, objective=cell.objective, setting=cell.setting), names
    )
    if {"w1", "dual_over_slope"} <= {*names}:
        return _estimates(view, cell, lines, lines)
    if "dual" not in names:
        return None
    figure, ax = _narrow(cell)
    run_id, look = median_of(view, cell), view.styled[cell.objective]
    curves = thin(view.store.curves(run_id)) if run_id else pd.DataFrame()
    if "critic_gap" in curves:
        ax.plot(curves["step"], curves["critic_gap"], color=look.colour, linewidth=0.6, alpha=0.5, label="batches")
        scale_axis(ax, "y", curves["critic_gap"].to_numpy(np.float64))
    draw_estimates(ax, lines, {"dual": "held-out images" if are_held_out(runs) else "training images"}, look)
    drawing.gridlines(ax, "y")
    return _finished(view, cell, (figure, ax), label("dual"), f"The critic's estimate of {cell.name()} on {cell.task}")


def _estimates(view: Tasks, cell: Cell, lines: pd.DataFrame, of_task: pd.DataFrame) -> Drawn:
    """Estimates and W1 of one cell, on the axes that the values of its task ask for."""
    figure, ax = _narrow(cell)
    names = [name for name in LINES if name in lines and lines[name].notna().any()]
    _distance_axis(ax, of_task[[f"{name}{end}" for name in names for end in ("_low", "_high")]], _floor(of_task))
    draw_estimates(ax, lines, {name: LINES[name] for name in names}, view.styled[cell.objective])
    ax.axhline(_floor(of_task), color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    alt = f"Exact W1 of the samples of {cell.name()} on {cell.task} and its critic's estimate of it"
    return _finished(view, cell, (figure, ax), "distance (data units)", alt)


def _narrow(cell: Cell) -> tuple[Figure, Axes]:
    title = drawing.wrapped(f"{cell.row_title}\n{cell.task}", 2.4)
    figure, ax = drawing.blank(3.08, 3.0 + 0.14 * len(title.splitlines()))
    ax.set_title(title, fontsize=8.5)
    return figure, ax


def _finished(view: Tasks, cell: Cell, drawn: tuple[Figure, Axes], unit: str, alt: str) -> Drawn:
    """Name the axes of a panel, and what is drawn."""
    figure, ax = drawn
    ax.set_xlabel(counted_in(view, [cell.task]))
    ax.set_ylabel(unit)
    drawing.legend_below(ax, len(ax.get_legend_handles_labels()[1]), handlelength=2, columnspacing=1.0, fontsize=8)
    return figure, f"{cell.task} {cell.name(' ')}", f"{alt}, against steps"


def _floor(table: pd.DataFrame) -> float:
    """Return the noise floor of W1 of one task, or else a small distance: below it an axis is linear."""
    floor = float(table["w1_floor"].median()) if "w1_floor" in table else math.nan
    return floor if floor > 0 else float(table["w1"].median()) / 10


def _distance_axis(ax: Axes, values: pd.DataFrame, floor: float) -> None:
    """Let the y axis be logarithmic above the noise floor and linear below, where an estimate may also be negative."""
    x = values.to_numpy(np.float64).ravel()
    x = x[np.isfinite(x)]
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 2 * floor)
    ax.set_yscale("symlog", linthresh=floor, linscale=0.7)
    ax.set_ylim(low * 1.25 - 0.1 * floor, high * 1.25)
    ticks = [0.0, *_decades(floor, high), *(-tick for tick in _decades(floor, -low))]
    ax.set_yticks(ticks)
    ax.yaxis.set_major_formatter(FuncFormatter(style.plain_tick))
    ax.yaxis.set_minor_locator(NullLocator())
    drawing.gridlines(ax, "y")


def _decades(floor: float, end: float) -> list[float]:
    """Return 1, 2 and 5 of every decade between the floor and the end of an axis; fewer where there are many."""
    if end <= floor:
        return []
    first, last = math.floor(math.log10(floor)), math.ceil(math.log10(end))
    digits = (1, 2, 5) if last - first <= 3 else (1,)
    ticks = [float(f"{digit}e{power}") for power in range(first, last + 1) for digit in digits]
    return [tick for tick in ticks if floor <= tick <= end * 1.25]


def draw_estimates(ax: Axes, lines: pd.DataFrame, names: Mapping[str, str], look: Style) -> None:
    """Draw W1 in ink and the estimates of it in an objective's colour against steps, each in the band of its range.

    `lines`: step, and of each of the columns `names` its median, _low and _high.
    """
    styles = {"w1": (INK, "-", "."), "dual_over_slope": (look.colour, "-", look.marker)}
    for name, text in names.items():
        colour, dash, marker = styles.get(name, (look.colour, (0, (1.5, 1.5)), "."))
        ax.plot(
            lines["step"], lines[name], color=colour, linestyle=dash, marker=marker, markersize=4, linewidth=1.6,
            label=text, zorder=3,
        )  # fmt: skip
        ax.fill_between(lines["step"], lines[f"{name}_low"], lines[f"{name}_high"], color=colour, alpha=0.15, lw=0)


def _scatter(view: Tasks, critics: Critics, estimate: str) -> Drawn:
    """One estimate of every run and scored step against the exact W1 of the same samples."""
    points = critics.points[critics.points[estimate].notna()]
    points = points.iloc[:: math.ceil(len(points) / MOST_POINTS)]
    figure, ax = drawing.blank(4.7, 4.2 + 0.2 * -(-points["objective"].nunique() // 3))
    drawing.scaled(ax, "x", "log")
    if estimate == "js_bound":
        ax.axhline(JS_MOST, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1, label="log 2")
    else:
        _distance_axis(ax, points[["w1", estimate]], _floor(critics.steps if len(critics.steps) else points))
        ends = [float(points["w1"].min()), float(points["w1"].max())]
        ax.plot(ends, ends, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1, label="estimate = W1")
    for objective, part in points.groupby("objective", sort=False):
        look = view.styled[str(objective)]
        ax.plot(
            part["w1"], part[estimate], linestyle="none", marker=look.marker, markersize=4, color=look.colour,
            alpha=0.6, markeredgewidth=0, label=str(objective), rasterized=True,
        )  # fmt: skip
    drawing.gridlines(ax, "both")
    ax.set_xlabel("exact W1 (data units)")
    ax.set_ylabel(label(estimate))
    drawing.legend_below(ax, 3, handletextpad=0.4)
    return figure, estimate, f"{label(estimate)} of every run and scored step against the exact W1 of the same samples"
