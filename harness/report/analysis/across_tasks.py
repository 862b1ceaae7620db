"""Statistics over tasks: aggregates with bootstrap intervals, one family of tests, shares of variance.

An objective stands with its tuned score at equal steps, as in the headline; there is nothing here without one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.report.analysis import cell_table, significance, variance
from harness.report.analysis.headline import Headline, grid_of, tuned
from harness.spec import content_id
from harness.statistics import aggregates, intervals, lost_runs
from harness.statistics.aggregates import Array, Picked
from harness.statistics.power import within_reach


@dataclass(frozen=True)
class Across:
    """What the tasks say together.

    pairs       a row a pair, the one with the higher mean first: difference, low, high (mean over tasks, t interval
                paired by seed); improvement with _low and _high; tasks, p, p_holm, told_apart, smallest_effect
    objectives  a row an objective, best mean first: iqm and mean with _low and _high, mean_rank
    profiles    objective, threshold, and the share of runs above it with low and high
    shares      source, df, share, low, high, total, total_low, total_high: `variance.shares` of the scores of all runs
    groups      the objectives that are not told apart, in stretches of mean rank; None where the tasks are too few
    """

    pairs: pd.DataFrame
    objectives: pd.DataFrame
    profiles: pd.DataFrame
    shares: pd.DataFrame
    groups: list[tuple[str, ...]] | None
    tasks: int
    seeds: int


def across(found: Headline, table: pd.DataFrame) -> Across:
    """Return the statistics over the tasks of a headline; `table` is the labelled one that it was made from.

    Every random draw comes from the hash of the ids of its runs: the same records give the same numbers, whatever a
    suite is called, asks in words or lies under.
    """
    drawn_from = int(content_id(sorted(set(table["run_id"]))), 16)
    of_seeds, of_variance = np.random.default_rng(drawn_from).spawn(2)
    by_seed, blocks = found.by_seed, found.by_task
    scores = by_seed.to_numpy(np.float64).reshape(len(blocks), found.seeds, blocks.shape[1])
    scores = aggregates.arranged(scores)
    picked = aggregates.picks(scores.shape, of_seeds)
    ranked = _ranked(found, table)
    orders = aggregates.arranged(ranked.to_numpy(np.float64).reshape(scores.shape))
    ranked_blocks = ranked.groupby("task").mean().loc[blocks.index]
    pairs = _pairs(found.at_steps, ranked_blocks, orders, picked)
    ranks = significance.mean_ranks(ranked_blocks)
    enough = within_reach(len(pairs), len(blocks))
    runs = table[table["task"].isin(blocks.index)]
    return Across(
        pairs=pairs,
        objectives=_objectives(list(blocks.columns), scores, picked).assign(
            mean_rank=ranks.loc[blocks.columns].to_numpy()
        ),
        profiles=_profiles(list(blocks.columns), scores, picked),
        shares=variance.shares(runs, factors(runs), "score", of_variance),
        groups=significance.groups([str(name) for name in ranks.index], pairs) if enough else None,
        tasks=len(blocks),
        seeds=found.seeds,
    )


def _ranked(found: Headline, table: pd.DataFrame) -> pd.DataFrame:
    """Return the tuned scores of a headline by which objectives are ordered: lost runs just behind those at 0."""
    ok = set(table.loc[table["status"] == "ok", "run_id"])
    runs = found.judged.assign(score=lost_runs.ranked(found.judged["score"], found.judged["run_id"].isin(ok)))
    return grid_of(tuned(runs)).loc[found.by_seed.index, found.by_seed.columns]


def factors(runs: pd.DataFrame) -> dict[str, str]:
    """Return what the runs of a suite differ in beside the seed: names, and their columns."""
    swept = {c.removeprefix("sweep."): c for c in cell_table.swept_columns(runs)}
    normed = {"critic norm": "norm"} if "norm" in runs else {}
    return {"objective": "objective", "architecture": "architecture", "data set": "dataset"} | normed | swept


def frames(found: Across) -> dict[str, pd.DataFrame]:
    """Return the CSV files by name."""
    return {
        "across-pairs.csv": found.pairs,
        "across-objectives.csv": found.objectives,
        "across-profiles.csv": found.profiles,
        "variance-shares.csv": found.shares,
    }


def _pairs(seeds: pd.DataFrame, blocks: pd.DataFrame, scores: Array, picked: Picked) -> pd.DataFrame:
    """Test every pair, with its difference over the seeds' means and its probability of improvement beside it."""
    place = {name: i for i, name in enumerate(blocks.columns)}
    rows = []
    family = significance.family(blocks)
    for a, b in zip(family["first"], family["second"], strict=True):
        gap = intervals.paired_difference(seeds[a], seeds[b])
        better = aggregates.improvement(scores, picked, place[a], place[b])
        rows.append({
            "difference": gap.mean, "low": gap.low, "high": gap.high, "improvement": float(better.value),
            "improvement_low": float(better.low), "improvement_high": float(better.high),
        })  # fmt: skip
    return pd.concat(
        [family[["first", "second"]], pd.DataFrame(rows), family.drop(columns=["first", "second"])], axis=1
    )


def _objectives(names: list[str], scores: Array, picked: Picked) -> pd.DataFrame:
    middle, mean = aggregates.iqms(scores, picked), aggregates.means(scores, picked)
    return pd.DataFrame({
        "objective": names, "iqm": middle.value, "iqm_low": middle.low, "iqm_high": middle.high,
        "mean": mean.value, "mean_low": mean.low, "mean_high": mean.high,
    })  # fmt: skip


def _profiles(names: list[str], scores: Array, picked: Picked) -> pd.DataFrame:
    found = aggregates.profiles(scores, picked)
    return pd.DataFrame({
        "objective": np.repeat(names, len(aggregates.THRESHOLDS)),
        "threshold": np.tile(aggregates.THRESHOLDS, len(names)),
        "share": found.value.ravel(), "low": found.low.ravel(), "high": found.high.ravel(),
    })  # fmt: skip
