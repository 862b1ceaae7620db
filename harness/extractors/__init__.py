"""Extractors: what turns pictures into features, which FID and its relatives compare.

Our own are small networks, trained once a data set on its training part: `classifier` where there are labels,
`rotations` where there are none. They tell runs on one data set apart, and say nothing across data sets or beside
published figures; `inception`, whose weights come from a file or a download, is what papers use.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.datasets.pictures import Pictures
from harness.extractors import inception, own
from harness.extractors.own import CHUNK

__all__ = ["EXTRACTORS", "Extractor", "Looks", "default_extractor", "extractor_of", "why_not"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Kind:
    """How an extractor comes to be.

    build    (pictures, address of the data set) -> a ready network: uint8 [n, c, h, w] -> (features [n, k], scores)
    address  what its features depend on, beside the data set
    needs    pictures -> "" where it can be had, else what is missing, in a sentence
    """

    build: Callable[[Pictures, str], own.Ready]
    address: Callable[[], str]
    needs: Callable[[Pictures], str]
    summary: str


class Looks:
    """What an extractor sees in pictures: features [n, k] in units of their RMS over the training part, scores."""

    def __init__(self, features: Floats, scores: Floats | None) -> None:
        self.features, self.scores = features, scores


@dataclass(frozen=True)
class Extractor:
    """A ready extractor of one data set. `classes` names what its scores are of, where they are classes of the data.

    `error` is its share of mistakes on held-out pictures, NaN where it was not trained here.
    """

    name: str
    ready: own.Ready
    scale: float
    classes: tuple[str, ...]

    @property
    def error(self) -> float:
        return self.ready.error

    def look(self, pictures: Bytes) -> Looks:
        """Look at pictures: uint8 [n, c, h, w]."""
        features, scores = _passed(self.ready, pictures)
        return Looks(features / np.float32(self.scale), scores)


def default_extractor(pictures: Pictures) -> str:
    """Return the name of the extractor that a data set has where the suite names none."""
    return "classifier" if len(pictures.classes) > 1 else "rotations"


def extractor_of(name: str, pictures: Pictures, address: str) -> Extractor:
    """Return the extractor of a data set, trained now or taken from the cache; `address` is that of its pictures.

    Raises DataError where it cannot be had.
    """
    kind = EXTRACTORS[name]
    ready = kind.build(pictures, address)
    features, _ = _passed(ready, pictures.train.numpy())
    scale = float(np.sqrt(np.mean(features.astype(np.float64) ** 2)))
    return Extractor(name, ready, scale or 1.0, pictures.classes if name == "classifier" else ())


def why_not(name: str, pictures: Pictures) -> str:
    """Return why an extractor cannot be had for pictures, in a sentence; "" where it can."""
    return EXTRACTORS[name].needs(pictures)


@torch.no_grad()
def _passed(ready: own.Ready, pictures: Bytes) -> tuple[Floats, Floats | None]:
    parts = [ready.look(torch.from_numpy(pictures[i : i + CHUNK])) for i in range(0, len(pictures), CHUNK)]
    features = torch.cat([features for features, _ in parts]).numpy()
    scores = [scores for _, scores in parts if scores is not None]
    return features, torch.cat(scores).numpy() if scores else None


EXTRACTORS: Mapping[str, Kind] = {
    "classifier": Kind(
        build=own.classifier,
        address=own.address,
        needs=lambda pictures: "" if len(pictures.classes) > 1 else "its pictures have no labels to learn",
        summary="a small network trained on the classes of the data set; also says which it sees",
    ),
    "rotations": Kind(
        build=own.rotations,
        address=own.address,
        needs=lambda pictures: (
            "" if pictures.train.shape[2] == pictures.train.shape[3] else "its pictures are no squares"
        ),
        summary="the same network trained to tell quarter turns of the pictures apart, without labels",
    ),
    "inception": Kind(
        build=inception.build,
        address=inception.address,
        needs=lambda pictures: inception.missing(),
        summary="InceptionV3 as published FIDs use it (torch-fidelity), from $HARNESS_INCEPTION or a download",
    ),
}
