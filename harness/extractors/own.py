"""Our own extractors: trained on first need, and kept in the user's cache."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.datasets.pictures import Pictures, to_values
from harness.errors import StoreError
from harness.extractors.network import PictureNet
from harness.extractors.training import CHUNK, VERSION, Task, rotated, trained
from harness.folders import cache_folder
from harness.spec import content_id
from harness.store import npz_bytes, read_npz, write_atomic
from harness.store.files import locked

__all__ = ["CHUNK", "VERSION", "Ready", "classifier", "one_thread", "rotations"]

DIGITS = 10  # of each channel, where a class is a triple of digits


class Ready(NamedTuple):
    """A network ready to look at uint8 pictures [n, c, h, w]: (features [n, k], scores [n, classes] or None).

    `error` is its share of mistakes on held-out pictures.
    """

    look: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    error: float


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
    """Return the network that tells the classes apart; of stacked digits, one that tells the digit of a channel."""
    assert pictures.train_labels is not None
    assert pictures.held_labels is not None
    if len(pictures.classes) == DIGITS**3:
        return _by_channel(pictures)
    parts = pictures.train, pictures.train_labels, pictures.held_out, pictures.held_labels
    net, error = _kept("classifier", Task(*parts, classes=len(pictures.classes)))
    return Ready(lambda shown: _both(net, shown), error)


def rotations(pictures: Pictures) -> Ready:
    """Return the network that tells quarter turns apart."""
    net, error = _kept("rotations", rotated(pictures.train, pictures.held_out))
    return Ready(lambda shown: (net.features(shown), None), error)


def _by_channel(pictures: Pictures) -> Ready:
    """Return a network's look at each of three channels: features side by side, and scores of the 1,000 triples.

    A score is the sum of its three digits'. The error is of whole triples.
    """
    train, train_labels = _channels(pictures.train, pictures.train_labels)
    held, held_labels = _channels(pictures.held_out, pictures.held_labels)
    net, _ = _kept("channels", Task(train, train_labels, held, held_labels, classes=DIGITS))

    def look(shown: Tensor) -> tuple[Tensor, Tensor]:
        features, scores = _both(net, shown.flatten(0, 1)[:, None])
        a, b, c = scores.log_softmax(1).unflatten(0, (-1, 3)).unbind(1)
        triples = a[:, :, None, None] + b[:, None, :, None] + c[:, None, None, :]
        return features.unflatten(0, (-1, 3)).flatten(1), triples.flatten(1)

    with torch.no_grad():
        parts = zip(pictures.held_out.split(CHUNK), pictures.held_labels.split(CHUNK), strict=True)  # type: ignore[union-attr]
        wrong = sum(int((look(x)[1].argmax(1) != labels).sum()) for x, labels in parts)
    return Ready(look, wrong / len(pictures.held_out))


def _channels(pictures: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """[n, 3, h, w] with labels of triples -> [3 n, 1, h, w] with labels of digits."""
    assert labels is not None
    digits = torch.stack([labels // 100, labels // 10 % 10, labels % 10], 1)
    return pictures.flatten(0, 1)[:, None], digits.flatten()


def _both(net: PictureNet, shown: Tensor) -> tuple[Tensor, Tensor]:
    features = net.features_of(to_values(shown, (-1, 1)))
    return features, net.head(features)


def _kept(name: str, task: Task) -> tuple[PictureNet, float]:
    """Return a trained network and its error: the cache's, else trained now and kept there. One process trains it."""
    key = content_id({"name": name, "data": _digest(task), "version": VERSION, "torch": str(torch.__version__)})
    path = cache_folder() / "extractors" / f"{key}.npz"
    shape = (task.train.shape[1], task.train.shape[2], task.train.shape[3])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock")):
            found = _read(path, PictureNet(shape, task.classes))
            if found is None:
                net, error = found = trained(task, key)
                arrays = {name: value.numpy() for name, value in net.state_dict().items()}
                write_atomic(path, npz_bytes({**arrays, "error": np.array(error)}))
            return found
    except OSError:  # a cache that cannot be written is done without
        return trained(task, key)


def _digest(task: Task) -> str:
    """Return the sha256 of all that a network learns from and is tested on."""
    digest = hashlib.sha256()
    for part in (task.train, task.train_labels, task.held_out, task.held_labels):
        digest.update(f"{tuple(part.shape)}".encode())
        digest.update(part.contiguous().numpy().data)
    return digest.hexdigest()


def _read(path: Path, net: PictureNet) -> tuple[PictureNet, float] | None:
    """Load a kept network; None where there is none, or a torn or foreign one."""
    try:
        arrays = {name: torch.from_numpy(array) for name, array in read_npz(path).items()}
        error = float(arrays.pop("error"))
        net.load_state_dict(arrays)
    except (StoreError, KeyError, RuntimeError, TypeError, ValueError):
        return None
    return net.eval(), error
