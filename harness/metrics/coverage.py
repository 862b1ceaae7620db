"""Mode coverage and quality on mixtures whose centres are known."""

import numpy as np
from numpy.typing import NDArray

from harness.metrics.transport import Points

QUALITY_SD = 3.0  # a sample is of high quality within 3 sd of its nearest centre (Srivastava et al. 2017)


def hq_ceiling(dimension: int) -> float:
    """Return the share of a perfect sampler within 3 sd of its centre: .9889 in two dimensions."""
    from scipy.stats import chi

    return float(chi.cdf(QUALITY_SD, dimension))


def mode_counts(x: Points, modes: Points, sd: float) -> NDArray[np.int64]:
    """Return how many high-quality samples of x [n, d] are nearest to each of the modes [K, d]: [K]."""
    distance = np.linalg.norm(x[:, None].astype(np.float64) - modes[None], axis=-1)
    nearest = distance.argmin(1)
    good = distance[np.arange(len(x)), nearest] <= QUALITY_SD * sd
    return np.bincount(nearest[good], minlength=len(modes))


def modes_half(counts: NDArray[np.int64], n: int) -> int:
    """Return the number of modes that hold at least half of their expected mass n / K."""
    return int((counts >= 0.5 * n / len(counts)).sum())


def reverse_kl(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return KL(mode shares of high-quality samples || uniform) in nats, and its plug-in floor (K - 1) / 2n.

    The floor is the bias of a perfect sampler's estimate (Miller 1955). Both are NaN where no sample is of quality.
    """
    n = int(counts.sum())
    if n == 0:
        return float("nan"), float("nan")
    share = counts[counts > 0] / n
    return float((share * np.log(share * len(counts))).sum()), (len(counts) - 1) / (2 * n)
