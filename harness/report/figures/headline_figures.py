"""What is drawn of the headline: scores over all tasks, and where they do not hold."""

from functools import partial

import pandas as pd

from harness.report.analysis.headline import BUDGETS, GIVEN, Headline, way_names
from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels
from harness.report.figures.panels import Drawn, Section
from harness.text import counted

MOST_TASKS = 40  # rows of one grid


def sections(view: View) -> dict[str, Section]:
    """Return the headline's pictures by name: headline, by_task; none where there is no headline."""
    found = view.headline
    if found is None:
        return {"headline": Section((), ()), "by_task": Section((), ())}
    grids = [found.by_task[row : row + MOST_TASKS] for row in range(0, len(found.by_task), MOST_TASKS)]
    return {
        "headline": panels.collect("headline", list(BUDGETS), partial(_scores, view, found), len(BUDGETS), "budgets"),
        "by_task": panels.collect(
            "tasks", grids[: panels.MOST], partial(_grid, bool(found.swept)), len(grids), "parts of the grid"
        ),
    }


def _scores(view: View, found: Headline, budget: str) -> Drawn:
    """Every objective's score over the tasks under one budget; both budgets share the limits of their axes."""
    ways, rows = way_names(found), found.rows[found.rows["budget"] == budget]
    place = {name: row for row, name in enumerate(found.by_task.columns)}
    lift = {way: 0.24 * (i - (len(ways) - 1) / 2) for i, way in enumerate(ways)}
    figure, ax = drawing.blank(5.0, 1.2 + 0.52 * len(place))
    made = rows.assign(row=rows["objective"].map(place), lift=rows["way"].map(lift)).sort_values("row")
    drawing.draw_headline(ax, made, dict(view.styled), ways)
    ends = found.rows[["score", "low", "high"]]
    low, high = float(ends.min().min()), float(ends.max().max())
    ax.set_xlim(low - 0.05 * (high - low) - 0.01, high + 0.05 * (high - low) + 0.01)
    ax.set_xlabel(f"score, mean over {counted(len(found.by_task), 'task')}")
    ax.set_title(GIVEN[budget][0].upper() + GIVEN[budget][1:])
    return (
        figure,
        GIVEN[budget],
        f"Score of every objective over all tasks {GIVEN[budget]}, with its interval over seeds",
    )


def _grid(tuned: bool, by_task: pd.DataFrame) -> Drawn:
    """The score of every objective in every task, tuned where settings were swept."""
    figure, ax = drawing.blank(2.2 + 0.95 * by_task.shape[1], 0.9 + 0.34 * len(by_task))
    drawing.draw_grid(ax, by_task)
    score = "Tuned score" if tuned else "Score"
    return figure, "score by task", f"{score} at equal generator steps, a row a task, a column an objective"
