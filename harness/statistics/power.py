"""What a paired comparison can show: the effect that so many pairs reveal, and the smallest p they can reach.

An effect is Cohen's d of paired differences: their mean over their standard deviation. Whatever makes those differ
(seeds in a cell, tasks in a suite) is what is counted. Nothing here imports torch: a plan and a report use it.
"""

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import nctdtr, stdtrit

LEVEL = 0.05
POWER = 0.8


def power(effect: float, n: int, level: float = LEVEL) -> float:
    """Return the chance that a two-sided paired t test of n pairs finds a difference of `effect` > 0, with its sign.

    sqrt(n) mean / sd follows the noncentral t distribution with n - 1 degrees of freedom and noncentrality
    effect sqrt(n) (Cohen 1988, section 2.5).
    """
    return float(1 - nctdtr(n - 1, effect * math.sqrt(n), stdtrit(n - 1, 1 - level / 2)))


def smallest_effect(n: int, level: float = LEVEL) -> float:
    """Return the smallest effect that a paired t test of n pairs finds with 80 % power; infinite below two pairs."""
    if n < 2:
        return math.inf
    high = 1.0
    while power(high, n, level) < POWER:
        high *= 2
    return float(brentq(lambda effect: power(effect, n, level) - POWER, 0.0, high))


def pairs_needed(effect: float, level: float = LEVEL) -> int:
    """Return the fewest pairs with which a paired t test finds `effect` with 80 % power."""
    low, high = 1, 2  # one pair is too few for any test
    while power(effect, high, level) < POWER:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle, level) >= POWER else (middle, high)
    return high


@dataclass(frozen=True)
class Power:
    """How many seeds a cell needs for an `effect`, and which effect those that it has show.

    For one comparison (`alone`), and where one of `pairs` is to survive Holm's correction, whose first step is at the
    level .05 / pairs (`corrected`). None where there are no pairs, or too few seeds for a test.
    """

    effect: float
    seeds: int
    pairs: int
    seeds_needed_alone: int
    seeds_needed_corrected: int | None
    smallest_effect_alone: float | None
    smallest_effect_corrected: float | None
    power: float = POWER
    level: float = LEVEL


def seeds_for(effect: float, pairs: int, seeds: int) -> Power:
    """Return what `effect` needs and what so many seeds of a cell show, over so many pairs of objectives."""
    corrected = LEVEL / pairs if pairs else None
    return Power(
        *(effect, seeds, pairs),
        seeds_needed_alone=pairs_needed(effect, LEVEL),
        seeds_needed_corrected=pairs_needed(effect, corrected) if corrected else None,
        smallest_effect_alone=smallest_effect(seeds, LEVEL) if seeds > 1 else None,
        smallest_effect_corrected=smallest_effect(seeds, corrected) if corrected and seeds > 1 else None,
    )


def smallest_p(n: int) -> float:
    """Return the smallest two-sided p of a signed-rank or sign-flip test of n pairs: two of 2^n sign patterns."""
    return float(min(1.0, 2.0 ** (1 - n)))


def within_reach(pairs: int, tasks: int) -> bool:
    """Whether a family of `pairs` comparisons over so many tasks can reach p = .05 after correction."""
    return pairs * smallest_p(tasks) <= LEVEL


def tasks_needed(pairs: int) -> int:
    """Return the fewest tasks with which a family of `pairs` comparisons can reach p = .05 after correction."""
    n = 1
    while not within_reach(pairs, n):
        n += 1
    return n
