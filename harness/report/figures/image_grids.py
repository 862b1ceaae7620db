"""Pictures side by side: sheets of samples, and how the same latents change through training."""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pictures = NDArray[np.uint8]

SIDE = 256  # pixels of an animation's side at most: 40 frames then stay under a megabyte or two
SEPARATOR = 255  # white lines between pictures, as the page
FRAME_MS, LAST_MS = 150, 1500  # the last frame rests


def sheet(pictures: Pictures, columns: int) -> Pictures:
    """Lay pictures [n, c, h, w] out in rows of `columns`, a line of one pixel between: [height, width, 3].

    One channel is shown as grey, three as red, green and blue; of any other number the first alone.
    """
    n, channels, height, width = pictures.shape
    rgb = pictures if channels == 3 else np.repeat(pictures[:, :1], 3, axis=1)
    rows = math.ceil(n / columns)
    laid = np.full((rows, height + 1, columns, width + 1, 3), SEPARATOR, dtype=np.uint8)
    for place in range(n):
        laid[place // columns, :height, place % columns, :width] = rgb[place].transpose(1, 2, 0)
    return laid.reshape(rows * (height + 1), columns * (width + 1), 3)[:-1, :-1]


def png(image: Pictures) -> bytes:
    """Return a sheet [height, width, 3] as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG")
    return stream.getvalue()


def square(n: int, size: int, side: int) -> int:
    """Return how many pictures of `size` pixels, at most n, make a full square sheet no wider than `side` pixels."""
    return max(1, min(math.isqrt(n), side // (size + 1))) ** 2


def animation(frames: Pictures) -> tuple[bytes, int]:
    """Return a GIF of one sheet a frame and its side in pixels: `frames` is [k, n, c, h, w], n latents at k steps.

    A square of them is shown that fits into SIDE pixels. Grey pictures lose nothing to GIF's 256 colours.
    """
    n = square(frames.shape[1], max(frames.shape[-2:]), SIDE)
    sheets = [sheet(pictures[:n], math.isqrt(n)) for pictures in frames]
    grey = frames.shape[2] != 3
    images = [
        Image.fromarray(frame[..., 0]) if grey else Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE)
        for frame in sheets
    ]
    stream = io.BytesIO()
    durations = [FRAME_MS] * (len(images) - 1) + [LAST_MS]
    images[0].save(stream, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return stream.getvalue(), images[0].width
