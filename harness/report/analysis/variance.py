"""Shares of variance: how much of the spread of a metric each factor explains, and what is left to the seed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.report.analysis import cell_table
from harness.statistics.aggregates import DRAWS
from harness.text import NOTHING, plain

HIGHER, SEED, OVERLAP = "three or more together", "seed", "not told apart"
COLUMNS = ("source", "df", "share", "low", "high", "total", "total_low", "total_high")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """The terms of a crossed design, and for each an orthonormal basis [cells, df] of what it adds to those that do not
    contain it; `whole` spans all terms and the mean. `alike` has, a factor, an orthonormal basis of the cells that
    differ in that factor alone [cells, groups].
    """

    terms: tuple[tuple[str, ...], ...]
    added: tuple[Array, ...]
    whole: Array
    alike: tuple[Array, ...]

    @property
    def df(self) -> Array:
        """Degrees of freedom of each term, of three or more together, and of what is not told apart [terms + 2]."""
        of_terms = [basis.shape[1] for basis in self.added]
        cells, rank = self.whole.shape
        return np.array([*of_terms, cells - rank, rank - 1 - sum(of_terms)], dtype=np.float64)


def shares(
    runs: pd.DataFrame, factors: Mapping[str, str], metric: str, generator: np.random.Generator, draws: int = DRAWS
) -> pd.DataFrame:
    """Return the share of the variance of `metric` that every factor and every two together explain: source, df, share,
    low, high; and of every factor the share of all that holds it: total, total_low, total_high (NaN elsewhere).

    From type II sums of squares (Yates 1934): of each term what it adds to all terms that do not contain it, less what
    chance adds to it, over the total (omega squared, Hays 1963: its mean over repetitions does not depend on the number
    of seeds, and where nothing is explained it is as often below 0 as above). `factors` maps names to columns of
    `runs`; a missing value means that an objective has no such setting. `seed` is the spread within cells; `three or
    more together` what else cells differ in; `not told apart` what is common to factors that were not crossed. A total
    is the spread between cells that differ in this factor alone, its interactions of any order included (Homma &
    Saltelli 1996): totals add up to more than 1, and of factors that were not crossed they hold what can be told apart
    (NaN where no two cells differ in it alone). All shares depend on the levels that were offered. The bounds are 95 %
    bootstrap intervals over the seeds of each cell. A lost run has the value 0. With one seed there is
    no `seed`, no bounds, and chance is not taken away. No rows where nothing varies. Raises HarnessError where a run
    that is ok has no finite metric, naming it, and where cells differ in their number of seeds.
    """
    cell_table.refuse_missing(runs, metric)
    texts = {name: runs[column].map(plain) for name, column in factors.items()}
    labels = pd.DataFrame({name: text for name, text in texts.items() if text.nunique() > 1}, index=runs.index)
    values = runs[metric].astype(float).where(runs["status"] == "ok", 0.0)
    if labels.empty or values.nunique() < 2:
        return pd.DataFrame(columns=list(COLUMNS))
    cells, y = _by_cell(labels, values)
    design = designed(cells)
    every = np.stack([_both(design, y), *_bounds(design, y, generator, draws, _both)])
    names = [*(" x ".join(term) for term in design.terms), HIGHER, OVERLAP, SEED]
    df, main = [*design.df.astype(int), y.size - len(y)], len(design.alike)
    totals = np.full((3, len(names)), math.nan)
    totals[:, :main] = every[:, len(names) :]
    totals[:, [i for i, basis in enumerate(design.alike) if basis.shape[1] == len(y)]] = (
        math.nan
    )  # no two cells to compare
    columns = np.concatenate([every[:, : len(names)], totals])
    made = pd.DataFrame({"source": names, "df": df, **dict(zip(COLUMNS[2:], columns, strict=True))})
    return made[(made["df"] != 0) | (made["share"].abs() > 1e-9)].reset_index(drop=True)


def designed(cells: pd.DataFrame) -> Design:
    """Return the design of cells (a row each, a column a factor) with the factors and their interactions of two."""
    names = [str(name) for name in cells.columns]
    main = {(name,): _contrasts(cells[name]) for name in names}
    terms = main | {(a, b): _products(main[a,], main[b,]) for a, b in combinations(names, 2)}
    mean, added = np.ones((len(cells), 1)), []
    for term, columns in terms.items():
        others = [x for other, x in terms.items() if not set(term) <= set(other)]
        base = _basis(np.hstack([mean, *others]))
        added.append(_basis(columns - base @ (base.T @ columns), float(np.linalg.norm(columns))))
    alike = tuple(_alike(cells.drop(columns=name)) for name in names)
    return Design(tuple(terms), tuple(added), _basis(np.hstack([mean, *terms.values()])), alike)


def _alike(others: pd.DataFrame) -> Array:
    """Return an orthonormal column [cells] for every group of cells that agree in `others`."""
    groups = others.astype(str).agg("\t".join, axis=1) if others.shape[1] else pd.Series("", index=others.index)
    columns = pd.get_dummies(groups).to_numpy(np.float64)
    return columns / np.sqrt(columns.sum(0))


def split(design: Design, y: Array, chance: bool = True) -> Array:
    """Return the shares of the variance of y [..., cells, seeds]: a term each, three or more factors together, what is
    not told apart, the seed [..., terms + 3]; with what `chance` adds to each taken away, as far as seeds tell it.
    """
    return _both(design, y, chance)[..., : len(design.terms) + 3]


def _both(design: Design, y: Array, chance: bool = True) -> Array:
    """Return the shares of `split`, and behind them the total share of every factor [..., terms + 3 + factors]."""
    cells, n = y.shape[-2:]
    means = y.mean(-1)
    centred = means - means.mean(-1, keepdims=True)
    between = n * np.square(centred).sum(-1)
    explained = [n * np.square(centred @ basis).sum(-1) for basis in design.added]
    higher = between - n * np.square(centred @ design.whole).sum(-1)
    parts = np.stack([*explained, higher, between - higher - sum(explained)], axis=-1)
    of_seed = np.square(y - means[..., None]).sum((-1, -2))[..., None] / max(cells * (n - 1), 1)
    totals = np.stack([between - n * np.square(centred @ basis).sum(-1) for basis in design.alike], axis=-1)
    if chance:
        parts = parts - of_seed * design.df
        totals = totals - of_seed * [cells - basis.shape[1] for basis in design.alike]
    parts = np.concatenate([parts, of_seed * cells * n], axis=-1)
    both: Array = np.concatenate([parts, totals], axis=-1) / parts.sum(-1, keepdims=True)
    return both


def _by_cell(labels: pd.DataFrame, values: pd.Series) -> tuple[pd.DataFrame, Array]:
    """Return the cells, and the values in them [cells, seeds]."""
    groups = values.groupby([labels[name] for name in labels])
    sizes = groups.size()
    if sizes.nunique() > 1:
        raise HarnessError(
            f"shares of variance need as many seeds in every cell: from {sizes.min()} to {sizes.max()} given."
        )
    return sizes.index.to_frame(index=False), np.stack([np.sort(group.to_numpy()) for _, group in groups])


def _contrasts(levels: pd.Series) -> Array:
    """Return a column a level [cells, levels], centred over the cells that have the factor and 0 in the others."""
    has = (levels != NOTHING).to_numpy()
    columns = pd.get_dummies(levels.where(has)).to_numpy(np.float64)
    return (columns - columns[has].mean(0)) * has[:, None]


def _products(a: Array, b: Array) -> Array:
    return (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)


def _basis(columns: Array, scale: float | None = None) -> Array:
    """Return an orthonormal basis of the span of columns, but for what is rounding beside `scale`, their own size."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > 1e-9 * (sizes.max(initial=0.0) if scale is None else scale)]


def bounds_of(design: Design, y: Array, generator: np.random.Generator, draws: int) -> tuple[Array, Array]:
    """Return the 95 % bootstrap bounds of the shares of y [cells, seeds], each [terms + 3]; NaN with one seed.

    How far draws lie from the shares of what they are drawn from tells how far these lie from the truth: bounds that
    are quantiles of the draws themselves would count chance twice. Deviations are widened by sqrt(n / (n - 1)), or
    their spread would be too small.
    """
    return _bounds(design, y, generator, draws, split)


def _bounds(
    design: Design, y: Array, generator: np.random.Generator, draws: int, of: Callable[..., Array]
) -> tuple[Array, Array]:
    cells, n = y.shape
    found = of(design, y)
    if n == 1:
        none = np.full(found.shape, math.nan)
        return none, none
    means = y.mean(1, keepdims=True)
    source = means + math.sqrt(n / (n - 1)) * (y - means)
    picked = generator.integers(n, size=(draws, cells, n))
    off = of(design, np.take_along_axis(source[None], picked, axis=-1)) - of(design, y, chance=False)
    low, high = np.quantile(off, [0.025, 0.975], axis=0)
    return found - high, found - low
