"""Figures over many tasks: the headline's scores, the grid of tasks, profiles, mean ranks, shares of variance."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from harness.report.analysis.across_tasks import CONFOUNDED, HIGHER, SEED, Across
from harness.report.analysis.headline import BUDGETS, GIVEN, Headline, way_names
from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import GREY
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.style import INK
from harness.report.styles import Style
from harness.text import counted, percent

MOST_TASKS = 40  # rows of one grid


def sections(view: View, across: Across | None) -> dict[str, Section]:
    """Return the page's figures by name: headline, by_task, across; all empty where there is no headline."""
    headline = view.headline
    if headline is None or across is None:
        return {name: Section((), ()) for name in ("headline", "by_task", "across")}
    grids = [headline.by_task[row : row + MOST_TASKS] for row in range(0, len(headline.by_task), MOST_TASKS)]
    draw: list[Callable[[], Drawn]] = [lambda: _profiles(across, view.styled)]
    draw += [lambda: _ranks(across, view.styled)] if across.groups is not None else []
    draw += [lambda: _shares(across)] if len(across.shares) else []
    return {
        "headline": panels.collect(
            "headline", list(BUDGETS), partial(_scores, view, headline), len(BUDGETS), "budgets"
        ),
        "by_task": panels.collect(
            "tasks", grids[: panels.MOST], partial(_grid, bool(headline.swept)), len(grids), "grids"
        ),
        "across": panels.collect("across", draw, lambda item: item(), len(draw), "figures"),
    }


def _scores(view: View, headline: Headline, budget: str) -> Drawn:
    """Every objective's score over the tasks under one budget; both budgets share the limits of their axes."""
    ways, rows = way_names(headline), headline.rows[headline.rows["budget"] == budget]
    place = {name: row for row, name in enumerate(headline.by_task.columns)}
    lift = {way: 0.24 * (i - (len(ways) - 1) / 2) for i, way in enumerate(ways)}
    figure, ax = drawing.blank(5.0, 1.2 + 0.52 * len(place))
    placed = rows.assign(row=rows["objective"].map(place), lift=rows["way"].map(lift)).sort_values("row")
    drawing.draw_headline(ax, placed, view.styled, ways)
    ends = headline.rows[["score", "low", "high"]]
    low, high = float(ends.min().min()), float(ends.max().max())
    ax.set_xlim(low - 0.05 * (high - low) - 0.01, high + 0.05 * (high - low) + 0.01)
    ax.set_xlabel(f"score, mean over {counted(len(headline.by_task), 'task')}")
    ax.set_title(GIVEN[budget][0].upper() + GIVEN[budget][1:])
    return figure, GIVEN[budget], f"Score of every objective over all tasks {GIVEN[budget]}, with its 95 % interval"


def _grid(tuned: bool, by_task: pd.DataFrame) -> Drawn:
    """The score of every objective in every task, tuned where settings were swept."""
    figure, ax = drawing.blank(2.2 + 0.95 * by_task.shape[1], 0.9 + 0.34 * len(by_task))
    drawing.draw_grid(ax, by_task)
    score = "Tuned score" if tuned else "Score"
    return figure, "score by task", f"{score} at equal generator steps, a row a task, a column an objective"


def _profiles(across: Across, styled: Mapping[str, Style]) -> Drawn:
    names = across.objectives["objective"]
    figure, ax = drawing.blank(5.0, 3.4 + 0.22 * -(-len(names) // 3))
    drawing.draw_lines(ax, across.profiles, ("threshold", "share"), styled)
    drawing.legend_below(ax, handlelength=3)
    ax.set_xlim(0, 1)
    drawing.score_axis(ax)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.set_xlabel("score")
    ax.set_ylabel("runs above that score")
    ax.set_title("Performance profiles")
    return figure, "performance profiles", "Share of an objective's runs above each score, over all tasks"


def _ranks(across: Across, styled: Mapping[str, Style]) -> Drawn:
    ranks = across.objectives.sort_values(["mean_rank", "objective"], ignore_index=True)
    ranks["row"] = range(len(ranks))
    row = dict(zip(ranks["objective"], ranks["row"], strict=True))
    bars = pd.DataFrame(
        [{"place": i, "top": row[group[0]], "bottom": row[group[-1]]} for i, group in enumerate(across.groups or ())],
        columns=["place", "top", "bottom"],
    )
    figure, ax = drawing.blank(5.0, 1.3 + 0.42 * len(ranks))
    draw_ranks(ax, ranks, bars, styled)
    ax.set_title(
        f"Critical differences over {counted(across.tasks, 'task')}; a bar joins\nwhat does not differ significantly"
    )
    return figure, "mean ranks", "Mean rank of every objective; bars join those that do not differ significantly"


def draw_ranks(ax: Axes, ranks: pd.DataFrame, bars: pd.DataFrame, styled: Mapping[str, Style]) -> None:
    """Draw mean ranks: a row an objective, best on top; an upright bar joins those that do not differ significantly.

    `ranks`: objective, row, mean_rank. `bars`: place, top, bottom (rows).
    """
    for row in ranks.to_dict("records"):
        look = styled[row["objective"]]
        ax.plot([1, row["mean_rank"]], [row["row"]] * 2, color="#DDDDDD", linewidth=1.2, zorder=1)
        ax.plot([row["mean_rank"]], [row["row"]], marker=look.marker, markersize=8, color=look.colour, zorder=3)
        ax.annotate(
            f"{row['mean_rank']:.1f}", (row["mean_rank"], row["row"]), (0, 7), textcoords="offset points", ha="center",
            fontsize=8.5,
        )  # fmt: skip
    n, apart = len(ranks), 0.05 * len(ranks)
    for bar in bars.to_dict("records"):
        x = n + apart * (1 + bar["place"])
        ax.plot([x, x], [bar["top"] - 0.2, bar["bottom"] + 0.2], color=INK, linewidth=4, solid_capstyle="butt")
    ax.set_xlim(1 - apart, n + apart * (1 + len(bars)))
    drawing.name_rows(ax, ranks["row"], ranks["objective"], 0.6)
    ax.set_xticks(range(1, n + 1, -(-n // 8)))  # eight numbers at most
    ax.set_xlabel("mean rank (1 is best)")


def _shares(across: Across) -> Drawn:
    shares, rows = across.shares, np.arange(len(across.shares))
    figure, ax = drawing.blank(5.0, 1.1 + 0.3 * len(shares))
    rest = shares["source"].isin((HIGHER, SEED, CONFOUNDED))
    ax.barh(rows, shares["share"], height=0.62, color=[GREY if alone else "#0072B2" for alone in rest])
    known = shares["low"].notna().to_numpy()
    ax.hlines(rows[known], shares["low"][known], shares["high"][known], color=INK, linewidth=1.6)
    ends = shares[["share", "high"]].max(axis=1)
    for row, end, share in zip(rows, ends, shares["share"], strict=True):
        ax.annotate(percent(share), (end, row), (5, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_xlim(min(0.0, float(shares["share"].min())), 1.18 * float(ends.max()))
    drawing.name_rows(ax, pd.Series(rows), shares["source"], 0.6)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xlabel("share of the variance of scores")
    ax.set_title("Sources of the variance of scores")
    return figure, "shares of variance", "Share of the variance of scores by factor, interaction and seed"
