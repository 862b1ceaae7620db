"""Scikit-learn's handwritten digits: real pictures on every machine without a download.

They are the test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998): 1,797
pictures of 8 x 8 pixels in 17 levels of grey.
"""

from typing import Annotated

import numpy as np
import torch

from harness.datasets.dataset_settings import Classes, PictureSettings, among
from harness.datasets.images import Pictures, Settings, as_tensor, by_content, of_classes, training_size
from harness.datasets.resize import resized

WHITE = 16  # the brightest level of the originals


class DigitsSettings(PictureSettings):
    """Enlarged to 16 or 32 pixels a side, which the convolutional networks take; all digits, or some."""

    size: Annotated[int, among(16, 32)] = 16
    classes: Classes = None


def load_digits(settings: Settings) -> Pictures:
    """Return the digits at the settings' size, 1,257 for training and 540 held out.

    The two parts are split by the sha256 of the original 8 x 8 bytes: they are the same at every size.
    """
    from sklearn import datasets

    originals = datasets.load_digits()
    small = originals.images.astype(np.uint8)
    order = by_content(small)
    cut = training_size(small[order])
    pictures = as_tensor(resized(small[order][:, None], settings["size"], WHITE))
    labels = torch.from_numpy(originals.target[order].astype(np.int64))
    whole_set = Pictures(pictures[:cut], pictures[cut:], labels[:cut], labels[cut:], tuple("0123456789"))
    return of_classes(whole_set, settings["classes"])
