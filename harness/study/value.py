"""What a trial was worth. Nothing here imports torch: a report reads it too."""

from collections.abc import Iterable
from statistics import fmean

from harness.store import FINAL, LOST

WORST = 0.0  # the score of the best single point, and of every run that was lost


def value_of(results: Iterable[tuple[str, float | None]]) -> float | None:
    """Return the mean score of a trial's runs, given as status and score; None before all have ended.

    A run that diverged, failed, or ran out of memory or of time scores 0, the worst there is: none is left out.
    """
    found = []
    for status, score in results:
        if status not in (*FINAL, *LOST):
            return None
        found.append(WORST if status != "ok" or score is None else score)
    return fmean(found)
