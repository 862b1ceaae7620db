"""The values of a study's trials along one setting, and over two: points, and means in bins.

A trial differs from its neighbour in every other setting too, so that a surface through the values would be made of
what it does not show. Means in bins are averages over the other settings, which is what a space says of two of them.
"""

import math
from collections.abc import Mapping
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report.studies.study_results import Studied
from harness.statistics.trials import Array
from harness.text import plain

FEW = 3  # trials: a bin that holds fewer has no mean
PER_BIN, MOST_BINS = 8, 10  # trials in a bin of a slice, were they even; bins at most
PER_CELL, MOST_SIDE = 6, 6  # the same of a plane; bins a side at most
APART = 0.8  # of the room of a choice, that objectives, or the trials of a plane, share
TURNS = (
    0.7548776662466927,
    0.5698402909980532,
)  # of the plastic number: places that fill a square evenly, in any number


class Plane(NamedTuple):
    """Two settings of an objective."""

    objective: str
    x: str
    y: str


def ordered(found: Studied) -> list[str]:
    """Return the settings of a space, first those that weigh most for any objective, where that is known."""
    space = list(found.block["space"])
    if not len(found.weights):
        return space
    most = found.weights.groupby("setting")["importance"].max().fillna(0.0)
    return sorted(space, key=lambda name: (-float(most.get(name, 0.0)), space.index(name)))


def points(found: Studied, setting: str) -> pd.DataFrame:
    """Return a row for every trial that has a setting: objective, at (its place on the axis), value, lost.

    Choices are 0, 1 and so on, objectives beside each other.
    """
    drawn = found.trials[found.trials[setting].notna()] if setting in found.trials else found.trials[:0]
    where, names = found.block["space"][setting], sorted(drawn["objective"].unique())
    made = drawn[["objective", "value", "lost"]].reset_index(drop=True).assign(at=_places(drawn[setting], where))
    if not where.get("choices"):
        return made
    beside = {name: APART * ((i + 0.5) / len(names) - 0.5) for i, name in enumerate(names)}
    return made.assign(at=made["at"] + made["objective"].map(beside))


def slices(found: Studied) -> pd.DataFrame:
    """Return mean values in bins of every setting: setting, objective, low, high (of the bin), choice, trials, mean.

    The mean is null in a bin of fewer than three trials.
    """
    rows: list[dict[str, Any]] = []
    for setting in ordered(found):
        where = found.block["space"][setting]
        for objective, part in points(found, setting).groupby("objective", sort=True):
            ends = edges(where, min(max(len(part) // PER_BIN, 2), MOST_BINS))
            held = _bins(part["at"].to_numpy(), ends)
            for i, (low, high) in enumerate(pairwise(ends.tolist())):
                choice = plain(where["choices"][i]) if where.get("choices") else ""
                row = {"setting": setting, "objective": objective, "low": low, "high": high, "choice": choice}
                rows.append(row | _mean(part.loc[held == i, "value"]))
    return pd.DataFrame(rows, columns=["setting", "objective", "low", "high", "choice", "trials", "mean"])


def planes(found: Studied) -> list[Plane]:
    """Return for every objective the two of its settings that weigh most, the first two of the space where weights are
    not known; without those that have one.
    """
    made = []
    for objective in sorted(found.objectives["objective"]):
        names = found.settings(objective)
        if len(found.weights):
            mine = found.weights[found.weights["objective"] == objective].set_index("setting")["importance"].fillna(0.0)
            names = sorted(names, key=lambda name: -mine[name])
        if len(names) > 1:
            made.append(Plane(objective, *names[:2]))
    return made


def scattered(found: Studied, plane: Plane) -> pd.DataFrame:
    """Return a row for every trial of a plane's objective: x, y (places on the axes), value, lost.

    Those of a choice lie evenly over most of its room, by their number.
    """
    mine = found.trials[found.trials["objective"] == plane.objective].reset_index(drop=True)
    made = mine[["value", "lost"]]
    for axis, name, turn in zip("xy", (plane.x, plane.y), TURNS, strict=True):
        where = found.block["space"][name]
        spread = APART * ((0.5 + mine["trial"] * turn) % 1 - 0.5) if where.get("choices") else 0.0
        made = made.assign(**{axis: _places(mine[name], where) + spread})
    return made


def cells(found: Studied, plane: Plane) -> pd.DataFrame:
    """Return mean values in the cells of a plane: objective, x, y, x_low, x_high, y_low, y_high, trials, mean.

    The mean is null in a cell of fewer than three trials. A choice has a cell a side, around its place in the space.
    """
    mine = found.trials[found.trials["objective"] == plane.objective]
    side = min(max(math.isqrt(len(mine) // PER_CELL), 2), MOST_SIDE)
    spans = {name: found.block["space"][name] for name in (plane.x, plane.y)}
    ends = [edges(where, side) for where in spans.values()]
    held = [_bins(_places(mine[name], where), of) for (name, where), of in zip(spans.items(), ends, strict=True)]
    rows = []
    for (j, (y_low, y_high)), (i, (x_low, x_high)) in product(*(enumerate(pairwise(of.tolist())) for of in ends[::-1])):
        place = {"x_low": x_low, "x_high": x_high, "y_low": y_low, "y_high": y_high}
        rows.append({**plane._asdict(), **place, **_mean(mine.loc[(held[0] == i) & (held[1] == j), "value"])})
    return pd.DataFrame(rows)


def frames(found: Studied) -> dict[str, pd.DataFrame]:
    """Return the CSV files of a study by name."""
    made = {"trials.csv": found.trials, "study.csv": found.objectives, "best-of-trials.csv": found.curves}
    if not found.ended:
        return made
    of_planes = [cells(found, plane) for plane in planes(found)]
    made |= {"slices.csv": slices(found)}
    made |= {"planes.csv": pd.concat(of_planes, ignore_index=True)} if of_planes else {}
    made |= {"study-pairs.csv": found.pairs} if len(found.pairs) else {}
    return made | ({"importances.csv": found.weights} if len(found.weights) else {})


def edges(where: Mapping[str, Any], bins: int) -> Array:
    """Return the ends of bins of equal width on the axis of a range: at most `bins`; one for every choice.

    Whole numbers are the middle of a unit of the axis, as they are drawn.
    """
    if where.get("choices"):
        return np.arange(len(where["choices"]) + 1, dtype=np.float64) - 0.5
    low, high = float(where["low"]), float(where["high"])
    if where.get("whole"):
        low, high, bins = low - 0.5, high + 0.5, min(bins, int(high - low) + 1)
    return np.asarray((np.geomspace if where.get("log") else np.linspace)(low, high, bins + 1))


def _places(values: pd.Series, where: Mapping[str, Any]) -> Array:
    """Return where values of a setting lie on its axis [n]: choices at 0, 1 and so on."""
    if not where.get("choices"):
        return values.to_numpy(np.float64)
    place = {plain(choice): float(i) for i, choice in enumerate(where["choices"])}
    return np.array([place[plain(value)] for value in values])


def _bins(at: Array, ends: Array) -> NDArray[np.intp]:
    """Return which bin each value lies in [n]; the last holds its upper end too."""
    return np.clip(np.searchsorted(ends, at, side="right") - 1, 0, len(ends) - 2)


def _mean(values: pd.Series) -> dict[str, Any]:
    return {"trials": len(values), "mean": float(values.mean()) if len(values) >= FEW else math.nan}
