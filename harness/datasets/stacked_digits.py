"""Three digits as the colours of one picture: 1,000 classes, which count what a generator has learned.

The construction is that of Metz et al. 2017 (section 3.3.1 of "Unrolled generative adversarial networks"), here of the
`digits`: training triples of training digits, held-out triples of held-out ones.
"""

from typing import Annotated

import torch

from harness.datasets.dataset_settings import PictureSettings, among, whole
from harness.datasets.digits import load_digits
from harness.datasets.images import Pictures, Settings, Sizes
from harness.datasets.uniform import uniform

SEED = 1_000
CLASSES = tuple(f"{number:03d}" for number in range(1000))


class StackedSettings(PictureSettings):
    """`n` triples to train on and `held_out` more to score against."""

    size: Annotated[int, among(16, 32)] = 16
    n: Annotated[int, whole(2, 1_000_000)] = 50_000
    held_out: Annotated[int, whole(1, 1_000_000)] = 26_000


def sizes_of_triples(settings: Settings) -> Sizes:
    """Return how many triples are drawn."""
    return Sizes(settings["n"], settings["held_out"])


def load_triples(settings: Settings) -> Pictures:
    """Return triples of digits, drawn independently and evenly; class 407 has a 4 in red, a 0 in green, a 7 in blue."""
    digits = load_digits({"size": settings["size"], "classes": None})
    assert digits.train_labels is not None
    assert digits.held_labels is not None
    parts = []
    of = ((digits.train, digits.train_labels), (digits.held_out, digits.held_labels))
    for part, ((pictures, labels), n) in enumerate(zip(of, sizes_of_triples(settings), strict=True)):
        which = (torch.from_numpy(uniform(3 * n, SEED, part)) * len(pictures)).long().reshape(n, 3)
        parts.append((pictures[which, 0], labels[which] @ torch.tensor([100, 10, 1])))
    (train, train_labels), (held_out, held_labels) = parts
    return Pictures(train, held_out, train_labels, held_labels, CLASSES)
