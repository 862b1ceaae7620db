"""Points through training: what stands where in a figure and in its animation."""

import io

import numpy as np
import pytest
from PIL import Image

from harness.report.figures import courses, drawing, style, task_figures
from harness.report.figures.courses import Course, Scene
from harness.report.figures.task_figures import Cell
from harness.report.styles import Style

RED, BLUE = Style("#FF0000", "o", "-"), Style("#0000FF", "o", "-")
EXTENT = np.array([-2.0, 2.0, -2.0, 2.0])


def course(name, look, at, steps=(0, 5, 10, 20), grid=None):
    """Return a course whose generated points all lie at one point a step."""
    cell = Cell("ring / mlp", "ring", "mlp", name, "", "w1", 1, 1)
    real = np.array([[-1.0, -1.0]])
    shots = [{"generated": np.array([point] * 3, dtype=float)} for point in at]
    if grid is not None:
        shots = [{**shot, "critic_grid": grid, "critic_extent": EXTENT, "critic_batch": np.array(0)} for shot in shots]
    return Course(cell, steps, [Scene(f"step {s}", real, shot, look) for s, shot in zip(steps, shots, strict=True)])


def near(image, colour, tolerance=110):
    """Return the mean place of the pixels near a colour, as shares of width and height from the top left."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    rows, columns = np.nonzero((np.abs(pixels - colour) <= tolerance).all(-1))
    return (columns.mean() / pixels.shape[1], rows.mean() / pixels.shape[0]) if len(rows) else None


def test_an_animation_has_a_frame_a_step_and_moves_as_the_points_do():
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    rows = [course("gan", RED, corners, grid=np.zeros((8, 8))), course("wgan", BLUE, corners[::-1], grid=np.eye(8))]
    panel = courses.gif_of("moving-01", rows)
    with Image.open(io.BytesIO(panel.files["gif"])) as gif:
        assert gif.n_frames == 4
        assert (panel.width, panel.height) == gif.size
        for place, (corner, other) in enumerate(zip(corners, corners[::-1], strict=True)):
            gif.seek(place)
            red, blue = near(gif, (255, 0, 0)), near(gif, (0, 0, 255))
            assert red[0] < 0.5 < blue[0]  # in the order given
            assert (red[0] > 0.25) == (corner[0] > 0)
            assert (red[1] < 0.55) == (corner[1] > 0)
            assert (blue[0] > 0.75) == (other[0] > 0)


def test_a_figure_shows_the_first_and_the_last_of_many_steps_and_nothing_outside_its_frame():
    steps = range(0, 100, 10)
    inside = course("gan", RED, [(0, 0)] * 10, steps, np.eye(8))
    scenes = courses._evenly(inside.scenes, 6)
    assert [scenes[0].title, scenes[-1].title] == ["step 0", "step 90"]
    assert len(scenes) == 6
    with style.applied():
        figure, _, alt = courses.figure_of([inside, course("wgan", BLUE, [(50, 50)] * 10, steps, np.eye(8))])
        image = courses._image(figure)
    assert near(image, (255, 0, 0)) is not None
    assert near(image, (0, 0, 255)) is None
    assert "ring / mlp" in alt


@pytest.mark.parametrize(("n", "most", "places"), [(0, 3, []), (1, 3, [0]), (2, 3, [0, 1]), (21, 3, [0, 10, 20])])
def test_cells_are_spread_from_the_first_to_the_last(n, most, places):
    import pandas as pd

    assert task_figures.spread(pd.DataFrame({"place": range(n)}), most)["place"].tolist() == places


def test_titles_are_broken_before_they_are_cut_and_keep_every_letter():
    title = "wgan-gp, gp_weight=0.1\nlines / ten-units-and-more, theta=-0.35, seed 12"
    broken = drawing.wrapped(title, 1.9)
    assert max(map(len, broken.split("\n"))) * drawing.LETTER * 8.5 <= 72 * 1.9
    assert broken.split() == title.split()
    assert drawing.wrapped(title, 9.0) == title


def test_a_legend_stands_below_its_axes_in_as_many_columns_as_fit():
    with style.applied():
        figure, ax = drawing.blank(3.0, 3.0)
        for name in ("a" * 30, "b" * 30, "c"):
            ax.plot([0, 1], [0, 1], label=name)
        drawing._legend(ax)
        figure.canvas.draw()
        legend, plot = ax.get_legend().get_window_extent(), ax.get_window_extent()
    assert legend.y1 < plot.y0
    assert legend.y0 >= 0
    assert legend.width <= figure.bbox.width
