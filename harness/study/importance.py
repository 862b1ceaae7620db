"""How much each setting decides whether a trial is a good one: PED-ANOVA, as Optuna has it (Watanabe et al. 2023)."""

import math
from collections.abc import Container, Mapping, Sequence

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray
from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from harness.statistics.trials import FEWEST, Array, bounds
from harness.study.search_space import distributions
from harness.study.trial_sampling import Params, quiet
from harness.suite.format.study_block import Study

GOOD = 0.25  # the share of trials that counts as the best
BUDGET = 100_000  # settings of trials weighed in all draws of a study: about two seconds
NUMBERS = ["importance", "low", "high", "chance"]

Flags = NDArray[np.bool_]


def importances(
    block: Study, trials: Mapping[str, Sequence[Params]], values: Array, generator: np.random.Generator
) -> pd.DataFrame:
    """Return a row for every objective and setting, of objectives whose trials share their points.

    `trials` are the settings by objective, in the order of `values` [objectives, n]. importance: how far the good
    trials are from all in this setting (Pearson's divergence), as a share of its sum over the settings; low and high:
    the middle 95 % over bootstrap draws of trials; chance: what 95 % of draws stay below in which any trials are the
    good ones, on the same scale; told: whether it is above that. Null, and not told, where the good cannot be told from
    the rest: with fewer than 20 trials, or where too many have one value.
    """
    names = {objective: sorted(points[0]) for objective, points in trials.items()}
    n, times = values.shape[-1], draws(names, values.shape[-1])
    rows = pd.DataFrame(
        [(objective, name) for objective, own in names.items() for name in own], columns=["objective", "setting"]
    )
    rows = rows.assign(**dict.fromkeys(NUMBERS, np.nan), told=False)
    if n < FEWEST:
        return rows
    weigh, by_chance = _Weigher(block, trials), dict[int, pd.Series]()
    for (objective, own), worth in zip(names.items(), values, strict=True):
        good = _good(worth)
        if good.all():
            continue
        number = int(good.sum())
        if number not in by_chance:
            by_chance[number] = _by_chance(weigh, good, times, generator)
        found, chance = weigh(own, good), by_chance[number][own].to_numpy()
        drawn = np.stack([weigh(own, _good(worth[at]), at) for at in generator.integers(n, size=(times, n))])
        mine, scale = rows["objective"] == objective, found.sum() or 1.0
        rows.loc[mine, NUMBERS] = np.stack([found / scale, *bounds(_shares(drawn)), chance / scale], axis=1)
        rows.loc[mine, "told"] = found > chance
    return rows


def draws(names: Mapping[str, Sequence[str]], n: int) -> int:
    """Return how many draws of `n` trials there are for each objective, with these settings by objective."""
    return min(max(BUDGET // (n * sum(map(len, names.values()))), 40), 200)


def _good(values: Array) -> Flags:
    """Return which of values [n] are among the largest quarter, with all that equal the last of it."""
    least = np.sort(values)[-math.ceil(GOOD * len(values))]
    return np.asarray(values >= least)


def _shares(drawn: Array) -> Array:
    """Return divergences [draws, settings] as shares of their sum; 0 in a draw in which every trial was a good one."""
    total = drawn.sum(-1, keepdims=True)
    return np.asarray(drawn / np.where(total > 0, total, 1.0))


def _by_chance(weigh: "_Weigher", good: Flags, times: int, generator: np.random.Generator) -> pd.Series:
    """Return what 95 % of draws stay below, by setting, in which any trials are the good ones."""
    drawn = [weigh(weigh.names, generator.permutation(good)) for _ in range(times)]
    return pd.Series(np.quantile(drawn, 0.95, axis=0), index=weigh.names)


class _Weigher:
    """PED-ANOVA over trials that are good or not: which they are is all of a value that it looks at.

    Numbers are weighed by Optuna's evaluator. It smooths choices as if each had been drawn once, however often that was
    (Optuna 5.0), so that one of four that decides everything would get a ninth of its weight: they are counted here.
    """

    def __init__(self, block: Study, trials: Mapping[str, Sequence[Params]]) -> None:
        parts = zip(*trials.values(), strict=True)
        points = [{name: value for own in shared for name, value in own.items()} for shared in parts]
        space = distributions(block, points[0])
        self.names, self._n = list(space), len(points)
        self._choices = {
            name: (np.array([where.to_internal_repr(point[name]) for point in points], np.int64), len(where.choices))
            for name, where in space.items()
            if isinstance(where, CategoricalDistribution)
        }
        storage = InMemoryStorage()
        with quiet():
            made = optuna.create_study(storage=storage, direction="maximize")
            made.add_trials([
                optuna.create_trial(params=point, distributions=space, value=value)
                for value in (0.0, 1.0) for point in points
            ])  # fmt: skip
            self._study = _Chosen(made.study_name, storage)
            self._evaluator = PedAnovaImportanceEvaluator(target_quantile=GOOD)
        self._kept = made.get_trials(deepcopy=False)

    def __call__(self, names: Sequence[str], good: Flags, places: NDArray[np.int64] | None = None) -> Array:
        """Return the divergence of each setting [settings] over the trials at `places` [n], else over all."""
        if good.all():
            return np.zeros(len(names))
        rows = np.arange(self._n) if places is None else places
        self._study.chosen = [self._kept[at] for at in rows + self._n * good]
        found = self._evaluator.evaluate(self._study, [name for name in names if name not in self._choices])
        for name in self._choices.keys() & set(names):
            chosen, choices = self._choices[name]
            found[name] = divergence(chosen[rows], good, choices)
        return np.array([found[name] for name in names])


def divergence(chosen: NDArray[np.int64], good: Flags, choices: int) -> float:
    """Return Pearson's divergence of the good trials' choices from those of all [n], times the square of their share
    (Watanabe et al. 2023), with one more trial that is spread over all choices on either side.
    """
    best, everything = (
        (np.bincount(of, minlength=choices) + 1 / choices) / (len(of) + 1) for of in (chosen[good], chosen)
    )
    return float(good.mean() ** 2 * ((best - everything) ** 2 / everything).sum())


class _Chosen(optuna.Study):
    """A study that shows some of its trials, perhaps several times: a draw of them, without writing any anew."""

    chosen: Sequence[FrozenTrial] = ()

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """Return those that are chosen: all are complete."""
        return list(self.chosen)
