"""The figure of tricks: how much each changes what a task is scored by."""

import numpy as np

from harness.report.figures import drawing, panels
from harness.report.figures.drawing import INK
from harness.report.figures.panels import Drawn, Section
from harness.report.studies.trick_effects import TrickEffects
from harness.report.styles import styles
from harness.text import counted

APART = 0.17  # between the marks of two tasks, of a row


def section(effects: TrickEffects | None) -> Section:
    """Return the page's figures of tricks, one for each metric; none where there are none."""
    if effects is None:
        return Section((), ())
    metrics = list(map(str, effects.by_task["metric"].unique()))
    return panels.collect("tricks", metrics, lambda metric: _differences(effects, metric), len(metrics), "metrics")


def _differences(effects: TrickEffects, metric: str) -> Drawn:
    """Every trick's difference by task, and where there are several tasks the mean over them."""
    rows = effects.by_task[effects.by_task["metric"] == metric]
    names, tasks = list(map(str, rows["trick"].unique())), list(map(str, rows["task"].unique()))
    place, looks = {name: row for row, name in enumerate(names)}, styles(tasks)
    means = effects.overall if metric == "score" and len(tasks) > 1 else effects.overall.iloc[:0]
    marks = len(tasks) + bool(len(means))
    figure, ax = drawing.blank(5.6, 1.3 + (0.2 + 0.16 * marks) * len(names))
    ax.axvline(0, color=INK, linewidth=0.8)
    lift = {task: APART * (i - (marks - 1) / 2) for i, task in enumerate(tasks)}
    for task, part in rows.groupby("task", sort=False):
        look, y = looks[str(task)], part["trick"].map(place) + lift[str(task)]
        ax.hlines(y, part["low"], part["high"], color=look.colour, linewidth=1.4)
        ax.plot(part["difference"], y, color=look.colour, marker=look.marker, linestyle="", markersize=5, label=task)
    if len(means):
        y = means["trick"].map(place) + APART * (marks - 1) / 2
        ax.hlines(y, means["low"], means["high"], color=INK, linewidth=2.2)
        ax.plot(means["difference"], y, color=INK, marker="D", linestyle="", markersize=5, label="mean over tasks")
    ax.set_yticks(np.arange(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(f"{metric} with the trick less without it (right: better)")
    drawing.legend_below(ax, min(marks, 2))
    caption = (
        f"Change of the {metric} by each trick in {counted(len(tasks), 'task')}, with 95 % intervals paired by seed"
    )
    return figure, f"tricks: {metric}", caption
