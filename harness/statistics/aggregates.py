"""Aggregates of scores [tasks, seeds, objectives] with bootstrap intervals over seeds: pure functions of arrays.

After Agarwal et al. 2021 ("Deep reinforcement learning at the edge of the statistical precipice"): interquartile mean,
probability of improvement, performance profiles, and a bootstrap stratified by task. Runs of two objectives with one
seed share weights, data and latents, so that a draw takes the same seeds for all objectives. Tasks are not drawn: the
intervals are for these tasks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import HarnessError

DRAWS = 2000
THRESHOLDS = np.linspace(0, 1, 101)
# Share of nominal 95 % intervals over n seeds and nine simulated tasks that hold the expected mean, interquartile mean
# and P(better): measured in 1,000 suites, checked in tests/report. By n, then noises as of headline.COVERAGE.
COVERAGE: dict[int, dict[str, tuple[float, float, float]]] = {
    3: {
        "alone": (0.80, 0.80, 0.73), "shared": (0.60, 0.66, 0.85),
        "skewed": (0.67, 0.66, 0.75), "lost": (0.70, 0.59, 0.73),
    },
    5: {
        "alone": (0.87, 0.89, 0.85), "shared": (0.66, 0.71, 0.89),
        "skewed": (0.72, 0.70, 0.77), "lost": (0.71, 0.58, 0.76),
    },
    10: {
        "alone": (0.91, 0.93, 0.90), "shared": (0.69, 0.77, 0.93),
        "skewed": (0.80, 0.79, 0.84), "lost": (0.78, 0.64, 0.79),
    },
}  # fmt: skip

Array = NDArray[np.float64]
Picked = NDArray[np.int64]  # the seeds of each draw in each task [draws, tasks, seeds]


@dataclass(frozen=True)
class Estimates:
    """An estimate and its bounds, each an array of one shape; bounds are NaN with one seed, which gives none."""

    value: Array
    low: Array
    high: Array


def arranged(scores: ArrayLike) -> Array:
    """Return scores [tasks, seeds, objectives] with the seeds of a task, then the tasks, in an order of their values:
    whatever they are called, the same draws of a bootstrap fall on the same numbers.

    Raises HarnessError where a score is not finite or there are none.
    """
    x = np.array(scores, dtype=np.float64)
    if x.ndim != 3 or 0 in x.shape:
        raise HarnessError(f"aggregates need scores [tasks, seeds, objectives]: an array of shape {x.shape} given.")
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        task, seed, objective = bad[0]
        raise HarnessError(f"aggregates need finite scores: task {task}, seed {seed}, objective {objective} has none.")
    x = np.stack([task[np.lexsort(task.T[::-1])] for task in x])
    return np.asarray(x[np.lexsort(x.reshape(len(x), -1).T[::-1])])


def picks(shape: tuple[int, ...], generator: np.random.Generator, draws: int = DRAWS) -> Picked:
    """Return the seeds that each draw takes in each task [draws, tasks, seeds]; `shape` is that of the scores."""
    tasks, seeds = shape[:2]
    return generator.integers(seeds, size=(draws, tasks, seeds))


def iqm(scores: ArrayLike) -> Array:
    """Return the interquartile mean of scores [..., tasks, seeds]: that of the middle half of all runs. Returns [...].

    A quarter of the runs, rounded down, is left out at either end (scipy.stats.trim_mean, as rliable has it).
    """
    x = np.asarray(scores, dtype=np.float64)
    flat = np.sort(x.reshape(*x.shape[:-2], -1), axis=-1)
    cut = flat.shape[-1] // 4
    return np.asarray(flat[..., cut : flat.shape[-1] - cut].mean(-1))


def iqms(scores: Array, picked: Picked) -> Estimates:
    """Return the interquartile mean of every objective [objectives]."""
    by_objective = np.moveaxis(scores, -1, 0)
    drawn = [iqm(np.take_along_axis(x[None], picked, axis=-1)) for x in by_objective]
    return _estimates(iqm(by_objective), np.stack(drawn, axis=-1), scores.shape[1])


def means(scores: Array, picked: Picked) -> Estimates:
    """Return the mean of every objective [objectives]."""
    return _weighted(scores, picked)


def profiles(scores: Array, picked: Picked, thresholds: Array = THRESHOLDS) -> Estimates:
    """Return the share of an objective's runs with a score above each threshold [objectives, thresholds]."""
    return _weighted((scores[..., None] > thresholds).astype(np.float64), picked)


def improvement(scores: Array, picked: Picked, first: int, second: int) -> Estimates:
    """Return the chance that a run of objective `first` has a higher score than one of `second` in the same task, of
    all pairs of runs, ties counting one half, averaged over the tasks. Returns [].
    """
    a, b = scores[:, :, None, first], scores[:, None, :, second]
    wins = (a > b) + 0.5 * (a == b)  # [tasks, seeds of first, seeds of second]
    share = _counts(picked) / scores.shape[1]  # [draws, tasks, seeds]
    drawn = np.einsum("dts,dts->d", np.einsum("dts,tsu->dtu", share, wins, optimize=True), share) / len(scores)
    return _estimates(np.asarray(wins.mean()), drawn, scores.shape[1])


def _weighted(values: Array, picked: Picked) -> Estimates:
    """Return the mean over runs of values [tasks, seeds, ...], which a draw takes with other weights. Returns [...]."""
    tasks, seeds = values.shape[:2]
    weights = _counts(picked).reshape(len(picked), -1) / (tasks * seeds)
    drawn = (weights @ values.reshape(tasks * seeds, -1)).reshape(len(picked), *values.shape[2:])
    return _estimates(values.mean((0, 1)), drawn, seeds)


def _counts(picked: Picked) -> Array:
    """Return how often each draw takes each seed of each task [draws, tasks, seeds]."""
    draws, tasks, seeds = picked.shape
    cells = np.arange(draws * tasks).reshape(draws, tasks, 1) * seeds + picked
    counts = np.bincount(cells.ravel(), minlength=picked.size)
    return counts.reshape(picked.shape).astype(np.float64)


def _estimates(value: Array, drawn: Array, seeds: int) -> Estimates:
    """Return the value with the middle 95 % of the draws [draws, ...]."""
    if seeds == 1:
        none = np.full_like(value, np.nan)
        return Estimates(value, none, none)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Estimates(value, np.asarray(low), np.asarray(high))
