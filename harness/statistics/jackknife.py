"""What the interval of a tuned mean is made of: pseudo-values of the whole procedure, tuning included.

Where settings nearly tie, a single seed may flip the choice made for all others, so that the held-out scores are not
independent and Student's t of them is too narrow. The jackknife (Tukey 1958) leaves out a seed at a time, tunes and
evaluates again on the rest, and takes the spread of these means; by Efron & Stein 1981 its variance is, on average, not
below that of the mean. A pseudo-value a seed carries it: their mean is the tuned mean, their t interval the
jackknife's, and of two objectives they can be paired, of several tasks averaged. Where no choice flips they are the
held-out scores.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pseudo_values(tuned: Array, value: Array, worse: Array, tie: Array) -> Array:
    """Return a pseudo-value a seed [n] of the mean of `tuned` [n], the values at the setting best on the other seeds.

    `value`, `worse` and `tie` are [n, settings]: what is averaged, and by whose means over the other seeds a setting is
    chosen, the lowest first, ties by `tie`, infinite for a lost run. With two seeds there is no other seed to choose on
    once one is left out, and `tuned` is returned.
    """
    n, settings = value.shape
    if n < 3 or settings < 2:
        return tuned
    first, second = np.triu_indices(n, 1)
    keep = np.ones((len(first), n))
    keep[np.arange(len(first)), first] = keep[np.arange(len(first)), second] = 0.0
    chosen = best(keep, worse, tie)
    held = np.zeros((n, n))  # of seed i, tuned on all seeds but i and j
    held[first, second], held[second, first] = value[first, chosen], value[second, chosen]
    without = held.sum(0) / (n - 1)
    pseudo: Array = tuned.mean() + (n - 1) * (without.mean() - without)
    return pseudo


def best(keep: Array, worse: Array, tie: Array) -> NDArray[np.intp]:
    """Return the best setting [m] on the seeds that each row of `keep` [m, n], of ones and zeros, holds."""
    known = np.isfinite(tie)
    some = keep @ known
    key = (keep @ worse, keep @ ~known, keep @ np.where(known, tie, 0.0) / np.maximum(some, 1))
    left = np.ones(key[0].shape, dtype=bool)
    for column in key:
        of_left = np.where(left, column, np.inf)
        left &= of_left <= of_left.min(1, keepdims=True)
    return left.argmax(1)
