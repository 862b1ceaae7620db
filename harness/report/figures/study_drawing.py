"""Drawing of a study: as in `drawing`, each function draws what it is given on an `ax`."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter

from harness.report.figures import drawing
from harness.report.figures.drawing import GREY, INK
from harness.report.styles import Style
from harness.text import plain

SCORES = Normalize(0, 1)
CROWDED = 50  # times its low end, beyond which a logarithmic axis has room for powers of ten alone
LONG = 24  # letters that the names of choices have room for side by side
COLOURS = "viridis"  # of scores: even in lightness, and told apart with any of the common forms of colour blindness


def draw_best(ax: Axes, curves: pd.DataFrame, styled: Mapping[str, Style]) -> None:
    """Draw the best of k trials: a line an objective, in the band of its bounds. `curves`: objective, k, best, low,
    high.
    """
    for name, part in curves.groupby("objective", sort=True):
        look = styled[str(name)]
        ax.plot(
            part["k"], part["best"], color=look.colour, linestyle=look.dash, linewidth=1.8, label=str(name), zorder=3
        )
        if part["low"].notna().any():
            ax.fill_between(part["k"], part["low"], part["high"], color=look.colour, alpha=0.15, linewidth=0)
    ax.set_xlabel("trials")
    _scores(ax)
    _legend(ax)


def draw_weights(ax: Axes, weights: pd.DataFrame, styled: Mapping[str, Style]) -> None:
    """Draw importances: in a row a setting, first on top, a mark and a bar an objective, filled where it is above
    chance, and an upright stroke where chance ends.

    `weights`: objective, row, lift (up or down within it), setting, importance, low, high, chance, told.
    """
    for found in weights.to_dict("records"):
        look, y = styled[found["objective"]], found["row"] + found["lift"]
        ax.plot([found["low"], found["high"]], [y, y], color=look.colour, linewidth=1.6, zorder=3)
        ax.plot([found["chance"]], [y], marker="|", markersize=8, color=GREY, markeredgewidth=1.8, zorder=2)
        face = look.colour if found["told"] else "white"
        ax.plot(
            [found["importance"]], [y], marker=look.marker, markersize=6, color=face, markeredgecolor=look.colour,
            zorder=4,
        )  # fmt: skip
    for name in sorted(weights["objective"].unique()):
        look = styled[str(name)]
        ax.plot([], [], color=look.colour, marker=look.marker, markersize=6, label=str(name))
    ax.plot([], [], linestyle="none", marker="|", markersize=8, markeredgewidth=1.8, color=GREY, label="chance")
    rows = weights.drop_duplicates("row")
    ax.set_yticks(rows["row"].tolist(), rows["setting"].tolist())
    ax.set_ylim(float(rows["row"].max()) + 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.set_xlabel("importance for reaching the best quarter")
    ax.grid(axis="x", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)
    _legend(ax)


def draw_slice(
    ax: Axes, points: pd.DataFrame, means: pd.DataFrame, styled: Mapping[str, Style], where: Mapping[str, Any]
) -> None:
    """Draw values against a setting: a mark a trial, hollow where one of its runs was lost, steps for the means.

    `points`: objective, at, value, lost. `means`: objective, low, high, mean. `where`: the range of the space.
    """
    for name, part in points.groupby("objective", sort=True):
        look, lost = styled[str(name)], part["lost"] > 0
        for rows, face in ((part[~lost], look.colour), (part[lost], "none")):
            ax.scatter(
                rows["at"], rows["value"], s=14, marker=look.marker, facecolors=face, edgecolors=look.colour,
                linewidths=0.9 if face == "none" else 0, alpha=0.6, rasterized=True,
            )  # fmt: skip
        mine = means[means["objective"] == name]
        ax.hlines(mine["mean"], mine["low"], mine["high"], color=look.colour, linewidth=2.2, zorder=3)
        ax.plot([], [], color=look.colour, marker=look.marker, markersize=5, linewidth=2.2, label=str(name))
    if (points["lost"] > 0).any():
        ax.plot(
            [], [], linestyle="none", marker="o", markersize=5, color="none", markeredgecolor=INK,
            label="with a run lost",
        )  # fmt: skip
    _range(ax, "x", where)
    ax.set_ylabel("score of the trial")
    _scores(ax)
    _legend(ax)


def draw_plane(ax: Axes, points: pd.DataFrame, cells: pd.DataFrame, spans: tuple[Mapping[str, Any], ...]) -> None:
    """Draw the values over two settings: a circle a trial, a cross where a run was lost, over the means of the cells.

    `points`: x, y, value, lost. `cells`: x_low, x_high, y_low, y_high, mean, a row of them after the other. `spans`:
    both ranges of the space.
    """
    x = [*cells["x_low"].unique(), cells["x_high"].max()]
    y = [*cells["y_low"].unique(), cells["y_high"].max()]
    means = np.ma.masked_invalid(cells["mean"].to_numpy(np.float64).reshape(len(y) - 1, len(x) - 1))
    field = ax.pcolormesh(x, y, means, cmap=COLOURS, norm=SCORES, alpha=0.75, linewidth=0, rasterized=True)
    lost = points["lost"] > 0
    for rows, marker in ((points[~lost], "o"), (points[lost], "X")):
        ax.scatter(
            rows["x"], rows["y"], c=rows["value"], s=30, marker=marker, cmap=COLOURS, norm=SCORES, edgecolors="white",
            linewidths=0.8, zorder=3, rasterized=True,
        )  # fmt: skip
    _range(ax, "x", spans[0])
    _range(ax, "y", spans[1])
    bar = cast(Figure, ax.figure).colorbar(field, ax=ax, label="score")
    bar.outline.set_visible(False)


def _range(ax: Axes, axis: Any, where: Mapping[str, Any]) -> None:
    """Fit an axis to a range: logarithmic where that is, a tick for every choice."""
    limits, ticks = (ax.set_xlim, ax.set_xticks) if axis == "x" else (ax.set_ylim, ax.set_yticks)
    if where.get("choices"):
        names = [plain(choice) for choice in where["choices"]]
        slanted: dict[str, Any] = {"rotation": 20, "ha": "right", "rotation_mode": "anchor"}
        ticks(range(len(names)), names, **(slanted if axis == "x" and len("".join(names)) > LONG else {}))
        limits(-0.6, len(where["choices"]) - 0.4)
        return
    drawing.scaled(ax, axis, "log" if where.get("log") else "linear")
    of = ax.xaxis if axis == "x" else ax.yaxis
    if where.get("log") and where["high"] > CROWDED * where["low"]:
        of.set_major_locator(LogLocator())
    elif where.get("whole") and not where.get("log"):
        of.set_major_locator(MaxNLocator(integer=True))
    room = 0.5 if where.get("whole") else 0.0
    limits(where["low"] - room, where["high"] + room)


def _scores(ax: Axes) -> None:
    ax.set_ylim(-0.02, 1.02)
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)


def _legend(ax: Axes) -> None:
    cast(Figure, ax.figure).legend(loc="outside lower center", ncols=3, handlelength=2.4)
