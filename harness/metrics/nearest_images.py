"""The training images that are nearest to samples: what a generator has learned by heart is among them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from harness.processes import progress
from harness.spec import RunSpec

if TYPE_CHECKING:
    from harness.metrics.extractors import Extractor

BLOCK = 1024  # training images compared at a time
BESIDE = 64  # held-out images whose distances stand beside those of the samples

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Nearest:
    """Samples [n, c, h, w] and the training image nearest to each by a distance, with these distances [n].

    `held_out` are the distances of images that were not trained on [m], empty where there are none: what samples that
    are as new as these have.
    """

    images: Bytes
    distances: Floats
    held_out: Floats


def nearest_images(spec: RunSpec, samples: Bytes, held_out: Bytes, extractor: "Extractor") -> dict[str, Nearest]:
    """Return the nearest of a run's training images by "pixels", from 0 to 1, and by "features" of an extractor.

    Both are by Euclidean distance. `samples` are [n, c, h, w], `held_out` [m, c, h, w].
    """
    from harness.engine.real_data import training_pictures

    train, asked_for = training_pictures(spec).numpy(), np.concatenate([samples, held_out[:BESIDE]])
    views: dict[str, Callable[[Bytes], NDArray[Any]]]
    views = {"pixels": _pixels, "features": lambda images: extractor.look(images).features}
    queries = {name: view(asked_for).astype(np.float64) for name, view in views.items()}
    best = {name: (np.full(len(asked_for), np.inf), np.zeros(len(asked_for), np.intp)) for name in views}
    with progress("comparing samples with training images", len(train)) as tell:
        for first in range(0, len(train), BLOCK):
            block = train[first : first + BLOCK]
            for name, view in views.items():
                best[name] = _nearer(best[name], cdist(queries[name], view(block).astype(np.float64)), first)
            tell(first + len(block))
    n = len(samples)
    return {name: Nearest(train[place[:n]], distance[:n], distance[n:]) for name, (distance, place) in best.items()}


def _nearer(best: tuple[Floats, NDArray[np.intp]], between: Floats, first: int) -> tuple[Floats, NDArray[np.intp]]:
    """Return the least distances so far, and the places they are at; `between` [k, block] begins at place `first`."""
    place = between.argmin(1)
    distance = between[np.arange(len(between)), place]
    is_nearer = distance < best[0]
    return np.where(is_nearer, distance, best[0]), np.where(is_nearer, first + place, best[1])


def _pixels(images: Bytes) -> Floats:
    return images.reshape(len(images), -1) / 255.0
