"""Images of up to five coloured shapes, drawn here: a set of any size, on every machine, without a download.

A shape (rectangle, triangle, disk, oval or star) is drawn upright in whole pixels; each of its pixels is then moved to
where the rotation puts it, rounded: two may land on one place and none on its neighbour, which leaves small holes.
Shapes have a random place, angle, size and colour, lie over earlier ones, and may reach beyond the black image. One
that stands alone is a class: it is then seen whole, and in no colour near black.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.datasets.cache import SMALL, cache_path, cached
from harness.datasets.dataset_settings import PictureSettings, Side, whole
from harness.datasets.images import Bytes, Pictures, Settings, Sizes, as_tensor, uniform
from harness.processes import progress

Floats = NDArray[np.float64]
Mask = Callable[[Floats, Floats, Floats, Floats], NDArray[np.bool_]]  # (u, v, radius, flatness) of upright pixels

VERSION = 1  # of what is drawn
SEED = 20_000
PARTS = (0, 1)  # training, held out
BLOCK = 500  # images drawn at once: image i is the same however many are asked for
COUNTS = ("one", "two", "three", "four", "five")
MOST_SHAPES = len(COUNTS)
SMALLEST, LARGEST = 1 / 12, 1 / 4  # radius of a shape, of the image's side
FLATTEST, ROUNDEST = 0.4, 0.8  # height of rectangle and oval, of their width
DARKEST_ALONE = 64  # of 255, each colour of a shape that stands alone
NUMBERS = 9  # uniform numbers a shape: kind, x, y, angle, radius, flatness, red, green, blue


class ShapesSettings(PictureSettings):
    """`n` images to train on, `held_out` more to score against; `shapes: one` draws one in each.

    An image is labelled with how many shapes it has, and one that stands alone with its kind.
    """

    size: Side = 64
    n: Annotated[int, whole(2, 1_000_000)] = 20_000
    held_out: Annotated[int, whole(1, 1_000_000)] = 5_000
    shapes: Literal["many", "one"] = "many"


def sizes_of_shapes(settings: Settings) -> Sizes:
    """Return how many images are drawn."""
    return Sizes(settings["n"], settings["held_out"])


def load_shapes(settings: Settings) -> Pictures:
    """Return the images at the settings' size; large sets are drawn once a machine, in seconds."""
    train, held_out = (_drawn(settings, part) for part in PARTS)
    classes = tuple(SHAPES) if settings["shapes"] == "one" else COUNTS
    return Pictures(train, held_out, _labels(settings, 0), _labels(settings, 1), classes, upright=False)


def _drawn(settings: Settings, part: int) -> Tensor:
    """Return the images of a part: [n, 3, size, size]."""
    size, n = settings["size"], sizes_of_shapes(settings)[part]

    def fill(out: Bytes) -> None:
        most = MOST_SHAPES if settings["shapes"] == "many" else 1
        with progress(f"drawing images of {size} pixels", n) as tell:
            for block in range(-(-n // BLOCK)):
                place = out[block * BLOCK : (block + 1) * BLOCK]
                draw_shapes(numbers(part, block)[: len(place)], most, place)
                tell(block * BLOCK + len(place))

    return as_tensor(cached(_cache_name(settings, part), (n, 3, size, size), fill))


def _labels(settings: Settings, part: int) -> Tensor:
    """Return the class of each image, its one shape's kind or how many are drawn: [n]."""
    n = sizes_of_shapes(settings)[part]
    drawn = np.concatenate([numbers(part, block) for block in range(-(-n // BLOCK))])[:n]
    return torch.from_numpy(_kinds(drawn[:, 1:]) if settings["shapes"] == "one" else _counts(drawn, MOST_SHAPES) - 1)


def cached_shapes(settings: Settings) -> Path | None:
    """Return where the training part lies; None where it is too small to be kept."""
    large = settings["n"] * 3 * settings["size"] ** 2 >= SMALL
    return cache_path(_cache_name(settings, 0)) if large else None


def _cache_name(settings: Settings, part: int) -> str:
    n = sizes_of_shapes(settings)[part]
    return f"shapes-{VERSION}-{settings['shapes']}-{settings['size']}px-{('train', 'held')[part]}-{n}"


def numbers(part: int, block: int) -> Floats:
    """Return the uniform numbers of a block of images: [BLOCK, 1 + 5 x 9]."""
    count = 1 + MOST_SHAPES * NUMBERS
    return uniform(BLOCK * count, SEED, part, block).reshape(BLOCK, count)


def draw_shapes(drawn: Floats, most: int, out: Bytes) -> None:
    """Draw up to `most` shapes into each of the black images `out` [n, 3, size, size], by `drawn` [n, 46]."""
    size = out.shape[-1]
    reach = math.ceil(size * LARGEST)
    side = np.arange(-reach, reach + 1.0)
    v, u = (x.ravel() for x in np.meshgrid(side, side, indexing="ij"))
    counts, darkest = _counts(drawn, most), DARKEST_ALONE if most == 1 else 0
    for slot in range(most):
        (place,) = np.nonzero(counts > slot)
        row = drawn[place, 1 + slot * NUMBERS :][:, :NUMBERS]
        shape, pixel = np.nonzero(upright(row, size, u, v))
        centres = _centres(row, size, whole=most == 1)[shape]
        x, y = (centres + _rotated(row[shape, 3], u[pixel], v[pixel])).T.astype(np.intp)
        inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
        colour = (darkest + row[:, 6:9] * (256 - darkest)).astype(np.uint8)
        out[place[shape[inside]], :, y[inside], x[inside]] = colour[shape[inside]]


def upright(row: Floats, size: int, u: Floats, v: Floats) -> NDArray[np.bool_]:
    """Return which pixels (u, v) about their centres the shapes cover before they are rotated: [shapes, pixels]."""
    radius = _radius(row, size)
    flatness = FLATTEST + row[:, 5:6] * (ROUNDEST - FLATTEST)
    kind, covered = _kinds(row), np.zeros((len(row), len(u)), dtype=bool)
    for number, inside in enumerate(SHAPES.values()):
        these = kind == number
        covered[these] = inside(u, v, radius[these], flatness[these])
    return covered


def _rotated(turn: Floats, u: Floats, v: Floats) -> Floats:
    """Return where pixels (u, v) move to, in whole pixels: [pixels, 2]."""
    cos, sin = np.cos(2 * math.pi * turn), np.sin(2 * math.pi * turn)
    return np.rint(np.stack([cos * u - sin * v, sin * u + cos * v], 1))


def _centres(row: Floats, size: int, whole: bool) -> Floats:
    """Return column and line of each shape's centre [shapes, 2]; `whole` keeps it off the edges."""
    if whole:
        reach = np.ceil(_radius(row, size) * math.sqrt(1 + ROUNDEST**2))  # a rectangle's corners are the farthest
        return reach + np.floor(row[:, 1:3] * np.maximum(1, size - 2 * reach))
    return np.floor(row[:, 1:3] * size)


def _radius(row: Floats, size: int) -> Floats:
    return size * (SMALLEST + row[:, 4:5] * (LARGEST - SMALLEST))


def _counts(drawn: Floats, most: int) -> NDArray[np.int64]:
    """Return how many shapes each image has, some of them behind others or beyond its edges."""
    return 1 + (drawn[:, 0] * most).astype(np.int64)


def _kinds(row: Floats) -> NDArray[np.int64]:
    return (row[:, 0] * len(SHAPES)).astype(np.int64)


def _beyond(u: Floats, v: Floats, radius: Floats, sides: int, distance: float) -> NDArray[np.int64]:
    """Count the lines around a polygon, `distance` radii from its centre, that a pixel lies beyond."""
    counts = np.zeros((len(radius), len(u)), dtype=np.int64)
    for k in range(sides):
        angle = 2 * math.pi * k / sides + math.pi / 2
        counts += math.cos(angle) * u + math.sin(angle) * v > distance * radius
    return counts


def _triangle(u: Floats, v: Floats, radius: Floats, flatness: Floats) -> NDArray[np.bool_]:
    return _beyond(u, v, radius, 3, math.cos(math.pi / 3)) == 0


def _star(u: Floats, v: Floats, radius: Floats, flatness: Floats) -> NDArray[np.bool_]:
    """Cover a pentagram: its inner pentagon is within all five lines, its points are beyond one."""
    tips = _beyond(u, v, radius, 5, math.cos(2 * math.pi / 5)) <= 1
    return tips & (u**2 + v**2 <= radius**2)


SHAPES: dict[str, Mask] = {
    "rectangle": lambda u, v, radius, flatness: (np.abs(u) <= radius) & (np.abs(v) <= flatness * radius),
    "triangle": _triangle,
    "disk": lambda u, v, radius, flatness: u**2 + v**2 <= radius**2,
    "oval": lambda u, v, radius, flatness: u**2 + (v / flatness) ** 2 <= radius**2,
    "star": _star,
}
