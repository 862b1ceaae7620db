"""Statistics over tasks: aggregates with bootstrap intervals, one family of tests, shares of variance.

An objective stands with its tuned score at equal steps, as in the headline; there is nothing here without one. Every
pair of objectives is tested by Wilcoxon's signed-rank test over the tasks (Wilcoxon 1945) with Holm's correction (Holm
1979), as Benavoli et al. 2016 advise for several methods over several tasks.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.report.analysis import cell_table
from harness.report.analysis.headline import Headline, grid_of, tuned
from harness.spec import content_id
from harness.statistics import aggregates, intervals, trials, variance
from harness.statistics.aggregates import DRAWS, Array, Picked
from harness.statistics.paired import effect_seen, holm, leaning, signed_rank
from harness.statistics.power import LEVEL, within_reach
from harness.text import NOTHING, plain

HIGHER, SEED, CONFOUNDED = "higher interactions", "seed", "confounded"
SHARES = ("source", "df", "share", "low", "high", "total", "total_low", "total_high")


@dataclass(frozen=True)
class Across:
    """The statistics over the tasks together.

    pairs       a row a pair, the one with the higher mean first: difference, low, high (mean over tasks, t interval
                paired by seed); improvement with _low and _high; tasks, p, p_holm, told_apart, smallest_effect
    objectives  a row an objective, best mean first: iqm and mean with _low and _high, mean_rank
    profiles    objective, threshold, and the share of runs above it with low and high
    shares      source, df, share, low, high, total, total_low, total_high: `variance_shares` of the scores of all runs
    groups      objectives without a significant difference, in stretches of mean rank; None for too few tasks
    """

    pairs: pd.DataFrame
    objectives: pd.DataFrame
    profiles: pd.DataFrame
    shares: pd.DataFrame
    groups: list[tuple[str, ...]] | None
    tasks: int
    seeds: int


def across(best: Headline, table: pd.DataFrame) -> Across:
    """Return the statistics over the tasks of a headline; `table` is the labelled one that it was computed from.

    Every random draw comes from the hash of the ids of its runs: the same records give the same numbers, whatever a
    suite is called, asks in words or lies under.
    """
    of_seeds, of_variance = np.random.default_rng(int(content_id(sorted(set(table["run_id"]))), 16)).spawn(2)
    tasks, names = best.by_task.index, [str(name) for name in best.by_task.columns]
    shape = (len(tasks), best.seeds, len(names))
    scores = aggregates.arranged(best.by_seed.to_numpy(np.float64).reshape(shape))
    picked = aggregates.picks(shape, of_seeds)
    ordered = _ordered_scores(best, table)
    blocks = ordered.groupby("task").mean().loc[tasks]
    pairs = family(blocks)
    gaps = _gaps(best.at_steps, pairs, aggregates.arranged(ordered.to_numpy(np.float64).reshape(shape)), picked)
    pairs = pd.concat([pairs[["first", "second"]], gaps, pairs.drop(columns=["first", "second"])], axis=1)
    ranks, runs = mean_ranks(blocks), table[table["task"].isin(tasks)]
    iqm, mean, profile = (f(scores, picked) for f in (aggregates.iqms, aggregates.means, aggregates.profiles))
    objectives = {"objective": names, **_bounded("iqm", iqm), **_bounded("mean", mean)}
    profiles = {
        "objective": np.repeat(names, len(aggregates.THRESHOLDS)),
        "threshold": np.tile(aggregates.THRESHOLDS, len(names)),
        "share": profile.value.ravel(), "low": profile.low.ravel(), "high": profile.high.ravel(),
    }  # fmt: skip
    return Across(
        pairs=pairs,
        objectives=pd.DataFrame(objectives | {"mean_rank": ranks.loc[names].to_numpy()}),
        profiles=pd.DataFrame(profiles),
        shares=variance_shares(runs, factors(runs), "score", of_variance),
        groups=groups([str(name) for name in ranks.index], pairs) if within_reach(len(pairs), len(tasks)) else None,
        tasks=len(tasks),
        seeds=best.seeds,
    )


def _bounded(name: str, estimates: aggregates.Estimates) -> dict[str, Array]:
    return {name: estimates.value, f"{name}_low": estimates.low, f"{name}_high": estimates.high}


def _ordered_scores(best: Headline, table: pd.DataFrame) -> pd.DataFrame:
    """Return the tuned scores of a headline by which objectives are ordered: lost runs just behind those at 0."""
    ok = best.judged["run_id"].isin(table.loc[table["status"] == "ok", "run_id"])
    runs = best.judged.assign(score=trials.ranked(best.judged["score"], ok))
    return grid_of(tuned(runs)).loc[best.by_seed.index, best.by_seed.columns]


def factors(runs: pd.DataFrame) -> dict[str, str]:
    """Return what the runs of a suite differ in beside the seed: names, and their columns."""
    swept = {c.removeprefix("sweep."): c for c in cell_table.swept_columns(runs)}
    normed = {"critic norm": "norm"} if "norm" in runs else {}
    return {"objective": "objective", "architecture": "architecture", "data set": "dataset"} | normed | swept


def frames(statistics: Across) -> dict[str, pd.DataFrame]:
    """Return the CSV files by name."""
    return {
        "across-pairs.csv": statistics.pairs,
        "across-objectives.csv": statistics.objectives,
        "across-profiles.csv": statistics.profiles,
        "variance-shares.csv": statistics.shares,
    }


def family(blocks: pd.DataFrame) -> pd.DataFrame:
    """Test every pair of the columns of `blocks` (a row a task, a column an objective, a score the higher the better).

    Returns first, second (in the order of the columns), higher (the one of them whose side the ranks lean to, which
    need not be that of the mean), tasks, p, p_holm, told_apart, and smallest_effect: Cohen's d of the differences
    between tasks that this test of so many finds with 80 % power, before correction. Raises HarnessError where a score
    is not finite.
    """
    pairs = list(combinations(blocks.columns, 2))
    differences = [blocks[a].to_numpy() - blocks[b].to_numpy() for a, b in pairs]
    p = [signed_rank(difference) for difference in differences]
    return pd.DataFrame({
        "first": [a for a, _ in pairs],
        "second": [b for _, b in pairs],
        "higher": [a if leaning(gap) >= 0 else b for (a, b), gap in zip(pairs, differences, strict=True)],
        "tasks": len(blocks),
        "p": p,
        "p_holm": holm(p),
        "told_apart": holm(p) <= LEVEL,
        "smallest_effect": effect_seen(len(blocks)),
    })  # fmt: skip


def _gaps(seeds: pd.DataFrame, pairs: pd.DataFrame, scores: Array, picked: Picked) -> pd.DataFrame:
    """Return the difference of every pair over the seeds' means, and its probability of improvement."""
    place = {name: i for i, name in enumerate(seeds.columns)}
    rows = []
    for a, b in zip(pairs["first"], pairs["second"], strict=True):
        gap = intervals.paired_difference(seeds[a], seeds[b])
        better = _bounded("improvement", aggregates.improvement(scores, picked, place[a], place[b]))
        rows.append(
            {"difference": gap.mean, "low": gap.low, "high": gap.high} | {k: float(v) for k, v in better.items()}
        )
    return pd.DataFrame(rows)


def mean_ranks(blocks: pd.DataFrame) -> pd.Series:
    """Return every objective's mean rank over the tasks, best first: 1 is the highest score, ties share ranks."""
    return blocks.round(12).rank(axis=1, ascending=False).mean().sort_index().sort_values(kind="stable")


def groups(order: list[str], pairs: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the longest stretches of objectives, in the order given, of which no two differ significantly (Demšar
    2006). `pairs` as `family` returns them.
    """
    significant = pairs[pairs["told_apart"]]
    apart = {frozenset(pair) for pair in zip(significant["first"], significant["second"], strict=True)}
    stretches: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(frozenset((other, order[end])) in apart for other in order[start:end]):
            end += 1
        if end - start > 1 and end > reached:
            stretches.append(tuple(order[start:end]))
            reached = end
    return stretches


def variance_shares(
    runs: pd.DataFrame, factors: Mapping[str, str], metric: str, generator: np.random.Generator, draws: int = DRAWS
) -> pd.DataFrame:
    """Return the share of the variance of `metric` that every factor and every two together explain: source, df, share,
    low, high; and of every factor the share of all that holds it: total, total_low, total_high (NaN elsewhere).

    `factors` maps names to columns of `runs`; a missing value means that an objective has no such setting. `seed` is
    the spread within cells; `higher interactions` what else cells differ in; `confounded` what is common to
    factors that were not crossed, of which a total is NaN where no two cells differ in one alone. Bounds are 95 %
    bootstrap intervals (`harness.statistics.variance`). A lost run has the value 0. With one seed there is no `seed`
    and no bounds. No rows where nothing varies. Raises HarnessError where a run that is ok has no finite metric, naming
    it, and where cells differ in their number of seeds.
    """
    cell_table.refuse_missing(runs, metric)
    labels = pd.DataFrame({name: runs[column].map(plain) for name, column in factors.items()}, index=runs.index)
    labels = labels[[name for name in labels if labels[name].nunique() > 1]]
    values = runs[metric].astype(float).where(runs["status"] == "ok", 0.0)
    if labels.empty or values.nunique() < 2:
        return pd.DataFrame(columns=list(SHARES))
    cells = values.groupby([labels[name] for name in labels])
    sizes = cells.size()
    if sizes.nunique() > 1:
        raise HarnessError(
            f"shares of variance need as many seeds in every cell: from {sizes.min()} to {sizes.max()} given."
        )
    y: Array = np.stack([np.sort(cell.to_numpy(np.float64)) for _, cell in cells]).astype(np.float64)
    design = variance.designed(levels(sizes.index.to_frame(index=False)))
    rows = np.stack([variance.shares(design, y), *variance.bounds(design, y, generator, draws)])
    sources = [" x ".join(labels.columns[i] for i in term) for term in design.terms]
    n, names = len(sources) + 3, [*sources, HIGHER, CONFOUNDED, SEED]
    totals = np.full((3, n), math.nan)
    totals[:, : len(design.groups)] = rows[:, n:]
    totals[:, [i for i, groups in enumerate(design.groups) if groups == len(y)]] = math.nan  # nothing to compare
    columns = dict(zip(SHARES[2:], [*rows[:, :n], *totals], strict=True))
    table = pd.DataFrame({"source": names, "df": [*design.df.astype(int), y.size - len(y)], **columns})
    return table[(table["df"] != 0) | (table["share"].abs() > 1e-9)].reset_index(drop=True)


def levels(cells: pd.DataFrame) -> variance.Levels:
    """Return the levels of cells, a row each, in the order of their texts: -1 where there is none."""
    codes = [pd.factorize(cells[name].where(cells[name] != NOTHING), sort=True)[0] for name in cells]
    return np.stack(codes, axis=1)
