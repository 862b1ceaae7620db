"""CMMD and the Vendi score: what a kernel says of features, each divided by its length."""

import numpy as np
from numpy.typing import NDArray

SIGMA = 10.0  # width of the Gaussian kernel of CMMD
SCALE = 1000.0  # of CMMD, which papers quote so
MOST = 10_000  # samples whose kernels are all taken: of more, the first
ROWS = 1024  # of a kernel's matrix at once

Features = NDArray[np.floating]
Floats = NDArray[np.float64]


def cmmd(generated: Features, real: Features) -> float:
    """Return 1,000 times the squared MMD between features [n, k] and [m, k] of unit length with the Gaussian kernel
    exp(-|x - y|^2 / (2 * 10^2)), the mean over all pairs (Jayasumana et al. 2024, eq. 4, and their code, which counts
    a sample with itself too): 0 for equal samples. It is CMMD in features of CLIP.
    """
    x, y = _unit(generated), _unit(real)
    return float(max(SCALE * (_mean_kernel(x, x) + _mean_kernel(y, y) - 2 * _mean_kernel(x, y)), 0.0))


def vendi(features: Features) -> float:
    """Return the Vendi score of features [n, k], exp of the entropy of the eigenvalues of K / n, where K holds cosine
    similarities (Friedman & Dieng 2023, definition 3.1): from 1, where all are alike, to the smaller of n and k.

    X'X / n [k, k] has the same eigenvalues as K / n = XX' / n beside zeros.
    """
    x = _unit(features)
    shares = np.linalg.eigvalsh(x.T @ x if x.shape[1] < len(x) else x @ x.T)
    shares = shares[shares > 0]
    if not shares.size:
        return 1.0  # features of 0 alone, which are all alike
    shares = shares / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _unit(features: Features) -> Floats:
    """Return features divided by their lengths; those of length 0 as they are."""
    x = features.astype(np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(length > 0, length, 1.0))


def _mean_kernel(x: Floats, y: Floats) -> float:
    """Return the mean of the Gaussian kernel over all pairs."""
    squares, total = (y**2).sum(1), 0.0
    for i in range(0, len(x), ROWS):
        rows = x[i : i + ROWS]
        distances = (rows**2).sum(1)[:, None] + squares - 2 * rows @ y.T
        total += float(np.exp(-np.maximum(distances, 0) / (2 * SIGMA**2)).sum())
    return total / (len(x) * len(y))
