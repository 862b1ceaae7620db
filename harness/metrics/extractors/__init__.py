"""Extractors: what turns images into features, which FID and its relatives compare.

Our own are small networks, trained once a data set on its training part: `poses` where there are labels, `classifier`
where images of a class have no way up, `rotations` where there are no labels. They tell runs on one data set apart,
and say nothing across data sets or beside published figures; networks whose weights are published come from a file or a
download, `inception` among them, which most papers use.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.datasets import DATASETS, Pictures
from harness.datasets.images import NOT_OF_PICTURES, Settings
from harness.errors import DataError, PluginFailed
from harness.metrics.extractors import inception, own, published
from harness.metrics.extractors.own import CHUNK, Ready, device_of_networks
from harness.metrics.extractors.published import ANY_MODEL, TORCHVISION
from harness.spec import canonical_json

__all__ = [
    "ANY_MODEL",
    "EXTRACTORS",
    "OF_CLASSES",
    "TORCHVISION",
    "TRAINED",
    "Extractor",
    "ExtractorKind",
    "Looks",
    "Ready",
    "defaults",
    "extractor_of",
    "fixed",
    "frozen",
    "kind_of",
    "known",
    "restored",
    "why_not",
]

OF_CLASSES = ("poses", "classifier")  # whose scores are of the classes of the data
TRAINED = ("poses", "classifier", "rotations")  # here, and kept in the cache

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ExtractorKind:
    """How an extractor comes to be.

    version  changes with its features; 0, of one that is added later, has no part in the address of the scores
    build    images -> a ready network: uint8 [n, c, h, w] -> (features [n, k], scores)
    needs    images -> "" where it can be had, else what is missing, in a sentence
    restore  the weights of a ready network -> that network
    gives_scores  whether it also tells classes, of whatever kind
    distance the name of the Frechet distance in its features: fid in those of InceptionV3 and our own networks, else fd
    file     the content hash of the plug-in that defines it; 0 of a built-in one
    """

    version: int
    build: Callable[[Pictures], Ready]
    needs: Callable[[Pictures], str]
    summary: str
    restore: Callable[[own.Arrays], Ready] = own.restored
    gives_scores: bool = False
    distance: str = "fid"
    file: int = 0


def fixed(version: int, load: Callable[[], Ready], summary: str, gives_scores: bool = False) -> ExtractorKind:
    """Return an extractor whose network, which `load` gives, is the same for all images: nothing is trained here."""

    def restore(weights: own.Arrays) -> Ready:
        ready = load()
        if {key: x.tolist() for key, x in ready.weights.items()} != {key: x.tolist() for key, x in weights.items()}:
            raise DataError("its weights are not those that the reference was made with.")
        return ready

    return ExtractorKind(version, lambda images: load(), lambda images: "", summary, restore, gives_scores, "fd")


def frozen(network: nn.Module) -> Ready:
    """Return a network, uint8 images [n, c, h, w] -> features [n, k], ready as it is; a hash stands for its weights."""
    network = network.eval().requires_grad_(False)
    digest, device = hashlib.sha256(), device_of_networks()
    network = network.to(device)
    for name, tensor in network.state_dict().items():
        digest.update(
            f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.cpu().contiguous().numpy().tobytes()
        )

    def look(images: Tensor) -> tuple[Tensor, None]:
        return network(images.to(device)).cpu(), None

    return Ready(look, float("nan"), {"weights": np.array(digest.hexdigest())})


class Looks(NamedTuple):
    """What an extractor sees in images: features [n, k], and scores [n, c] where it tells classes of some kind."""

    features: Floats
    scores: Floats | None


@dataclass(frozen=True)
class Extractor:
    """A ready extractor of one data set. `classes` names what its scores are of, where they are classes of the data.

    `error` is its share of mistakes on held-out images, NaN where it was not trained here; `plugged` is its name
    where a plug-in defines it, else "". `distance` is as in ExtractorKind.
    """

    ready: Ready
    classes: tuple[str, ...]
    distance: str = "fid"
    plugged: str = ""

    @property
    def error(self) -> float:
        return self.ready.error

    @cached_property
    def digest(self) -> str:
        """A hash of its weights, by which two that go by one name can be told apart."""
        digest = hashlib.sha256()
        for name, array in sorted(self.ready.weights.items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
        return digest.hexdigest()[:16]

    @torch.no_grad()
    def look(self, pictures: Bytes) -> Looks:
        """Look at images: uint8 [n, c, h, w]. Raises PluginFailed where a plug-in's network fails."""
        from harness.engine.process import own_state

        # In parts of one size: what is seen of an image does not depend on how many there are.
        with own.one_thread(), own_state(), torch.no_grad():
            starts = range(0, len(pictures), CHUNK)
            parts = [self._look(torch.from_numpy(pictures[i : i + CHUNK].copy())) for i in starts]
        features = torch.cat([features for features, _ in parts]).numpy()
        scores = [scores for _, scores in parts if scores is not None]
        return Looks(features, torch.cat(scores).numpy() if scores else None)

    def _look(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        try:
            return self.ready.look(pictures)
        except Exception as error:  # of whatever the plug-in does
            if not self.plugged:
                raise
            text = f"the extractor '{self.plugged}' of a plug-in fails: {type(error).__name__}: {error}"
            raise PluginFailed(text) from error


def defaults(pictures: Pictures) -> list[str]:
    """Return the names of the extractors that a data set has where the suite names none: one, or none that fits.

    Turns that images do not show are not learned: of shapes, `poses` would fit the training part by heart.
    """
    names = TRAINED if pictures.upright else ("classifier", "rotations")
    return [name for name in names if not why_not(name, pictures)][:1]


def extractor_of(name: str, dataset: str, settings: Settings) -> Extractor:
    """Return an extractor of a data set: of this process, of the cache, or trained now, in seconds.

    `settings` are those of the data set that are not its defaults. Raises DataError where it cannot be had.
    """
    return _built(name, _kind(name).file, dataset, _text(dataset, settings))


def known(name: str, dataset: str, settings: Settings) -> Extractor | None:
    """Return an extractor that is trained here and that the cache holds; None where it would have to be trained."""
    pictures = _pictures(dataset, _text(dataset, settings))
    is_there = name in TRAINED and not why_not(name, pictures) and own.is_cached(name, pictures)
    return extractor_of(name, dataset, settings) if is_there else None


def _text(dataset: str, settings: Settings) -> str:
    resolved = {**DATASETS[dataset].setup, **settings}
    return canonical_json({k: v for k, v in resolved.items() if k not in NOT_OF_PICTURES})


def restored(name: str, weights: own.Arrays, classes: tuple[str, ...]) -> Extractor:
    """Return the extractor that has these weights. Raises DataError where they are of a file that is not here."""
    kind = _kind(name)
    return Extractor(kind.restore(weights), classes, kind.distance, name if kind.file else "")


def _kind(name: str) -> ExtractorKind:
    """Return the kind of that name. Raises DataError where it was a plug-in's, which this process does not know."""
    kind = kind_of(name)
    if kind is None:
        raise DataError(f"extractor {name}: the plug-in that defined it is not loaded, or defines it no more.")
    return kind


def kind_of(name: str) -> ExtractorKind | None:
    """Return the kind of that name, models of torchvision included; None where there is none."""
    if name in EXTRACTORS or not name.startswith(TORCHVISION):
        return EXTRACTORS.get(name)
    network = published.torchvision_network(name)
    return _of_file(network) if network is not None else None


def _of_file(network: published.Published) -> ExtractorKind:
    kind = fixed(0, network.ready, network.summary, network.gives_scores)
    return replace(kind, needs=lambda images: network.missing())


def _pictures(dataset: str, text: str) -> Pictures:
    load = DATASETS[dataset].pictures
    assert load is not None, "of a data set of images"
    return load(json.loads(text))


@lru_cache(maxsize=8)
def _built(name: str, file: int, dataset: str, text: str) -> Extractor:
    pictures, kind = _pictures(dataset, text), _kind(name)
    with own.one_thread():
        ready = kind.build(pictures)
    return Extractor(ready, pictures.classes if name in OF_CLASSES else (), kind.distance, name if file else "")


def why_not(name: str, pictures: Pictures) -> str:
    """Return why an extractor cannot be had for images, in a sentence; "" where it can."""
    return _kind(name).needs(pictures)


def _no_classes(pictures: Pictures) -> str:
    return "" if len(pictures.classes) > 1 else "it has no classes to tell apart"


def _no_squares(pictures: Pictures) -> str:
    return "" if pictures.train.shape[2] == pictures.train.shape[3] else "its images are no squares"


EXTRACTORS: dict[str, ExtractorKind] = {
    "poses": ExtractorKind(
        version=own.VERSION,
        build=own.poses,
        needs=lambda pictures: _no_classes(pictures) or _no_squares(pictures),
        summary="a small network trained on class and quarter turn together; also says which class it sees",
        gives_scores=True,
    ),
    "classifier": ExtractorKind(
        version=own.VERSION,
        build=own.classifier,
        needs=_no_classes,
        summary="a small network trained on the classes of the data set; also says which it sees",
        gives_scores=True,
    ),
    "rotations": ExtractorKind(
        version=own.VERSION,
        build=own.rotations,
        needs=_no_squares,
        summary="the same network trained to tell quarter turns of the images apart, without labels",
    ),
    "inception": ExtractorKind(
        version=1,
        build=inception.build,
        needs=lambda pictures: inception.missing(),
        summary="InceptionV3 as published FIDs use it (torch-fidelity), from $HARNESS_INCEPTION or a download",
        restore=inception.restored,
        gives_scores=True,
    ),
    **{name: _of_file(network) for name, network in published.PUBLISHED.items()},
}
