"""The same settings with every objective: how many reach which score, with whom, and who reaches it alone.

Table 2 of Gulrajani et al. 2017 counts random architectures that only a GAN, only WGAN-GP, both or neither bring to a
minimal inception score, at five such scores; here are the curves between them, with intervals and a test.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report.results import Results
from harness.report.studies.study_results import StudyResults
from harness.spec import content_id
from harness.statistics.paired import mcnemar
from harness.statistics.trials import BELOW, Array, bounds, fourfold, reached, redrawn_means, redraws

GRID = np.arange(101) / 100  # of scores, for the curves
PRIMARY = 0.5  # the score of the primary test, set beforehand
COUNTS = ("first_alone", "second_alone", "both", "neither")
PLAYERS = ("generator.", "critic.")


@dataclass(frozen=True)
class Reached:
    """What became of settings that every objective was tried at.

    noun    what was drawn: "architecture" where all settings are of players, else "setting"
    n       how many
    curves  objective, at, share (of the settings, with a score of at least `at`), low, high
    pairs   first, second, at, first_alone, second_alone, both, neither (numbers of settings that reach `at`),
            difference (of the second's share to the first's), low, high, p; the first is the suite's first
            objective. Where some settings are the same there are neither bounds nor p
    """

    noun: str
    n: int
    curves: pd.DataFrame
    pairs: pd.DataFrame

    @property
    def primary(self) -> bool:
        """Whether the study is about how many reach PRIMARY: of architectures, with one objective and with another."""
        return self.noun == "architecture" and self.pairs["second"].nunique() == 1


def read(store: Results, study: StudyResults) -> Reached | None:
    """Return how the settings of a study fared that has ended; None where its objectives were not tried at the same."""
    names, drawn = list(dict.fromkeys(study.trials["objective"])), list(study.block["space"])
    parts = [study.trials[study.trials["objective"] == name].sort_values("trial") for name in names]
    settings = [part.reindex(columns=["trial", *drawn]).reset_index(drop=True) for part in parts]
    identity = store.plan.study.identity if store.plan.study else ""
    if not study.ended or len(names) < 2 or not all(each.equals(settings[0]) for each in settings[1:]):
        return None
    which = reached([_ranked(part) for part in parts], GRID)
    seed = int(content_id([identity, "survival"]), 16)
    shares = redrawn_means(np.swapaxes(which, 1, 2), redraws(which.shape[1], np.random.default_rng(seed)))
    curves = _curves(names, which, shares)
    pairs = pd.concat([_pair(names, which, shares, place) for place in range(1, len(names))], ignore_index=True)
    if study.repeated:
        curves, pairs = curves.assign(low=np.nan, high=np.nan), pairs.assign(low=np.nan, high=np.nan, p=np.nan)
    noun = "architecture" if all(name.startswith(PLAYERS) for name in drawn) else "setting"
    return Reached(noun, which.shape[1], curves, pairs)


def _ranked(trials: pd.DataFrame) -> pd.Series:
    """Return the values of trials by which they are ordered: lost runs just below 0, so that they reach no score."""
    return trials["value"].astype(float) - BELOW * trials["lost"] / trials["runs"]


def _curves(names: list[str], which: NDArray[np.bool_], shares: Array) -> pd.DataFrame:
    low, high = bounds(shares)
    return pd.DataFrame({
        "objective": np.repeat(names, len(GRID)), "at": np.tile(GRID, len(names)),
        "share": which.mean(1).ravel(), "low": low.ravel(), "high": high.ravel(),
    })  # fmt: skip


def _pair(names: list[str], which: NDArray[np.bool_], shares: Array, place: int) -> pd.DataFrame:
    """Return the first objective and the one at `place`, a row a score."""
    counts = fourfold(which[0], which[place])
    low, high = bounds(shares[:, place] - shares[:, 0])
    return pd.DataFrame({
        "first": names[0], "second": names[place], "at": GRID, **dict(zip(COUNTS, counts, strict=True)),
        "difference": (counts[1] - counts[0]) / which.shape[1], "low": low, "high": high,
        "p": mcnemar(which[0], which[place]),
    })  # fmt: skip
