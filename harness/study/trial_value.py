"""What a trial was worth. Nothing here imports torch: a report reads it too."""

from collections.abc import Iterable
from statistics import fmean

from harness.statistics.trials import WORST
from harness.store import FINAL, LOST


def value_of(results: Iterable[tuple[str, float | None]], lost: float = WORST) -> float | None:
    """Return the mean score of a trial's runs, given as status and score; None before all have ended.

    A run that diverged, failed, or ran out of memory or of time scores `lost`, 0 or just below it, where trials are
    ordered: none is left out.
    """
    values = []
    for status, score in results:
        if status not in (*FINAL, *LOST):
            return None
        values.append(lost if status != "ok" or score is None else score)
    return fmean(values)
