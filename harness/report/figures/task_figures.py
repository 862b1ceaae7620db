"""What is drawn of tasks, cells and runs: the data of every picture but the headline's.

The page and `harness.plot` draw by the same functions; `blank` gives them a figure and its axes, of so many inches.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.metrics import label
from harness.metrics.columns import MetricColumn
from harness.report.analysis import cell_table
from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import Limits
from harness.report.figures.panels import Drawn, Section
from harness.report.styles import Style
from harness.text import NOTHING, counted, number, plain

MOST_ROWS = 40  # cells in one strip plot
MOST_STEPS = 2000  # points of a loss curve: more than its pixels
MARGIN = 1.35  # how far a frame reaches beyond the real points

Blank = Callable[[float, float], tuple[Figure, Axes]]


class Tasks(Protocol):
    """What pictures of tasks are drawn from: a `View`, or as much of one as a table of runs holds by itself."""

    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def scored(self) -> pd.DataFrame: ...
    @property
    def cells(self) -> pd.DataFrame: ...
    @property
    def styled(self) -> Mapping[str, Style]: ...


def sections(view: View) -> dict[str, Section]:
    """Return the page's pictures by name: primary, steps, points, losses."""
    best = best_cells(view.cells)
    tasks, parts = list(tasks_of(view.cells)), list(tasks_of(best))
    cells, firsts = in_turn(view.cells, panels.MOST), in_turn(best, panels.MOST)
    told = "cells: of each task its first objective, then its last, and so on inwards"
    return {
        "primary": panels.collect("primary", tasks[: panels.MOST], partial(strip, view), len(tasks), "tasks"),
        "steps": panels.collect("steps", parts[: panels.MOST], partial(steps, view), len(parts), "tasks"),
        "points": panels.collect("points", rows_of(cells), _points(view, cells), len(view.cells), told),
        "losses": panels.collect("losses", rows_of(firsts), partial(_losses, view), len(best), told),
    }


def tasks_of(cells: pd.DataFrame) -> Iterator[pd.DataFrame]:
    return (part for _, part in cells.groupby("task", sort=False)) if len(cells) else iter(())


def rows_of(cells: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in cells.to_dict("records")]


def best_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the best ranked cell of every objective in every task: cells come ordered by rank."""
    return cells.drop_duplicates(["task", "objective"]) if len(cells) else cells


def in_turn(cells: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most so many cells, no task left out before another has two: where there are too many, the best cell
    of each objective, and of each task its first objective, its last, its second, and so on.
    """
    if len(cells) <= most:
        return cells
    best = best_cells(cells)
    tasks = best.groupby("task")
    first, last = (tasks.cumcount(ascending=way).to_numpy() for way in (True, False))
    turns = np.minimum(2 * first, 2 * last + 1)
    return best.iloc[np.sort(np.argsort(turns, kind="stable")[:most])]


def runs_of(view: Tasks, cell: dict[str, Any]) -> pd.DataFrame:
    """Return the runs of a cell by seed: what a picture needs of them, for a table has a hundred columns."""
    table = view.table
    same = np.logical_and.reduce([table[key].to_numpy() == cell[key] for key in ("task", "objective", "setting")])
    places = np.flatnonzero(same)
    places = places[np.argsort(table["seed"].to_numpy()[places], kind="stable")]
    return table[_needed(table, cell["metric"])].iloc[places]


def _runs_by_cell(view: Tasks, part: pd.DataFrame) -> Mapping[Any, pd.DataFrame]:
    """Return what `runs_of` does of all cells of one task, by objective and setting."""
    table = view.table[view.table["task"] == part["task"].iloc[0]].sort_values("seed", kind="stable")
    columns = _needed(table, str(part["metric"].iloc[0]))
    return {key: runs[columns] for key, runs in table.groupby(["objective", "setting"], sort=False)}


def _needed(table: pd.DataFrame, metric: str) -> list[str]:
    return [name for name in ("run_id", "seed", "status", metric, "first_bad_step") if name in table]


def median_of(view: View, cell: dict[str, Any]) -> str | None:
    """Return the median run of a cell; None where none is ok."""
    return cell_table.median_run(runs_of(view, cell), cell["metric"])


def named(cell: dict[str, Any], joint: str = ", ") -> str:
    return f"{cell['objective']}{joint}{cell['setting']}" if cell["setting"] else str(cell["objective"])


def _counted_in(view: Tasks, cells: pd.DataFrame) -> str:
    """Return what a step is: where the generator is fixed, an update of the critic."""
    mine = view.table[view.table["task"].isin(cells["task"])]
    fixed = "setup.trained" in mine and bool((mine["setup.trained"] == "fixed").all())
    return drawing.UPDATES if fixed else drawing.STEPS


def _ticked(cell: dict[str, Any]) -> str:
    """Return the name of a row, broken in two where it is long, with what is missing."""
    name = named(cell) if len(named(cell)) <= 26 else named(cell, "\n")
    return name if cell["n_ok"] == cell["n_planned"] else f"{name} ({cell['n_ok']}/{cell['n_planned']} ok)"


def _wide(view: Tasks) -> float:
    """Return the width of a panel: a lone one has the room of two thirds of the page."""
    return 7.2 if view.cells["task"].nunique() == 1 else 4.7


def strip(view: Tasks, part: pd.DataFrame, blank: Blank = drawing.blank) -> Drawn | None:
    """Every seed's primary metric in one task, a row a cell."""
    if not part["n_ok"].any():
        return None
    metric, task = str(part["metric"].iloc[0]), str(part["task"].iloc[0])
    shown, dots = part.head(MOST_ROWS).assign(row=range(min(len(part), MOST_ROWS))), []
    by_cell = _runs_by_cell(view, part)
    for cell in rows_of(shown):
        runs = by_cell[cell["objective"], cell["setting"]]
        ok = runs[runs["status"] == "ok"]
        lift = np.linspace(-0.2, 0.2, len(ok)) if len(ok) > 1 else np.zeros(len(ok))
        dots.append(pd.DataFrame({"row": cell["row"], "lift": lift, "value": ok[metric].astype(float).to_numpy()}))
    marks, texts = pd.concat(dots, ignore_index=True), [_ticked(cell) for cell in rows_of(shown)]
    lines = max(text.count("\n") + 1 for text in texts)
    figure, ax = blank(_wide(view), 0.9 + len(shown) * (0.18 + 0.16 * lines))
    zero = [0.0] if MetricColumn.parse(metric).is_excess else []  # the floor belongs in the picture
    _scale(ax, "x", np.concatenate([marks["value"].to_numpy(), zero]))
    drawing.draw_strips(ax, shown.assign(text=texts), marks, dict(view.styled), metric)
    left = f"; {len(part) - MOST_ROWS} further cells are in the table" if len(part) > MOST_ROWS else ""
    ax.set_title(task)
    return figure, task, f"{label(metric)} of every seed on {task}, by objective, best on top{left}"


def _scale(ax: Any, axis: Any, values: NDArray[Any]) -> None:
    found = values[np.isfinite(values) & (values != 0)]
    drawing.scaled(ax, axis, cell_table.axis_scale(values), float(np.median(np.abs(found))) if found.size else 1.0)


def steps(view: Tasks, part: pd.DataFrame, blank: Blank = drawing.blank) -> Drawn | None:
    """The primary metric of one task against steps, a line an objective."""
    metric, task = str(part["metric"].iloc[0]), str(part["task"].iloc[0])
    if metric not in view.scored:
        return None
    by_cell, means, seeds = _runs_by_cell(view, part), [], []
    scored = view.scored[["run_id", "step", metric]]
    scored = scored[scored["run_id"].isin(pd.concat(by_cell.values())["run_id"])]
    for cell in rows_of(part):
        mine = scored[scored["run_id"].isin(by_cell[cell["objective"], cell["setting"]]["run_id"])]
        line = pd.DataFrame({"run_id": mine["run_id"], "step": mine["step"], "value": mine[metric].astype(float)})
        by_step = line.groupby("step")["value"].agg(["mean", "count"])
        mean = by_step["mean"].where(by_step["count"] == cell["n_planned"])  # never a mean of the survivors
        title = {"objective": cell["objective"], "text": named(cell)}
        seeds.append(line.sort_values(["run_id", "step"]).assign(objective=cell["objective"]))
        means.append(pd.DataFrame({**title, "step": mean.index, "value": mean.to_numpy()}))
    lines, thin = pd.concat(means, ignore_index=True), pd.concat(seeds, ignore_index=True)
    if not np.isfinite(thin["value"]).any():
        return None
    figure, ax = blank(_wide(view), 3.5)
    _scale(ax, "y", thin["value"].to_numpy())
    drawing.draw_steps(ax, lines, thin, dict(view.styled), metric, _counted_in(view, part))
    ax.set_title(task)
    return figure, task, f"{label(metric)} against steps on {task}, a line an objective"


def _points(view: View, cells: pd.DataFrame) -> Callable[[dict[str, Any]], Drawn | None]:
    """Return the drawing of one of the cells' real and generated points; panels of a data set share their limits."""
    limits: dict[str, Limits] = {}
    shown = [(cell, median_of(view, cell)) for cell in rows_of(cells)]

    def draw(cell: dict[str, Any]) -> Drawn | None:
        run_id = median_of(view, cell)
        if run_id is None:
            return None
        dataset, snapshot = str(cell["dataset"]), view.store.snapshot(run_id)
        real, generated = view.store.reference(dataset, run_id), snapshot["generated"]
        generated = generated[: len(real)]  # as many of either: densities are compared by eye
        if generated.ndim != 2 or generated.shape[1] != 2:
            return None  # pictures and points in other dimensions are no scatter plot
        if dataset not in limits:
            ids = [run for other, run in shown if run and other["dataset"] == dataset]
            limits[dataset] = frame(view.store.reference(dataset, run) for run in ids)
        box = limits[dataset]
        title = titled(cell)
        figure, ax = narrow(title)
        draw_cloud(ax, real, {**snapshot, "generated": generated}, view.styled[cell["objective"]], box)
        row = view.table.set_index("run_id").loc[[run_id]].iloc[0]
        ax.set_title(title, fontsize=8.5)
        beyond = outside(generated, box)
        found = f"{cell['metric']} {number(float(row[cell['metric']]))}, seed {row['seed']}"
        ax.set_xlabel(f"{found}\n{beyond or 'none'} of {len(generated):,} outside", fontsize=8.5)
        said = f"Real and generated points of {named(cell)} on {cell['task']}: {found}"
        said += f"; {counted(beyond, 'point')} outside the frame{_lines_of(snapshot)}"
        return figure, f"{cell['task']} {named(cell, ' ')}", said

    return draw


def draw_cloud(
    ax: Axes, real: NDArray[Any], snapshot: Mapping[str, NDArray[Any]], look: Style, box: Limits | None = None
) -> None:
    """Draw real points [n, 2], over them those `generated` in a snapshot, and its critic where it holds one.

    A grid without `critic_batch` is an earlier version's, which normalised a critic with batch norm by parts of the
    grid itself: it is not drawn.
    """
    if "critic_batch" in snapshot:
        x0, x1, y0, y1 = (float(value) for value in snapshot["critic_extent"])
        drawing.draw_critic(ax, snapshot["critic_grid"], (x0, x1, y0, y1))
    drawing.draw_points(ax, real, snapshot["generated"], look, box or frame([real]))


def _lines_of(snapshot: Mapping[str, NDArray[Any]]) -> str:
    """Say what the level lines are of, and by which batch its batch norm is normalised; "" where there are none."""
    if "critic_batch" not in snapshot:
        return ""
    batch = int(snapshot["critic_batch"])
    return "; contours of its critic" + (f", batch norm with the statistics of {batch:,} real points" if batch else "")


def narrow(title: str) -> tuple[Figure, Axes]:
    """Return a figure of which four stand side by side, with room for the lines of its title."""
    return drawing.blank(2.27, 2.6 + 0.14 * len(title.splitlines()))


def titled(cell: dict[str, Any]) -> str:
    """Return a narrow panel's title: the objective, its setting and its task, a line each."""
    lines = (cell["objective"], *str(cell["setting"]).split(", "), cell["task"])
    return "\n".join(str(line) for line in lines if line)


def frame(clouds: Iterable[NDArray[Any]]) -> Limits:
    """Return square limits around all the real points [n, 2], wider than they are so that strays show."""
    points = np.concatenate(list(clouds))
    low, high = points.min(axis=0), points.max(axis=0)
    half = MARGIN * max(float((high - low).max()) / 2, 1e-6)
    x, y = (float(middle) for middle in (low + high) / 2)
    return x - half, x + half, y - half, y + half


def outside(points: NDArray[Any], box: Limits) -> int:
    """Count the points [n, 2] that a frame does not show, those that are not finite among them."""
    inside = (points[:, 0] >= box[0]) & (points[:, 0] <= box[1]) & (points[:, 1] >= box[2]) & (points[:, 1] <= box[3])
    return int((~inside).sum())


def _losses(view: View, cell: dict[str, Any]) -> Drawn | None:
    """Both players' losses in the median run of a cell, or where none is ok in the first that diverged."""
    runs = runs_of(view, cell)
    run_id, state = cell_table.median_run(runs, cell["metric"]), ""
    if run_id is None:
        diverged = runs[runs["status"] == "diverged"]
        if diverged.empty:
            return None
        run_id, step = (
            str(diverged["run_id"].iloc[0]),
            plain(diverged.get("first_bad_step", pd.Series([math.nan])).iloc[0]),
        )
        state = ", diverged" if step == NOTHING else f", diverged at step {step}"
    seed = int(runs.loc[runs["run_id"] == run_id, "seed"].iloc[0])
    figure, ax = drawing.blank(3.08, 2.7)
    counted_in = _counted_in(view, pd.DataFrame([cell]))
    draw_curves(ax, view.store.curves(run_id), view.styled[cell["objective"]], counted_in)
    ax.set_title(f"{named(cell)}\n{cell['task']}, seed {seed}{state}", fontsize=8.5)
    return (
        figure,
        f"{cell['task']} {named(cell, ' ')}",
        f"Losses of critic and generator of {named(cell)} on {cell['task']}, seed {seed}{state}",
    )


def draw_curves(ax: Axes, curves: pd.DataFrame, look: Style, steps: str) -> None:
    """Draw the losses of one run, thinned to what a figure can show, on the scale that their values ask for."""
    shown = curves.iloc[:: max(math.ceil(len(curves) / MOST_STEPS), 1)]
    drawing.draw_losses(ax, shown, look, steps)
    _scale(ax, "y", shown.filter(["critic_loss", "generator_loss"]).to_numpy(dtype=float).ravel())
