"""How often the headline's interval is right: Student's t over seeds, against a bootstrap of seeds within tasks."""

import math
from pathlib import Path

import numpy as np
import pytest
from report.test_headline import held_out
from scipy.special import stdtrit

from harness.report.headline import COVERAGE

NOISES = {
    "alone": "normal, of its own",
    "shared": "and luck that a seed brings to all runs",
    "skewed": "and one run in five far worse",
    "lost": "and, instead, one run in ten lost",
}

# Share of nominal 95 % bootstrap intervals at n = 5 that hold the expected tuned score, and the difference of two.
BOOTSTRAP = {"alone": (0.88, 0.85), "shared": (0.66, 0.85), "skewed": (0.73, 0.75), "lost": (0.71, 0.73)}


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


def cases(noise, n, draws):
    """Return (values [draws, tasks, n], their expected mean) of a tuned score and of the difference of two."""
    draw = np.random.default_rng(n)
    truth = np.mean([tuned_scores(noise, n, 1000, draw).mean((0, 2, 3)) for _ in range(20)], axis=0)
    scores = tuned_scores(noise, n, draws, draw)
    return (scores[:, 0], truth[0]), (scores[:, 0] - scores[:, 1], truth[0] - truth[1])


def t_coverage(noise, n, draws=4000):
    """Return how often the t interval over seeds holds the expected score, and the expected difference."""
    found = []
    for values, expected in cases(noise, n, draws):
        seeds = values.mean(1)  # [draws, n]: the mean over tasks
        half = stdtrit(n - 1, 0.975) * seeds.std(1, ddof=1) / math.sqrt(n)
        found.append(np.mean(np.abs(seeds.mean(1) - expected) <= half))
    return found


def bootstrap_coverage(noise, n, draws=1000, resamples=400):
    """Return the same of a bootstrap of seeds within tasks."""
    draw, found = np.random.default_rng(n), []
    for values, expected in cases(noise, n, draws):
        means = np.zeros((draws, resamples))
        for task in range(values.shape[1]):  # seeds within a task
            picked = draw.integers(0, n, (draws, resamples, n))
            means += np.take_along_axis(values[:, task, None], picked, -1).mean(-1) / values.shape[1]
        low, high = np.quantile(means, [0.025, 0.975], axis=1)
        found.append(np.mean((low <= expected) & (expected <= high)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("noise", BOOTSTRAP)
@pytest.mark.parametrize("n", COVERAGE)
def test_the_interval_covers_as_often_as_said(n, noise):
    np.testing.assert_allclose(t_coverage(noise, n, draws=1000), COVERAGE[n][noise], atol=0.025)


@pytest.mark.slow
@pytest.mark.parametrize("noise", BOOTSTRAP)
def test_a_bootstrap_within_tasks_covers_less_often(noise):
    shares = bootstrap_coverage(noise, 5)
    np.testing.assert_allclose(shares, BOOTSTRAP[noise], atol=0.025)
    assert (np.array(shares) + 0.03 < COVERAGE[5][noise]).all()


@pytest.mark.parametrize("noise", BOOTSTRAP)
@pytest.mark.parametrize("n", COVERAGE)
def test_the_documented_table_is_the_one_on_the_page(n, noise):
    said = " | ".join(f"{100 * share:.0f} %" for share in COVERAGE[n][noise])
    assert f"| {NOISES[noise]} | {n} | {said} |" in Path("docs/methods.md").read_text(encoding="utf-8")
