"""Data sets that others publish, read by torchvision from the data folder; nothing is fetched but by `harness data`."""

import contextlib
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from harness.datasets.dataset_settings import Classes, PictureSettings, among
from harness.datasets.images import Bytes, Pictures, Settings, as_tensor, of_classes
from harness.datasets.resize import resized
from harness.datasets.torchvision_repair import mend
from harness.disk.folders import data_folder
from harness.errors import DataError
from harness.text import reason

TIMEOUT_S = 30  # of a server that does not answer
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
CIFAR = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")


class GreySettings(PictureSettings):
    """28 pixels as published, 32 with a black border, or 16 by averaging; all classes, or some."""

    size: Annotated[int, among(16, 28, 32)] = 28
    classes: Classes = None


class ColourSettings(PictureSettings):
    """32 pixels as published, or 16 by averaging; all classes, or some."""

    size: Annotated[int, among(16, 32)] = 32
    classes: Classes = None


@dataclass(frozen=True)
class Download:
    """A data set of torchvision's.

    name    as `harness data` takes it         title   of the class in torchvision.datasets
    folder  of its files, below the data folder          shape   of one picture: channels, height, width
    """

    name: str
    title: str
    folder: str
    files: tuple[str, ...]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    model: type[PictureSettings]

    def where(self) -> Path:
        """Return the folder of its files."""
        return data_folder() / self.folder

    def load(self, settings: Settings) -> Pictures:
        """Return its official training and test parts. Raises DataError, with what to put where, if it is not there."""
        if missing := self._missing():
            text = f"is not on this machine: `harness data {self.name}` fetches it, or {self._by_hand(missing)}"
            raise DataError(f"{self.name} {text}.")
        (train, train_labels), (held_out, held_labels) = (self._part(train) for train in (True, False))
        first, second = (as_tensor(_sized(part, settings["size"])) for part in (train, held_out))
        return of_classes(Pictures(first, second, train_labels, held_labels, self.classes), settings["classes"])

    def fetch(self) -> None:
        """Download it where a file is missing. Raises DataError where that fails, with what to put where."""
        if not self._missing():
            return
        before = socket.getdefaulttimeout()
        try:
            socket.setdefaulttimeout(TIMEOUT_S)
            with contextlib.redirect_stdout(sys.stderr):  # torchvision prints there, too
                self._torchvision(train=True, download=True)
        except Exception as error:  # of sockets, servers, archives, checksums and disks
            raise DataError(f"{self.name} cannot be fetched ({reason(error)}); {self._by_hand(self.files)}.") from None
        finally:
            socket.setdefaulttimeout(before)

    def _missing(self) -> list[str]:
        return [file for file in self.files if not (self.where() / file).is_file()]

    def _by_hand(self, files: Sequence[str]) -> str:
        return f"put {', '.join(files)} into {self.where()}"

    def _torchvision(self, train: bool, download: bool = False) -> tuple[Bytes, Tensor]:
        """Return pictures [n, c, h, w] and labels [n] of one part as torchvision reads them."""
        mend()
        from torchvision import datasets

        part = getattr(datasets, self.title)(str(data_folder()), train=train, download=download)
        pictures = np.asarray(part.data)
        pictures = pictures[:, None] if pictures.ndim == 3 else pictures.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(pictures), torch.as_tensor(part.targets).long()

    def _part(self, train: bool) -> tuple[Bytes, Tensor]:
        """Return the same where it is sound. Raises DataError."""
        again = f"remove that folder, and `harness data {self.name}` fetches it again"
        try:
            pictures, labels = self._torchvision(train)
        except Exception as error:  # a file that is torn or foreign fails anywhere in its reader
            text = f"cannot be read as {self.title} ({reason(error)}); {again}."
            raise DataError(f"{self.where()}: {text}") from None
        is_sound = pictures.shape == (len(labels), *self.shape) and pictures.dtype == np.uint8 and len(labels) > 0
        if not is_sound or not bool(((labels >= 0) & (labels < len(self.classes))).all()):
            raise DataError(f"{self.where()}: no pictures and labels of {self.title}; {again}.")
        return pictures, labels


def _sized(pictures: Bytes, size: int) -> Bytes:
    """Give pictures another size: a black border where they grow, averages where they shrink."""
    border = (size - pictures.shape[-1]) // 2
    if border >= 0:
        return np.pad(pictures, ((0, 0), (0, 0), (border, border), (border, border)))
    return resized(pictures, size)


CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
GREY = (1, 28, 28)
MNIST = Download("mnist", "MNIST", "MNIST/raw", IDX, GREY, tuple("0123456789"), GreySettings)
FASHION = Download("fashion-mnist", "FashionMNIST", "FashionMNIST/raw", IDX, GREY, CLOTHES, GreySettings)
CIFAR10 = Download("cifar10", "CIFAR10", "cifar-10-batches-py", CIFAR, (3, 32, 32), THINGS, ColourSettings)
