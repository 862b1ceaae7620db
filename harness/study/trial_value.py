"""What a trial was worth. Nothing here imports torch: a report reads it too."""

from collections.abc import Iterable
from statistics import fmean

from harness.store import FINAL, LOST

BELOW = 1e-6  # how far below 0 a lost run ranks: less than two runs that are ok differ by, unless they tie
WORST = 0.0  # the score of the best null sampler, and of every run that was lost


def value_of(results: Iterable[tuple[str, float | None]], lost: float = WORST) -> float | None:
    """Return the mean score of a trial's runs, given as status and score; None before all have ended.

    A run that diverged, failed, or ran out of memory or of time scores `lost`, 0 or just below it, where trials are
    ordered: none is left out.
    """
    found = []
    for status, score in results:
        if status not in (*FINAL, *LOST):
            return None
        found.append(lost if status != "ok" or score is None else score)
    return fmean(found)
