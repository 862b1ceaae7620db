"""The figure of tricks: how much each changes what a task is scored by."""

import numpy as np
import pandas as pd

from harness.report.figures import drawing, panels
from harness.report.figures.drawing import INK
from harness.report.figures.panels import Drawn, Section
from harness.report.studies.trick_effects import TrickEffects
from harness.report.styles import styles
from harness.text import listed

APART = 0.17  # of a row, between the marks of two tasks


def section(effects: TrickEffects | None) -> Section:
    """Return the page's figures of tricks: the mean over tasks, then one for each metric of tasks."""
    if effects is None:
        return Section((), ())
    frames = [effects.overall.assign(task="mean over tasks", metric="score")] if len(effects.overall) else []
    frames += [part for _, part in effects.by_task.groupby("metric", sort=False)]
    return panels.collect("tricks", frames, _differences, len(frames), "metrics")


def _differences(rows: pd.DataFrame) -> Drawn:
    """The difference that every trick makes to one metric, a mark a task."""
    metric, names = str(rows["metric"].iloc[0]), list(map(str, rows["trick"].unique()))
    tasks = list(map(str, rows["task"].unique()))
    place, looks = {name: row for row, name in enumerate(names)}, styles(tasks)
    figure, ax = drawing.blank(5.6, 1.5 + (0.2 + 0.16 * len(tasks)) * len(names))
    ax.axvline(0, color=INK, linewidth=0.8)
    for i, (task, part) in enumerate(rows.groupby("task", sort=False)):
        look, y = looks[str(task)], part["trick"].map(place) + APART * (i - (len(tasks) - 1) / 2)
        ax.hlines(y, part["low"], part["high"], color=look.colour, linewidth=1.6)
        ax.plot(part["difference"], y, color=look.colour, marker=look.marker, linestyle="", markersize=5, label=task)
    ax.set_yticks(np.arange(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(f"gain in {metric} (right: better with it)")
    drawing.legend_below(ax, min(len(tasks), 2))
    alt = f"Gain in {metric} by each trick ({listed(tasks)}), with 95 % intervals paired by seed"
    return figure, f"tricks: {metric}", alt
