"""Figures of tasks, cells and runs.

The page and `harness.plot` draw by the same functions; `blank` gives them a figure and its axes, of so many inches.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.metrics import label
from harness.metrics.columns import MetricColumn
from harness.report.analysis import cell_table
from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import Limits, Points
from harness.report.figures.panels import Drawn, Section
from harness.report.styles import Style
from harness.text import NOTHING, counted, number, plain

MOST_ROWS = 40  # cells in one strip plot
MOST_STEPS = 2000  # points of a loss curve: more than its pixels
FEW = 3  # cells of a critic alone: its tasks do not change, and their panels look alike
SPREAD = "cells, the first, the last and one between"
IN_TURN = "cells: of each task its first objective, then its last, and so on inwards"
TICKS = 1.6  # inches that the names of rows take at most
MARGIN = 1.35  # how far a frame reaches beyond the real points

Blank = Callable[[float, float], tuple[Figure, Axes]]


@dataclass(frozen=True)
class Cell:
    """A row of a report's table of cells, as far as figures show it."""

    task: str
    dataset: str
    architecture: str
    objective: str
    setting: str
    metric: str
    n_ok: int
    n_planned: int

    def name(self, joint: str = ", ") -> str:
        """Return the objective with its setting."""
        return f"{self.objective}{joint}{self.setting}" if self.setting else self.objective

    @property
    def row_title(self) -> str:
        """The name broken in two where it is long, with what is missing."""
        name = self.name() if len(self.name()) <= 26 else self.name("\n")
        return name if self.n_ok == self.n_planned else f"{name} ({self.n_ok}/{self.n_planned} ok)"

    @property
    def panel_title(self) -> str:
        """The objective, its setting and its task, a line each: for a narrow panel."""
        return "\n".join(line for line in (self.objective, *self.setting.split(", "), self.task) if line)


def cells_of(table: pd.DataFrame) -> list[Cell]:
    """Return the rows of a table of cells."""
    names = [field.name for field in fields(Cell)]
    return [Cell(*row) for row in table[names].itertuples(index=False, name=None)] if len(table) else []


class Tasks(Protocol):
    """What figures of tasks are drawn from: a `View`, or as much of one as a table of runs holds by itself."""

    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def scored(self) -> pd.DataFrame: ...
    @property
    def cells(self) -> pd.DataFrame: ...
    @property
    def styled(self) -> Mapping[str, Style]: ...


def sections(view: View) -> dict[str, Section]:
    """Return the page's figures by name: primary, steps, points, losses."""
    best = cell_table.best_cells(view.cells)
    tasks, parts = (
        [part for _, part in cells.groupby("task", sort=False)] if len(cells) else [] for cells in (view.cells, best)
    )
    chosen, most, which = (in_turn, panels.MOST, IN_TURN) if len(view.learners) else (spread, FEW, SPREAD)
    cells, firsts = (cells_of(chosen(part, most)) for part in (view.cells, best))
    if view.learners.empty:
        tasks, parts = [], []  # there is nothing to rank
    if "step" in view.scored and view.scored["step"].nunique() < 2:
        parts = []  # one scored step is no course
    return {
        "primary": panels.collect("primary", tasks[: panels.MOST], partial(strip, view), len(tasks), "tasks"),
        "steps": panels.collect("steps", parts[: panels.MOST], partial(steps, view), len(parts), "tasks"),
        "points": panels.collect("points", cells, points(view, cells), len(view.cells), which),
        "losses": panels.collect("losses", firsts, partial(losses, view), len(best), which),
    }


def spread(cells: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most so many cells, the first and the last among them, the rest evenly between."""
    return cells.iloc[np.unique(np.linspace(0, len(cells) - 1, min(most, len(cells))).round().astype(int))]


def in_turn(cells: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most so many cells, no task left out before another has two: where there are too many, the best cell
    of each objective, and of each task its first objective, its last, its second, and so on.
    """
    if len(cells) <= most:
        return cells
    best = cell_table.best_cells(cells)
    tasks = best.groupby("task")
    first, last = (tasks.cumcount(ascending=way).to_numpy() for way in (True, False))
    turns = np.minimum(2 * first, 2 * last + 1)
    return best.iloc[np.sort(np.argsort(turns, kind="stable")[:most])]


def runs_of(view: Tasks, cell: Cell) -> pd.DataFrame:
    """Return the runs of a cell by seed: what a figure needs of them, for a table has a hundred columns."""
    table = view.table
    same = np.logical_and.reduce([
        table[key].to_numpy() == getattr(cell, key) for key in ("task", "objective", "setting")
    ])  # fmt: skip
    places = np.flatnonzero(same)
    places = places[np.argsort(table["seed"].to_numpy()[places], kind="stable")]
    needed = ("run_id", "seed", "status", cell.metric, "first_bad_step", "setup.held_out")
    return table[[name for name in needed if name in table]].iloc[places]


def median_of(view: View, cell: Cell) -> str | None:
    """Return the median run of a cell; None where none is ok, or where it has a row alone."""
    run_id = cell_table.median_run(runs_of(view, cell), cell.metric)
    return run_id if run_id is not None and view.store.has_records(run_id) else None


def counted_in(view: Tasks, tasks: list[str]) -> str:
    """Return what a step is: where the generator is fixed, an update of the critic."""
    mine = view.table[view.table["task"].isin(tasks)]
    fixed = "setup.trained" in mine and bool((mine["setup.trained"] == "fixed").all())
    return drawing.UPDATES if fixed else drawing.STEPS


def _wide(view: Tasks) -> float:
    """Return the width of a panel: a lone one has the room of two thirds of the page."""
    return 7.2 if view.cells["task"].nunique() == 1 else 4.7


def strip(view: Tasks, part: pd.DataFrame, blank: Blank = drawing.blank) -> Drawn | None:
    """Every seed's primary metric in one task, a row a cell."""
    if not part["n_ok"].any():
        return None
    top, dots = part.head(MOST_ROWS).assign(row=range(min(len(part), MOST_ROWS))), []
    cells = cells_of(top)
    metric, task = cells[0].metric, cells[0].task
    ok = view.table[(view.table["task"] == task) & (view.table["status"] == "ok")].sort_values("seed", kind="stable")
    of_cells = {key: mine[metric].to_numpy(float) for key, mine in ok.groupby(["objective", "setting"], sort=False)}
    for row, cell in enumerate(cells):
        values = of_cells.get((cell.objective, cell.setting), np.zeros(0))
        lift = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(len(values))
        dots.append(pd.DataFrame({"row": row, "lift": lift, "value": values}))
    marks, texts = pd.concat(dots, ignore_index=True), [cell.row_title for cell in cells]
    lines = max(text.count("\n") + 1 for text in texts)
    figure, ax = blank(_wide(view), 0.9 + len(top) * (0.18 + 0.16 * lines))
    zero = [0.0] if MetricColumn.parse(metric).is_excess else []  # the floor belongs in the figure
    scale_axis(ax, "x", np.concatenate([marks["value"].to_numpy(), zero]))
    drawing.draw_strips(ax, top.assign(text=texts), marks, view.styled, metric)
    left = f"; {len(part) - MOST_ROWS} further cells are in the table" if len(part) > MOST_ROWS else ""
    ax.set_title(drawing.wrapped(task, _wide(view) - TICKS, 10))
    return figure, task, f"{label(metric)} of every seed on {task}, by objective, best on top{left}"


def scale_axis(ax: Axes, axis: Literal["x", "y"], values: Points) -> None:
    """Give an axis the scale that the values on it ask for."""
    known = values[np.isfinite(values) & (values != 0)]
    drawing.scaled(ax, axis, cell_table.axis_scale(values), float(np.median(np.abs(known))) if known.size else 1.0)


def steps(view: Tasks, part: pd.DataFrame, blank: Blank = drawing.blank) -> Drawn | None:
    """The primary metric of one task against steps, a line an objective."""
    cells, means, seeds = cells_of(part), [], []
    metric, task = cells[0].metric, cells[0].task
    if metric not in view.scored:
        return None
    runs = {cell: runs_of(view, cell)["run_id"] for cell in cells}
    scored = view.scored.loc[view.scored["run_id"].isin(pd.concat(runs.values())), ["run_id", "step", metric]]
    scored = scored.rename(columns={metric: "value"}).astype({"value": float})
    for cell in cells:
        line = scored[scored["run_id"].isin(runs[cell])]
        by_step = line.groupby("step")["value"].agg(["mean", "count"])
        mean = by_step["mean"].where(by_step["count"] == cell.n_planned)  # never a mean of the survivors
        seeds.append(line.sort_values(["run_id", "step"]).assign(objective=cell.objective))
        means.append(pd.DataFrame({
            "objective": cell.objective, "text": cell.name(), "step": mean.index, "value": mean.to_numpy()
        }))  # fmt: skip
    lines, thin = pd.concat(means, ignore_index=True), pd.concat(seeds, ignore_index=True)
    if not np.isfinite(thin["value"]).any():
        return None
    figure, ax = blank(_wide(view), 3.5 + 0.08 * len(cells))  # so many more lines of the legend
    scale_axis(ax, "y", thin["value"].to_numpy())
    drawing.draw_steps(ax, lines, thin, view.styled, metric, counted_in(view, [task]))
    ax.set_title(drawing.wrapped(task, _wide(view) - 0.7, 10))
    return figure, task, f"{label(metric)} against steps on {task}, a line an objective"


def points(view: View, cells: list[Cell]) -> Callable[[Cell], Drawn | None]:
    """Return the drawing of one of the cells' real and generated points; panels of a data set share their limits."""
    limits: dict[str, Limits] = {}

    def draw(cell: Cell) -> Drawn | None:
        run_id = median_of(view, cell)
        if run_id is None:
            return None
        snapshot, real = view.store.snapshot(run_id), view.store.reference(cell.dataset, run_id)
        generated = snapshot["generated"][: len(real)]  # as many of either: densities are compared by eye
        if generated.ndim != 2 or generated.shape[1] != 2:
            return None  # images and points in other dimensions are no scatter plot
        if cell.dataset not in limits:
            ids = [median_of(view, other) for other in cells if other.dataset == cell.dataset]
            limits[cell.dataset] = frame(view.store.reference(cell.dataset, run) for run in ids if run)
        box = limits[cell.dataset]
        figure, ax = narrow(cell.panel_title)
        draw_cloud(ax, real, {**snapshot, "generated": generated}, view.styled[cell.objective], box)
        beyond, value = outside(generated, box), value_of(view, cell, run_id)
        ax.set_xlabel(f"{value}\n{beyond or 'none'} of {len(generated):,} outside", fontsize=8.5)
        alt = f"Real and generated points of {cell.name()} on {cell.task}: {value}"
        alt += f"; {counted(beyond, 'point')} outside the frame{_lines_of(snapshot)}"
        return figure, f"{cell.task} {cell.name(' ')}", alt

    return draw


def value_of(view: View, cell: Cell, run_id: str) -> str:
    """Return the primary metric of a run of a cell, and its seed: "w1_excess 0.051, seed 2"."""
    row = view.table.set_index("run_id").loc[[run_id]].iloc[0]
    return f"{cell.metric} {number(float(row[cell.metric]))}, seed {row['seed']}"


def draw_cloud(
    ax: Axes,
    real: Points,
    snapshot: Mapping[str, Points],
    look: Style,
    box: Limits | None = None,
) -> None:
    """Draw real points [n, 2], over them those `generated` in a snapshot, and its critic where it holds one.

    A grid without `critic_batch` is an earlier version's, which normalised a critic with batch norm by parts of the
    grid itself: it is not drawn.
    """
    if "critic_batch" in snapshot:
        x0, x1, y0, y1 = (float(value) for value in snapshot["critic_extent"])
        drawing.draw_critic(ax, snapshot["critic_grid"], (x0, x1, y0, y1))
    drawing.draw_points(ax, real, snapshot["generated"], look, box or frame([real]))


def _lines_of(snapshot: Mapping[str, Points]) -> str:
    """Say what the level lines are of, and by which batch its batch norm is normalised; "" where there are none."""
    if "critic_batch" not in snapshot:
        return ""
    batch = int(snapshot["critic_batch"])
    return "; contours of its critic" + (f", batch norm with the statistics of {batch:,} real points" if batch else "")


def narrow(title: str) -> tuple[Figure, Axes]:
    """Return a figure of which four stand side by side, with its title, however long."""
    title = drawing.wrapped(title, 1.9)
    figure, ax = drawing.blank(2.27, 2.6 + 0.14 * len(title.splitlines()))
    ax.set_title(title, fontsize=8.5)
    return figure, ax


def frame(clouds: Iterable[Points]) -> Limits:
    """Return square limits around all the real points [n, 2], wider than they are so that strays show."""
    points = np.concatenate(list(clouds))
    low, high = points.min(axis=0), points.max(axis=0)
    half = MARGIN * max(float((high - low).max()) / 2, 1e-6)
    x, y = (float(middle) for middle in (low + high) / 2)
    return x - half, x + half, y - half, y + half


def outside(points: Points, box: Limits) -> int:
    """Count the points [n, 2] that a frame does not show, those that are not finite among them."""
    inside = (points[:, 0] >= box[0]) & (points[:, 0] <= box[1]) & (points[:, 1] >= box[2]) & (points[:, 1] <= box[3])
    return int((~inside).sum())


def losses(view: View, cell: Cell) -> Drawn | None:
    """Both players' losses in the median run of a cell, or where none is ok in the first that diverged."""
    runs = runs_of(view, cell)
    run_id, state = cell_table.median_run(runs, cell.metric), ""
    if run_id is None:
        diverged = runs[runs["status"] == "diverged"]
        if diverged.empty:
            return None
        run_id, step = str(diverged["run_id"].iloc[0]), diverged.get("first_bad_step", pd.Series([math.nan])).iloc[0]
        state = ", diverged" if plain(step) == NOTHING else f", diverged at step {plain(step)}"
    if not view.store.has_records(run_id):
        return None
    seed = int(runs.loc[runs["run_id"] == run_id, "seed"].iloc[0])
    title = drawing.wrapped(f"{cell.name()}\n{cell.task}, seed {seed}{state}", 2.5)
    figure, ax = drawing.blank(3.08, 2.6 + 0.14 * len(title.splitlines()))
    draw_curves(ax, view.store.curves(run_id), view.styled[cell.objective], counted_in(view, [cell.task]))
    ax.set_title(title, fontsize=8.5)
    alt = f"Losses of critic and generator of {cell.name()} on {cell.task}, seed {seed}{state}"
    return figure, f"{cell.task} {cell.name(' ')}", alt


def draw_curves(ax: Axes, curves: pd.DataFrame, look: Style, steps: str) -> None:
    """Draw the losses of one run, thinned to what a figure can show, on the scale that their values ask for."""
    thinned = thin(curves)
    drawing.draw_losses(ax, thinned, look, steps)
    scale_axis(ax, "y", thinned.filter(["critic_loss", "generator_loss"]).to_numpy(dtype=float).ravel())


def thin(curves: pd.DataFrame) -> pd.DataFrame:
    """Return as many rows of curves, evenly, as a figure can show."""
    return curves.iloc[:: max(math.ceil(len(curves) / MOST_STEPS), 1)]
