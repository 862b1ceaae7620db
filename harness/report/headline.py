"""The headline over many tasks: how well each objective does on the whole, by every way of comparing them fairly.

A run's score is 1 for a perfect sampler and 0 for the best single point; a run that was lost scores 0. An objective's
number is the mean over the tasks, and its interval Student's t over the seeds' means over the tasks: runs of one seed
share initial weights, data and latents in every task, so that seeds and not runs are what repeats independently.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report import contest, stats
from harness.report.fair import shared, why_none
from harness.report.stats import FAILURES, Interval
from harness.wording import listed

WAYS = ("tuned", "recipe", "mean")  # of standing for an objective whose settings were swept
BUDGETS = ("steps", "seconds")  # what objectives are given alike: generator steps, seconds of training
# Share of nominal 95 % t intervals over n seeds and nine simulated tasks that hold the expected tuned score, and the
# expected difference of two: measured in 4,000 draws, checked in tests/report. By n: runs with normal noise of their
# own; with luck that a seed brings to all runs, too; with one run in five far worse besides, or one in ten lost.
COVERAGE: dict[int, dict[str, tuple[float, float]]] = {
    3: {"alone": (0.94, 0.93), "shared": (0.95, 0.92), "skewed": (0.89, 0.89), "lost": (0.89, 0.90)},
    5: {"alone": (0.93, 0.93), "shared": (0.95, 0.92), "skewed": (0.87, 0.87), "lost": (0.86, 0.86)},
    10: {"alone": (0.94, 0.93), "shared": (0.94, 0.92), "skewed": (0.87, 0.87), "lost": (0.86, 0.85)},
}
SAME = 1e-12  # scores nearer to each other differ by the order of a sum
WORK = ("train_s", "critic_updates", "samples_seen")

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]  # steps, and a metric there


@dataclass(frozen=True)
class Lead:
    """Who comes first by one comparison, and how far ahead of every other objective, paired by seed.

    gaps  by the others' names, best first; no bounds where there is one seed
    """

    way: str
    budget: str
    first: str
    gaps: Mapping[str, Interval]

    @property
    def second(self) -> str:
        return next(iter(self.gaps))

    @property
    def ahead(self) -> Interval:
        """How far ahead of the second."""
        return self.gaps[self.second]

    @property
    def tied(self) -> list[str]:
        """Those who have the score of the first, such as 0 where nobody learnt anything."""
        return [name for name, gap in self.gaps.items() if abs(gap.mean) < SAME]

    @property
    def untold(self) -> list[str]:
        """Those that the seeds do not tell apart from the first: a later place with a wide spread may be one."""
        return [name for name, gap in self.gaps.items() if not gap.low > 0]


@dataclass(frozen=True)
class Headline:
    """What a suite found over its tasks.

    rows     a row an objective, way and budget: score, low, high, place; objectives in the order of the first lead
    leads    a lead for every way and budget in which each objective has a number; first: tuned, at equal steps
    by_seed  the tuned score at equal steps: a row a task and seed, a column an objective in that order
    by_task  its mean over seeds: a row a task
    at_seconds  the tuned score at equal seconds, in the mean over tasks: a row a seed, the same columns
    runs     a row an objective: n_settings (the most that it was tuned over in a task), tuned_over (what those differ
             in, "" for one), n_runs, n_lost, n_no_better (than the best single point), steps_at_equal_seconds (share
             of its steps that an objective is judged at), and the mean work of a run that is ok
    seeds    how many; n_tasks: tasks of the suite, of which `by_task` has those that every objective was run on
    swept    what was swept beside the data, in words; "" where nothing was
    judged   the runs behind the first lead as they are judged at equal steps: score, and excess, by which ties are told
    """

    rows: pd.DataFrame
    leads: tuple[Lead, ...]
    by_seed: pd.DataFrame
    by_task: pd.DataFrame
    at_seconds: pd.DataFrame
    runs: pd.DataFrame
    seeds: int
    n_tasks: int
    swept: str
    judged: pd.DataFrame

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
    """Return the headline of a labelled table (`stats.labelled`); None where there is no fair one.

    `scored` is the store's long table of run_id, step, score and w1_excess; `metrics` the primary metric by data set;
    `data_axes` the swept names and `data_settings` the names below `setup.` that belong to data sets. There is none
    where `fair.why_none` has a reason.
    """
    if why_none(table, metrics):
        return None
    compared = shared(table)
    swept = stats.swept_columns(compared, data_axes)
    seconds, recipe = _seconds(compared, data_settings), _at_recipe(compared[swept])
    judged = _judged(compared.assign(seconds=seconds, recipe=recipe), scored)
    varied = _varied(compared, swept)
    grids = _grids(judged, WAYS if varied else WAYS[:1])
    seeds = {key: grid.groupby("seed").mean() for key, grid in grids.items()}
    rows = _rows(seeds)
    order = rows["objective"].unique()
    tuned = grids["steps", "tuned"][order]
    return Headline(
        rows=rows,
        leads=_leads(seeds),
        by_seed=tuned,
        by_task=tuned.groupby("task").mean().loc[compared["task"].unique()],
        at_seconds=seeds["seconds", "tuned"][order],
        runs=_settings(compared, swept).join(_runs(compared, judged)).loc[order].reset_index(),
        seeds=int(compared["seed"].nunique()),
        n_tasks=int(table["task"].nunique()),
        swept=varied,
        judged=judged[judged["budget"] == "steps"],
    )


def _at_recipe(swept: pd.DataFrame) -> pd.Series:
    """Say of each run whether every swept value that its objective has is `recipe`, and there is one."""
    recipe = swept.astype(object) == "recipe"
    return (recipe | swept.isna()).all(axis=1) & recipe.any(axis=1)


def _varied(runs: pd.DataFrame, swept: Collection[str]) -> str:
    """Return in words which swept values differ between settings; "" where there is one setting."""
    found = [c.removeprefix("sweep.") for c in swept if runs[c].astype(str).nunique() > 1]
    return listed(found) if found and runs["setting"].nunique() > 1 else ""


def _judged(runs: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every run and budget: where it is judged (`reached`, a share of its steps), its score there and
    its w1_excess, infinite where it was lost.

    The budget of a task is what its cheapest run that is ok took: its steps, or its seconds.
    """
    scores, excesses = _curves(scored, "score", 0.0), _distances(scored)
    ok = runs["status"] == "ok"
    parts = []
    for budget in BUDGETS:
        cost = runs[budget].astype(float)
        reached = cost.where(ok).groupby(runs["task"]).transform("min") / cost
        read = list(zip(runs["run_id"], runs["steps"] * reached, ok, strict=True))
        found = [_score_at(*scores[run_id], step) if is_ok else 0.0 for run_id, step, is_ok in read]
        beyond = [
            float(np.interp(step, *excesses[run_id])) if is_ok and run_id in excesses else np.inf
            for run_id, step, is_ok in read
        ]
        parts.append(runs.assign(budget=budget, reached=reached, score=found, excess=beyond, status="ok"))
    # One order whatever the plan's: it breaks ties between settings, and rounds sums.
    return pd.concat(parts).sort_values(["budget", "task", "objective", "setting", "seed"], ignore_index=True)


def _distances(scored: pd.DataFrame) -> dict[str, Curve]:
    """Return the distance behind the score of every run at its scored steps: w1_excess, of pictures fid_excess."""
    found: dict[str, Curve] = {}
    for name in ("w1_excess", "fid_excess"):
        curves = _curves(scored, name, np.nan).items()
        found |= {run_id: curve for run_id, curve in curves if np.isfinite(curve[1]).all()}
    return found


def _curves(scored: pd.DataFrame, name: str, missing: float) -> dict[str, Curve]:
    """Return the scored steps of every run and one metric there, in order; of no run where none has the metric."""
    if name not in scored:
        return {}
    return {
        str(run_id): (part["step"].to_numpy(np.float64), part[name].to_numpy(np.float64, na_value=missing))
        for run_id, part in scored.sort_values("step").groupby("run_id")
    }


def _seconds(runs: pd.DataFrame, data_settings: Collection[str]) -> pd.Series:
    """Return the seconds of each run: the mean over those, on all data sets, that are ok and do the same work.

    The time of a single stack is half chance: how many runs share it, and what else the machine was doing. Often all
    runs of an objective in a task are one stack, so that only other data sets can even it out; that their samples
    cost more or less to draw is neglected.
    """
    setup = [c for c in runs.columns if c.startswith("setup.") and c.removeprefix("setup.") not in data_settings]
    work = ["architecture", "objective.base", "steps", *setup]
    train_s = runs["train_s"].astype(float).where(runs["status"] == "ok")
    return train_s.groupby([runs[c] for c in work], dropna=False).transform("mean")


def _score_at(steps: NDArray[np.float64], scores: NDArray[np.float64], step: float) -> float:
    """Return the score at a step, on the straight line between the scored steps around it.

    Taking the last scored step before it would cost a run that is a hundredth too slow a quarter of its training.
    An untrained generator counts 0 where step 0 was not scored.
    """
    if steps[0] > 0:
        steps, scores = np.insert(steps, 0, 0.0), np.insert(scores, 0, 0.0)
    return float(np.interp(step, steps, scores))


def _grids(judged: pd.DataFrame, ways: Collection[str]) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the scores by (budget, way): a row a task and seed, a column an objective that has the way in each."""
    grids = {}
    for budget in BUDGETS:
        runs = judged[judged["budget"] == budget]
        stands = {"tuned": tuned(runs), "recipe": runs[runs["recipe"]], "mean": runs}
        whole = runs.groupby(["task", "seed"]).size().index
        for way in ways:
            grid = grid_of(stands[way]).reindex(whole).dropna(axis=1)
            if grid.shape[1]:
                grids[budget, way] = grid
    return grids


def tuned(judged: pd.DataFrame) -> pd.DataFrame:
    """Return of judged runs, in few columns, those at the setting that was best on the other seeds.

    Settings of equal score, such as 0 throughout, are told apart by w1_excess, which is not cut.
    """
    groups = judged[["task", "objective", "setting", "seed", "status", "score", "excess"]].groupby(
        ["task", "objective"]
    )
    return pd.concat([contest.tuned(group, "score", tie="excess") for _, group in groups])


def grid_of(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score of runs: a row a task and seed, a column an objective."""
    return runs.groupby(["task", "seed", "objective"])["score"].mean().unstack("objective")


def _rows(by_seed: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    rows = []
    for (budget, way), seeds in by_seed.items():
        for place, objective in enumerate(_order(seeds), start=1):
            found = stats.score_interval(seeds[objective])
            labels = {"objective": objective, "way": way, "budget": budget, "place": place}
            rows.append({**labels, "score": found.mean, "low": found.low, "high": found.high})
    made = pd.DataFrame(rows)
    first = {objective: place for place, objective in enumerate(made["objective"].unique())}
    return made.sort_values("objective", key=lambda names: names.map(first), kind="stable", ignore_index=True)


def _order(seeds: pd.DataFrame) -> list[str]:
    """Sort objectives best first, ties by name."""
    return [str(name) for name in (-seeds.mean()).sort_index().sort_values(kind="stable").index]


def _leads(by_seed: Mapping[tuple[str, str], pd.DataFrame]) -> tuple[Lead, ...]:
    n = max(seeds.shape[1] for seeds in by_seed.values())
    return tuple(lead(way, budget, seeds) for (budget, way), seeds in by_seed.items() if seeds.shape[1] == n)


def lead(way: str, budget: str, seeds: pd.DataFrame) -> Lead:
    """Return who comes first of the scores over all tasks: `seeds` has a row a seed, a column an objective."""
    first, *others = _order(seeds)
    return Lead(way, budget, first, {name: stats.paired_difference(seeds[first], seeds[name]) for name in others})


def _settings(compared: pd.DataFrame, swept: Collection[str]) -> pd.DataFrame:
    """Say of each objective how many settings it was tuned over, and what they differ in."""
    by = compared.groupby("objective")
    return pd.DataFrame({
        "n_settings": compared.groupby(["objective", "task"])["setting"].nunique().groupby("objective").max(),
        "tuned_over": pd.Series({name: _varied(runs, swept) for name, runs in by}),
    }).rename_axis("objective")  # fmt: skip


def _runs(compared: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    ok, by = compared["status"] == "ok", compared["objective"]
    seconds = judged[judged["budget"] == "seconds"]
    counts = pd.DataFrame({
        "n_runs": by.groupby(by).size(),
        "n_lost": compared["status"].isin(FAILURES).groupby(by).sum(),
        "n_no_better": (ok & (compared["score"] == 0)).groupby(by).sum(),
        "steps_at_equal_seconds": seconds.groupby("objective")["reached"].mean(),
    })  # fmt: skip
    work = [name for name in WORK if name in compared]
    return counts.join(compared[ok].astype(dict.fromkeys(work, float)).groupby("objective")[work].mean())
