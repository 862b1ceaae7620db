"""Figures of single samples, for `harness sample`: paths between latents, nearest training images beside samples."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.report.figures import drawing
from harness.report.figures.drawing import GREY, Points
from harness.report.figures.sample_sheets import SEPARATOR, Pictures
from harness.report.styles import Style
from harness.text import number

IN_A_ROW = 8  # samples side by side
CELL = 0.9  # inches of a sample's width
NAMES = 1.0  # inches left of the rows
FOOT = 0.3  # of an image's height, below it: room for a distance
SPACE = 0.08  # of an image's width, between two


def draw_paths(ax: Axes, real: Points, paths: Points, look: Style) -> None:
    """Draw paths of generated points [n, steps, 2] over real points [m, 2]: a circle at the start, a square at the end.

    All that is drawn is in the frame.
    """
    ax.scatter(real[:, 0], real[:, 1], s=14.0, color=GREY, alpha=0.6, linewidths=0, rasterized=True)
    for path in paths:
        ax.plot(path[:, 0], path[:, 1], color=look.colour, linewidth=1.0, marker=".", markersize=3, zorder=3)
    for place, marker, face in ((0, "o", "white"), (-1, "s", look.colour)):
        ax.plot(
            paths[:, place, 0], paths[:, place, 1], marker, markersize=5, color=face, markeredgecolor=look.colour,
            label="start" if place == 0 else "end", zorder=4,
        )  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    drawing.legend_below(ax, 2)


def nearest_sheet(
    title: str, samples: Pictures, nearest: Mapping[str, tuple[Pictures, NDArray[np.float64]]], notes: Sequence[str]
) -> Figure:
    """Return samples [n, c, h, w] over the images nearest to each, a row a distance by name, with these distances [n].

    Eight samples stand side by side, the next eight below them. `notes` are lines at the foot.
    """
    rows = [("sample", samples, None), *((f"nearest\nby {name}", *row) for name, row in nearest.items())]
    n, _, height, width = samples.shape
    columns, blocks = min(n, IN_A_ROW), -(-n // IN_A_ROW)
    down, across = round(height * (1 + FOOT)), round(width * (1 + SPACE))
    lines, inches = blocks * len(rows), columns * CELL
    title, foot = drawing.wrapped(title, inches, 10), drawing.wrapped("\n".join(notes), inches)
    canvas = np.full((lines * down, columns * across, 3), SEPARATOR, dtype=np.uint8)
    words = 0.2 * sum(text.count("\n") + 1 for text in (title, foot))
    figure, ax = drawing.blank(NAMES + inches + 0.2, lines * CELL * down / across + 0.3 + words)
    for place in range(n):
        block, column = divmod(place, IN_A_ROW)
        for row, (_, images, distances) in enumerate(rows):
            y, x = (block * len(rows) + row) * down, column * across
            canvas[y : y + height, x : x + width] = _rgb(images[place])
            if distances is not None:
                at = x + width / 2, y + height * (1 + FOOT / 2)
                ax.text(*at, number(float(distances[place])), fontsize=7.5, ha="center", va="center")
    for line in range(lines):
        ax.text(
            -0.1 * width, line * down + height / 2, rows[line % len(rows)][0], fontsize=8.5, ha="right", va="center"
        )
    drawing.draw_sheet(ax, canvas)
    ax.set_title(title)
    ax.set_xlabel(foot, fontsize=8.5, loc="left")
    return figure


def _rgb(image: Pictures) -> Pictures:
    """Return an image [c, h, w] as [h, w, 3]: one channel as grey, of any other number than three the first."""
    return (image if len(image) == 3 else np.repeat(image[:1], 3, axis=0)).transpose(1, 2, 0)
