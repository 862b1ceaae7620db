"""Settings chosen by their runs on other seeds, and what the interval of a mean so tuned is made of.

Where settings nearly tie, a single seed may flip the choice made for all others, so that the held-out scores are not
independent and Student's t of them is too narrow. The jackknife (Tukey 1958) leaves out a seed at a time, tunes and
evaluates again on the rest, and takes the spread of these means; by Efron & Stein 1981 its variance is, on average, not
below that of the mean. A pseudo-value a seed carries it: their mean is the tuned mean, their t interval the
jackknife's, and of two objectives they can be paired, of several tasks averaged. Where no choice flips they are the
held-out scores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """One objective's runs, all [seeds, settings]: which are planned, ended and ok, the values that are averaged, those
    by whose mean a setting is chosen (the lowest), and those that decide between equal means, not finite where unknown.
    """

    planned: Flags
    ended: Flags
    ok: Flags
    value: Array
    worse: Array
    tie: Array

    def choose(self, keep: Array, offered: Flags | None = None) -> NDArray[np.intp]:
        """Return the best setting [m] on the seeds that each row of `keep` [m, seeds], of ones and zeros, holds.

        That is the one that lost the smallest share of the runs that ended, then had the best mean, then the fewest
        unknown ties, then their lowest mean, then came first; of those `offered` [m, settings].
        """
        known = self.ok & np.isfinite(self.tie)
        ended, ok, ties = keep @ self.ended, keep @ self.ok, keep @ known
        keys = (
            np.where(ended > 0, 1 - ok / np.maximum(ended, 1), 2.0),
            np.where(ok > 0, keep @ np.where(self.ok, self.worse, 0.0) / np.maximum(ok, 1), np.inf),
            np.where(ended > 0, 1 - ties / np.maximum(ended, 1), 2.0),
            np.where(ties > 0, keep @ np.where(known, self.tie, 0.0) / np.maximum(ties, 1), np.inf),
        )
        left: Flags = np.greater(np.matmul(keep, self.planned), 0)
        if offered is not None:
            left = left & offered
        for key in keys:
            of_left = np.where(left, key, np.inf)
            left = np.asarray(left & (of_left <= of_left.min(1, keepdims=True)))
        return left.argmax(1)

    def tuned(self) -> NDArray[np.intp]:
        """Return for each seed [seeds] which of its settings was best on the other seeds; without others, on itself."""
        itself = np.eye(len(self.planned))
        keep = 1 - itself
        lonely = ((keep @ self.planned) * self.planned).sum(1) == 0
        keep[lonely] = itself[lonely]
        return self.choose(keep, self.planned)

    def pseudo_values(self, settings: NDArray[np.intp]) -> Array:
        """Return a pseudo-value a seed [seeds] of the mean of the values at its tuned `settings` [seeds].

        They are those values themselves where a run that counts is missing, and with two seeds: there is no other seed
        to choose on once one is left out.
        """
        n = len(self.planned)
        whole: Flags = np.asarray(self.ok.all(0))
        tuned: Array = self.value[np.arange(n), settings]
        if n < 3 or whole.sum() < 2 or not whole[settings].all():
            return tuned
        first, second = np.triu_indices(n, 1)
        keep = np.ones((len(first), n))
        keep[np.arange(len(first)), first] = keep[np.arange(len(first)), second] = 0.0
        chosen = self.choose(keep, np.broadcast_to(whole, (len(first), len(whole))))
        held_out = np.zeros((n, n))  # of seed i, tuned on all seeds but i and j
        held_out[first, second], held_out[second, first] = self.value[first, chosen], self.value[second, chosen]
        without = held_out.sum(0) / (n - 1)
        pseudo: Array = tuned.mean() + (n - 1) * (without.mean() - without)
        return pseudo
