"""A factorial: how much of the variance of the primary metric each factor explains, where all were crossed with all.

It is looked for where one objective was trained at every combination of settings, or several that are themselves every
combination of two choices: whether the loss of `gan`'s generator saturates, and whether losses are taken from logits
or from probabilities. Shares are those of `harness.statistics.variance`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from harness.metrics import lower_is_better
from harness.report.analysis import cell_table
from harness.report.analysis.across_tasks import CONFOUNDED, HIGHER, SEED, variance_shares
from harness.report.analysis.cell_table import FAILURES
from harness.report.findings.finding import Runs
from harness.spec import content_id
from harness.statistics import intervals
from harness.text import plain

FEWEST = 3  # factors
VALUE = "value"
LOSS, NUMERICS = "generator loss", "numerics"
# What sets these objectives apart from one another, and nothing else does.
CHOICES = {
    "gan": {LOSS: "saturating", NUMERICS: "logits"},
    "nsgan": {LOSS: "non-saturating", NUMERICS: "logits"},
    "gan-sigmoid": {LOSS: "saturating", NUMERICS: "probabilities"},
    "nsgan-sigmoid": {LOSS: "non-saturating", NUMERICS: "probabilities"},
}


@dataclass(frozen=True)
class Factorial:
    """What the factors of a factorial explain.

    metric   the primary metric                         factors  by name the levels, as text
    runs     how many, with `lost` of them              seeds    of every combination
    shares   `across_tasks.variance_shares` of the metric; a lost run counts as the worst finished one of its task
    levels   factor, level, mean, low, high (a t interval over seeds), runs, lost
    common   the levels that all lost runs have in common, by factor; none where nothing was lost
    half_by  the step by which half of the diverged runs had diverged; NaN where none did
    means    of the two factors with the largest interaction the mean, low and high at each pair of levels, which stand
             in the first two columns; empty where no interaction's interval lies above 0
    """

    metric: str
    factors: Mapping[str, tuple[str, ...]]
    runs: int
    lost: int
    seeds: int
    shares: pd.DataFrame
    levels: pd.DataFrame
    common: Mapping[str, str]
    half_by: float
    means: pd.DataFrame

    def of_factors(self) -> pd.DataFrame:
        """Return the rows of `shares` of single factors, the largest share with interactions first."""
        rows = self.shares[self.shares["source"].isin(list(self.factors))]
        return rows.sort_values("total", ascending=False, kind="stable")

    def of_pairs(self) -> pd.DataFrame:
        """Return the rows of two factors together, the largest share first."""
        names = [" x ".join(pair) for pair in combinations(self.factors, 2)]
        rows = self.shares[self.shares["source"].isin(names)]
        return rows.sort_values("share", ascending=False, kind="stable")

    def of_clear_pairs(self) -> pd.DataFrame:
        """Return those rows of two factors whose interval lies above 0; none where one seed gives no interval."""
        pairs = self.of_pairs()
        return pairs[pairs["low"] > 0]

    def of_rest(self) -> pd.DataFrame:
        """Return the rows of three or more factors together, and of the seed."""
        return self.shares[self.shares["source"].isin((HIGHER, CONFOUNDED, SEED))]


def factorial(runs: Runs) -> Factorial | None:
    """Return the factorial that runs make; None where they make none, some have not ended, or nothing varies."""
    table, metrics = runs.learners, set(runs.metrics.values())
    factors = None if runs.is_study or len(metrics) != 1 else factors_of(table)
    if factors is None or (table["status"] == "pending").any():
        return None
    (metric,) = metrics
    valued = factors.assign(value=_values(table, metric), seed=table["seed"], lost=table["status"].isin(FAILURES))
    columns = {str(name): str(name) for name in factors}
    generator = np.random.default_rng(int(content_id(sorted(table["run_id"])), 16))
    shares = variance_shares(valued.assign(status="ok"), columns, VALUE, generator)
    if shares.empty:
        return None
    gone = factors[valued["lost"]]
    outcome = Factorial(
        metric=metric,
        factors={str(name): _ordered(factors[name]) for name in factors},
        runs=len(table),
        lost=len(gone),
        seeds=int(table["seed"].nunique()),
        shares=shares,
        levels=_levels(valued, list(columns)),
        common={str(name): str(gone[name].iloc[0]) for name in gone if len(gone) and gone[name].nunique() == 1},
        half_by=float(cell_table.numbers(table, "first_bad_step").median()),
        means=pd.DataFrame(),
    )
    return _with_means(outcome, valued)


def factors_of(table: pd.DataFrame) -> pd.DataFrame | None:
    """Return the level of every run by factor, as text; None where not every combination was trained as often."""
    choices = _choices(table)
    if choices is None:
        return None
    swept = {name.removeprefix("sweep."): table[name].map(plain) for name in cell_table.swept_columns(table)}
    labels = pd.DataFrame(
        {
            **choices,
            "architecture": table["architecture"].astype(str),
            "data set": table["dataset"].astype(str),
            **swept,
        },
        index=table.index,
    )
    labels = labels[[name for name in labels if labels[name].nunique() > 1]]
    if labels.shape[1] < FEWEST:
        return None
    cells = table.groupby([labels[name] for name in labels])["seed"].agg(["size", "nunique"])
    is_whole = len(cells) == labels.nunique().prod() and cells.nunique().max() == 1
    return labels if is_whole and (cells["size"] == cells["nunique"]).all() else None


def _choices(table: pd.DataFrame) -> dict[str, pd.Series] | None:
    """Return what sets the objectives of runs apart, by factor; None where that is more, or something else."""
    if table["objective"].nunique() <= 1:
        return {}
    parts = table.reindex(columns=["objective.base", "setup.penalty", "setup.tricks"]).astype(object)
    parts = parts.where(parts.notna(), "").astype(str)
    bases = parts["objective.base"].where(parts["objective.base"] != "", table["objective"].astype(str))
    own = pd.DataFrame({"objective": table["objective"].astype(str), "base": bases}).drop_duplicates()
    is_plain = (parts[["setup.penalty", "setup.tricks"]] == "").all(axis=None)
    if not is_plain or own["base"].duplicated().any() or not set(own["base"]) <= CHOICES.keys():
        return None
    return {name: bases.map({base: choice[name] for base, choice in CHOICES.items()}) for name in (LOSS, NUMERICS)}


def _values(table: pd.DataFrame, metric: str) -> pd.Series:
    """Return the metric of every run, of a lost one the worst of its task's, or of all where that has none."""
    cell_table.refuse_missing(table, metric)
    sign = 1.0 if lower_is_better(metric) else -1.0
    worse = sign * cell_table.numbers(table, metric).where(table["status"] == "ok")
    return sign * worse.fillna(worse.groupby(table["task"]).transform("max")).fillna(worse.max()).fillna(0.0)


def _ordered(levels: pd.Series) -> tuple[str, ...]:
    """Return the levels of a factor: numbers from the smallest, words as they come."""
    names, numbers = levels.unique(), pd.to_numeric(pd.Series(levels.unique()), errors="coerce")
    return tuple(map(str, names[np.argsort(numbers, kind="stable")] if numbers.notna().all() else names))


def _levels(valued: pd.DataFrame, factors: Collection[str]) -> pd.DataFrame:
    rows = []
    for factor in factors:
        for level in _ordered(valued[factor]):
            own = valued[valued[factor] == level]
            rows.append(
                {"factor": factor, "level": level, **_mean(own), "runs": len(own), "lost": int(own["lost"].sum())}
            )
    return pd.DataFrame(rows)


def _mean(runs: pd.DataFrame) -> dict[str, float]:
    """Return the mean of values, with Student's interval over seeds."""
    mean = intervals.t_interval(runs.groupby("seed")[VALUE].mean())
    return {"mean": mean.mean, "low": mean.low, "high": mean.high}


def _with_means(outcome: Factorial, valued: pd.DataFrame) -> Factorial:
    """Add the means of the two factors whose interaction is largest and above 0."""
    pairs = outcome.of_clear_pairs()
    if pairs.empty:
        return outcome
    source = pairs["source"].iloc[0]
    first, second = next(pair for pair in combinations(outcome.factors, 2) if " x ".join(pair) == source)
    rows = [
        {first: one, second: other, **_mean(valued[(valued[first] == one) & (valued[second] == other)])}
        for one in outcome.factors[first]
        for other in outcome.factors[second]
    ]
    return replace(outcome, means=pd.DataFrame(rows))
