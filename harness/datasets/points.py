"""The empirical distribution of a user's own points, addressed by their content.

A run's address holds the hash of the points and never their path: equal points in another file, or another format, are
the same data set. Each process is told in which file a content lies, reads it when it is first needed, and refuses what
has changed since.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from harness.datasets.images import Settings
from harness.datasets.places import changed, place, place_of, stamp
from harness.datasets.point_file import content_of, read_points
from harness.text import counted


def describe(path: str) -> dict[str, str | int]:
    """Return what a run's address holds of a file: content, points (how many) and dimensions.

    Raises DataError where the file holds no such points.
    """
    content, points, dimensions = _described(path, stamp(path))
    place(content, path)
    return {"content": content, "points": points, "dimensions": dimensions}


def reading(path: str) -> str:
    """Return how many points of how many dimensions a file holds, in a phrase. Raises DataError."""
    data = describe(path)
    return f"{counted(int(data['points']), 'point')} in {counted(int(data['dimensions']), 'dimension')}"


def shape_of_points(settings: Settings) -> tuple[int, ...]:
    """Return the shape of one point."""
    return (settings["dimensions"],)


def all_points(settings: Settings) -> Tensor:
    """Return every point, divided by `scale`: [n, d]. Raises DataError where their file has changed or gone."""
    return scaled(settings["content"], settings["scale"])


def sample_points(n: int, draw: Generator, settings: Settings) -> Tensor:
    """Draw n of the points with replacement, as a perfect sampler of their empirical distribution would: [n, d]."""
    points = all_points(settings)
    return points[torch.randint(len(points), (n,), generator=draw)]


def reference_points(n: int, draw: Generator, settings: Settings) -> Tensor:
    """Draw n of the points without replacement, all of them where n is their number: [n, d]."""
    points = all_points(settings)
    assert n <= len(points), "a suite that asks for more is refused"
    return points[torch.randperm(len(points), generator=draw)[:n]]


@lru_cache(maxsize=1024)
def _described(path: str, changes: tuple[int, int]) -> tuple[str, int, int]:
    """Content, number and dimensions of a file's points; `changes` makes a changed file another one."""
    points = read_points(Path(path))
    return content_of(points), len(points), points.shape[1]


@lru_cache(maxsize=4)
def scaled(content: str, scale: float) -> Tensor:
    """Return the points of a content, divided by `scale`: [n, d]. Raises DataError as `all_points`."""
    path = place_of(content, "points")
    points = read_points(Path(path))
    if content_of(points) != content:
        raise changed(path, "points")
    with np.errstate(over="ignore"):  # a suite with such a scale is refused for what comes out
        return torch.from_numpy(points / scale).float()
