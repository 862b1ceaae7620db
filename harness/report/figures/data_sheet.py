"""`harness data NAME -o sheet.png`: real samples of a data set, images of both parts side by side, or points."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.report.figures import drawing, encoding, style
from harness.report.figures.sample_sheets import sheet_of

MOST = 64  # images of a part
SIDE = 3.4  # inches of a sheet
SEED = 0  # of which samples are shown


def image_sheet(title: str, parts: Mapping[str, NDArray[np.uint8]]) -> bytes:
    """Return a PNG of images [n, c, h, w] of each part, drawn at random, the same every time, under its name."""
    with style.applied():
        figure, axes = drawing.squares(1, len(parts), SIDE)
        figure.set_size_inches(len(parts) * SIDE + 0.3, SIDE + 0.7)
        for ax, (name, images) in zip(axes[0], parts.items(), strict=True):
            some = np.random.default_rng(SEED).permutation(len(images))[:MOST]
            drawing.draw_sheet(ax, sheet_of(images[some], MOST))
            ax.set_title(name, fontsize=10)
        figure.suptitle(title, x=0.02, ha="left", fontsize=11)
        return encoding.png_of(figure)


def point_sheet(title: str, points: NDArray[np.float64]) -> bytes:
    """Return a PNG of points [n, 2]."""
    with style.applied():
        figure, ax = drawing.blank(4.5, 4.7)
        ax.scatter(points[:, 0], points[:, 1], s=4, color=style.INK, alpha=0.5, linewidths=0)
        ax.set_aspect("equal", "datalim")
        ax.set_title(title)
        return encoding.png_of(figure)
