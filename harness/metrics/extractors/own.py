"""Our own extractors: trained on first need, and kept in the user's cache."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.datasets.images import Pictures
from harness.disk.arrays import npz_bytes, read_npz
from harness.disk.files import locked, write_atomic
from harness.disk.folders import cache_folder
from harness.errors import StoreError
from harness.metrics.extractors.extractor_training import CHUNK, STEPS, TURNS, VERSION, Task, trained
from harness.metrics.extractors.network import PictureNet
from harness.processes import Tell, progress
from harness.spec import content_id

__all__ = [
    "CHUNK",
    "VERSION",
    "Arrays",
    "Ready",
    "classifier",
    "device_of_networks",
    "is_cached",
    "one_thread",
    "poses",
    "restored",
    "rotations",
]

Arrays = Mapping[str, NDArray[Any]]

DIGITS = 10  # of each channel, where a class is a triple of digits
MEASURED = 10_000  # training images that the features' unit is taken from


class Ready(NamedTuple):
    """A network ready to look at uint8 images [n, c, h, w]: (features [n, k], scores [n, classes] or None).

    `error` is its share of mistakes on held-out images; of `weights`, `restored` makes it again; `at_once` is how
    many images pass through it together.
    """

    look: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    error: float
    weights: Arrays
    at_once: int = CHUNK


def device_of_networks() -> str:
    """Where networks look that are large, and the same for all images: "cuda" where there is a GPU.

    The small ones that are trained here, on which scores are ranked, look on a CPU, where they see the same bits as in
    training.
    """
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread while the block runs: sums of several differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def classifier(pictures: Pictures) -> Ready:
    """Return the network trained on the classes; of stacked digits, one trained on the digit of a channel.

    Features are in units of their root mean square over the training part.
    """
    return _built("classifier", pictures)


def poses(pictures: Pictures) -> Ready:
    """Return the network trained on classes and quarter turns together; its scores are of the classes upright.

    Its error is the share of upright images whose class it takes for another.
    """
    return _built("poses", pictures)


def rotations(pictures: Pictures) -> Ready:
    """Return the network trained on quarter turns (Gidaris et al. 2018), its features in the same units."""
    return _built("rotations", pictures)


def _built(name: str, pictures: Pictures) -> Ready:
    weights = _cached_weights(*_task(name, pictures))
    if name == "rotations":
        return restored(weights | {"how": np.array("features")})
    is_triples = _is_triples(pictures)
    weights |= {
        "turns": np.array(TURNS if name == "poses" else 1),
        "how": np.array("triples" if is_triples else "classes"),
    }
    if is_triples or name == "poses":  # which learned something else than it is asked for
        weights |= {"error": np.array(_error(restored(weights), pictures.held_out, pictures.held_labels))}
    return restored(weights)


def is_cached(name: str, pictures: Pictures) -> bool:
    """Whether the cache holds `classifier`, `poses` or `rotations` of these images."""
    return _read(_path(*_task(name, pictures))) is not None


def _task(name: str, pictures: Pictures) -> tuple[str, Task]:
    """Return under which name an extractor is kept, and what it learns."""
    if name == "rotations":
        return name, Task(pictures.train, None, pictures.held_out, None, TURNS)
    train, held_out = (pictures.train, pictures.train_labels), (pictures.held_out, pictures.held_labels)
    turned = name == "poses"
    turns = TURNS if turned else 1
    if not _is_triples(pictures):
        return name, Task(*train, *held_out, turns * len(pictures.classes), turned)
    key = "channels.poses" if turned else "channels"
    return key, Task(*_channels(*train), *_channels(*held_out), turns * DIGITS, turned)


def _is_triples(pictures: Pictures) -> bool:
    return len(pictures.classes) == DIGITS**3


def restored(weights: Arrays) -> Ready:
    """Return the network that has these weights.

    `how` says what it looks at: images without scores (features), images with scores (classes), or each of three
    channels (triples), with features side by side, and as the score of a triple the sum of its three digits'.
    """
    state = {name: torch.from_numpy(np.array(x)) for name, x in weights.items() if name.startswith(("body.", "head."))}
    channels, height, width = weights["shape"].tolist()
    net = PictureNet((channels, height, width), len(state["head.weight"])).eval()
    net.load_state_dict(state)
    how, scale, turns = str(weights["how"]), float(weights["scale"]), int(weights.get("turns", np.array(1)))

    def look(pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        features = net.features(pictures.flatten(0, 1)[:, None] if how == "triples" else pictures)
        if how == "features":
            return features / scale, None
        scores = net.head(features)[:, ::turns]  # those of the classes upright
        if how == "classes":
            return features / scale, scores
        a, b, c = scores.log_softmax(1).unflatten(0, (-1, 3)).unbind(1)
        triples = a[:, :, None, None] + b[:, None, :, None] + c[:, None, None, :]
        return (features / scale).unflatten(0, (-1, 3)).flatten(1), triples.flatten(1)

    return Ready(look, float(weights["error"]), weights)


def _channels(pictures: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """[n, 3, h, w] with labels of triples -> the digits in them [k, 1, h, w], each once, with their labels."""
    assert labels is not None
    digits = torch.stack([labels // 100, labels // 10 % 10, labels % 10], 1).flatten()
    channels = np.ascontiguousarray(pictures.flatten(0, 1).numpy())
    once = np.unique(channels.reshape(len(channels), -1).view(f"V{channels[0].nbytes}"), return_index=True)[1]
    return torch.from_numpy(channels[once])[:, None], digits[once]


@torch.no_grad()
def _error(ready: Ready, pictures: Tensor, labels: Tensor | None) -> float:
    """Return the share of images whose class is taken for another."""
    assert labels is not None
    wrong = 0
    for part, right in zip(pictures.split(CHUNK), labels.split(CHUNK), strict=True):
        scores = ready.look(part)[1]
        assert scores is not None
        wrong += int((scores.argmax(1) != right).sum())
    return wrong / len(pictures)


def _cached_weights(name: str, task: Task) -> dict[str, NDArray[Any]]:
    """Return the weights of a network trained on a task, its error and its features' unit: the cache's, else made now
    and kept there. One process makes them; a cache that cannot be written is done without.
    """
    path = _path(name, task)
    with ExitStack() as stack:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path.with_suffix(".lock")))
        arrays = _read(path)
        if arrays is None:
            n, _, height, width = task.train.shape
            with progress(f"training the extractor '{name}' of {n:,} images of {height} x {width}", STEPS) as tell:
                arrays = _trained(task, path.stem, tell)
            with suppress(OSError):
                write_atomic(path, npz_bytes(arrays))
    return arrays


def _path(name: str, task: Task) -> Path:
    key = content_id({"name": name, "data": _digest(task), "version": VERSION, "torch": str(torch.__version__)})
    return cache_folder() / "extractors" / f"{key}.npz"


def _trained(task: Task, key: str, tell: Tell) -> dict[str, NDArray[Any]]:
    net, error = trained(task, key, tell)
    some = torch.from_numpy(np.random.default_rng(0).permutation(len(task.train))[:MEASURED])
    with torch.no_grad():
        squares = [net.features(task.train[places]).double().square().mean(1) for places in some.split(CHUNK)]
    scale = float(torch.cat(squares).mean().sqrt()) or 1.0
    numbers = {"shape": np.array(task.train.shape[1:]), "error": np.array(error), "scale": np.array(scale)}
    return {**{name: value.numpy() for name, value in net.state_dict().items()}, **numbers}


def _digest(task: Task) -> str:
    """Return the sha256 of all that a network learns from and is tested on."""
    digest = hashlib.sha256()
    for part in (task.train, task.train_labels, task.held_out, task.held_labels):
        if part is not None:
            digest.update(f"{tuple(part.shape)}".encode())
            digest.update(part.contiguous().numpy().data)
    return digest.hexdigest()


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    """Return what is kept; None where there is nothing, or torn or foreign bytes."""
    try:
        arrays = dict(read_npz(path))
        restored(arrays | {"how": np.array("features")})
    except (OSError, StoreError, KeyError, RuntimeError, TypeError, ValueError):
        return None
    return arrays
