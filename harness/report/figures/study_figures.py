"""Figures of swept and drawn settings: sensitivity; of a study the best of k trials, importances, slices, planes, and
how many settings reach a score.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter

from harness.report.analysis.sensitivity import Sweep
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import GREY
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.style import INK
from harness.report.studies import study_slices
from harness.report.studies.settings_reached import Reached
from harness.report.studies.study_results import INDEPENDENT, StudyResults
from harness.report.studies.study_slices import Plane
from harness.report.styles import Style
from harness.text import counted, listed, plain

MOST = 12  # figures of settings on a page, and of two settings: those that weigh most
SIZE = (4.7, 3.7)  # inches: two stand beside each other on a page
WIDE = 4  # how many times its smallest the largest value must be for a logarithmic axis
CROWDED = 50  # times its low end, beyond which a logarithmic axis has room for powers of ten alone
LONG = 24  # letters that the names of choices have room for side by side
SCORES = Normalize(0, 1)
COLOURS = "viridis"  # of scores: even in lightness, and told apart with any of the common forms of colour blindness
LABELS = {
    "lr": "learning rate", "critic_lr": "learning rate of the critic", "generator_lr": "learning rate of the generator",
    "clip": "bound of the weights (clip)", "gp_weight": "weight of the penalty (gp_weight)",
    "critic.norm": "norm of the critic",
}  # fmt: skip


def sweep_section(sweeps: list[Sweep], styled: Mapping[str, Style]) -> Section:
    """Return a panel for every sweep."""
    return panels.collect("sweep", sweeps[: panels.MOST], partial(_sweep, styled), len(sweeps), "sweeps")


def _sweep(styled: Mapping[str, Style], sweep: Sweep) -> Drawn:
    figure, ax = drawing.blank(*SIZE)
    lines, values = sweep.lines.sort_values("value"), sweep.lines["value"]
    drawing.draw_lines(ax, lines, ("value", "score"), styled, marked=True)
    for name, part in lines[lines["recipe"]].groupby("objective", sort=True):
        _diamonds(ax, part["value"], part["score"], styled[str(name)].colour)
    if lines["recipe"].any():
        _diamonds(ax, pd.Series(dtype=float), pd.Series(dtype=float), INK, "recipe")
    drawing.legend_below(ax, handlelength=3)
    is_wide = values.min() > 0 and values.max() > WIDE * values.min()
    drawing.scaled(ax, "x", "log" if is_wide else "linear")
    drawing.score_axis(ax)
    tasks = counted(len(sweep.tasks), "task")
    data = f" of {listed(sweep.datasets)}" if len(sweep.datasets) < 5 else ""
    over = f"{tasks}{data}" if len(sweep.tasks) > 1 else sweep.tasks[0]
    ax.set_xlabel(LABELS.get(sweep.name, sweep.name))
    ax.set_ylabel("score" if len(sweep.tasks) == 1 else "score, mean over tasks")
    ax.set_title(over)
    return figure, f"{sweep.name} {over}", f"Score against {sweep.name} on {over}, a line an objective, recipes hollow"


def _diamonds(ax: Axes, x: pd.Series, y: pd.Series, colour: str, label: str = "") -> None:
    """Draw hollow diamonds, which stand for recipes."""
    ax.plot(
        x, y, linestyle="none", marker="D", markersize=8, zorder=4, markerfacecolor="white", markeredgecolor=colour,
        markeredgewidth=1.8, label=label or "_",
    )  # fmt: skip


def sections(study: StudyResults, styled: Mapping[str, Style]) -> dict[str, Section]:
    """Return the page's figures of a study by name, all empty before its trials have ended."""
    settings, planes, means = [], [], pd.DataFrame()
    if study.ended:
        settings, planes = study_slices.ordered(study), study_slices.planes(study)
        means = study_slices.slices(study)
    weights = study.weights.dropna() if len(study.weights) else study.weights
    best, weighed = ([table] if len(table) else [] for table in (study.curves, weights))
    slices = partial(_slice, study, means, styled)
    return {
        "study": panels.collect("study", best, partial(_best, study, styled), len(best), "studies"),
        "weights": panels.collect("weights", weighed, partial(_weights, study, styled), len(weighed), "studies"),
        "slices": panels.collect("slices", settings[:MOST], slices, len(settings), "settings"),
        "planes": panels.collect("planes", planes[:MOST], partial(_plane, study), len(planes), "objectives"),
    }


def _best(study: StudyResults, styled: Mapping[str, Style], curves: pd.DataFrame) -> Drawn:
    figure, ax = drawing.blank(*SIZE)
    drawing.draw_lines(ax, curves, ("k", "best"), styled)
    drawing.legend_below(ax, handlelength=3)
    drawing.score_axis(ax)
    what = "expected best score" if study.block["sampler"] in INDEPENDENT else "best score so far"
    ax.set_xlabel("trials")
    ax.set_ylabel(what)
    alt = f"{what[0].upper()}{what[1:]} against the number of trials, a line an objective"
    return figure, "best against trials", alt


def _weights(study: StudyResults, styled: Mapping[str, Style], weights: pd.DataFrame) -> Drawn:
    """Importances: in a row a setting, a mark and a bar an objective, filled where it is above chance, and an upright
    stroke where chance ends.
    """
    names, present = sorted(weights["objective"].unique()), set(weights["setting"])
    settings = [name for name in study_slices.ordered(study) if name in present]
    height = 1.3 + len(settings) * max(0.42, 0.17 * len(names)) + 0.22 * -(-(len(names) + 1) // 3)
    figure, ax = drawing.blank(SIZE[0], height)
    stroke: dict[str, Any] = {"marker": "|", "markersize": 8, "color": GREY, "markeredgewidth": 1.8, "zorder": 2}
    for row in weights.to_dict("records"):
        look = styled[row["objective"]]
        lift = 0.8 / len(names) * (names.index(row["objective"]) - (len(names) - 1) / 2)
        y = settings.index(row["setting"]) + lift
        ax.plot([row["low"], row["high"]], [y, y], color=look.colour, linewidth=1.6, zorder=3)
        ax.plot([min(row["chance"], 1.0)], [y], **stroke)  # beyond the axis no setting is above chance
        face = look.colour if row["told"] else "white"
        ax.plot(
            [row["importance"]], [y], marker=look.marker, markersize=6, color=face, markeredgecolor=look.colour,
            zorder=4,
        )  # fmt: skip
    for name in names:
        ax.plot([], [], color=styled[name].colour, marker=styled[name].marker, markersize=6, label=name)
    ax.plot([], [], linestyle="none", label="chance", **stroke)
    drawing.name_rows(ax, pd.Series(range(len(settings))), pd.Series(settings))
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.set_xlabel("importance for reaching the best quarter")
    drawing.gridlines(ax, "x")
    drawing.legend_below(ax, handlelength=2.4)
    return figure, "importances", "Importance of every setting for reaching the best quarter of trials, by objective"


def _slice(study: StudyResults, means: pd.DataFrame, styled: Mapping[str, Style], setting: str) -> Drawn:
    figure, ax = drawing.blank(*SIZE)
    points, where = study_slices.points(study, setting), study.block["space"][setting]
    draw_slice(ax, points, means[means["setting"] == setting], styled, where)
    ax.set_xlabel(LABELS.get(setting, setting))
    lost = int((points["lost"] > 0).sum())
    return figure, setting, f"Score of each trial against {setting}, a colour an objective; {lost} with a lost run"


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
            label="with a lost run",
        )  # fmt: skip
    fit_range(ax, "x", where)
    ax.set_ylabel("score of the trial")
    drawing.score_axis(ax)
    drawing.legend_below(ax, handlelength=2.4)


def _plane(study: StudyResults, plane: Plane) -> Drawn:
    """The values over two settings: a circle a trial, a cross where a run was lost, over the means of the cells."""
    figure, ax = drawing.blank(*SIZE)
    points, cells = study_slices.scattered(study, plane), study_slices.cells(study, plane)
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
    fit_range(ax, "x", study.block["space"][plane.x])
    fit_range(ax, "y", study.block["space"][plane.y])
    figure.colorbar(field, ax=ax, label="score").outline.set_visible(False)
    ax.set_xlabel(LABELS.get(plane.x, plane.x))
    ax.set_ylabel(LABELS.get(plane.y, plane.y))
    ax.set_title(plane.objective)
    return figure, " ".join(plane), f"Scores of the trials of {plane.objective} over {plane.x} and {plane.y}"


def fit_range(ax: Axes, axis: Any, where: Mapping[str, Any]) -> None:
    """Fit an axis to a range of the space: logarithmic where that is, a tick for every choice."""
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


def reached_section(reached: Reached, styled: Mapping[str, Style]) -> Section:
    """Return the panels of how many settings reach a score, and of the differences to the first objective."""
    drawings = [partial(_reached, reached, styled), partial(_differences, reached, styled)]
    return panels.collect("survival", drawings, lambda draw: draw(), len(drawings), "curves")


def _reached(reached: Reached, styled: Mapping[str, Style]) -> Drawn:
    figure, ax = _against_score(reached.curves, "share", styled)
    ax.set_ylabel(f"share of {reached.noun}s that reach it")
    drawing.score_axis(ax)
    return figure, "share against score", f"Share of {reached.noun}s that reach a score, a line an objective"


def _differences(reached: Reached, styled: Mapping[str, Style]) -> Drawn:
    first, pairs = reached.pairs["first"].iloc[0], reached.pairs.rename(columns={"second": "objective"})
    labelled = pairs.assign(text=pairs["objective"] + f" - {first}")
    figure, ax = _against_score(labelled, "difference", styled)
    drawing.zero_line(ax, "y")
    ax.set_ylabel("difference of shares")
    drawing.gridlines(ax, "y")
    return (
        figure,
        "difference against score",
        f"Difference of these shares to that of {first}, paired by {reached.noun}",
    )


def _against_score(table: pd.DataFrame, column: str, styled: Mapping[str, Style]) -> tuple[Figure, Axes]:
    figure, ax = drawing.blank(*SIZE)
    drawing.draw_lines(ax, table, ("at", column), styled)
    drawing.legend_below(ax, handlelength=3)
    ax.set_xlabel("score")
    ax.set_xlim(0, 1)
    return figure, ax
