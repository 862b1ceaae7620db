"""Scores of generated images in the features of an extractor: FID, KID, precision and recall, and their floors.

FID, KID, precision and recall are torch-fidelity's, on features that were extracted here.
"""

from threading import RLock
from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.kernels import Features, cmmd
from harness.metrics.neighbours import manifold_scores

if TYPE_CHECKING:
    from torch import Tensor

NEIGHBOURS = 5  # the k of precision, recall, density and coverage, part of their names
ISC_SPLITS = 10
KID_SUBSETS = 50
SEED = 2020  # torch-fidelity's default, of the Inception score's shuffle too
KID_SUBSET = 1000  # and at most half of the samples: its subsets are drawn without replacement
MOST_NEIGHBOURS = 2000  # samples whose distances are all taken: of more, the first
FLOOR_DRAWS = 5
SIZES = 15  # numbers of samples from which FD is extrapolated, from a tenth of them to all
BY_NEIGHBOURS = {  # and the papers that they are from
    "precision": "kynkaanniemi2019",
    "recall": "kynkaanniemi2019",
    "density": "naeem2020",
    "coverage": "naeem2020",
}


def fid(generated: Features, real: Features) -> float:
    """Return the Frechet distance of two normal distributions with the means and covariances of features [n, k], [m, k]
    (Heusel et al. 2017, eq. 6). It is biased upwards at small n, and singular where n is not above k; NaN for 1. What
    rounding leaves below 0, as of a sample against itself, is 0.
    """
    if min(len(generated), len(real)) < 2:
        return float("nan")
    _ready()
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    first, second = (fid_features_to_statistics(_double(x)) for x in (generated, real))
    return float(np.maximum(fid_statistics_to_metric(first, second, verbose=False)[KEY_METRIC_FID], 0.0))  # keeps NaN


def fd_infinity(generated: Features, real: Features) -> float:
    """Return the Frechet distance extrapolated to infinitely many samples: where the line through it and 1 / N meets 0
    (Chong & Forsyth 2020, section 3.2).

    N samples of either part, features [n, k] and [m, k], are compared, the mean over as many disjoint parts as there
    are: both biases fall as 1 / N. It can fall below 0. NaN where n or m is below 4 k, as the line holds for N well
    above k alone.
    """
    n, k = min(len(generated), len(real)), generated.shape[1]
    least = max(n // 10, 2 * k)
    if n < 2 * least:
        return float("nan")
    sizes = np.unique(np.linspace(least, n, SIZES).astype(int))
    values = [
        np.mean([fid(generated[i : i + size], real[i : i + size]) for i in range(0, n - size + 1, size)])
        for size in sizes
    ]
    return float(np.polyfit(1 / sizes, values, 1)[1])


def kid(generated: Features, real: Features) -> float:
    """Return the kernel distance, unbiased, over random subsets (Binkowski et al. 2018, section 4); NaN below 4."""
    _ready()
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    size = min(KID_SUBSET, len(generated) // 2, len(real) // 2)
    if size < 2:
        return float("nan")
    how = {"kid_subsets": KID_SUBSETS, "kid_subset_size": size, "rng_seed": SEED, "verbose": False}
    return float(kid_features_to_metric(_double(generated), _double(real), **how)[KEY_METRIC_KID_MEAN])


def isc(scores: Features) -> float:
    """Return the Inception score of scores [n, c] of classes (Salimans et al. 2016, section 4), the mean of ten parts.

    1 where all images look alike; at most c. NaN where n is below 10.
    """
    if len(scores) < ISC_SPLITS:
        return float("nan")
    _ready()
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    return float(isc_features_to_metric(_double(scores), splits=ISC_SPLITS, rng_seed=SEED)[KEY_METRIC_ISC_MEAN])


def neighbours(generated: Features, real: Features) -> dict[str, float]:
    """Return precision, recall, density and coverage of as many samples of either; NaN where there are too few."""
    n = min(len(generated), len(real), MOST_NEIGHBOURS)
    if n <= NEIGHBOURS:
        return dict.fromkeys(BY_NEIGHBOURS, float("nan"))
    _ready()
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    first, second = _double(generated[:n]), _double(real[:n])
    scores = prc_features_to_metric(first, second, prc_neighborhood=NEIGHBOURS, verbose=False)
    published = {"precision": scores[KEY_METRIC_PRECISION], "recall": scores[KEY_METRIC_RECALL]}
    return manifold_scores(generated[:n], real[:n], NEIGHBOURS) | published


def floors(held_out: Features, train: Features) -> dict[str, float]:
    """Return FID, KID, CMMD, FD-infinity and the scores by neighbours of real training images [m, k] against the
    held-out ones [n, k].

    They are means over draws of n of the training images, or of all where there are no more; `fid_sd` is the standard
    deviation of FID over the draws.
    """
    draws = []
    for draw in range(FLOOR_DRAWS):
        real = train[np.random.default_rng(draw).permutation(len(train))[: len(held_out)]]
        values = {"fid": fid, "kid": kid, "cmmd": cmmd, "fd_infinity": fd_infinity}
        columns = {name: metric(real, held_out) for name, metric in values.items()}
        draws.append(columns | neighbours(real, held_out))
    means = {name: float(np.mean([values[name] for values in draws])) for name in draws[0]}
    return means | {"fid_sd": float(np.std([values["fid"] for values in draws], ddof=1))}


def floor_of_halves(held_out: Features) -> float:
    """Return the FID of one half of the held-out images against the other: the mean over splits."""
    values = []
    for draw in range(FLOOR_DRAWS):
        rows = np.random.default_rng(draw).permutation(len(held_out))
        half = len(held_out) // 2
        values.append(fid(held_out[rows[:half]], held_out[rows[half : 2 * half]]))
    return float(np.mean(values))


def _ready() -> None:
    """Make torch-fidelity fit to import, and let its progress bars, which nobody sees, do without a semaphore.

    A worker that is ended would leave it behind, and Python say so on the user's terminal.
    """
    from tqdm import tqdm

    from harness.datasets.torchvision_repair import mend

    mend()
    tqdm.set_lock(RLock())


def _double(features: Features) -> "Tensor":
    from torch import from_numpy

    return from_numpy(np.ascontiguousarray(features, dtype=np.float64))
