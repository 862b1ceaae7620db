"""Drawing: each function takes a table or arrays and an `ax`, draws what it is given and calculates nothing.

Figures are matplotlib `Figure` objects drawn by Agg: pyplot, its state and its backends are never touched.
"""

import textwrap
from collections.abc import Mapping
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from harness.metrics import label
from harness.metrics.columns import MetricColumn
from harness.report.figures import style
from harness.report.figures.style import INK, LEGEND
from harness.report.styles import Style

Points = NDArray[np.float64]
Limits = tuple[float, float, float, float]  # x0, x1, y0, y1

GREY = "#9A9A9A"
STEPS = "generator steps"
UPDATES = "critic updates"
LETTER = 0.6  # of a mean letter's width, in heights of the font
DROP = 38  # points from the foot of an axes to a legend below: numbers and a label stand between
WAYS = {"tuned": ("o", True), "recipe": ("D", False), "mean": ("s", False)}  # marker, and whether it is filled


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of so many inches with one empty axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def squares(rows: int, columns: int, side: float) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of rows and columns of square axes, `side` inches each."""
    figure = Figure(figsize=((columns + 1) * side, rows * (side + 0.2) + 0.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in axes]


def empty(ax: Axes, text: str) -> None:
    """Say in place of a figure why there is none."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize=8, wrap=True)


def scaled(ax: Axes, axis: Literal["x", "y"], scale: str, threshold: float = 1.0) -> None:
    """Set the scale of an axis; `threshold` is where a symlog axis turns linear."""
    setter = ax.set_xscale if axis == "x" else ax.set_yscale
    if scale == "symlog":
        setter("symlog", linthresh=threshold)
    elif scale == "log":
        setter("log")
        long = ax.xaxis if axis == "x" else ax.yaxis
        long.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))  # a decade alone would have one number on it
        long.set_major_formatter(FuncFormatter(style.plain_tick))
        long.set_minor_locator(NullLocator())  # ticks without a number would take a quarter of the time of a figure


def gridlines(ax: Axes, axis: Literal["x", "y", "both"]) -> None:
    """Draw faint lines across an axis, below everything else."""
    ax.grid(axis=axis, color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)


def score_axis(ax: Axes) -> None:
    """Let the y axis run over shares or scores, from 0 to 1."""
    ax.set_ylim(-0.02, 1.02)
    gridlines(ax, "y")


def name_rows(ax: Axes, rows: pd.Series, names: pd.Series, margin: float = 0.5) -> None:
    """Write a name at every row of an axis, the first on top."""
    ax.set_yticks(rows.tolist(), names.tolist())
    ax.set_ylim(float(rows.max()) + margin, float(rows.min()) - margin)
    ax.tick_params(axis="y", length=0)


def legend_below(ax: Axes, columns: int = 3, **look: Any) -> None:
    """Put the legend of an axes below it, outside."""
    cast(Figure, ax.figure).legend(loc="outside lower center", ncols=columns, **look)


def zero_line(ax: Axes, axis: Literal["x", "y"]) -> None:
    """Draw a dashed line at zero of an axis."""
    (ax.axvline if axis == "x" else ax.axhline)(0, color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)


def draw_lines(
    ax: Axes, table: pd.DataFrame, columns: tuple[str, str], styled: Mapping[str, Style], marked: bool = False
) -> None:
    """Draw a line an objective in the band of its bounds. `table`: objective, the two columns, low, high, and `text`
    where the legend says something else.
    """
    x, y = columns
    for name, part in table.groupby("objective", sort=True):
        look = styled[str(name)]
        text = str(part["text"].iloc[0]) if "text" in part else str(name)
        ax.plot(
            part[x], part[y], color=look.colour, linestyle=look.dash, linewidth=1.8, label=text, zorder=3,
            marker=look.marker if marked else "", markersize=5,
        )  # fmt: skip
        if part["low"].notna().any():
            ax.fill_between(part[x], part["low"], part["high"], color=look.colour, alpha=0.15, linewidth=0)


def draw_strips(ax: Axes, cells: pd.DataFrame, runs: pd.DataFrame, styled: Mapping[str, Style], metric: str) -> None:
    """Draw one task: a row a cell, best on top; a dot a seed, a diamond and a bar for the mean and its interval.

    `cells`: objective, row, text, median, mean, low, high. `runs`: objective, row, lift (up or down within it), value.
    """
    if MetricColumn.parse(metric).is_excess:
        zero_line(ax, "x")
    of_cell = runs.assign(objective=runs["row"].map(cells.set_index("row")["objective"]))
    for objective, mine in of_cell.groupby("objective", sort=False):
        look = styled[str(objective)]
        ax.plot(
            mine["value"], mine["row"] + mine["lift"], linestyle="none", marker=look.marker, markersize=5.5,
            color=look.colour, alpha=0.75, markeredgewidth=0, zorder=3,
        )  # fmt: skip
    spans = cells.dropna(subset=["low", "high"])
    ends = spans.assign(gap=np.nan)[["low", "high", "gap"]].to_numpy(float)
    ax.plot(ends.ravel(), np.repeat(spans["row"].to_numpy(), 3), color=INK, linewidth=1.6, zorder=4)
    whole, rest = cells[cells["mean"].notna()], cells[cells["mean"].isna()]
    ax.plot(
        whole["mean"], whole["row"], linestyle="none", marker="d", markersize=6, color="white", markeredgecolor=INK,
        zorder=5,
    )  # fmt: skip
    ax.plot(
        rest["median"], rest["row"], linestyle="none", marker="|", markersize=13, markeredgewidth=2, color=INK, zorder=5
    )
    name_rows(ax, cells["row"], cells["text"], 0.6)
    gridlines(ax, "x")
    ax.set_xlabel(label(metric))


def draw_headline(ax: Axes, rows: pd.DataFrame, styled: Mapping[str, Style], ways: dict[str, str]) -> None:
    """Draw scores over many tasks: a row an objective, best on top, in it a mark and a bar a way of comparing.

    `rows`: objective, row, lift (up or down within it), way, score, low, high. `ways`: what the legend calls each.
    """
    for row in rows.to_dict("records"):
        colour, y = styled[row["objective"]].colour, row["row"] + row["lift"]
        marker, filled = WAYS[row["way"]]
        if np.isfinite(row["low"]):
            ax.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.6, zorder=3)
        face = colour if filled else "white"
        ax.plot([row["score"]], [y], marker=marker, markersize=6, color=face, markeredgecolor=colour, zorder=4)
    names = rows.drop_duplicates("row")
    name_rows(ax, names["row"], names["objective"])
    gridlines(ax, "x")
    for way, text in ways.items():
        marker, filled = WAYS[way]
        ax.plot([], [], marker, markersize=6, color=INK if filled else "white", markeredgecolor=INK, label=text)
    if len(ways) > 1:
        legend_below(ax, len(ways), handletextpad=0.2)


def draw_grid(ax: Axes, grid: pd.DataFrame) -> None:
    """Draw scores from 0 to 1, a row a task and a column an objective, as shaded numbers; each row's best is framed."""
    seaborn.heatmap(
        grid, vmin=0, vmax=1, cmap="Blues", annot=True, fmt=".2f", annot_kws={"fontsize": 9.5}, cbar=False, ax=ax
    )
    best = grid.eq(grid.max(axis=1), axis=0).to_numpy()
    for text in ax.texts:
        column, row = (int(at) for at in text.get_position())
        if best[row, column]:
            text.set_fontweight("bold")
            frame = Rectangle((column + 0.03, row + 0.05), 0.94, 0.9, fill=False, edgecolor=INK, linewidth=1.4)
            ax.add_patch(frame)
    ax.xaxis.tick_top()
    ax.set_xticks(ax.get_xticks(), grid.columns.tolist(), rotation=25, ha="left", rotation_mode="anchor")
    ax.set_yticks(ax.get_yticks(), grid.index.tolist(), rotation=0)
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def draw_steps(
    ax: Axes, means: pd.DataFrame, seeds: pd.DataFrame, styled: Mapping[str, Style], metric: str, steps: str = STEPS
) -> None:
    """Draw a metric against steps: a thick line an objective, thin ones its seeds.

    `means`: objective, text, step, value. `seeds`: objective, run_id, step, value. Set the scale of `ax` before.
    """
    looks = {str(text): styled[objective] for objective, text in zip(means["objective"], means["text"], strict=True)}
    for objective, runs in seeds.groupby("objective", sort=False):
        ax.plot(*_one_after_another(runs), color=styled[str(objective)].colour, linewidth=0.8, alpha=0.4)
    for text, part in means.groupby("text", sort=True):
        look = looks[str(text)]
        ax.plot(
            part["step"], part["value"], color=look.colour, linewidth=2.0, linestyle=look.dash, marker=look.marker,
            markersize=5, label=str(text),
        )  # fmt: skip
    if MetricColumn.parse(metric).is_excess and ax.get_yscale() != "log":  # a log axis has no zero
        zero_line(ax, "y")
    ax.set_xlabel(steps)
    ax.set_ylabel(label(metric))
    gridlines(ax, "y")
    if ax.get_legend_handles_labels()[0]:
        _legend(ax)


def _one_after_another(runs: pd.DataFrame) -> tuple[Points, Points]:
    """Return the steps and values of runs, in order of run_id, with a gap between two: one line is sooner drawn than
    twenty.
    """
    ids = runs["run_id"].to_numpy()
    ends = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    step, value = (np.insert(runs[name].to_numpy(np.float64), ends, np.nan) for name in ("step", "value"))
    return step, value


def draw_points(ax: Axes, real: Points, generated: Points, look: Style, limits: Limits) -> None:
    """Draw real points [n, 2] in grey under generated ones [m, 2], with equal axes inside the limits."""
    for points, colour, size in ((real, GREY, 14.0), (generated, look.colour, 3.5)):
        ax.scatter(points[:, 0], points[:, 1], s=size, color=colour, alpha=0.6, linewidths=0, rasterized=True)
    ax.set_xlim(limits[0], limits[1])
    ax.set_ylim(limits[2], limits[3])
    ax.set_aspect("equal")
    for side in ("top", "right"):
        ax.spines[side].set_visible(True)
    ax.tick_params(length=2, labelsize=8)
    ax.locator_params(nbins=5)


def draw_sheet(ax: Axes, sheet: NDArray[np.uint8]) -> None:
    """Draw a sheet of images [height, width, 3], pixel by pixel."""
    ax.imshow(sheet, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def draw_critic(ax: Axes, grid: Points, extent: Limits) -> None:
    """Draw faint level lines of a critic on a grid [rows, columns], rows being the second coordinate, ascending."""
    rows, columns = grid.shape
    x, y = np.linspace(extent[0], extent[1], columns), np.linspace(extent[2], extent[3], rows)
    ax.contour(x, y, grid, levels=10, colors=INK, linewidths=0.5, alpha=0.35, zorder=0)


def draw_losses(ax: Axes, curves: pd.DataFrame, look: Style, steps: str = STEPS) -> None:
    """Draw the losses of one run: `curves` holds step, critic_loss and, unless it is fixed, generator_loss."""
    ax.plot(curves["step"], curves["critic_loss"], color=look.colour, linewidth=1.0, label="critic")
    if "generator_loss" in curves:
        ax.plot(
            curves["step"], curves["generator_loss"], color=INK, alpha=0.7, linewidth=1.0, linestyle=(0, (4, 1.5)),
            label="generator",
        )  # fmt: skip
    ax.set_xlabel(steps)
    ax.set_ylabel("loss")
    gridlines(ax, "y")
    _legend(ax, 2, handlelength=2.2)


def _legend(ax: Axes, columns: int = 3, handlelength: float = 3.0) -> None:
    """Put a legend below an axes, which may be one of several of a figure: nowhere inside is sure to be empty."""
    labels = ax.get_legend_handles_labels()[1]
    widest = LEGEND * (handlelength + 3 + LETTER * max(map(len, labels)))
    fit = int(72 * cast(Figure, ax.figure).get_figwidth() // widest)
    drop = ScaledTranslation(0, -DROP / 72, cast(Figure, ax.figure).dpi_scale_trans)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=ax.transAxes + drop, borderaxespad=0,
        ncols=max(1, min(columns, fit)), handlelength=handlelength,
    )  # fmt: skip


def wrapped(text: str, inches: float, size: float = 8.5) -> str:
    """Break the lines of a title of a font of so many points where they are longer than so many inches."""
    letters = max(8, int(72 * inches / (LETTER * size)))
    return "\n".join(
        part for line in text.split("\n") for part in textwrap.wrap(line, letters, break_on_hyphens=False) or [""]
    )
