"""An extractor of a plug-in tried before training on a few held-out images: shapes, finite numbers, the same features
twice, and of an image alone.
"""

from typing import Any

import torch
from torch import Tensor

from harness.datasets import DATASETS
from harness.datasets.images import Settings
from harness.metrics.extractors import extractor_of
from harness.metrics.extractors.own import Ready
from harness.plugins.trial import Fault, quiet, random_states

IMAGES = 4
TOLERANCE = 1e-3  # relative to the largest feature: sums in float32 of batches of another size differ in the last bits


def extractor_fault(name: str, dataset: str, settings: Settings) -> str:
    """Return what is wrong with an extractor of a data set, in words that follow its name; "" where nothing is.

    Raises whatever its code raises.
    """
    load = DATASETS[dataset].pictures
    assert load is not None, "of a data set of images"
    images = load(settings).held_out[:IMAGES]
    with quiet(torch.float32), torch.no_grad():
        try:
            _try(extractor_of(name, dataset, settings).ready, images)
        except Fault as fault:
            return str(fault)
    return ""


def _try(ready: Ready, images: Tensor) -> None:
    """Raise Fault where a network does not turn images [n, c, h, w] into features of each."""
    before, given = random_states(), images.clone()
    first = _looks(ready, given)
    if random_states() != before:
        raise Fault("it draws random numbers when it looks at images; `network.eval()` ends dropout")
    if not torch.equal(given, images):
        raise Fault("it changes the images in place; work on a copy")
    if not all(torch.equal(a, b) for a, b in zip(first, _looks(ready, images), strict=True)):
        raise Fault("it sees something else when it looks at the same images again; it must remember nothing")
    for i, part in enumerate(images.split(1)):
        for whole, alone in zip(first, _looks(ready, part), strict=True):
            if float((whole[i] - alone[0]).abs().max()) > TOLERANCE * max(float(whole.abs().max()), 1.0):
                text = "it sees something else in an image where others are beside it"
                raise Fault(f"{text}; `network.eval()` ends statistics of a batch")


def _looks(ready: Ready, images: Tensor) -> list[Tensor]:
    """Return the features [n, k] of images, and the scores [n, c] where there are some. Raises Fault for others."""
    looks: Any = ready.look(images)
    if not isinstance(looks, tuple) or len(looks) != 2:
        raise Fault("its `look` gives no pair of features and scores; scores may be None")
    parts = {"features": looks[0]} | ({} if looks[1] is None else {"scores": looks[1]})
    for what, part in parts.items():
        if not isinstance(part, Tensor) or part.dtype != torch.float32 or part.ndim != 2 or len(part) != len(images):
            got = f"{list(part.shape)} of {part.dtype}" if isinstance(part, Tensor) else f"a {type(part).__name__}"
            raise Fault(f"its {what} of {len(images)} images are {got}, where [{len(images)}, k] of float32 is needed")
        if not bool(part.isfinite().all()):
            raise Fault(f"its {what} are not finite numbers")
    return list(parts.values())
