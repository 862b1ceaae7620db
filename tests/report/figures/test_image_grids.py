"""Sheets and animations are what they are made of, pixel by pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from harness.report.figures.sample_sheets import SIDE, animation, sheet, square


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_picture_stands_in_its_place(channels):
    pictures = np.random.default_rng(0).integers(0, 256, (7, channels, 5, 4), dtype=np.uint8)
    made = sheet(pictures, 3)
    assert made.shape == (3 * 6 - 1, 3 * 5 - 1, 3)
    for place, picture in enumerate(pictures):
        top, left = 6 * (place // 3), 5 * (place % 3)
        shown = picture if channels == 3 else picture[[0, 0, 0]]
        assert (made[top : top + 5, left : left + 4] == shown.transpose(1, 2, 0)).all()
    assert (made[5] == 255).all()
    assert (made[:, 4] == 255).all()
    assert (made[12:, 5:] == 255).all()  # where there is none


@pytest.mark.parametrize(
    ("n", "size", "side", "found"), [(64, 16, 340, 64), (64, 64, 340, 25), (3, 8, 99, 1), (9, 64, 9, 1)]
)
def test_a_square_fits(n, size, side, found):
    assert square(n, size, side) == found


@pytest.mark.parametrize("channels", [1, 3])
def test_an_animation_shows_the_same_places_frame_by_frame(channels):
    rng = np.random.default_rng(1)
    few = rng.integers(0, 256, (40, channels), dtype=np.uint8)  # so few colours that none is lost
    frames = few[rng.integers(0, 40, (5, 16, 20, 20))].transpose(0, 1, 4, 2, 3)
    content, side = animation(frames)
    with Image.open(io.BytesIO(content)) as file:
        assert (file.n_frames, file.size, file.info.get("loop")) == (5, (side, side), 0)
        for k, pictures in enumerate(frames):
            file.seek(k)
            shown = np.asarray(file.convert("RGB"))
            assert (shown == sheet(pictures, 4)).all()
    assert side <= SIDE
    assert animation(frames)[0] == content
