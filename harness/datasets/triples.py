"""Stacked digits: three of a set's digits are the colours of one image.

The 1,000 classes that this makes count what a generator has learned (Metz et al. 2017, section 3.3.1).
"""

from typing import Annotated

import torch

from harness.datasets.dataset_settings import PictureSettings, among, whole
from harness.datasets.images import Loader, Pictures, Settings, Sizes, uniform

SEED = 1_000  # of the triples
TRIPLES = tuple(f"{number:03d}" for number in range(1000))


class StackedSettings(PictureSettings):
    """`n` triples to train on and `held_out` more to score against, of digits at a size that the set has."""

    size: Annotated[int, among(16, 32)] = 16
    n: Annotated[int, whole(2, 1_000_000)] = 50_000
    held_out: Annotated[int, whole(1, 1_000_000)] = 26_000


class StackedGreySettings(StackedSettings):
    """The same of MNIST's."""

    size: Annotated[int, among(16, 28, 32)] = 28


def sizes_of_triples(settings: Settings) -> Sizes:
    """Return how many triples are drawn."""
    return Sizes(settings["n"], settings["held_out"])


def stacked(load_digits: Loader) -> Loader:
    """Return the loader of triples of the digits that `load_digits` gives, drawn independently and evenly.

    Training triples are of training digits, held-out ones of held-out digits. Class 407 has a 4 in red, a 0 in green
    and a 7 in blue.
    """

    def load_triples(settings: Settings) -> Pictures:
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

    return load_triples
