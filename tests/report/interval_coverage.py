"""How often intervals over tasks hold what they should: prints the tables in docs/methods.md.

PYTHONPATH=.:tests python -m report.interval_coverage
"""

import numpy as np
from report.analysis.test_headline_interval import GAPS, NOISES, held_out, t_coverage, tie_coverage, tuned_scores
from report.analysis.test_variance import simulated

from harness.report.analysis.across_tasks import CONFOUNDED, HIGHER, SEED
from harness.statistics import aggregates, variance

STATISTICS = ("mean", "interquartile mean", "P(better)")
SEEDS = (3, 5, 10)


def found(scores, picked):
    """Return the statistics of two objectives' scores [tasks, seeds, 2] with their bounds [value, low, high]."""
    both = (
        aggregates.means(scores, picked),
        aggregates.iqms(scores, picked),
        aggregates.improvement(scores, picked, 0, 1),
    )
    return np.array([[np.ravel(x)[0] for x in (one.value, one.low, one.high)] for one in both])


def coverage(noise, n, simulations=1000, draws=2000):
    """Return the share of intervals that hold the expected value of each of STATISTICS: nine tasks, n seeds, tuned."""
    draw = np.random.default_rng(n)

    def scores(many):
        return tuned_scores(noise, n, many, draw).transpose(0, 2, 3, 1)  # [many, tasks, seeds, 2]

    one = np.zeros((1, 9, n), dtype=np.int64)  # a single draw: only the values are wanted
    truth = np.mean([found(x, one)[:, 0] for x in scores(2000)], axis=0)
    held = []
    for x in scores(simulations):
        _, low, high = found(x, aggregates.picks(x.shape, draw, draws)).T
        held.append((low <= truth) & (truth <= high))
    return np.mean(held, axis=0)


def share_coverage(n, simulations=500, draws=1000):
    """Return the shares of variance in simulated suites, their true sizes, and how often their bounds hold them."""
    design, suites, truth = simulated(simulations, n)
    draw = np.random.default_rng(n)
    bounds = np.array([variance.bounds(design, y, draw, draws) for y in suites])[..., : truth.shape[-1]]
    held = ((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean(0)
    factors = ("objective", "data set", "lr")
    names = [*(" x ".join(factors[i] for i in term) for term in design.terms), HIGHER, CONFOUNDED, SEED]
    return [row for row in zip(names, truth, held, strict=True) if row[0] != CONFOUNDED]


def main():
    print("| noises between settings | seeds | score | difference | score, plain t | difference, plain t |")
    print("| --- | --- | --- | --- | --- | --- |")
    for gap in GAPS:
        for n in SEEDS:
            found = [*tie_coverage(gap, n), *tie_coverage(gap, n, stand=held_out)]
            print(f"| {gap} | {n} | {' | '.join(f'{100 * x:.1f} %' for x in found)} |", flush=True)
    print()
    print("| noise of a run | seeds | score | difference |")
    print("| --- | --- | --- | --- |")
    for noise in NOISES:
        for n in SEEDS:
            print(
                f"| {NOISES[noise]} | {n} | {' | '.join(f'{100 * x:.0f} %' for x in t_coverage(noise, n))} |",
                flush=True,
            )
    print()
    print(f"| noise of a run | seeds | {' | '.join(STATISTICS)} |")
    print("| --- | --- | --- | --- | --- |")
    for noise in NOISES:
        for n in SEEDS:
            print(
                f"| {NOISES[noise]} | {n} | {' | '.join(f'{100 * x:.0f} %' for x in coverage(noise, n))} |", flush=True
            )
    found = {n: share_coverage(n) for n in SEEDS}
    print(f"\n| share of variance | {' | '.join(f'{name} ({100 * truth:.1f} %)' for name, truth, _ in found[3])} |")
    print("| --- " * (1 + len(found[3])) + "|")
    for n, rows in found.items():
        print(f"| {n} seeds | {' | '.join(f'{100 * held:.0f} %' for *_, held in rows)} |")


if __name__ == "__main__":
    main()
