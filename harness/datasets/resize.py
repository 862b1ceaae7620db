"""Resizing in whole numbers: the same images on every machine, whatever its vector width or library.

The filter is the triangle (bilinear between pixel centres; over a wider window where the image shrinks, so that no
pixel is passed over), its weights rounded to multiples of 2^-14. Sums of a few such products are whole numbers far
below 2^53: float64 matrix products give them exactly, in any order. Unlike cubic filters it never leaves the range of
the image, so that nothing is clipped and enlarging loses nothing.
"""

import numpy as np
from numpy.typing import NDArray

from harness.datasets.images import Bytes

UNIT = 2**14  # what the weights of a new pixel sum to
CHUNK = 4096  # images at once


def resized(pictures: Bytes, size: int, white: int = 255) -> Bytes:
    """Return [n, c, size, size] uint8 of images [n, c, h, w] whose values go from 0 to `white`."""
    down, across = (weights(side, size) for side in pictures.shape[-2:])
    out = np.empty((*pictures.shape[:2], size, size), dtype=np.uint8)
    for start in range(0, len(pictures), CHUNK):
        part = pictures[start : start + CHUNK].astype(np.float64)
        exact = (down @ part @ across.T).astype(np.int64)  # in units of UNIT^2
        out[start : start + CHUNK] = (2 * 255 * exact + white * UNIT**2) // (2 * white * UNIT**2)
    return out


def bordered(pictures: Bytes, size: int) -> Bytes:
    """Return images [n, c, h, h] at another size: a black border where they grow, averages where they shrink."""
    border = (size - pictures.shape[-1]) // 2
    if border >= 0:
        return np.pad(pictures, ((0, 0), (0, 0), (border, border), (border, border)))
    return resized(pictures, size)


def weights(old: int, new: int) -> NDArray[np.float64]:
    """Return [new, old]: what each old pixel gives to each new one, whole numbers that sum to UNIT in a row."""
    ratio = old / new
    reach = max(ratio, 1.0)
    centres = (np.arange(new) + 0.5) * ratio - 0.5
    near = np.maximum(0, 1 - np.abs(np.arange(old) - np.clip(centres, 0, old - 1)[:, None]) / reach)
    whole = np.rint(near / near.sum(1, keepdims=True) * UNIT)
    whole[np.arange(new), whole.argmax(1)] += UNIT - whole.sum(1)
    return whole
