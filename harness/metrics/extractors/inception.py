"""InceptionV3 as published FIDs use it: torch-fidelity's port, whose weights are a file of the user's or a download."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from harness.datasets.images import Pictures
from harness.datasets.torchvision_repair import mend
from harness.errors import DataError
from harness.metrics.extractors.own import Arrays, Ready, device_of_networks

VARIABLE = "HARNESS_INCEPTION"
FILE = "weights-inception-2015-12-05-6726825d.pth"  # as torch-fidelity publishes it
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"


def weights() -> Path | None:
    """Return the file of weights: $HARNESS_INCEPTION, else where torch keeps downloads; None where there is none."""
    place = _place()
    return place if place.is_file() else None


def _place() -> Path:
    own = os.environ.get(VARIABLE)
    return Path(own) if own else Path(torch.hub.get_dir()) / "checkpoints" / FILE


def missing() -> str:
    """Return what is missing, in a sentence; "" where the weights are there and are such."""
    path = weights()
    if path is None:
        return f"its weights are not on this machine ({_place()} is no file): download {URL} and set {VARIABLE} to that"
    try:
        _network(path, path.stat().st_mtime_ns)
    except DataError as error:
        return str(error).rstrip(".")
    return ""


def build(pictures: Pictures | None = None) -> Ready:
    """Return the network, of 2,048 features, which are left in its own units. Grey images are shown as three equal
    channels.

    Raises DataError where its weights are not there, or are no such weights.
    """
    path = weights()
    if path is None:
        raise DataError(f"extractor inception: {missing()}.")
    net, digest = _network(path, path.stat().st_mtime_ns)
    device = device_of_networks()

    def look(pictures: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = net(coloured(pictures.to(device)))
        return features.float().cpu(), logits.float().cpu()

    return Ready(look, float("nan"), {"file": np.array(digest)})


def restored(known: Arrays) -> Ready:
    """Return the network of the file that a reference was made with. Raises DataError where it is not the one here."""
    ready = build()
    if ready.weights["file"] != known["file"]:
        raise DataError(
            f"extractor inception: {weights()} is not the file of weights that the reference was made with."
        )
    return ready


@lru_cache(maxsize=1)
def _network(path: Path, modified: int) -> tuple[torch.nn.Module, str]:
    """Return the network and the sha256 of its file. Raises DataError."""
    mend()
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        torch.load(path, weights_only=True)  # torch-fidelity itself would run what a file that is no weights says
        net = FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"], str(path))
    except Exception as error:  # torch and the network raise anything for foreign bytes
        raise DataError(
            f"{path}: no weights of torch-fidelity's InceptionV3 ({type(error).__name__}); download {URL}."
        ) from None
    return net.eval().to(device_of_networks()), digest


def coloured(pictures: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, 3, h, w]: grey repeated; colours as they are; of more channels the first three."""
    if pictures.shape[1] == 1:
        return pictures.expand(-1, 3, -1, -1).contiguous()
    return pictures[:, :3] if pictures.shape[1] >= 3 else F.pad(pictures, (0, 0, 0, 0, 0, 3 - pictures.shape[1]))
