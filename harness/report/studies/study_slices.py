"""The values of a study's trials along one setting, and over two: points, and means in bins.

A trial differs from its neighbour in every other setting too, so that a surface through the values would be made of
what it does not show. Means in bins are averages over the other settings, which is what a space says of two of them.
"""

import math
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report.studies.study_results import StudyResults
from harness.statistics.trials import Array
from harness.store.plan_file import Json
from harness.text import plain

FEW = 3  # trials: a bin that holds fewer has no mean
PER_BIN, MOST_BINS = 8, 10  # trials in a bin of a slice, were they even; bins at most
PER_CELL, MOST_SIDE = 6, 6  # the same of a plane; bins a side at most
APART = 0.8  # of the room of a choice, that objectives, or the trials of a plane, share
# Of the plastic number: places that fill a square evenly, in any number.
TURNS = (0.7548776662466927, 0.5698402909980532)


class Plane(NamedTuple):
    """Two settings of an objective."""

    objective: str
    x: str
    y: str


def ordered(study: StudyResults) -> list[str]:
    """Return the settings of a space, first those that weigh most for any objective, where that is known."""
    space = list(study.block["space"])
    if not len(study.weights):
        return space
    most = study.weights.groupby("setting")["importance"].max().fillna(0.0)
    return sorted(space, key=lambda name: -float(most.get(name, 0.0)))


def points(study: StudyResults, setting: str) -> pd.DataFrame:
    """Return a row for every trial that has a setting: objective, at (its place on the axis), value, lost.

    Choices are 0, 1 and so on, objectives beside each other.
    """
    trials = study.trials[study.trials[setting].notna()] if setting in study.trials else study.trials[:0]
    where, names = study.block["space"][setting], sorted(trials["objective"].unique())
    rows = trials[["objective", "value", "lost"]].reset_index(drop=True).assign(at=_places(trials[setting], where))
    if not where.get("choices"):
        return rows
    beside = {name: APART * ((i + 0.5) / len(names) - 0.5) for i, name in enumerate(names)}
    return rows.assign(at=rows["at"] + rows["objective"].map(beside))


def slices(study: StudyResults) -> pd.DataFrame:
    """Return mean values in bins of every setting: setting, objective, low, high (of the bin), choice, trials, mean.

    The mean is null in a bin of fewer than three trials.
    """
    rows = []
    for setting in ordered(study):
        where = study.block["space"][setting]
        for objective, part in points(study, setting).groupby("objective", sort=True):
            ends = edges(where, min(max(len(part) // PER_BIN, 2), MOST_BINS))
            bins = _bins(part["at"].to_numpy(), ends)
            for i, (low, high) in enumerate(pairwise(ends.tolist())):
                choice = plain(where["choices"][i]) if where.get("choices") else ""
                rows.append((setting, objective, low, high, choice, *_mean(part.loc[bins == i, "value"])))
    return pd.DataFrame(rows, columns=["setting", "objective", "low", "high", "choice", "trials", "mean"])


def planes(study: StudyResults) -> list[Plane]:
    """Return for every objective the two of its settings that weigh most, the first two of the space where weights are
    not known; without those that have one.
    """
    pairs = []
    for objective in sorted(study.objectives["objective"]):
        names = study.settings(objective)
        if len(study.weights):
            own = study.weights[study.weights["objective"] == objective].set_index("setting")["importance"].fillna(0.0)
            names = sorted(names, key=lambda name: -own[name])
        if len(names) > 1:
            pairs.append(Plane(objective, *names[:2]))
    return pairs


def scattered(study: StudyResults, plane: Plane) -> pd.DataFrame:
    """Return a row for every trial of a plane's objective: x, y (places on the axes), value, lost.

    Those of a choice lie evenly over most of its room, by their number.
    """
    trials = study.trials[study.trials["objective"] == plane.objective].reset_index(drop=True)
    rows = trials[["value", "lost"]]
    for axis, name, turn in zip("xy", (plane.x, plane.y), TURNS, strict=True):
        where = study.block["space"][name]
        spread = APART * ((0.5 + trials["trial"] * turn) % 1 - 0.5) if where.get("choices") else 0.0
        rows = rows.assign(**{axis: _places(trials[name], where) + spread})
    return rows


def cells(study: StudyResults, plane: Plane) -> pd.DataFrame:
    """Return mean values in the cells of a plane: objective, x, y, x_low, x_high, y_low, y_high, trials, mean.

    The mean is null in a cell of fewer than three trials. A choice has a cell a side, around its place in the space.
    """
    trials = study.trials[study.trials["objective"] == plane.objective]
    side = min(max(math.isqrt(len(trials) // PER_CELL), 2), MOST_SIDE)
    x_ends, y_ends = (edges(study.block["space"][name], side) for name in (plane.x, plane.y))
    x, y = (
        _bins(_places(trials[name], study.block["space"][name]), ends)
        for name, ends in ((plane.x, x_ends), (plane.y, y_ends))
    )
    rows = [
        (*plane, *x_edge, *y_edge, *_mean(trials.loc[(x == i) & (y == j), "value"]))
        for (j, y_edge), (i, x_edge) in product(*(enumerate(pairwise(ends.tolist())) for ends in (y_ends, x_ends)))
    ]
    return pd.DataFrame(rows, columns=[*Plane._fields, "x_low", "x_high", "y_low", "y_high", "trials", "mean"])


def frames(study: StudyResults) -> dict[str, pd.DataFrame]:
    """Return the CSV files of a study by name."""
    files = {"trials.csv": study.trials, "study.csv": study.objectives, "best-of-trials.csv": study.curves}
    if not study.ended:
        return files
    of_planes = [cells(study, plane) for plane in planes(study)]
    files |= {"slices.csv": slices(study)}
    files |= {"planes.csv": pd.concat(of_planes, ignore_index=True)} if of_planes else {}
    files |= {"study-pairs.csv": study.pairs} if len(study.pairs) else {}
    return files | ({"importances.csv": study.weights} if len(study.weights) else {})


def edges(where: Json, bins: int) -> Array:
    """Return the ends of bins of equal width on the axis of a range: at most `bins`; one for every choice.

    Whole numbers are the middle of a unit of the axis, as they are drawn.
    """
    if where.get("choices"):
        return np.arange(len(where["choices"]) + 1, dtype=np.float64) - 0.5
    low, high = float(where["low"]), float(where["high"])
    if where.get("whole"):
        low, high, bins = low - 0.5, high + 0.5, min(bins, int(high - low) + 1)
    return np.asarray((np.geomspace if where.get("log") else np.linspace)(low, high, bins + 1))


def _places(values: pd.Series, where: Json) -> Array:
    """Return where values of a setting lie on its axis [n]: choices at 0, 1 and so on."""
    if not where.get("choices"):
        return values.to_numpy(np.float64)
    place = {plain(choice): float(i) for i, choice in enumerate(where["choices"])}
    return np.array([place[plain(value)] for value in values])


def _bins(at: Array, ends: Array) -> NDArray[np.intp]:
    """Return which bin each value lies in [n]; the last holds its upper end too."""
    return np.clip(np.searchsorted(ends, at, side="right") - 1, 0, len(ends) - 2)


def _mean(values: pd.Series) -> tuple[int, float]:
    return len(values), float(values.mean()) if len(values) >= FEW else math.nan
