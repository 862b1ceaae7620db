"""Scikit-learn's handwritten digits, alone and stacked: real pictures on every machine without a download.

They are the test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998): 1,797
pictures of 8 x 8 pixels in 17 levels of grey. Stacked, three of them are the colours of one picture: 1,000 classes,
which count what a generator has learned (Metz et al. 2017, section 3.3.1).
"""

from typing import Annotated

import numpy as np
import torch

from harness.datasets.dataset_settings import Classes, PictureSettings, among, whole
from harness.datasets.images import (
    Pictures,
    Settings,
    Sizes,
    as_tensor,
    by_content,
    of_classes,
    training_size,
    uniform,
)
from harness.datasets.resize import resized

WHITE = 16  # the brightest level of the originals
SEED = 1_000  # of the triples
TRIPLES = tuple(f"{number:03d}" for number in range(1000))


class DigitsSettings(PictureSettings):
    """Enlarged to 16 or 32 pixels a side, which the convolutional networks take; all digits, or some."""

    size: Annotated[int, among(16, 32)] = 16
    classes: Classes = None


class StackedSettings(PictureSettings):
    """`n` triples to train on and `held_out` more to score against."""

    size: Annotated[int, among(16, 32)] = 16
    n: Annotated[int, whole(2, 1_000_000)] = 50_000
    held_out: Annotated[int, whole(1, 1_000_000)] = 26_000


def load_digits(settings: Settings) -> Pictures:
    """Return the digits at the settings' size, 1,257 for training and 540 held out.

    The two parts are split by the sha256 of the original 8 x 8 bytes: they are the same at every size.
    """
    from sklearn import datasets

    originals = datasets.load_digits()
    small = originals.images.astype(np.uint8)
    order = by_content(small)
    cut = training_size(small[order])
    pictures = as_tensor(resized(small[order][:, None], settings["size"], WHITE))
    labels = torch.from_numpy(originals.target[order].astype(np.int64))
    whole_set = Pictures(pictures[:cut], pictures[cut:], labels[:cut], labels[cut:], tuple("0123456789"))
    return of_classes(whole_set, settings["classes"])


def sizes_of_triples(settings: Settings) -> Sizes:
    """Return how many triples are drawn."""
    return Sizes(settings["n"], settings["held_out"])


def load_triples(settings: Settings) -> Pictures:
    """Return triples of digits, drawn independently and evenly: training ones of training digits, held-out ones of
    held-out digits. Class 407 has a 4 in red, a 0 in green and a 7 in blue.
    """
    digits = load_digits({"size": settings["size"], "classes": None})
    assert digits.train_labels is not None
    assert digits.held_labels is not None
    parts = []
    sources = ((digits.train, digits.train_labels), (digits.held_out, digits.held_labels))
    for part, ((pictures, labels), n) in enumerate(zip(sources, sizes_of_triples(settings), strict=True)):
        which = (torch.from_numpy(uniform(3 * n, SEED, part)) * len(pictures)).long().reshape(n, 3)
        parts.append((pictures[which, 0], labels[which] @ torch.tensor([100, 10, 1])))
    (train, train_labels), (held_out, held_labels) = parts
    return Pictures(train, held_out, train_labels, held_labels, TRIPLES)
