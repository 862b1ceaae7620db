"""All distances between two sets of points or two histograms, as `harness distance` prints them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from harness.datasets.point_file import read_array
from harness.errors import DataError, HarnessError, lookup
from harness.hints import quoted
from harness.metrics import divergence, transport
from harness.metrics.divergence import GROUNDS, SAME_MASS, Ground
from harness.text import aligned, counted, listed, plain, reason

Floats = NDArray[np.float64]
Cost = str | ArrayLike | Callable[[Floats], Floats]

MOST = 5000  # points or bins of a side: exact transport holds the cost of each pair, and takes up to a minute
MOST_CELLS = 1_000_000  # of the grid in which points are counted
LARGEST = 1e150  # its square is a float
FILES = (".csv", ".npy", ".npz")
TITLES = {  # name: what the table prints, and the unit; "" where it has none
    "l1": ("L1", ""),
    "l2": ("L2", ""),
    "tv": ("TV", ""),
    "kl": ("KL(A || B)", "nats"),
    "kl_reverse": ("KL(B || A)", "nats"),
    "js": ("JS", "nats"),
    "js_root": ("square root of JS", ""),
    "emd": ("EMD", "by unit of mass moved"),
    "w1": ("W1", "{length}"),
    "w2": ("W2", "{length}"),
    "sliced_w": ("sliced W1", "{length}"),
}


@dataclass(frozen=True)
class Distances:
    """What was compared, and the distances by name, those of TITLES.

    kind    "points" or "histograms"
    shapes  of A and B: [n, d], or [bins] of both
    masses  sums of A and B; of points 1
    bins    cells along each coordinate in which points were counted, or None
    """

    kind: str
    shapes: tuple[list[int], list[int]]
    masses: tuple[float, float]
    ground: str
    bins: int | None
    values: dict[str, float]

    def to_json(self) -> dict[str, object]:
        """Return what `harness distance --json` prints: an infinite value is null and flagged."""
        rows = [
            {
                "name": name,
                "value": value if math.isfinite(value) else None,
                "infinite": math.isinf(value),
                "unit": unit,
            }
            for (name, value), (_, _, unit) in zip(self.values.items(), self._rows(), strict=True)
        ]
        return {
            "kind": self.kind,
            "shapes": list(self.shapes),
            "masses": list(self.masses),
            "ground": self.ground,
            "bins": self.bins,
            "distances": rows,
            "notes": self._notes(),
        }

    def render(self) -> str:
        """Return a table of the distances under a line that says what was compared, with notes below."""
        return "\n".join(
            [f"{self._compared()}\n", aligned(self._rows()), *(["", *self._notes()] if self._notes() else [])]
        )

    def _compared(self) -> str:
        if self.kind == "histograms":
            masses = listed([plain(mass) for mass in self.masses])
            return f"A, B: histograms of {counted(self.shapes[0][0], 'bin')}, masses {masses}"
        (n, d), (m, _) = self.shapes
        return f"A, B: {n:,} and {m:,} points in {counted(d, 'dimension')}"

    def _rows(self) -> list[tuple[str, str, str]]:
        length = "bins" if self.kind == "histograms" else "units of the data"
        rows = []
        for name, value in self.values.items():
            title, unit = TITLES[name]
            unit = f"{unit}, ground cost {self.ground}" if name == "emd" else unit.format(length=length)
            rows.append((title, "infinite" if math.isinf(value) else f"{value:#.6g}", unit))
        return rows

    def _notes(self) -> list[str]:
        notes = []
        if self.kind == "histograms":
            if not math.isclose(*self.masses, rel_tol=SAME_MASS):
                notes.append(
                    f"EMD moves the smaller mass, {plain(min(self.masses))}; all other distances compare shares."
                )
            return notes
        (n, d), (m, _) = self.shapes
        if d == 1 or n == m == 1:
            notes.append("Each line is a point; with --histogram the numbers are masses of bins.")
        if d > transport.MAX_DIMENSION:
            notes.append(f"EMD, W1 and W2 of points say little above {transport.MAX_DIMENSION} dimensions.")
        if self.bins is None:
            notes.append("L1, L2, TV, KL and JS of points need cells to count them in: --bins 20")
        else:
            notes.append(f"L1, L2, TV, KL and JS are those of counts in {' x '.join([str(self.bins)] * d)} cells.")
        return notes


def distances(
    a: Any, b: Any, ground: Cost = "euclidean", histogram: bool = False, bins: int | None = None
) -> Distances:
    """Return all distances between two sets of points [n, d] and [m, d], or two histograms [bins].

    `a` and `b` are arrays or paths of csv, npy or npz files. `ground` is what it costs to move a unit of mass: a name
    of GROUNDS, such as "saturating:0.1", a matrix [n, m], the path of one, or a function of the Euclidean distances
    [n, m]. Raises DataError where either cannot be used, HarnessError for a wrong ground cost or number of bins.
    """
    if histogram:
        if bins is not None:
            raise HarnessError("bins are for points; a histogram has its own.")
        return _of_histograms(_masses(a, "A"), _masses(b, "B"), ground)
    x, y = _points(a, "A"), _points(b, "B")
    if x.shape[1] != y.shape[1]:
        sides = [str(side) if isinstance(side, str | Path) else name for side, name in ((a, "A"), (b, "B"))]
        hint = " (one row or one column of masses is a histogram: --histogram)" if 1 in (x.shape[1], y.shape[1]) else ""
        each = f"{counted(x.shape[1], 'coordinate')} in {sides[0]} and {y.shape[1]} in {sides[1]}"
        raise DataError(f"{each} given, as many in both needed{hint}.")
    return _of_points(x, y, ground, bins)


def _of_histograms(a: Floats, b: Floats, ground: Cost) -> Distances:
    if len(a) != len(b):
        raise DataError(f"histograms of {len(a)} and of {counted(len(b), 'bin')} given, of as many needed.")
    places = np.arange(len(a), dtype=np.float64)[:, None]
    cost, name = _cost(ground, places, places)
    sums = float(a.sum()), float(b.sum())
    values = _bin_by_bin(a, b)
    w1, w2 = divergence.on_a_line(a, b)
    is_w1 = name == "euclidean" and math.isclose(*sums, rel_tol=SAME_MASS)
    values |= {"emd": w1 if is_w1 else divergence.earth_movers_distance(a, b, cost), "w1": w1, "w2": w2}
    return Distances("histograms", ([len(a)], [len(b)]), sums, name, None, values)


def _of_points(x: Floats, y: Floats, ground: Cost, bins: int | None) -> Distances:
    values = _bin_by_bin(*_counts(x, y, bins)) if bins is not None else {}
    name = ground if isinstance(ground, str) else ""
    if x.shape[1] <= transport.MAX_DIMENSION:
        cost, name = _cost(ground, x, y)
        w1 = transport.wasserstein_1(x, y)
        is_w1 = name == "euclidean"
        values |= {"emd": w1 if is_w1 else transport.least_cost(cost), "w1": w1, "w2": transport.wasserstein_2(x, y)}
    values["sliced_w"] = transport.sliced_wasserstein(x, y)
    return Distances("points", (list(x.shape), list(y.shape)), (1.0, 1.0), name, bins, values)


def _bin_by_bin(a: Floats, b: Floats) -> dict[str, float]:
    js = divergence.js(a, b)
    return {
        "l1": divergence.l1(a, b),
        "l2": divergence.l2(a, b),
        "tv": divergence.total_variation(a, b),
        "kl": divergence.kl(a, b),
        "kl_reverse": divergence.kl(b, a),
        "js": js,
        "js_root": math.sqrt(js),
    }


def _counts(x: Floats, y: Floats, bins: int) -> tuple[Floats, Floats]:
    """Return how many points of each lie in which cell of a grid over the range of both."""
    d = x.shape[1]
    if not isinstance(bins, int | np.integer) or bins < 1 or d * math.log(bins) > math.log(MOST_CELLS):
        text = f"{quoted(bins)} bins in each of {counted(d, 'dimension')} given"
        raise HarnessError(f"{text}, a whole number of at most {MOST_CELLS:,} cells together needed.")
    try:
        return divergence.counts(x, y, bins)
    except ValueError as error:  # cells narrower than the steps between floats
        raise DataError(f"{bins} bins over the points given: {reason(error)}") from None


# What was given


def _array(given: Any, side: str, is_points: bool) -> tuple[Floats, str]:
    """Return the numbers in an array or a file, none beyond LARGEST, and what a sentence calls it."""
    if isinstance(given, str | Path):
        values, side = read_array(Path(given), is_points), str(given)
    else:
        try:
            values = np.asarray(given)
        except (RuntimeError, TypeError, ValueError) as error:
            raise DataError(f"{side}: no array of numbers: {reason(error)}") from None
    if values.dtype.kind not in "iuf":
        raise DataError(f"{side}: values of type {values.dtype} given, numbers needed.")
    with np.errstate(over="ignore"):  # of longer floats
        values = values.astype(np.float64)
    bad = np.argwhere(~(np.abs(values) <= LARGEST))
    if len(bad):
        place = ", ".join(str(i + 1) for i in bad[0])
        raise DataError(
            f"{side}: the value at [{place}] is {values[tuple(bad[0])]:g}, numbers up to {LARGEST:g} needed."
        )
    return values, side


def _points(given: Any, side: str) -> Floats:
    values, side = _array(given, side, is_points=True)
    if values.ndim != 2 or not values.size:
        hint = "; [n, 1] are points on a line, and --histogram takes the masses of bins" if values.ndim == 1 else ""
        raise DataError(f"{side}: an array of shape {list(values.shape)} given, [points, coordinates] needed{hint}.")
    if len(values) > MOST:
        raise DataError(f"{side}: {len(values):,} points given, at most {MOST:,} are compared; use fewer.")
    return values


def _masses(given: Any, side: str) -> Floats:
    values, side = _array(given, side, is_points=False)
    if not values.size or values.size != max(values.shape, default=0):
        text = f"{side}: an array of shape {list(values.shape)} given, one row or column of masses needed"
        raise DataError(f"{text}{'; without --histogram it is points' if values.size else ''}.")
    masses = values.ravel()
    if len(masses) > MOST:
        raise DataError(f"{side}: {len(masses):,} bins given, at most {MOST:,} are compared; join some.")
    negative = np.flatnonzero(masses < 0)
    if len(negative):
        raise DataError(f"{side}: bin {negative[0] + 1} holds {masses[negative[0]]:g}, masses of at least 0 needed.")
    if not masses.any():
        raise DataError(f"{side}: no bin holds any mass.")
    return masses


def _cost(ground: Cost, x: Floats, y: Floats) -> tuple[Floats, str]:
    """Return the costs [n, m] of moving a unit of mass between places x [n, d] and y [m, d], and their name."""
    if isinstance(ground, str) and not ground.endswith(FILES):
        entry, parameter = _ground(ground)
        cost, name = entry.between(x, y, parameter), ground
    elif callable(ground):
        cost, name = np.asarray(ground(cdist(x, y)), dtype=np.float64), getattr(ground, "__name__", "a function")
    else:
        cost, name = _array(ground, "ground", is_points=False)
    if cost.shape != (len(x), len(y)):
        raise DataError(f"{name}: costs of shape {list(cost.shape)} given, {[len(x), len(y)]} needed: from A to B.")
    if not (np.isfinite(cost).all() and (cost >= 0).all()):
        raise DataError(f"{name}: costs from {cost.min():g} to {cost.max():g} given, finite ones of at least 0 needed.")
    return cost, name


def _ground(text: str) -> tuple[Ground, float]:
    """Return the entry of GROUNDS that `name` or `name:parameter` means, and the parameter."""
    name, colon, written = text.partition(":")
    entry = lookup(GROUNDS, name, "ground")
    if not entry.parameter:
        if colon:
            raise HarnessError(f"ground: {quoted(text)} given; {name} takes no parameter.")
        return entry, 0.0
    try:
        parameter = float(written)
    except ValueError:
        parameter = math.nan
    if not 0 < parameter <= LARGEST:
        raise HarnessError(f"ground: {quoted(text)} given; a positive number is needed, such as {name}:0.1.")
    return entry, parameter
