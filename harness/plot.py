"""Figures for a notebook, each drawn by the function that draws the report's, in the report's colours.

Each takes what is to be shown and matplotlib axes; without axes it makes a figure of pyplot's, which a notebook shows.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.errors import HarnessError
from harness.report import styles
from harness.report.analysis import cell_table
from harness.report.figures import drawing, sample_sheets, style, task_figures
from harness.report.figures.panels import Drawn
from harness.report.reading import Reading, read
from harness.report.styles import Style
from harness.text import counted

if TYPE_CHECKING:
    from harness.loaded_run import KeptRun

__all__ = ["losses", "samples", "scores", "steps"]


def scores(table: pd.DataFrame, ax: Axes | None = None, metric: str | None = None) -> Axes:
    """Draw every run's metric in one task, a row a cell, best on top, with means and intervals over seeds.

    `table` is that of `harness.load`, filtered to one task; runs are ranked on `metric`, as `harness.report` does.
    Raises HarnessError where there are several tasks, or no run is ok.
    """
    reading = read(table, metric)
    return _drawn(task_figures.strip, reading, reading.cells, ax)


def steps(runs: "KeptRun | Sequence[KeptRun]", ax: Axes | None = None, metric: str | None = None) -> Axes:
    """Draw a metric of runs of one task against steps: a thick line a cell for the mean, thin ones for its seeds.

    Of several settings of an objective the best is shown. Raises HarnessError where there are several tasks, no run
    was scored, or what is given are no runs.
    """
    given = list(runs) if isinstance(runs, Sequence) else [runs]
    if not given:
        raise HarnessError("plot.steps: no runs given")
    for run in given:
        _refuse_others("steps", run)
    table = pd.concat([run.table for run in given])
    table.attrs.pop("confirming", None)  # what is given is drawn, trials of a study beside the runs that confirm it
    reading = read(table, metric, pd.concat([run.scored for run in given]))
    return _drawn(task_figures.steps, reading, cell_table.best_cells(reading.cells), ax)


def losses(run: "KeptRun", ax: Axes | None = None) -> Axes:
    """Draw both players' losses of one run against steps. Raises HarnessError where something else is given."""
    _refuse_others("losses", run)
    with style.applied():
        ax = ax or _pyplot(4.7, 3.5)[1]
        fixed = run.spec.setup.train["generator"] == "fixed"
        task_figures.draw_curves(ax, run.curves, _look(run), drawing.UPDATES if fixed else drawing.STEPS)
        ax.set_title(_title(run))
    return ax


def samples(run: "KeptRun", ax: Axes | None = None) -> Axes:
    """Draw a run's scored samples: points of the plane over real ones, with the critic's level lines; images in a
    sheet.

    Raises HarnessError for points in other dimensions, and where something else is given.
    """
    _refuse_others("samples", run)
    drawn = run.samples
    if drawn.ndim == 2 and drawn.shape[1] != 2:
        raise HarnessError(
            f"{run.run_id}: points in {counted(drawn.shape[1], 'dimension')}; those of the plane are drawn"
        )
    with style.applied():
        ax = ax or _pyplot(4.0, 4.2)[1]
        if drawn.ndim == 2:
            real, snapshot = run.reference, run.store.snapshot(run.run_id)
            task_figures.draw_cloud(ax, real, {**snapshot, "generated": drawn[: len(real)]}, _look(run))
        else:
            drawing.draw_sheet(ax, sample_sheets.sheet_of(drawn))
        ax.set_title(_title(run))
    return ax


def _refuse_others(name: str, given: object) -> None:
    """Raise HarnessError where what a figure was given is no run: a table has none of what a run keeps."""
    from harness.loaded_run import KeptRun  # by now imported, where it is one

    if not isinstance(given, KeptRun):
        kind = "table" if isinstance(given, pd.DataFrame) else type(given).__name__
        raise HarnessError(
            f"plot.{name}: {kind} given where a run is needed; give what `harness.load_run` returns for an id, such as "
            "one of a table's column run_id, or draw a table by plot.scores"
        )


def _drawn(draw: Callable[..., Drawn | None], reading: Reading, cells: pd.DataFrame, ax: Axes | None) -> Axes:
    tasks = list(dict.fromkeys(cells["task"])) if len(cells) else []
    if len(tasks) > 1:
        raise HarnessError(
            f"{counted(len(tasks), 'task')} given and one axes shows one; filter to one, such as dataset "
            f"'{cells['dataset'].iloc[0]}' with architecture '{cells['architecture'].iloc[0]}'"
        )
    with style.applied():
        figure = draw(reading, cells, (lambda *size: (cast(Figure, ax.figure), ax)) if ax is not None else _pyplot)
    if figure is None:
        raise HarnessError("nothing to draw: no run given is ok and scored")
    return ax or figure[0].axes[0]


def _pyplot(width: float, height: float) -> tuple[Figure, Axes]:
    import matplotlib.pyplot as plt  # here alone: it chooses a backend

    return plt.subplots(figsize=(width, height), layout="constrained")


def _look(run: "KeptRun") -> Style:
    """Return how its objective looks in the report of its suite."""
    return styles.styles(run.table.attrs["objectives"])[run.row["objective"]]


def _title(run: "KeptRun") -> str:
    row = run.row
    return f"{row['objective']} on {row['dataset']} / {row['architecture']}, seed {row['seed']}"
