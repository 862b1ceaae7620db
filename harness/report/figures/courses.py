"""Points of the plane and their critics through training: a panel a run and scored step, as a figure and as a GIF."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from harness.report.analysis import cell_table
from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels, style
from harness.report.figures.drawing import GREY, Limits, Points
from harness.report.figures.panels import Drawn, Panel, Section
from harness.report.figures.style import INK
from harness.report.figures.task_figures import Cell, cells_of, frame, median_of
from harness.report.styles import Style

LEAST = 3  # scored steps that make a course
MOST_STEPS = 6  # in a figure, the first and the last among them; a GIF has all
MOST_TASKS, MOST_CELLS = 2, 6  # on a page
IN_A_ROW = 3  # cells side by side in a GIF
MARKS = 256  # real points and as many generated ones in a panel
GAP, TITLE = 0.08, 0.22  # between panels side by side, and above one, of a panel's side
NAMES = 0.85  # left of the panels, of a panel's side
SIDE = 1.45  # inches of a panel in a figure; in a GIF half as much again
DPI = 90  # of a GIF
FRAME_MS, LAST_MS = 600, 2400  # the last frame rests


@dataclass(frozen=True)
class Scene:
    """One panel: a snapshot with `generated` points and, where there is one, the critic's grid, over `real` points."""

    title: str
    real: Points
    snapshot: Mapping[str, Points]
    look: Style


@dataclass(frozen=True)
class Course:
    """The scored steps of a cell's median run, a scene each; `steps` are their numbers."""

    cell: Cell
    steps: Sequence[int]
    scenes: Sequence[Scene]


def sections(view: View) -> dict[str, Section]:
    """Return the page's figures by name: courses, a figure a task, and moving, the same as GIFs.

    Rows are the objectives of a task at their best settings. Both are empty where nothing has points of the plane at
    three scored steps.
    """
    best = cell_table.best_cells(view.cells)
    points = best[~best["dataset"].isin(view.plan.pictures)] if len(best) and len(view.learners) else best.head(0)
    parts = [cells_of(part) for _, part in points.groupby("task", sort=False)] if len(points) else []
    courses = [course for part in parts[:MOST_TASKS] if (course := _courses(view, part[:MOST_CELLS]))]
    moving = [gif_of(f"moving-{place:02d}", rows) for place, rows in enumerate(courses, start=1)]
    what = "tasks" if courses else ""
    return {
        "courses": panels.collect("courses", courses, figure_of, len(parts) if courses else 0, what),
        "moving": Section(tuple(moving), ()),
    }


def _courses(view: View, cells: list[Cell]) -> list[Course]:
    return [course for cell in cells if (course := course_of(view, cell)) is not None]


def course_of(view: View, cell: Cell) -> Course | None:
    """Return the course of a cell's median run; None where none is ok, or it has no points of the plane at LEAST steps.

    Raises what reading a snapshot raises.
    """
    run_id = median_of(view, cell)
    steps = view.store.steps(run_id) if run_id else []
    if run_id is None or len(steps) < LEAST:
        return None
    real = view.store.reference(cell.dataset, run_id)
    if real.ndim != 2 or real.shape[1] != 2:
        return None
    look = view.styled[cell.objective]
    scenes = [Scene(f"step {step:,}", real, view.store.snapshot(run_id, step), look) for step in steps]
    return Course(cell, steps, scenes)


def figure_of(rows: Sequence[Course]) -> Drawn:
    """Return a figure of courses of one task: a row a course, a column a step."""
    columns = max(min(len(row.steps), MOST_STEPS) for row in rows)
    scenes = [_evenly(row.scenes, columns) for row in rows]
    task = rows[0].cell.task
    figure, ax = _blank(len(rows), columns, SIDE, NAMES)
    draw_scenes(ax, scenes, _box(_all(rows)), [row.cell.name("\n") for row in rows])
    alt = f"Real and generated points on {task} and contours of the critic, a row an objective, a column a scored step"
    return figure, task, alt


def _all(rows: Sequence[Course]) -> list[Scene]:
    return [scene for row in rows for scene in row.scenes]


def _evenly(scenes: Sequence[Scene], n: int) -> list[Scene]:
    return [scenes[int(place)] for place in np.unique(np.linspace(0, len(scenes) - 1, n).round())]


def gif_of(name: str, rows: Sequence[Course]) -> Panel:
    """Return courses of one task as a GIF: a frame a scored step, the courses side by side."""
    names = [row.cell.name() for row in rows]
    lines = [range(start, min(start + IN_A_ROW, len(rows))) for start in range(0, len(rows), IN_A_ROW)]
    box, columns, images = _box(_all(rows)), min(len(rows), IN_A_ROW), []
    with style.applied():
        for place in range(max(len(row.steps) for row in rows)):
            figure, ax = _blank(len(lines), columns, 1.5 * SIDE)
            scenes = [[_named(names[at], rows[at].scenes, place) for at in line] for line in lines]
            draw_scenes(ax, scenes, box)
            images.append(_image(figure))
    stream = io.BytesIO()
    durations = [FRAME_MS] * (len(images) - 1) + [LAST_MS]
    images[0].save(stream, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    task, last = rows[0].cell.task, max(row.steps[-1] for row in rows)
    title = f"{task} {rows[0].cell.name(' ')}" if len(rows) == 1 else task
    alt = f"{', '.join(names)} on {task}, steps {rows[0].steps[0]:,} to {last:,}"
    return Panel(panels.named(name, title), alt, images[0].width, images[0].height, {"gif": stream.getvalue()})


def _named(name: str, scenes: Sequence[Scene], place: int) -> Scene:
    scene = scenes[min(place, len(scenes) - 1)]
    return Scene(f"{name}, {scene.title}", scene.real, scene.snapshot, scene.look)


def _image(figure: Figure) -> Image.Image:
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return drawn.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def _blank(rows: int, columns: int, side: float, left: float = 0.0) -> tuple[Figure, Axes]:
    return drawing.blank((left + columns * (1 + GAP)) * side + 0.1, rows * (1 + TITLE) * side + 0.1)


def still(scene: Scene) -> NDArray[np.uint8]:
    """Return one scene as pixels [height, width, 3]."""
    with style.applied():
        figure, ax = _blank(1, 1, 2 * SIDE)
        draw_scenes(ax, [[scene]], _box([scene]))
        return np.asarray(_image(figure).convert("RGB"))


def _box(scenes: Sequence[Scene]) -> Limits:
    """Return the square that panels show: what the critic's grid covers, else the real points with a margin."""
    extents = [scene.snapshot["critic_extent"] for scene in scenes if _has_critic(scene)]
    if not extents:
        return frame(scene.real for scene in scenes)
    x0, x1, y0, y1 = np.abs(np.stack(extents)).max(axis=0)
    return -float(x0), float(x1), -float(y0), float(y1)


def _has_critic(scene: Scene) -> bool:
    return "critic_batch" in scene.snapshot  # without it a grid is an earlier version's, and is not drawn


def draw_scenes(ax: Axes, scenes: Sequence[Sequence[Scene]], box: Limits, names: Sequence[str] = ()) -> None:
    """Draw rows of scenes in one axes, each in a unit square, beside the names of the rows: axes for each would take
    ten times as long.

    Real points are grey plus signs, generated ones crosses in the colour of the objective, those outside the box left
    out.
    """
    for row, line in enumerate(scenes):
        for column, scene in enumerate(line):
            x, y = column * (1 + GAP), -row * (1 + TITLE)
            square = Rectangle((x, y), 1, 1, fill=False, edgecolor="#777777", linewidth=0.8)
            ax.add_patch(square)
            if _has_critic(scene):
                _contours(ax, scene.snapshot, box, square)
            generated = scene.snapshot["generated"]
            for points, marker, colour in ((scene.real, "+", GREY), (generated, "x", scene.look.colour)):
                at = _inside(points[:MARKS], box) + np.array([x, y])
                ax.plot(
                    at[:, 0], at[:, 1], marker, color=colour, markersize=2.8, markeredgewidth=0.8, alpha=0.85,
                    rasterized=True,
                )  # fmt: skip
            ax.text(x, y + 1.02, scene.title, fontsize=7.5, va="bottom")
    for row, name in enumerate(names):
        text = drawing.wrapped(name, NAMES * SIDE)
        ax.text(-0.06, 0.5 - row * (1 + TITLE), text, fontsize=8.5, ha="right", va="center")
    columns, left = max(map(len, scenes)), NAMES if names else 0
    ax.set_xlim(-left - 0.02, columns * (1 + GAP) - GAP + 0.02)
    ax.set_ylim(-(len(scenes) - 1) * (1 + TITLE) - 0.02, 1 + TITLE)
    ax.set_aspect("equal")
    ax.set_axis_off()


def _inside(points: Points, box: Limits) -> Points:
    """Return the points [n, 2] that lie in a box, which becomes the unit square."""
    low, side = np.array([box[0], box[2]]), np.array([box[1] - box[0], box[3] - box[2]])
    unit = (points - low) / side
    return np.asarray(unit[((unit >= 0) & (unit <= 1)).all(axis=1)])


def _contours(ax: Axes, snapshot: Mapping[str, Points], box: Limits, square: Rectangle) -> None:
    grid, extent = snapshot["critic_grid"], snapshot["critic_extent"]
    x0, y0 = square.get_xy()
    x = x0 + (np.linspace(extent[0], extent[1], grid.shape[1]) - box[0]) / (box[1] - box[0])
    y = y0 + (np.linspace(extent[2], extent[3], grid.shape[0]) - box[2]) / (box[3] - box[2])
    finite = np.asarray(grid, dtype=np.float64)
    if np.isfinite(finite).all() and finite.max() > finite.min():
        lines = ax.contour(
            x, y, finite, levels=10, colors=INK, linewidths=0.5, alpha=0.4, negative_linestyles="solid", zorder=0
        )
        lines.set_clip_path(square)
        lines.set_rasterized(True)
