"""Shares of variance: how much of the spread of a number each factor of a design explains, and what is the seed's.

From type II sums of squares (Yates 1934): of each term what it adds to all terms that do not contain it, less what
chance adds to it, over the total (omega squared, Hays 1963: its mean over repetitions does not depend on the number of
seeds, and where nothing is explained it is as often below 0 as above). The total share of a factor is the spread
between cells that differ in it alone, its interactions of any order included (Homma & Saltelli 1996): totals add up to
more than 1. All shares depend on the levels that were offered.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.statistics.aggregates import DRAWS

AT_ONCE = 2**23  # numbers of bootstrap draws that are held together

Array = NDArray[np.float64]
Levels = NDArray[np.intp]  # of each cell and factor [cells, factors]; -1 where a cell has no such factor


class Sums(NamedTuple):
    """Sums of squares over cells: of each term, of all terms together, and of the groups alike but for each factor."""

    terms: list[Array]
    whole: Array
    alike: list[Array]


@dataclass(frozen=True)
class Design:
    """The terms of a design, of factors by their places: each factor, and every two together.

    df       degrees of freedom of each term, of three or more factors together, and of what is confounded [terms + 2]
    groups   of each factor how many groups there are of cells that differ in that factor alone
    explain  centred means of cells [..., cells] -> their sums of squares [...]
    """

    terms: tuple[tuple[int, ...], ...]
    df: Array
    groups: tuple[int, ...]
    explain: Callable[[Array], Sums]


def designed(levels: Levels) -> Design:
    """Return the design of cells with these levels [cells, factors]."""
    shape = tuple(int(n) for n in levels.max(0) + 1)
    order = np.lexsort(levels.T[::-1])
    crossed = (
        levels.min(initial=0) >= 0
        and len(levels) == math.prod(shape)
        and bool(np.diff(_places(levels[order], shape)).all())
    )
    return _crossed(shape, order) if crossed else _by_bases(levels)


def _places(levels: Levels, shape: tuple[int, ...]) -> Levels:
    """Return the place of each cell in a table of that shape [cells]."""
    return np.asarray(np.ravel_multi_index(tuple(levels.T), shape))


def _crossed(shape: tuple[int, ...], order: Levels) -> Design:
    """Return the design of a table that holds every combination of levels once; in this order the cells fill it.

    Terms are then orthogonal, and their sums of squares are those of marginal means (Fisher 1925).
    """
    cells, factors = math.prod(shape), range(len(shape))
    pairs = tuple(combinations(factors, 2))
    df = [n - 1 for n in shape] + [(shape[i] - 1) * (shape[j] - 1) for i, j in pairs]

    def explain(centred: Array) -> Sums:
        table = centred[..., order].reshape(*centred.shape[:-1], *shape)

        def of(alike: tuple[int, ...]) -> Array:
            """Return the sum of squares of the means of all cells that agree in these factors."""
            over = tuple(i - len(shape) for i in factors if i not in alike)
            means = table.mean(over, keepdims=True)
            left = tuple(i - len(shape) for i in factors)
            return np.asarray(np.square(means).sum(left) * (cells / math.prod(shape[i] for i in alike)))

        mains = [of((i,)) for i in factors]
        terms = mains + [of((i, j)) - mains[i] - mains[j] for i, j in pairs]
        return Sums(terms, sum(terms, np.zeros(centred.shape[:-1])), [of(tuple({*factors} - {i})) for i in factors])

    terms = (*((i,) for i in factors), *pairs)
    return Design(terms, np.array([*df, cells - 1 - sum(df), 0.0]), tuple(cells // n for n in shape), explain)


def _by_bases(levels: Levels) -> Design:
    """Return the design of any cells, by orthonormal bases: of what each term adds to those that do not contain it."""
    factors = range(levels.shape[1])
    terms: dict[tuple[int, ...], Array] = {(i,): _contrasts(levels[:, i]) for i in factors}
    for i, j in combinations(factors, 2):
        terms[i, j] = (terms[i,][:, :, None] * terms[j,][:, None, :]).reshape(len(levels), -1)
    mean, added = np.ones((len(levels), 1)), []
    for term, columns in terms.items():
        others = [x for other, x in terms.items() if not set(term) <= set(other)]
        base = _basis(np.hstack([mean, *others]))
        added.append(_basis(columns - base @ (base.T @ columns), float(np.linalg.norm(columns))))
    whole = _basis(np.hstack([mean, *terms.values()]))
    alike = [_alike(np.delete(levels, i, axis=1)) for i in factors]

    def explain(centred: Array) -> Sums:
        def of(basis: Array) -> Array:
            return np.asarray(np.square(centred @ basis).sum(-1))

        return Sums([of(basis) for basis in added], of(whole), [of(basis) for basis in alike])

    df = [basis.shape[1] for basis in added]
    (cells, rank) = whole.shape
    freedom = np.array([*df, cells - rank, rank - 1 - sum(df)], dtype=np.float64)
    return Design(tuple(terms), freedom, tuple(basis.shape[1] for basis in alike), explain)


def shares(design: Design, y: Array, chance: bool = True) -> Array:
    """Return the shares of the variance of y [..., cells, seeds]: a term each, three or more factors together, what is
    confounded, the seed, and behind them the total share of every factor [..., terms + 3 + factors].

    What `chance` adds to each is taken away, as far as seeds tell it; with one seed it is not.
    """
    cells, n = y.shape[-2:]
    means = y.mean(-1)
    centred = means - means.mean(-1, keepdims=True)
    sums = design.explain(centred)
    between, of_terms = n * np.square(centred).sum(-1), [n * term for term in sums.terms]
    higher = between - n * sums.whole
    parts = np.stack([*of_terms, higher, between - higher - sum(of_terms)], axis=-1)
    totals = np.stack([between - n * alike for alike in sums.alike], axis=-1)
    of_seed = np.square(y - means[..., None]).sum((-1, -2))[..., None] / max(cells * (n - 1), 1)
    if chance:
        parts = parts - of_seed * design.df
        totals = totals - of_seed * [cells - groups for groups in design.groups]
    parts = np.concatenate([parts, of_seed * cells * n], axis=-1)
    both: Array = np.concatenate([parts, totals], axis=-1) / parts.sum(-1, keepdims=True)
    return both


def bounds(design: Design, y: Array, generator: np.random.Generator, draws: int = DRAWS) -> tuple[Array, Array]:
    """Return the 95 % bootstrap bounds, over the seeds of each cell, of the `shares` of y [cells, seeds]; NaN with one.

    How far draws lie from the shares of what they are drawn from tells how far these lie from the truth: bounds that
    are quantiles of the draws themselves would count chance twice. Deviations are widened by sqrt(n / (n - 1)), or
    their spread would be too small.
    """
    (cells, n), estimate = y.shape, shares(design, y)
    if n == 1:
        return np.full_like(estimate, math.nan), np.full_like(estimate, math.nan)
    means = y.mean(1, keepdims=True)
    source = means + math.sqrt(n / (n - 1)) * (y - means)
    at_once, drawn = max(1, AT_ONCE // y.size), []
    for first in range(0, draws, at_once):  # the same draws as all at once
        picked = generator.integers(n, size=(min(at_once, draws - first), cells, n))
        drawn.append(shares(design, np.take_along_axis(source[None], picked, axis=-1)))
    low, high = np.quantile(np.concatenate(drawn) - shares(design, y, chance=False), [0.025, 0.975], axis=0)
    return estimate - high, estimate - low


def _alike(others: Levels) -> Array:
    """Return an orthonormal column [cells] for every group of cells that agree in `others`."""
    groups = (
        np.unique(others, axis=0, return_inverse=True)[1].ravel() if others.shape[1] else np.zeros(len(others), int)
    )
    columns = np.eye(groups.max() + 1)[groups]
    return np.asarray(columns / np.sqrt(columns.sum(0)))


def _contrasts(levels: Levels) -> Array:
    """Return a column a level [cells, levels], centred over the cells that have the factor and 0 in the others."""
    has = levels >= 0
    columns = np.eye(levels.max() + 1)[levels] * has[:, None]
    return np.asarray((columns - columns[has].mean(0)) * has[:, None])


def _basis(columns: Array, scale: float | None = None) -> Array:
    """Return an orthonormal basis of the span of columns, but for what is rounding beside `scale`, their own size."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > 1e-9 * (sizes.max(initial=0.0) if scale is None else scale)]
