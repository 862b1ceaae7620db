"""One family of tests: every pair of objectives over the tasks, and who is not told apart.

Wilcoxon's signed-rank test (Wilcoxon 1945) with Holm's correction (Holm 1979), as Benavoli et al. 2016 advise for
several methods over several tasks.
"""

import math
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from harness.report.analysis.cell_table import finite
from harness.statistics.power import LEVEL, POWER, smallest_effect

DRAWS = 20_000  # of samples in which power is measured: an effect to about .01
MEASURED = 25  # tasks up to which it is; beyond, the effect of a t test times a constant is as near


def signed_rank(differences: ArrayLike) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test of differences [n], zeros left out; 1 where all are zero.

    Exact, ties in size included: under the hypothesis every pattern of signs is as likely. Raises HarnessError where a
    difference is not finite.
    """
    x = finite(differences)
    largest = np.abs(x).max(initial=0.0)
    if largest == 0:
        return 1.0
    x = np.round(x / largest, 12)  # what is equal but for the order of a sum is equal
    x = x[x != 0]
    ranks = np.asarray(rankdata(np.abs(x)))
    positive, total = float(ranks[x > 0].sum()), float(ranks.sum())
    weights = np.round(2 * ranks).astype(int)  # whole numbers, where ties share a half
    return min(1.0, 2 * float(_shares(weights, round(2 * min(positive, total - positive))).sum()))


@cache
def effect_seen(tasks: int) -> float:
    """Return the smallest effect that the signed-rank test of so many tasks finds with 80 % power at p = .05, of normal
    differences; infinite below six tasks, which no p of .05 can come from.

    The test finds a positive difference where at most `most` of the Walsh averages (of every two differences, and of
    each with itself) are below 0. A shift moves them all alike, so that each draw has a smallest effect of its own, and
    the answer is their quantile of 80 %. Above MEASURED tasks it is that of the t test over the root of the asymptotic
    relative efficiency, 3 / pi (Lehmann 1975).
    """
    if tasks > MEASURED:
        return smallest_effect(tasks) * math.sqrt(math.pi / 3)
    found = 2 * np.cumsum(_shares(np.arange(1, tasks + 1), tasks * (tasks + 1) // 4)) <= LEVEL
    if not found[0]:
        return math.inf
    most = int(found.sum()) - 1
    draws = np.random.default_rng(0).standard_normal((DRAWS, tasks))
    one, other = np.triu_indices(tasks)
    averages = (draws[:, one] + draws[:, other]) / 2
    return float(np.quantile(-np.partition(averages, most, axis=1)[:, most], POWER))


def leaning(differences: ArrayLike) -> int:
    """Return the side that the signed ranks of differences [n] lean to: 1 where those above 0 weigh more, -1, or 0."""
    x = finite(differences)
    scaled = np.round(x / (float(np.abs(x).max(initial=0.0)) or 1.0), 12)
    return int(np.sign((np.sign(scaled) * rankdata(np.abs(scaled))).sum()))


def _shares(weights: NDArray[np.int64], most: int) -> NDArray[np.float64]:
    """Return the share of all subsets of weights [n] with each sum from 0 to `most`, a weight at a time."""
    share = np.zeros(most + 1)
    share[0] = 1.0
    for weight in weights:
        without = share / 2
        share = without.copy()
        share[weight:] += without[: max(most + 1 - weight, 0)]
    return share


def holm(ps: ArrayLike) -> NDArray[np.float64]:
    """Return p values [n] corrected for their number by Holm's step-down rule, in the order given."""
    p = finite(ps)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def family(blocks: pd.DataFrame) -> pd.DataFrame:
    """Test every pair of the columns of `blocks` (a row a task, a column an objective, a score the higher the better).

    Returns first, second (in the order of the columns), higher (the one of them whose side the ranks lean to, which
    need not be that of the mean), tasks, p, p_holm, told_apart, and smallest_effect: Cohen's d of the differences
    between tasks that this test of so many finds with 80 % power, before correction. Raises HarnessError where a score
    is not finite.
    """
    pairs = list(combinations(blocks.columns, 2))
    gaps = [blocks[a].to_numpy() - blocks[b].to_numpy() for a, b in pairs]
    p = [signed_rank(gap) for gap in gaps]
    adjusted = holm(p)
    return pd.DataFrame({
        "first": [a for a, _ in pairs],
        "second": [b for _, b in pairs],
        "higher": [a if leaning(gap) >= 0 else b for (a, b), gap in zip(pairs, gaps, strict=True)],
        "tasks": len(blocks),
        "p": p,
        "p_holm": adjusted,
        "told_apart": adjusted <= LEVEL,
        "smallest_effect": effect_seen(len(blocks)),
    })  # fmt: skip


def mean_ranks(blocks: pd.DataFrame) -> pd.Series:
    """Return every objective's mean place over the tasks, best first: 1 is the highest score, ties share places."""
    ranks = blocks.round(12).rank(axis=1, ascending=False).mean()
    return ranks.sort_index().sort_values(kind="stable")


def groups(order: list[str], pairs: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the longest stretches of objectives, in the order given, of which no two are told apart (Demšar 2006).

    `pairs` as `family` returns them.
    """
    apart = {
        frozenset(pair) for pair in zip(*(pairs.loc[pairs["told_apart"], c] for c in ("first", "second")), strict=True)
    }
    found: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and all(frozenset((other, order[end])) not in apart for other in order[start:end]):
            end += 1
        if end - start > 1 and end > reached:
            found.append(tuple(order[start:end]))
            reached = end
    return found
