"""How much each setting decides whether a trial is a good one: PED-ANOVA, as Optuna has it (Watanabe et al. 2023)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from harness.statistics.trials import FEWEST, Array, bounds

GOOD = 0.25  # the share of trials that counts as the best
BUDGET = 100_000  # settings of trials weighed in all draws of a study: about two seconds

Flags = NDArray[np.bool_]
Space = Mapping[str, BaseDistribution]
Settings = Mapping[str, object]


@dataclass(frozen=True)
class Importance:
    """The importance of a setting for the trials of an objective.

    importance  how far the good trials are from all in this setting (Pearson's divergence), as a share of its sum over
                the settings
    low, high   the middle 95 % over bootstrap draws of trials
    chance      what 95 % of draws stay below in which any trials are the good ones, on the same scale
    told        whether the importance is above that
    """

    objective: str
    setting: str
    importance: float = math.nan
    low: float = math.nan
    high: float = math.nan
    chance: float = math.nan
    told: bool = False


def importances(
    space: Space, trials: Mapping[str, Sequence[Settings]], values: Array, generator: np.random.Generator
) -> list[Importance]:
    """Return the importance of every setting for every objective, of objectives whose trials share their points.

    `trials` are the settings by objective, in the order of `values` [objectives, n]. NaN where the good trials cannot
    be told from the rest: with fewer than FEWEST trials, or where too many have one value.
    """
    names = {objective: sorted(points[0]) for objective, points in trials.items()}
    n, times = values.shape[-1], draws(names, values.shape[-1])
    divergences, by_chance = _Divergences(space, trials) if n >= FEWEST else None, dict[int, dict[str, float]]()
    rows = []
    for (objective, settings), worth in zip(names.items(), values, strict=True):
        if divergences is None or (good := _good(worth)).all():
            rows += [Importance(objective, name) for name in settings]
            continue
        number = int(good.sum())
        if number not in by_chance:
            shuffled = [divergences.of(divergences.names, generator.permutation(good)) for _ in range(times)]
            by_chance[number] = dict(zip(divergences.names, np.quantile(shuffled, 0.95, axis=0), strict=True))
        observed, chance = divergences.of(settings, good), np.array([by_chance[number][name] for name in settings])
        resamples = generator.integers(n, size=(times, n))
        drawn = np.stack([divergences.of(settings, _good(worth[places]), places) for places in resamples])
        scale = observed.sum() or 1.0
        low, high = bounds(_shares(drawn))
        columns = (observed / scale, low, high, chance / scale, observed > chance)
        rows += [Importance(objective, *row) for row in zip(settings, *(c.tolist() for c in columns), strict=True)]
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


class _Divergences:
    """PED-ANOVA over trials that are good or not: which they are is all of a value that it looks at.

    Numbers are weighed by Optuna's evaluator. It smooths choices as if each had been drawn once, however often that was
    (Optuna 5.0), so that one of four that decides everything would get a ninth of its weight: they are counted here.
    """

    def __init__(self, space: Space, trials: Mapping[str, Sequence[Settings]]) -> None:
        parts = zip(*trials.values(), strict=True)
        points = [{name: value for part in shared for name, value in part.items()} for shared in parts]
        drawn = {name: space[name] for name in sorted(points[0])}
        self.names, self._n = list(drawn), len(points)
        self._values = {
            name: np.array([where.to_internal_repr(point[name]) for point in points]) for name, where in drawn.items()
        }
        self._choices = {
            name: (self._values[name].astype(np.int64), len(where.choices))
            for name, where in drawn.items()
            if isinstance(where, CategoricalDistribution)
        }
        self._evaluator = PedAnovaImportanceEvaluator(target_quantile=GOOD)
        self._bad_and_good = [
            _trial(number, point, drawn, value)
            for number, (value, point) in enumerate((value, point) for value in (0.0, 1.0) for point in points)
        ]

    def of(self, names: Sequence[str], good: Flags, places: NDArray[np.int64] | None = None) -> Array:
        """Return the divergence of each setting [settings] over the trials at `places` [n], else over all.

        0 of a setting that does not vary in them: Optuna's evaluator smooths it to a share of its own.
        """
        if good.all():
            return np.zeros(len(names))
        rows = np.arange(self._n) if places is None else places
        study = _Trials([self._bad_and_good[place] for place in rows + self._n * good])
        numbers = [name for name in names if name not in self._choices]
        by_name = self._evaluator.evaluate(cast(optuna.Study, study), numbers)
        for name in self._choices.keys() & set(names):
            chosen, choices = self._choices[name]
            by_name[name] = divergence(chosen[rows], good, choices)
        varies = {name: (self._values[name][rows] != self._values[name][rows[0]]).any() for name in names}
        return np.array([by_name[name] if varies[name] else 0.0 for name in names])


def divergence(chosen: NDArray[np.int64], good: Flags, choices: int) -> float:
    """Return Pearson's divergence of the good trials' choices from those of all [n], times the square of their share
    (Watanabe et al. 2023), with one more trial that is spread over all choices on either side.
    """
    best, everything = (
        (np.bincount(of, minlength=choices) + 1 / choices) / (len(of) + 1) for of in (chosen[good], chosen)
    )
    return float(good.mean() ** 2 * ((best - everything) ** 2 / everything).sum())


def _trial(number: int, point: Settings, space: Space, value: float) -> FrozenTrial:
    return FrozenTrial(
        number=number, trial_id=number, state=TrialState.COMPLETE, value=value, params=dict(point),
        distributions=dict(space), datetime_start=datetime.min, datetime_complete=datetime.min,
        user_attrs={}, system_attrs={}, intermediate_values={},
    )  # fmt: skip


@dataclass
class _Trials:
    """What the evaluator reads of a study: its trials, here a draw of them, perhaps several times the same."""

    trials: list[FrozenTrial]
    directions = (StudyDirection.MAXIMIZE,)

    def get_trials(self, deepcopy: bool = True, states: Sequence[TrialState] = ()) -> list[FrozenTrial]:
        """Return all: they are complete."""
        return self.trials

    def _is_multi_objective(self) -> bool:
        return False
