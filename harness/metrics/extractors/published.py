"""Networks whose weights are published: a file of weights, checked before training, is all that they need.

torch-fidelity's VGG16 and CLIP, DINOv2, and every classifier of torchvision, by name and weights. A file is looked for
by its published name in the folder $HARNESS_WEIGHTS, else where torch keeps downloads.
"""

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.datasets.torchvision_repair import mend
from harness.errors import DataError
from harness.metrics.extractors.dinov2 import depth, dinov2
from harness.metrics.extractors.inception import coloured
from harness.metrics.extractors.own import Ready, device_of_networks

FOLDER = "HARNESS_WEIGHTS"
TORCHVISION = "torchvision-"  # begins the names of its models: torchvision-resnet50, torchvision-resnet50-IMAGENET1K_V1
ANY_MODEL = "any classifier of torchvision, or torchvision-MODEL-WEIGHTS: the input of its last linear layer"
AT_ONCE = 32  # images: activations of transformers are large
SIDE = 224  # pixels that DINOv2 looks at
MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, from 0 to 1
DINOV2 = "https://dl.fbaipublicfiles.com/dinov2/dinov2_vit{0}14/{1}"
OPENAI = "https://openaipublic.azureedge.net/clip/models"

Network = Callable[[Tensor], tuple[Tensor, Tensor | None]]  # uint8 [n, 3, h, w] -> (features [n, k], scores)


@dataclass(frozen=True)
class Published:
    """A network with published weights.

    file      their name         url  where they are published
    load      their path, and a device -> the network there; raises anything where they are others
    features  how many it gives; 0 where that is not known before
    """

    file: str
    url: str
    load: Callable[[Path, str], Network]
    summary: str
    features: int = 0
    gives_scores: bool = False

    def place(self) -> Path:
        """Return where the weights are looked for."""
        folder = os.environ.get(FOLDER)
        return (Path(folder).expanduser() if folder else Path(torch.hub.get_dir()) / "checkpoints") / self.file

    def missing(self) -> str:
        """Return what is missing, in a sentence; "" where the weights are there and are such."""
        place = self.place()
        if not place.is_file():
            text = f"its weights are not on this machine ({place} is no file): download {self.url} into a folder"
            return f"{text} and set {FOLDER} to that"
        try:
            _network(self, place, place.stat().st_mtime_ns)
        except DataError as error:
            return str(error).rstrip(".")
        return ""

    def ready(self) -> Ready:
        """Return the network, its features in its own units; grey images are shown as three equal channels.

        Raises DataError where its weights are not there, or are no such weights.
        """
        if text := self.missing():
            raise DataError(f"{text}.")
        place = self.place()
        network, digest = _network(self, place, place.stat().st_mtime_ns)
        device = device_of_networks()

        def look(images: Tensor) -> tuple[Tensor, Tensor | None]:
            looks = [network(coloured(part.to(device))) for part in images.split(AT_ONCE)]
            scores = [scores for _, scores in looks if scores is not None]
            features = torch.cat([features for features, _ in looks]).float().cpu()
            return features, torch.cat(scores).float().cpu() if scores else None

        return Ready(look, float("nan"), {"file": np.array(digest)}, AT_ONCE)


class _Loaded(NamedTuple):
    network: Network
    digest: str


@lru_cache(maxsize=2)
def _network(published: Published, path: Path, modified: int) -> _Loaded:
    """Return the network and the sha256 of its file. Raises DataError."""
    mend()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch's older formats, in which files are published
            device = device_of_networks()
            network = published.load(path, device)
            features = network(torch.zeros(1, 3, 32, 32, dtype=torch.uint8, device=device))[0]
    except torch.OutOfMemoryError:
        raise  # of a GPU: nothing is wrong with the file
    except Exception as error:  # torch and the networks raise anything for foreign bytes
        text = f"not the weights that {published.url} has ({type(error).__name__}); download those"
        raise DataError(f"{path}: {text}.") from None
    if features.ndim != 2 or published.features not in (0, features.shape[1]):
        text = f"features {list(features.shape)} of an image, where [1, {published.features}] are expected"
        raise DataError(f"{path}: {text}; download {published.url}.")
    return _Loaded(network, digest)


def _vgg16(path: Path, device: str) -> Network:
    """torch-fidelity's VGG16: its second hidden layer, after ReLU."""
    from torch_fidelity.feature_extractor_vgg16 import FeatureExtractorVGG16

    state = torch.load(path, weights_only=True)  # torch-fidelity itself would run what a file that is no weights says
    if "classifier.3.weight" not in state:
        raise KeyError("classifier.3.weight")
    network = FeatureExtractorVGG16("vgg16", ["fc2_relu"], str(path)).to(device)
    return lambda images: (network(images)[0], None)


def _clip(name: str, path: Path, device: str) -> Network:
    """torch-fidelity's CLIP: the embedding of an image, from OpenAI's TorchScript archive."""
    from torch_fidelity.feature_extractor_clip import FeatureExtractorCLIP

    network = FeatureExtractorCLIP(name, ["clip"], str(path)).to(device)
    return lambda images: (network(images)[0], None)


def _dinov2(path: Path, device: str) -> Network:
    """DINOv2 with torch-fidelity's way of showing images, whose own way needs a download of code."""
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as resize

    state = torch.load(path, map_location=device, weights_only=True)
    if not depth(state):
        raise KeyError("blocks")

    def look(images: Tensor) -> tuple[Tensor, None]:
        values = resize(images.float(), size=(SIDE, SIDE), align_corners=False)
        return dinov2(state, _normalised(values / 255, MEAN, SD)), None

    return look


def _torchvision(model: str, weights: "_Weights", path: Path, device: str) -> Network:
    """A classifier of torchvision: the input of its last linear layer, and the scores of its classes.

    Images are resized to the side that it was trained at; nothing is cropped.
    """
    import torchvision

    network = torchvision.models.get_model(model, **({"init_weights": False} if model in SLOW_START else {}))
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network = network.eval().requires_grad_(False).to(device)
    name = [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)][-1]
    around, _, own = name.rpartition(".")
    head = network.get_submodule(name)
    setattr(network.get_submodule(around), own, nn.Identity())

    def look(images: Tensor) -> tuple[Tensor, Tensor]:
        size = (weights.side, weights.side)
        values = F.interpolate(images.float(), size, mode="bilinear", align_corners=False, antialias=True)
        features = network(_normalised(values / 255, weights.mean, weights.sd)).flatten(1)
        return features, head(features)

    return look


def _normalised(values: Tensor, mean: tuple[float, ...], sd: tuple[float, ...]) -> Tensor:
    centre, spread = (values.new_tensor(numbers).reshape(3, 1, 1) for numbers in (mean, sd))
    return (values - centre) / spread


class _Weights(NamedTuple):
    """How torchvision's weights want to be shown images."""

    side: int
    mean: tuple[float, ...]
    sd: tuple[float, ...]


SLOW_START = ("googlenet", "inception_v3")  # whose fresh weights are drawn in a slow way


@lru_cache(maxsize=32)
def torchvision_network(name: str) -> Published | None:
    """Return a classifier of torchvision by `torchvision-MODEL` or `torchvision-MODEL-WEIGHTS`; None where there is
    none of that name. Without weights named, those that torchvision calls the default.
    """
    mend()
    from torchvision import models

    model, _, wanted = name.removeprefix(TORCHVISION).partition("-")
    if not name.startswith(TORCHVISION) or model not in models.list_models(module=models):
        return None
    known = models.get_model_weights(model).__members__
    weights = known.get(wanted or "DEFAULT")
    if weights is None:
        return None
    preset = weights.transforms()
    way = _Weights(preset.crop_size[0], tuple(preset.mean), tuple(preset.std))
    summary = f"torchvision's {model} with {weights.name}: the input of its last linear layer"
    file = weights.url.rpartition("/")[2]
    return Published(file, weights.url, partial(_torchvision, model, way), summary, gives_scores=True)


def _of_dinov2(size: str, features: int) -> Published:
    file = f"dinov2_vit{size}14_pretrain.pth"
    summary = f"DINOv2 ViT-{size.upper()}/14, {features:,} features, from $HARNESS_WEIGHTS or torch's downloads"
    return Published(file, DINOV2.format(size, file), _dinov2, summary, features)


def _of_clip(name: str, file: str, digest: str, features: int) -> Published:
    url = f"{OPENAI}/{digest}/{file}.pt"
    summary = f"CLIP {file}, {features} features, from $HARNESS_WEIGHTS or torch's downloads"
    return Published(f"{file}.pt", url, partial(_clip, name), summary, features)


PUBLISHED = {
    "vgg16": Published(
        "vgg16-397923af.pth",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        _vgg16,
        "VGG16 as torch-fidelity uses it, 4,096 features, from $HARNESS_WEIGHTS or torch's downloads",
        4096,
    ),
    **{
        f"dinov2-vit-{size}-14": _of_dinov2(size, features)
        for size, features in {"s": 384, "b": 768, "l": 1024, "g": 1536}.items()
    },
    **{
        name: _of_clip(name, file, digest, features)
        for name, file, digest, features in (
            ("clip-vit-b-32", "ViT-B-32", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", 512),
            ("clip-vit-b-16", "ViT-B-16", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f", 512),
            ("clip-vit-l-14", "ViT-L-14", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", 768),
            (
                "clip-vit-l-14-336px",
                "ViT-L-14-336px",
                "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
                768,
            ),
        )
    },
}
