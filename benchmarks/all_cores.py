"""A part of `robustness` on all cores, and on one."""

from typing import Any

from benchmarks import Progress, machine, tabulated
from benchmarks.whole_suite import HEADING, measure, render
from harness.suite.expand import expand
from harness.suite.load import load_suite
from harness.suite.shipped import find_suite
from harness.workers import default_workers, open_executor

# A tenth of robustness: every cell, training and scoring in about its proportion, three to four minutes on one core.
PART = ("seeds=2", "train.steps=200", "score.at=[1]")
AT_LEAST = 1.9  # times one core, on two


def bench(progress: Progress) -> dict[str, Any]:
    """Time the part on all cores, then on one.

    The first call on a machine trains the extractors of images and keeps them in the user's cache, where all later
    calls find them. They are made before either side is timed, so that both do the same work.
    """
    suite = find_suite("robustness")
    with open_executor(1) as executor:
        executor.submit(fill_cache, suite, PART).result()
    measured = (measure(suite, workers, "cpu", PART) for workers in (default_workers(), 1))
    rows = tabulated(progress, HEADING, render, measured)
    every, one = (row["work_s"] for row in rows)
    progress(f"{one / every:.2f} times one core, at least {AT_LEAST} on two")
    return {"rows": rows, "ratio": one / every, "machine": machine()}


def fill_cache(suite: str, sets: tuple[str, ...] = ()) -> None:
    """Make the references of a suite's images, whose extractors and features of real images stay in the cache."""
    from harness.datasets import DATASETS
    from harness.metrics import make_reference

    loaded = load_suite(suite, sets=sets)
    specs = {run.dataset: run.spec for run in expand(loaded).runs}
    for spec in specs.values():
        if DATASETS[spec.setup.dataset].kind == "images":
            make_reference(spec, loaded.score.samples, loaded.score.extractors or None)
