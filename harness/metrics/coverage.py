"""Mode coverage and quality on mixtures whose centres are known."""

import numpy as np
from numpy.typing import NDArray

from harness.metrics.transport import Points

QUALITY_SD = 3.0  # a sample is of high quality within 3 sd of its nearest centre (Srivastava et al. 2017)


def hq_ceiling(modes: Points, sd: float) -> float:
    """Return the share of a perfect sampler within 3 sd of one of the modes [K, d]: .9889 in two dimensions.

    NaN where balls of 3 sd around two modes overlap: a sample of one may then lie in that of another, and the share is
    higher.
    """
    from scipy.spatial.distance import pdist
    from scipy.stats import chi

    apart = len(modes) == 1 or pdist(modes).min() >= 2 * QUALITY_SD * sd
    return float(chi.cdf(QUALITY_SD, modes.shape[1])) if apart else float("nan")


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
    """Return KL(mode shares of high-quality samples || uniform) in nats, and its floor.

    The floor is what as many samples of a perfect sampler have on average. Both are NaN where no sample is of quality.
    """
    n, k = int(counts.sum()), len(counts)
    if n == 0:
        return float("nan"), float("nan")
    share = counts[counts > 0] / n
    return float((share * np.log(share * k)).sum()), expected_kl(n, np.full(k, 1 / k))


def expected_kl(n: int, shares: NDArray[np.float64]) -> float:
    """Return the mean of KL(shares of n independent samples || shares [K] that they are drawn with) in nats, exactly.

    Every count is binomial: the sum over classes of E[c/n log(c / n p)]. It is at most log(1 / smallest share), and for
    large n close to (K - 1) / 2n, the bias of Miller 1955, which has no bound at small n.
    """
    from scipy.stats import binom

    different, times = np.unique(shares[shares > 0], return_counts=True)
    counts = np.arange(1, n + 1)
    terms = [binom.pmf(counts, n, p) * (counts / n) * np.log(counts / (n * p)) for p in different]
    return float(sum(k * term.sum() for k, term in zip(times, terms, strict=True)))
