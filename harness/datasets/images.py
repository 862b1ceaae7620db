"""Images as every part of the harness sees them: uint8 [n, channels, height, width], a training and a held-out part.

Networks are given floats in the range that a suite sets; the two conversions here are the only ones, so that an image
comes back from them as it was.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from harness.spec import canonical_json

Settings = Mapping[str, Any]
Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]

NOT_OF_PICTURES = ("range", "fixed")  # settings that change what networks see, and no image
HELD_OUT = 0.3  # the share of a set without an official test part that is held out
IN_MEMORY = 4  # sets of images that a process keeps


class Pictures(NamedTuple):
    """A set of images in its two parts. Labels are places in `classes`; None and () where there are none.

    Where none are held out (`none_held_out`) both parts are all images. `upright` says that an image of a class
    shows which way is up.
    """

    train: Tensor  # uint8 [n, c, h, w]
    held_out: Tensor  # uint8 [m, c, h, w]
    train_labels: Tensor | None = None  # int64 [n]
    held_labels: Tensor | None = None  # int64 [m]
    classes: tuple[str, ...] = ()
    upright: bool = True


class Sizes(NamedTuple):
    """How many images a set has in each part."""

    train: int
    held_out: int


Loader = Callable[[Settings], Pictures]


def to_values(pictures: Tensor, bounds: Sequence[float]) -> Tensor:
    """uint8 [...] -> float32 [...] from bounds[0] (black) to bounds[1] (white), both exact."""
    low, high = bounds
    return pictures.to(torch.float32, copy=True).div_(255 / (high - low)).add_(low)


def to_uint8(values: Tensor, bounds: Sequence[float]) -> Tensor:
    """Invert `to_values`: floats [...] -> uint8 [...], rounded; what is beyond the bounds is clamped, NaN is black."""
    low, high = bounds
    levels = (values.float() - low) * (255 / (high - low))
    return levels.nan_to_num(0.0).clamp(0, 255).round().to(torch.uint8)


def loaded_once(load: Loader) -> Loader:
    """Return a loader that reads each set of images once a process, whatever the range they are shown in."""

    @lru_cache(maxsize=IN_MEMORY)
    def load_text(text: str) -> Pictures:
        return load(json.loads(text))

    return lambda settings: load_text(canonical_json({k: v for k, v in settings.items() if k not in NOT_OF_PICTURES}))


def sample_pictures(load: Loader, n: int, draw: Generator, settings: Settings) -> Tensor:
    """Draw n training images with replacement, as a perfect sampler of their empirical distribution: [n, c, h, w]."""
    pictures = load(settings).train
    return to_values(pictures[torch.randint(len(pictures), (n,), generator=draw)], settings["range"])


def reference_pictures(load: Loader, n: int, draw: Generator, settings: Settings) -> Tensor:
    """Draw n held-out images without replacement, all of them where there are fewer: [at most n, c, h, w]."""
    pictures = load(settings).held_out
    return to_values(pictures[torch.randperm(len(pictures), generator=draw)[:n]], settings["range"])


def by_content(pictures: Bytes) -> NDArray[np.intp]:
    """Return the order of images [n, ...] by the sha256 of their bytes: one that no file name or order changes."""
    digests = [hashlib.sha256(picture.tobytes()).digest() for picture in pictures]
    return np.array(sorted(range(len(digests)), key=digests.__getitem__), dtype=np.intp)


def training_size(ordered: Bytes, held_out: float = HELD_OUT) -> int:
    """Return how many of the images [n, ...], in the order of `by_content`, are for training; the rest is held out.

    The last 30 % (rounded up), or another share below 1, or so many of them, are held out, with all copies of the first
    of them: no image is in both parts.
    """
    cut = max(0, len(ordered) - int(np.ceil(held_out * (len(ordered) if held_out < 1 else 1))))
    while 0 < cut < len(ordered) and np.array_equal(ordered[cut - 1], ordered[cut]):
        cut -= 1
    return cut


def none_held_out(settings: Settings) -> bool:
    """Whether all images are trained on, so that they are what runs are scored against as well."""
    return settings.get("held_out") == 0


def of_classes(pictures: Pictures, wanted: Sequence[int] | None) -> Pictures:
    """Return the images of the wanted classes alone, labelled by their place among them; None wants all."""
    if wanted is None:
        return pictures
    place = torch.full((len(pictures.classes),), -1, dtype=torch.int64)
    place[list(wanted)] = torch.arange(len(wanted))
    train, held_out = place[pictures.train_labels], place[pictures.held_labels]
    return pictures._replace(
        train=pictures.train[train >= 0],
        held_out=pictures.held_out[held_out >= 0],
        train_labels=train[train >= 0],
        held_labels=held_out[held_out >= 0],
        classes=tuple(pictures.classes[i] for i in wanted),
    )


def as_tensor(pictures: Bytes) -> Tensor:
    """Share an array's memory with a tensor; one that is mapped from a file must be mapped copy-on-write."""
    return torch.from_numpy(pictures)


def uniform(count: int, *address: int) -> NDArray[np.float64]:
    """Return `count` numbers on [0, 1) from an address: the same on every machine and with every version of NumPy.

    They are of a bit generator whose stream NumPy keeps: its `Generator` may change.
    """
    raw: Any = np.random.PCG64(np.random.SeedSequence(address)).random_raw(count)
    return (raw >> np.uint64(11)) * 2.0**-53
