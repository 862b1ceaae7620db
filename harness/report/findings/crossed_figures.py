"""Figures of losses crossed with penalties: a grid a task, and how the penalties change each loss."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.report.figures import drawing, panels
from harness.report.figures.panels import Drawn, Section
from harness.report.findings.crossed import Crossed, combined, named
from harness.report.styles import styles
from harness.text import counted, number, percent

APART = 0.07  # of a place, between the marks of two losses


def section(cross: Crossed) -> Section:
    """Return the page's figures of a cross: all tasks, then each."""
    tasks = list(cross.headline.by_task.index)
    draw: list[Callable[[], Drawn]] = [lambda: _lines(cross)]
    draw += [lambda task=task: _grid(cross, str(task)) for task in tasks[: panels.MOST]]  # type: ignore[misc]
    return panels.collect("crossed", draw, lambda item: item(), 1 + len(tasks), "figures")


def _lines(cross: Crossed) -> Drawn:
    """The score of each loss, in the mean over tasks, from penalty to penalty."""
    rows = cross.headline.rows
    rows = rows[(rows["way"] == "tuned") & (rows["budget"] == "steps")].set_index("objective")
    styled = styles(cross.losses)
    figure, ax = drawing.blank(5.0, 3.9)
    places = np.arange(len(cross.penalties), dtype=np.float64)
    for i, loss in enumerate(cross.losses):
        own = rows.loc[[combined(loss, penalty) for penalty in cross.penalties]]
        x, look = places + APART * (i - (len(cross.losses) - 1) / 2), styled[loss]
        ax.vlines(x, own["low"], own["high"], color=look.colour, linewidth=1.6)
        ax.plot(x, own["score"], color=look.colour, linestyle=look.dash, marker=look.marker, label=loss, linewidth=1.2)
    ax.set_xticks(places, [named(penalty).replace(" ", "\n", 1) for penalty in cross.penalties])
    drawing.score_axis(ax)
    ax.set_ylabel(f"score, mean over {counted(len(cross.headline.by_task), 'task')}")
    drawing.legend_below(ax, len(cross.losses), handlelength=3)
    return figure, "losses and penalties", "Score of each loss with each penalty, over all tasks, with 95 % intervals"


def _grid(cross: Crossed, task: str) -> Drawn:
    """The score of every loss with every penalty in one task, with modes and the share of runs that learned nothing."""
    cells = cross.cells[cross.cells["task"] == task]
    scores = cells.pivot(index="loss", columns="penalty", values="score")
    scores = scores.reindex(index=cross.losses, columns=cross.penalties)
    notes = {(cell["loss"], cell["penalty"]): _note(cell) for cell in cells.to_dict("records")}
    figure, ax = drawing.blank(1.0 + 1.12 * len(cross.penalties), 1.1 + 0.62 * len(cross.losses))
    drawing.draw_grid(ax, scores)
    ax.set_xticks(ax.get_xticks(), [_broken(penalty) for penalty in cross.penalties], rotation=0, ha="center")
    for text in list(ax.texts):
        column, row = (int(at) for at in text.get_position())
        text.set_position((column + 0.5, row + 0.32))
        note = notes[cross.losses[row], cross.penalties[column]]
        ax.text(column + 0.5, row + 0.72, note, ha="center", va="center", fontsize=7.5,
                color=text.get_color(), linespacing=1.15)  # fmt: skip
    ax.set_title(task, pad=34)
    return figure, task, f"Score of every loss with every penalty on {task}, with modes and runs that learned nothing"


def _broken(penalty: str) -> str:
    """Return the name of a penalty in two lines."""
    return named(penalty).replace(" ", "\n", 1)


def _note(cell: Mapping[Any, Any]) -> str:
    modes = f"{number(cell['modes'])} of {number(cell['modes_of'])} modes" if np.isfinite(cell["modes"]) else ""
    return "\n".join(filter(None, [modes, f"{percent(cell['unlearned'])} lost or at 0" if cell["unlearned"] else ""]))
