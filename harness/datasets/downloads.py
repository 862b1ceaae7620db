"""Data sets that others publish, read by torchvision from the data folder; nothing is fetched but by `harness data`."""

import contextlib
import gzip
import hashlib
import os
import socket
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from harness.datasets.dataset_settings import Classes, PictureSettings, among
from harness.datasets.images import Bytes, Pictures, Settings, as_tensor, of_classes
from harness.datasets.resize import bordered
from harness.datasets.torchvision_repair import mend
from harness.disk.files import write_atomic
from harness.disk.folders import data_folder
from harness.errors import DataError
from harness.processes import progress
from harness.text import counted, listed, reason

TIMEOUT_S = 30  # of a server that does not answer
ARCHIVES = (".tar", ".tar.gz", ".tgz")
# Files by the md5 of their content, which says which set a file belongs to: MNIST and Fashion-MNIST name theirs alike.
MNIST_FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FASHION_FILES = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
CIFAR_FILES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}


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
    folder  of its files, below the data folder          shape   of one image: channels, height, width
    files   the md5 of each file's content, by its name
    """

    name: str
    title: str
    folder: str
    files: Mapping[str, str]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    model: type[PictureSettings]

    def where(self) -> Path:
        """Return the folder of its files."""
        return data_folder() / self.folder

    def load(self, settings: Settings) -> Pictures:
        """Return its official training and test parts. Raises DataError, with what to put where, if it is not there."""
        if missing := self._missing():
            raise DataError(
                f"{self.name} is not on this machine: `harness data {self.name}` fetches it; {self._by_hand(missing)}."
            )
        (train, train_labels), (held_out, held_labels) = (self._part(train) for train in (True, False))
        first, second = (as_tensor(bordered(part, settings["size"])) for part in (train, held_out))
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
            text = f"{self.name} cannot be fetched ({reason(error)}); {self._by_hand([*self.files])}."
            raise DataError(text) from None
        finally:
            socket.setdefaulttimeout(before)

    def take(self, source: str) -> None:
        """Copy its files from wherever they lie below a folder, plain, gzipped or in a tar file, to its own place.

        A file is known by its content. Raises DataError where one is not there.
        """
        take_files(self.name, self.files, source, self.where())

    def _missing(self) -> list[str]:
        return [file for file in self.files if not (self.where() / file).is_file()]

    def _by_hand(self, files: Sequence[str]) -> str:
        have = f"where you have {', '.join(files)}, `harness data {self.name} --from DIR` takes them"
        return f"{have} (to {self.where()})"

    def _torchvision(self, train: bool, download: bool = False) -> tuple[Bytes, Tensor]:
        """Return images [n, c, h, w] and labels [n] of one part as torchvision reads them."""
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
            raise DataError(f"{self.where()}: no images and labels of {self.title}; {again}.")
        return pictures, labels


def take_files(name: str, files: Mapping[str, str], source: str, target: Path) -> None:
    """Copy files, given with the md5 of their content, from wherever they lie below `source` into `target`.

    Raises DataError where one is not there.
    """
    left, other = dict(files), 0
    names = {_plain(file): file for file in files}
    for label, read in files_below(Path(source), lambda path: _plain(path) in names):
        file = names[_plain(label)]
        if file not in left:
            continue
        content = read()
        if content is None or hashlib.md5(content, usedforsecurity=False).hexdigest() != left[file]:
            other += 1
            continue
        try:
            target.mkdir(parents=True, exist_ok=True)
            write_atomic(target / file, content)
        except OSError as error:
            raise DataError(f"{target / file}: cannot be written: {reason(error)}.") from None
        del left[file]
        if not left:
            return
    beside = f" ({counted(other, 'file')} of such a name, torn or with other content)" if other else ""
    raise DataError(f"{source}: no {listed([*left])} of {name} below it, plain, .gz or in a .tar.gz{beside}.")


def _plain(path: str) -> str:
    """Return the name of a file however it was packed: of train-images.idx3-ubyte.gz train-images-idx3-ubyte."""
    return path.rpartition("/")[2].removesuffix(".gz").replace(".", "-")


Read = Callable[[], bytes | None]


def files_below(source: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Read]]:
    """Yield the wanted files below a folder, or that one file: the path of each, and what reads it, unpacked.

    It reads None where a file is torn. Those in tar files come last. Raises DataError where there is no such folder.
    """
    if not source.exists():
        raise DataError(f"{source}: there is no such folder.")
    paths = [source] if source.is_file() else _walked(source)
    with progress(f"looking through {source}", len(paths)) as tell:
        archives = [path for path in paths if path.name.endswith(ARCHIVES)]
        for i, path in enumerate(path for path in paths if wanted(str(path))):
            tell(i)
            yield str(path), lambda path=path: _unpacked(path)  # type: ignore[misc]
        for path in archives:
            yield from _in_archive(path, wanted)


def _walked(source: Path) -> list[Path]:
    paths = [Path(here) / name for here, _, names in os.walk(source) for name in names]
    return sorted(path for path in paths if path.is_file())


def _unpacked(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error):
        return None


def _in_archive(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Read]]:
    """Yield the wanted files of a tar file; nothing is unpacked to a path that the archive names."""
    with contextlib.suppress(OSError, EOFError, zlib.error, tarfile.TarError), tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() and wanted(member.name) else None
            if file is not None:
                yield f"{path}/{member.name}", file.read


CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
GREY = (1, 28, 28)
MNIST = Download("mnist", "MNIST", "MNIST/raw", MNIST_FILES, GREY, tuple("0123456789"), GreySettings)
FASHION = Download("fashion-mnist", "FashionMNIST", "FashionMNIST/raw", FASHION_FILES, GREY, CLOTHES, GreySettings)
CIFAR10 = Download("cifar10", "CIFAR10", "cifar-10-batches-py", CIFAR_FILES, (3, 32, 32), THINGS, ColourSettings)
