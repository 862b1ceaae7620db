"""What a classifier sees among generated images: shares of classes, how many there are, how far from the data's."""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]

SURE = 0.9  # confidence at which an image counts for a class
SHARE = 0.01  # of the samples that a class needs to be found
FEW = 100  # classes up to which they must be sure and not rare; of more, a single image finds one


def counts(scores: Scores) -> NDArray[np.int64]:
    """Return how many images look most like each class: scores [n, k] -> [k]."""
    return np.bincount(scores.argmax(1), minlength=scores.shape[1])


def shares(scores: Scores) -> NDArray[np.float64]:
    """Return the share of images that look most like each class: scores [n, k] -> [k]."""
    return counts(scores) / len(scores)


def class_kl(scores: Scores, expected: NDArray[np.float64]) -> float:
    """Return KL(shares among the images || shares of the data) in nats; classes that the data lack are left out.

    At n samples of the data themselves it is `coverage.expected_kl` on average.
    """
    share = shares(scores)
    both = (share > 0) & (expected > 0)
    return float((share[both] * np.log(share[both] / expected[both])).sum())


def modes(scores: Scores) -> float:
    """Return how many classes are found: with at least 1 % of the images above .9 confidence; of more than 100
    classes, with at least one image. Bare counting of ten finds seven digits in stripes.
    """
    if scores.shape[1] > FEW:
        return float((shares(scores) > 0).sum())
    sure = _softmax(scores)
    return float((counts(sure[sure.max(1) > SURE]) >= SHARE * len(scores)).sum())


def modes_possible(expected: NDArray[np.float64], n: int) -> float:
    """Return how many classes `modes` finds on average among n real images of these shares, each seen rightly."""
    from scipy.stats import binom

    least = 1 if len(expected) > FEW else max(1, int(np.ceil(SHARE * n)))
    return float(np.sum(binom.sf(least - 1, n, expected)))


def _softmax(scores: Scores) -> NDArray[np.float64]:
    powers = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
