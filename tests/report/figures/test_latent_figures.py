"""Figures of single samples: each image stands under its sample with its distance, each path with its ends."""

import numpy as np
import pytest

from harness.report.figures import drawing, latent_figures, style
from harness.report.styles import styles


@pytest.mark.parametrize(("n", "channels"), [(2, 1), (9, 3)])
def test_images_stand_below_their_samples_with_their_distances(n, channels):
    images = np.random.default_rng(0).integers(0, 255, (n, channels, 6, 5)).astype(np.uint8)
    distances = np.arange(1, n + 1) + 0.25
    rows = {"pixels": (images[::-1], distances), "poses": (images, 10 * distances)}
    with style.applied():
        figure = latent_figures.nearest_sheet("a title that is longer than two images", images, rows, ["a note"])
    (ax,) = figure.axes
    texts = [text.get_text() for text in ax.texts]
    assert [text for text in texts if text.startswith("9.25")] == (["9.25"] if n == 9 else [])
    assert texts.count("sample") == -(-n // 8)
    assert len(texts) == 2 * n + 3 * -(-n // 8)
    canvas = ax.images[0].get_array()
    for row, expected in enumerate((images, images[::-1], images)):
        y = row * round(6 * 1.3)
        assert (canvas[y : y + 6, :5] == np.broadcast_to(expected[0].transpose(1, 2, 0), (6, 5, 3))).all()


def test_paths_begin_at_circles_and_end_at_squares():
    paths, look = np.random.default_rng(0).normal(size=(3, 7, 2)), styles(["gan"])["gan"]
    with style.applied():
        _, ax = drawing.blank(3, 3)
        latent_figures.draw_paths(ax, np.zeros((4, 2)), paths, look)
    *lines, starts, ends = ax.lines
    assert [line.get_xydata().tolist() for line in lines] == paths.tolist()
    assert (starts.get_marker(), ends.get_marker()) == ("o", "s")
    assert starts.get_xydata().tolist() == paths[:, 0].tolist()
    assert ends.get_xydata().tolist() == paths[:, -1].tolist()
