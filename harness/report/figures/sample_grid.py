"""The grid of samples: of a data set of pictures a small sheet for every objective on every architecture."""

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.metrics.columns import MetricColumn
from harness.report.analysis import cell_table
from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels
from harness.report.figures.image_grids import Pictures, sheet, square
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.task_figures import best_cells, median_of, rows_of
from harness.text import number

SIDE = 100  # pixels of a sheet's side at most: 25 of 16 pixels
INCH = 1.15  # of a sheet's side


def section(view: View, cells: pd.DataFrame) -> Section:
    """Return a grid for each data set of `cells`, all of pictures, of several objectives on several architectures."""
    best = best_cells(cells)
    grids = []
    data = [task.data_label for task in cell_table.tasks_of(best, view.plan.get("data_axes", ()))]
    for _, part in best.groupby(data, sort=False) if len(best) else ():
        if part["objective"].nunique() > 1 and part["architecture"].nunique() > 1:
            grids.append(part)
    return panels.collect("grid", grids[: panels.MOST], partial(_grid, view), len(grids), "data sets")


def _grid(view: View, part: pd.DataFrame) -> Drawn | None:
    """Draw a row an architecture, a column an objective: its median run at its best setting; real pictures first."""
    found = {(cell["architecture"], cell["objective"]): cell for cell in rows_of(part)}
    rows, columns = (list(dict.fromkeys(part[name])) for name in ("architecture", "objective"))
    columns = [name for name in view.table["objective"].unique() if name in columns]
    figure, axes = drawing.squares(len(rows), 1 + len(columns), INCH)
    real = None
    for i, row in enumerate(rows):
        for j, column in enumerate(columns, start=1):
            cell = found.get((row, column))
            run_id = None if cell is None else median_of(view, cell)
            if cell is None or run_id is None:
                drawing.empty(axes[i][j], "no run finished")
                continue
            real = _real(view, cell, run_id) if real is None else real
            drawing.draw_sheet(axes[i][j], _sheet(view.store.snapshot(run_id)["fixed"]))
            axes[i][j].set_xlabel(_below(view, cell, run_id), fontsize=8)
        axes[i][0].set_ylabel(row, fontsize=9, rotation=0, ha="right", va="center")
    if real is None:
        return None
    for row_axes in axes:
        if len(real):
            drawing.draw_sheet(row_axes[0], _sheet(real))
        else:
            drawing.empty(row_axes[0], "lost: harness doctor\nmakes them again")
    for ax, column in zip(axes[0], ("real", *columns), strict=True):
        ax.set_title(column, fontsize=9)
    name = cell_table.tasks_of(part, view.plan.get("data_axes", ()))[0].data_label
    return figure, name, f"Pictures of {name}: a row an architecture, a column an objective, at its best setting"


def _real(view: View, cell: dict[str, Any], run_id: str) -> Pictures:
    """Return the real pictures of a run; none where their file is lost or torn: the generated ones do without."""
    try:
        return view.store.reference(str(cell["dataset"]), run_id)
    except HarnessError:
        return np.zeros((0, 1, 1, 1), dtype=np.uint8)


def _below(view: View, cell: dict[str, Any], run_id: str) -> str:
    metric = str(cell["metric"])
    value = view.table.loc[view.table["run_id"] == run_id, metric].astype(float).iloc[0]
    return f"{MetricColumn.parse(metric).name} {number(value)}"


def _sheet(pictures: Pictures) -> Pictures:
    n = square(min(len(pictures), 25), max(pictures.shape[-2:]), SIDE)
    return sheet(pictures[:n], math.isqrt(n))
