"""Runs that were lost, in an order: each ranks below every run that is ok.

The one rule: in means, intervals and figures a lost run has the score 0; in whatever orders or counts who is better
(places, tuning, signs, signed ranks, the P(better)) it also loses every tie, so that an untrained generator
that is ok beats a run that diverged.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.statistics.trials import BELOW


def ranked(scores: pd.Series, ok: pd.Series) -> pd.Series:
    """Return scores by which runs are ordered: those of lost runs just below 0."""
    return scores.where(ok, -BELOW)


def gains(
    a: tuple[pd.Series, pd.Series], b: tuple[pd.Series, pd.Series], lower: bool, is_score: bool
) -> NDArray[np.float64]:
    """Return how much better each run of B is than its partner of A, [pairs]; each side gives values and which are ok.

    A lost run has the score of `ranked`; on another scale it is further behind than any two runs that are ok are apart.
    """
    if is_score:
        return np.asarray(ranked(b[0], b[1]) - ranked(a[0], a[1]), dtype=np.float64)
    gap = np.asarray((a[0] - b[0]) if lower else (b[0] - a[0]), dtype=np.float64)
    both = np.asarray(a[1] & b[1])
    furthest = 2 * np.abs(gap[both]).max(initial=0.0) + 1
    return np.where(both, gap, furthest * (np.asarray(b[1], dtype=float) - np.asarray(a[1], dtype=float)))
