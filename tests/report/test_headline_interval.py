"""How often the headline's interval is right: Student's t over seeds, against a bootstrap of seeds within tasks."""

import math

import numpy as np
import pytest
from report.test_headline import held_out
from scipy.special import stdtrit

from harness.report.headline import COVERAGE

# Share of nominal 95 % intervals that hold the expected value: the t interval's of a tuned score, of a paired
# difference of two; the bootstrap's of either.
MEASURED = {
    "alone": (0.93, 0.93, 0.88, 0.85),
    "shared": (0.95, 0.92, 0.66, 0.85),
    "skewed": (0.87, 0.87, 0.73, 0.75),
    "lost": (0.86, 0.86, 0.71, 0.73),
}


def tuned_scores(noise, n, draws, draw, tasks=9):
    """Draw scores of two objectives at three settings in nine tasks, and tune them. Returns [draws, 2, tasks, n]."""
    fixed = np.random.default_rng(0)
    best = fixed.uniform(0.3, 0.95, (tasks, 2, 1))
    means = np.clip(best - np.abs(fixed.normal(0, 0.15, (tasks, 2, 3))), 0, 1)
    size = (draws, tasks, 2, n, 3)
    x = means[:, :, None, :] + 0.04 * draw.normal(size=size)
    if noise != "alone":  # a seed's luck is partly the same in all tasks, partly shared by the objectives of a task
        x += 0.03 * draw.normal(size=(draws, 1, 1, n, 1)) + 0.03 * draw.normal(size=(draws, tasks, 1, n, 1))
    if noise == "skewed":
        x -= (draw.random(size) < 0.2) * draw.uniform(0.2, 0.8, size)
    x = np.clip(x, 0, 1) * ((draw.random(size) < 0.9) if noise == "lost" else 1)
    return held_out(x).swapaxes(1, 2)


def coverage(noise, n, draws=1000, resamples=400):
    """Return how often each interval holds the expected value: see MEASURED."""
    draw = np.random.default_rng(n)
    truth = np.mean([tuned_scores(noise, n, 1000, draw).mean((0, 2, 3)) for _ in range(20)], axis=0)
    scores = tuned_scores(noise, n, draws, draw)
    found, cases = [], ((scores[:, 0], truth[0]), (scores[:, 0] - scores[:, 1], truth[0] - truth[1]))
    for values, expected in cases:
        seeds = values.mean(1)  # [draws, n]: the mean over tasks
        half = stdtrit(n - 1, 0.975) * seeds.std(1, ddof=1) / math.sqrt(n)
        found.append(np.mean(np.abs(seeds.mean(1) - expected) <= half))
    for values, expected in cases:
        means = np.zeros((draws, resamples))
        for task in range(values.shape[1]):  # seeds within a task
            picked = draw.integers(0, n, (draws, resamples, n))
            means += np.take_along_axis(values[:, task, None], picked, -1).mean(-1) / values.shape[1]
        low, high = np.quantile(means, [0.025, 0.975], axis=1)
        found.append(np.mean((low <= expected) & (expected <= high)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("noise", MEASURED)
def test_the_interval_covers_as_often_as_measured_and_more_often_than_a_bootstrap_within_tasks(noise):
    shares = coverage(noise, 5)
    np.testing.assert_allclose(shares, MEASURED[noise], atol=0.025)
    assert MEASURED[noise][:2] == COVERAGE[noise]  # what the page says
    assert shares[0] > shares[2] + 0.03
    assert shares[1] > shares[3] + 0.03
