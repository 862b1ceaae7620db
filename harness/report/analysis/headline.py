"""The headline over many tasks: how well each objective does on the whole, by every way of comparing them fairly.

A run's score is 1 for a perfect sampler and 0 for the best null sampler; a run that was lost scores 0. An objective's
number is the mean over the tasks, and its interval Student's t over the seeds' means over the tasks: runs of one seed
share initial weights, data and latents in every task, so that seeds and not runs are what repeats independently.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report.analysis import cell_table, grid_edges, null_rows, ranking
from harness.report.analysis.averaging import shared, why_none
from harness.report.analysis.cell_table import FAILURES
from harness.statistics import intervals
from harness.statistics.intervals import Interval
from harness.text import listed

WAYS = ("tuned", "recipe", "mean")  # of standing for an objective whose settings were swept
BUDGETS = ("steps", "seconds")  # what objectives are given alike: generator steps, seconds of training
# Share of nominal 95 % intervals over n seeds and nine simulated tasks that hold the expected tuned score, and the
# expected difference of two: measured in 4,000 draws, checked in tests/report. By n: runs with normal noise of their
# own; with luck that a seed brings to all runs, too; with one run in five far worse besides, or one in ten lost.
COVERAGE: dict[int, dict[str, tuple[float, float]]] = {
    3: {"alone": (0.96, 0.97), "shared": (0.95, 0.97), "skewed": (0.95, 0.96), "lost": (0.95, 0.96)},
    5: {"alone": (0.96, 0.97), "shared": (0.96, 0.97), "skewed": (0.97, 0.98), "lost": (0.95, 0.98)},
    10: {"alone": (0.98, 0.98), "shared": (0.95, 0.98), "skewed": (0.98, 0.99), "lost": (0.97, 0.99)},
}
# The same with normal noise, by n and by how many standard deviations of it lie between neighbours of three settings:
# the least over one task and nine, with and without luck that a seed brings to all runs, in 20,000 draws.
TIES: dict[int, dict[int, tuple[float, float]]] = {
    3: {0: (0.955, 0.966), 1: (0.952, 0.962), 4: (0.949, 0.949)},
    5: {0: (0.962, 0.982), 1: (0.955, 0.966), 4: (0.949, 0.948)},
    10: {0: (0.954, 0.996), 1: (0.953, 0.967), 4: (0.948, 0.946)},
}
SAME = 1e-12  # scores nearer to each other differ by the order of a sum
WORK = ("train_s", "critic_updates", "samples_seen")
GIVEN = {"steps": "at equal generator steps", "seconds": "at equal training seconds"}

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]  # steps, and a metric there


@dataclass(frozen=True)
class Lead:
    """Who comes first by one comparison, and how far ahead of every other objective, paired by seed.

    gaps  by the others' names, best first; no bounds where there is one seed
    lost  by name the share of lost runs among those that stand for each: of equal scores the lower one comes first
    """

    way: str
    budget: str
    first: str
    gaps: Mapping[str, Interval]
    lost: Mapping[str, float]

    @property
    def second(self) -> str:
        return next(iter(self.gaps))

    @property
    def ahead(self) -> Interval:
        """How far ahead of the second."""
        return self.gaps[self.second]

    @property
    def tied(self) -> list[str]:
        """Those who have the score of the first, such as 0 where nobody learnt anything, and lost no more runs."""
        level = [name for name, gap in self.gaps.items() if abs(gap.mean) < SAME]
        return [name for name in level if abs(self.lost[name] - self.lost[self.first]) < SAME]

    @property
    def not_significant(self) -> list[str]:
        """Those that do not differ significantly from the first: a later place with a wide spread may be one."""
        return [name for name, gap in self.gaps.items() if not gap.low > 0]


@dataclass(frozen=True)
class Headline:
    """The scores of objectives over the tasks of a suite.

    rows     a row an objective, way and budget: score, low, high, place; objectives in the order of the first lead
    leads    a lead for every way and budget in which each objective has a number; first: tuned, at equal steps
    by_seed  the tuned score at equal steps: a row a task and seed, a column an objective in that order
    by_task  its mean over seeds: a row a task; lost_by_task: the share of lost runs behind it, the same cells
    at_steps, at_seconds  the values that intervals of the tuned score are of (`harness.statistics.tuning`), in the mean
             over tasks: a row a seed, the same columns
    runs     a row an objective: n_settings (the most that it was tuned over in a task), tuned_over (what those differ
             in, "" for one), n_runs, n_lost, n_no_better (than the best null sampler), steps_at_equal_seconds (share
             of its steps that an objective is judged at), quality and coverage of the tuned runs at their last step
             (`null_rows`), and the mean work of a run that is ok
    seeds    how many; n_tasks: tasks of the suite, of which `by_task` has those that have a score and that every
             objective was run on
    swept    what was swept beside the data, in words; "" where nothing was
    edges    of each objective and swept number the tuned choices at the edge of its grid (`edges`), at equal steps
    judged   the runs behind the first lead as they are judged at equal steps: score, and excess, by which ties are told
    nulls    a row a task and null sampler (`null_rows.by_task`)
    """

    rows: pd.DataFrame
    leads: tuple[Lead, ...]
    by_seed: pd.DataFrame
    by_task: pd.DataFrame
    lost_by_task: pd.DataFrame
    at_steps: pd.DataFrame
    at_seconds: pd.DataFrame
    runs: pd.DataFrame
    seeds: int
    n_tasks: int
    swept: str
    edges: pd.DataFrame
    judged: pd.DataFrame
    nulls: pd.DataFrame

    @property
    def best(self) -> Lead:
        return self.leads[0]


def headline(
    table: pd.DataFrame,
    scored: pd.DataFrame,
    metrics: Mapping[str, str],
    data_axes: Collection[str] = (),
    data_settings: Collection[str] = (),
) -> Headline | None:
    """Return the headline of a labelled table (`cell_table.labelled`); None where there is no fair one.

    `scored` is the store's long table of run_id, step, score and w1_excess; `metrics` the primary metric by data set;
    `data_axes` the swept names and `data_settings` the names below `setup.` that belong to data sets. There is none
    where `averaging.why_none` has a reason.
    """
    if why_none(table, metrics):
        return None
    compared = shared(table)
    columns = cell_table.tuned_columns(compared, data_axes)
    is_recipe = compared[columns].astype(object) == "recipe"
    recipe = (is_recipe | compared[columns].isna()).all(axis=1) & is_recipe.any(axis=1)
    judged = _judged(compared.assign(seconds=_seconds(compared, data_settings), recipe=recipe), scored)
    swept = _varied(compared, columns)
    chosen = _representatives(judged, WAYS if swept else WAYS[:1])
    by_seed = {key: grid_of(runs, "pseudo").groupby("seed").mean() for key, runs in chosen.items()}
    lost = {key: grid_of(runs, "lost") for key, runs in chosen.items()}
    rows, best = _rows(by_seed, lost), chosen["steps", "tuned"]
    whole = [key for key, seeds in by_seed.items() if seeds.shape[1] == len(by_seed["steps", "tuned"].columns)]
    order = rows["objective"].unique()
    tuned_scores, at_steps = grid_of(best)[order], judged[judged["budget"] == "steps"]
    tasks = compared["task"].unique()
    return Headline(
        rows=rows,
        leads=tuple(lead(way, budget, by_seed[budget, way], lost[budget, way]) for budget, way in whole),
        by_seed=tuned_scores,
        by_task=tuned_scores.groupby("task").mean().loc[tasks],
        lost_by_task=lost["steps", "tuned"][order].groupby("task").mean().loc[tasks],
        at_steps=by_seed["steps", "tuned"][order],
        at_seconds=by_seed["seconds", "tuned"][order],
        runs=_runs(compared, judged, columns).join(_quality(compared, best)).loc[order].reset_index(),
        seeds=int(compared["seed"].nunique()),
        n_tasks=int(table["task"].nunique()),
        swept=swept,
        edges=grid_edges.edges(at_steps, best, columns if swept else ()),
        judged=at_steps,
        nulls=null_rows.by_task(compared),
    )


def _varied(runs: pd.DataFrame, columns: Collection[str]) -> str:
    """Return in words which swept values differ between settings; "" where there is one setting."""
    names = [c.removeprefix("sweep.") for c in columns if runs[c].astype(str).nunique() > 1]
    return listed(names) if names and runs["setting"].nunique() > 1 else ""


def _judged(runs: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every run and budget: where it is judged (`reached`, a share of its steps), its score there, its
    w1_excess, infinite where it was lost, and whether it was (`lost`, 0 or 1).

    The budget of a task is what its cheapest run that is ok took: its steps, or its seconds.
    """
    scores, excesses = _curves(scored, "score", 0.0), dict[str, Curve]()
    for name in ("w1_excess", "fid_excess"):
        excesses |= {r: curve for r, curve in _curves(scored, name, np.nan).items() if np.isfinite(curve[1]).all()}
    ok, parts = runs["status"] == "ok", []
    for budget in BUDGETS:
        cost = runs[budget].astype(float)
        reached = cost.where(ok).groupby(runs["task"]).transform("min") / cost
        score, excess = [], []
        for run_id, step, is_ok in zip(runs["run_id"], runs["steps"] * reached, ok, strict=True):
            score.append(_score_at(*scores[run_id], step) if is_ok else 0.0)
            known = is_ok and run_id in excesses
            excess.append(float(np.interp(step, *excesses[run_id])) if known else np.inf)
        rows = runs.assign(budget=budget, reached=reached, score=score, excess=excess, lost=1.0 - ok, status="ok")
        parts.append(rows)
    # One order whatever the plan's: it breaks ties between settings, and rounds sums.
    return pd.concat(parts).sort_values(["budget", "task", "objective", "setting", "seed"], ignore_index=True)


def _curves(scored: pd.DataFrame, name: str, missing: float) -> dict[str, Curve]:
    """Return the scored steps of every run and one metric there, in order; of no run where none has the metric."""
    if name not in scored:
        return {}
    by_run = scored.sort_values(["run_id", "step"], kind="stable")
    ids = by_run["run_id"].to_numpy()
    ends = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    columns = by_run["step"].to_numpy(np.float64), by_run[name].to_numpy(np.float64, na_value=missing)
    curves = zip(*(np.split(column, ends) for column in columns), strict=True)
    return dict(zip(map(str, ids[np.insert(ends, 0, 0)]), curves, strict=True)) if len(ids) else {}


def _seconds(runs: pd.DataFrame, data_settings: Collection[str]) -> pd.Series:
    """Return the seconds of each run: the mean over those, on all data sets, that are ok and do the same work.

    The time of a single stack depends on its size and on what else the machine does, and all runs of an objective in a
    task are often one stack. That samples of different data sets differ in cost is neglected.
    """
    setup = [c for c in runs.columns if c.startswith("setup.") and c.removeprefix("setup.") not in data_settings]
    work = [runs[c] for c in ("architecture", "objective.base", "steps", *setup)]
    return runs["train_s"].astype(float).where(runs["status"] == "ok").groupby(work, dropna=False).transform("mean")


def _score_at(steps: NDArray[np.float64], scores: NDArray[np.float64], step: float) -> float:
    """Return the score at a step, on the straight line between the scored steps around it.

    Taking the last scored step before it would cost a run that is a hundredth too slow a quarter of its training.
    An untrained generator counts 0 where step 0 was not scored.
    """
    if steps[0] > 0:
        steps, scores = np.insert(steps, 0, 0.0), np.insert(scores, 0, 0.0)
    return float(np.interp(step, steps, scores))


def _representatives(judged: pd.DataFrame, ways: Collection[str]) -> dict[tuple[str, str], pd.DataFrame]:
    """Return by (budget, way) the runs that stand for the objectives that have the way in every task, with `pseudo`."""
    representatives = {}
    for budget, way in product(BUDGETS, ways):
        runs = judged[judged["budget"] == budget]
        cells = runs["task"].nunique() * runs["seed"].nunique()
        if way == "tuned":
            chosen = tuned(runs)
        else:
            chosen = (runs[runs["recipe"]] if way == "recipe" else runs).assign(pseudo=lambda rows: rows["score"])
        counts = chosen[["task", "seed", "objective"]].drop_duplicates().groupby("objective").size()
        chosen = chosen[chosen["objective"].isin(counts.index[counts == cells])]
        if len(chosen):
            representatives[budget, way] = chosen
    return representatives


def tuned(judged: pd.DataFrame) -> pd.DataFrame:
    """Return of judged runs, in few columns, those at the setting that was best on the other seeds, and the `pseudo`
    value of each seed. What is held fixed, a `norm` or a way of computing, is never tuned.

    Settings of equal score, such as 0 throughout, are ordered by w1_excess, which is not cut.
    """
    keys = grid_edges.keys_of(judged)
    runs = judged[[*keys, "setting", "seed", "status", "score", "excess", "lost"]]
    return ranking.tuned(runs, "score", tie="excess", keys=keys).drop(columns="value")


def grid_of(runs: pd.DataFrame, column: str = "score") -> pd.DataFrame:
    """Return the mean of a column of runs, such as their score: a row a task and seed, a column an objective."""
    return runs.groupby(["task", "seed", "objective"])[column].mean().unstack("objective")


Grids = Mapping[tuple[str, str], pd.DataFrame]  # by budget and way


def _rows(by_seed: Grids, lost: Grids) -> pd.DataFrame:
    rows = []
    for (budget, way), seeds in by_seed.items():
        for place, objective in enumerate(_order(seeds, lost[budget, way]), start=1):
            score = intervals.score_interval(seeds[objective])
            rows.append((objective, way, budget, place, score.mean, score.low, score.high))
    table = pd.DataFrame(rows, columns=["objective", "way", "budget", "place", "score", "low", "high"])
    first = {objective: place for place, objective in enumerate(table["objective"].unique())}
    return table.sort_values("objective", key=lambda names: names.map(first), kind="stable", ignore_index=True)


def _order(seeds: pd.DataFrame, lost: pd.DataFrame) -> list[str]:
    """Sort objectives best first: by mean score, ties by the share of lost runs (`lost`), then by name."""
    keys = pd.DataFrame({"score": -(seeds.mean() / SAME).round(), "lost": (lost.mean() / SAME).round()})
    return [str(name) for name in keys.sort_index().sort_values(["score", "lost"], kind="stable").index]


def lead(way: str, budget: str, seeds: pd.DataFrame, lost: pd.DataFrame) -> Lead:
    """Return who comes first of the scores over all tasks: `seeds` has a row a seed, a column an objective, `lost` the
    same columns of the share of lost runs in as many tasks and seeds for each.
    """
    first, *others = _order(seeds, lost)
    gaps = {name: intervals.paired_difference(seeds[first], seeds[name]) for name in others}
    return Lead(way, budget, first, gaps, {str(name): float(share) for name, share in lost.mean().items()})


def _runs(compared: pd.DataFrame, judged: pd.DataFrame, columns: Collection[str]) -> pd.DataFrame:
    """Return for each objective over how many settings it was tuned, its runs, and the mean work of those ok."""
    ok, groups = compared["status"] == "ok", compared.groupby("objective")
    of_run = pd.DataFrame({
        "objective": compared["objective"],
        "n_lost": compared["status"].isin(FAILURES),
        "n_no_better": ok & (compared["score"] == 0),
    }).groupby("objective")  # fmt: skip
    seconds = judged[judged["budget"] == "seconds"]
    counts = pd.DataFrame({
        "n_settings": compared.groupby(grid_edges.keys_of(compared))["setting"].nunique().groupby("objective").max(),
        "tuned_over": pd.Series({name: _varied(runs, columns) for name, runs in groups}),
        "n_runs": groups.size(),
        **of_run.sum(),
        "steps_at_equal_seconds": seconds.groupby("objective")["reached"].mean(),
    }).rename_axis("objective")  # fmt: skip
    work = [name for name in WORK if name in compared]
    return counts.join(compared[ok].astype(dict.fromkeys(work, float)).groupby("objective")[work].mean())


def _quality(compared: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """Return quality and coverage of each objective's tuned runs, in the mean over the tasks that have them."""
    keys = [*grid_edges.keys_of(chosen), "setting", "seed"]
    values = compared[keys].join(null_rows.measured(compared))
    means = chosen[keys].merge(values, on=keys).groupby(["objective", "task"])[list(null_rows.KINDS)].mean()
    return means.groupby("objective").mean()


def way_names(best: Headline) -> dict[str, str]:
    """Return what each way of standing for an objective is called: {"tuned": "lr tuned", ...}."""
    if not best.swept:
        return {"tuned": "as set"}
    names = {
        "tuned": f"{best.swept} tuned",
        "recipe": f"the recipe's {best.swept}",
        "mean": f"mean over {best.swept}",
    }
    return {way: name for way, name in names.items() if (best.rows["way"] == way).any()}
