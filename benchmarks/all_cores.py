"""A part of `robustness` on all cores, and on one."""

from typing import Any

from benchmarks import Progress, machine, tabulated
from benchmarks.whole_suite import HEADING, measure, render
from harness.suite.shipped import find_suite
from harness.workers import default_workers

# A tenth of robustness: every cell, training and scoring in about its proportion, three to four minutes on one core.
PART = ("seeds=2", "train.steps=200", "score.at=[1]")
AT_LEAST = 1.9  # times one core, on two


def bench(progress: Progress) -> dict[str, Any]:
    """Time the part on all cores, then on one: what only a first call has to make is not for all cores to gain."""
    suite = find_suite("robustness")
    measured = (measure(suite, workers, "cpu", PART) for workers in (default_workers(), 1))
    rows = tabulated(progress, HEADING, render, measured)
    every, one = (row["work_s"] for row in rows)
    progress(f"{one / every:.2f} times one core, at least {AT_LEAST} on two")
    return {"rows": rows, "ratio": one / every, "machine": machine()}
