"""Our own extractors: trained on first need, and kept in the user's cache."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
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
from harness.metrics.extractors.extractor_training import CHUNK, TURNS, VERSION, Task, Tell, trained
from harness.metrics.extractors.network import PictureNet
from harness.metrics.extractors.training_bar import reported
from harness.spec import content_id

__all__ = [
    "CHUNK",
    "VERSION",
    "Arrays",
    "Ready",
    "classifier",
    "is_kept",
    "one_thread",
    "poses",
    "restored",
    "rotations",
]

Arrays = Mapping[str, NDArray[Any]]

DIGITS = 10  # of each channel, where a class is a triple of digits
MEASURED = 10_000  # training pictures that the features' unit is taken from


class Ready(NamedTuple):
    """A network ready to look at uint8 pictures [n, c, h, w]: (features [n, k], scores [n, classes] or None).

    `error` is its share of mistakes on held-out pictures; of `weights`, `restored` makes it again.
    """

    look: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    error: float
    weights: Arrays


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
    """Return the network that tells the classes apart; of stacked digits, one that tells the digit of a channel.

    Features are in units of their root mean square over the training part.
    """
    return _labelled("classifier", pictures)


def poses(pictures: Pictures) -> Ready:
    """Return the network that tells classes and quarter turns together; its classes are those of upright pictures.

    Its error is the share of upright pictures whose class it takes for another.
    """
    ready = _labelled("poses", pictures)
    held = _error(ready, pictures.held_out, pictures.held_labels)
    return restored({**ready.weights, "error": np.array(held)})


def _labelled(name: str, pictures: Pictures) -> Ready:
    turns = np.array(TURNS if name == "poses" else 1)
    weights = {**_kept(*_task(name, pictures)), "turns": turns}
    if not _is_triples(pictures):
        return restored(weights | {"how": np.array("classes")})
    weights |= {"how": np.array("triples")}
    return restored(weights | {"error": np.array(_error(restored(weights), pictures.held_out, pictures.held_labels))})


def rotations(pictures: Pictures) -> Ready:
    """Return the network that tells quarter turns apart (Gidaris et al. 2018), its features in the same units."""
    return restored(_kept(*_task("rotations", pictures)) | {"how": np.array("features")})


def is_kept(name: str, pictures: Pictures) -> bool:
    """Whether the cache holds `classifier`, `poses` or `rotations` of these pictures."""
    return _read(_path(*_task(name, pictures))) is not None


def _task(name: str, pictures: Pictures) -> tuple[str, Task]:
    """Return under which name an extractor is kept, and what it learns."""
    if name == "rotations":
        return name, Task(pictures.train, None, pictures.held_out, None, TURNS)
    train, held = (pictures.train, pictures.train_labels), (pictures.held_out, pictures.held_labels)
    turned = name == "poses"
    each = TURNS if turned else 1
    if not _is_triples(pictures):
        return name, Task(*train, *held, each * len(pictures.classes), turned)
    kept = "channels.poses" if turned else "channels"
    return kept, Task(*_channels(*train), *_channels(*held), each * DIGITS, turned)


def _is_triples(pictures: Pictures) -> bool:
    return len(pictures.classes) == DIGITS**3


def restored(weights: Arrays) -> Ready:
    """Return the network that has these weights."""
    state = {name: torch.from_numpy(np.array(x)) for name, x in weights.items() if name.startswith(("body.", "head."))}
    channels, height, width = weights["shape"].tolist()
    net = PictureNet((channels, height, width), len(state["head.weight"]))
    net.load_state_dict(state)
    turns = {"turns": int(weights["turns"])} if "turns" in weights else {}
    look = partial(LOOKS[str(weights["how"])], net.eval(), float(weights["scale"]), **turns)
    return Ready(look, float(weights["error"]), weights)


def _features(net: PictureNet, scale: float, shown: Tensor) -> tuple[Tensor, None]:
    return net.features(shown) / scale, None


def _classes(net: PictureNet, scale: float, shown: Tensor, turns: int = 1) -> tuple[Tensor, Tensor]:
    """Of classes in so many turns the scores are those of the classes upright."""
    features = net.features(shown)
    return features / scale, net.head(features)[:, ::turns]


def _triples(net: PictureNet, scale: float, shown: Tensor, turns: int = 1) -> tuple[Tensor, Tensor]:
    """Look at each of three channels: features side by side; the score of a triple is the sum of its three digits'."""
    features, scores = _classes(net, scale, shown.flatten(0, 1)[:, None], turns)
    a, b, c = scores.log_softmax(1).unflatten(0, (-1, 3)).unbind(1)
    triples = a[:, :, None, None] + b[:, None, :, None] + c[:, None, None, :]
    return features.unflatten(0, (-1, 3)).flatten(1), triples.flatten(1)


LOOKS: Mapping[str, Callable[..., tuple[Tensor, Tensor | None]]] = {
    "features": _features,
    "classes": _classes,
    "triples": _triples,
}


def _channels(pictures: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """[n, 3, h, w] with labels of triples -> the digits in them [k, 1, h, w], each once, with their labels."""
    assert labels is not None
    digits = torch.stack([labels // 100, labels // 10 % 10, labels % 10], 1).flatten()
    channels = np.ascontiguousarray(pictures.flatten(0, 1).numpy())
    once = np.unique(channels.reshape(len(channels), -1).view(f"V{channels[0].nbytes}"), return_index=True)[1]
    return torch.from_numpy(channels[once])[:, None], digits[once]


@torch.no_grad()
def _error(ready: Ready, pictures: Tensor, labels: Tensor | None) -> float:
    """Return the share of whole triples that are taken for others."""
    assert labels is not None
    wrong = 0
    for shown, right in zip(pictures.split(CHUNK), labels.split(CHUNK), strict=True):
        scores = ready.look(shown)[1]
        assert scores is not None
        wrong += int((scores.argmax(1) != right).sum())
    return wrong / len(pictures)


def _kept(name: str, task: Task) -> dict[str, NDArray[Any]]:
    """Return the weights of a network trained on a task, its error and its features' unit: the cache's, else made now
    and kept there. One process makes them; a cache that cannot be written is done without.
    """
    path = _path(name, task)
    with ExitStack() as stack:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path.with_suffix(".lock")))
        found = _read(path)
        if found is None:
            n, _, height, width = task.train.shape
            with reported(f"training the extractor '{name}' of {n:,} images of {height} x {width}") as tell:
                found = _made(task, path.stem, tell)
            with suppress(OSError):
                write_atomic(path, npz_bytes(found))
    return found


def _path(name: str, task: Task) -> Path:
    key = content_id({"name": name, "data": _digest(task), "version": VERSION, "torch": str(torch.__version__)})
    return cache_folder() / "extractors" / f"{key}.npz"


def _made(task: Task, key: str, tell: Tell) -> dict[str, NDArray[Any]]:
    net, error = trained(task, key, tell)
    some = torch.from_numpy(np.random.default_rng(0).permutation(len(task.train))[:MEASURED])
    with torch.no_grad():
        squares = [net.features(task.train[places]).double().square().mean(1) for places in some.split(CHUNK)]
    scale = float(torch.cat(squares).mean().sqrt()) or 1.0
    shape, numbers = np.array(task.train.shape[1:]), {"error": np.array(error), "scale": np.array(scale)}
    return {**{name: value.numpy() for name, value in net.state_dict().items()}, "shape": shape, **numbers}


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
        found = dict(read_npz(path))
        restored(found | {"how": np.array("features")})
    except (OSError, StoreError, KeyError, RuntimeError, TypeError, ValueError):
        return None
    return found
