"""Results of a study: how much of its space is good, how soon a search finds it, and whether the best setting holds."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report.analysis.cell_table import FAILURES, values_of
from harness.report.results import Results
from harness.spec import content_id
from harness.statistics import intervals, paired
from harness.statistics import trials as budget
from harness.statistics.power import LEVEL
from harness.statistics.trials import WORST
from harness.store.plan_file import Json, PlannedTrial, StudyState
from harness.study.trial_value import value_of
from harness.suite.format.study_block import Study
from harness.text import counted, plain

INDEPENDENT = ("random",)  # samplers whose trials could have come in any order
SPREAD = ("random", "qmc")  # samplers that spread trials over the whole space, of which shares may then be taken
CURVE = ["objective", "k", "best", "low", "high"]
PAIR = ["number", "first", "second", "difference", "low", "high", "p", "p_holm", "told_apart"]

Draws = NDArray[np.int64]  # which trials each bootstrap draw takes [draws, trials]


@dataclass(frozen=True)
class StudyResults:
    """The results of a study.

    block      the suite's `study`, resolved
    trials     a row for every trial drawn: objective, trial, value (null before its runs have ended), runs, lost,
               seconds (of training, a run), and its settings
    objectives a row for every objective: trials, distinct (settings among them), runs, lost, seconds; best and trial,
               the value and number of the chosen trial, before one is chosen of the best so far; settings, confirmed
               with low and high; most, the largest value, and better, the number of its trial where that is another
               than the chosen; q1 and q3 of the values; where the trials spread over the space share (of trials near
               the best of all objectives) and mean (of their values), both with _low and _high, and own_share (near
               the best of their own); NaN where not known
    curves     objective, k, best, low, high: the best of k trials, expected where they are independent
    pairs      of objectives whose trials spread over the space, by `share` and by `mean` (number): first, that with the
               larger, second, difference, low and high, p, p_holm (over the pairs of that number), told_apart
    weights    of settings, where trials spread over the space: `harness.statistics.importance`
    draws      of trials that their bounds come from
    counts     runs by status, in words
    """

    block: Json
    trials: pd.DataFrame
    objectives: pd.DataFrame
    curves: pd.DataFrame
    pairs: pd.DataFrame
    weights: pd.DataFrame
    draws: int
    counts: str

    @property
    def ended(self) -> bool:
        """Whether all trials were drawn and have ended."""
        planned = self.block["trials"] * self.objectives["objective"].nunique()
        return len(self.trials) == planned and bool(self.trials["value"].notna().all())

    @property
    def confirmed(self) -> bool:
        """Whether the chosen trials have ended on fresh seeds too."""
        return self.ended and bool(self.objectives["confirmed"].notna().all())

    @property
    def repeated(self) -> bool:
        """Whether some trials of an objective have the same settings, and are one trial counted several times."""
        return bool((self.objectives["distinct"] < self.block["trials"]).any())

    def settings(self, objective: str) -> list[str]:
        """Return the settings that an objective draws, in the order of the space."""
        own = self.trials[self.trials["objective"] == objective]
        return [name for name in self.block["space"] if name in own and own[name].notna().any()]


def read(store: Results) -> StudyResults | None:
    """Return the results so far of the study of a results folder; None where it holds none."""
    state = store.plan.study
    if state is None:
        return None
    table = store.table()
    runs = table[["run_id", "objective", "seed", "status"]].assign(
        score=values_of(table, "score"), train_s=values_of(table, "train_s")
    )
    runs.loc[(runs["status"] == "ok") & runs["score"].isna(), "status"] = "pending"  # not scored yet
    runs = runs.drop_duplicates("run_id").set_index("run_id")
    trials = pd.DataFrame([_trial(trial, runs.loc[list(dict.fromkeys(trial.runs))]) for trial in state.trials])
    chosen = {trial.objective: trial.number for trial in state.chosen}
    objectives = pd.DataFrame([
        {**_objective(own, chosen.get(str(name))), "distinct": distinct(state.trials, str(name))}
        for name, own in trials.groupby("objective", sort=False)
    ])  # fmt: skip
    fresh = [_confirmation(trial, runs.loc[list(trial.runs)]) for trial in state.chosen]
    columns = ["objective", "settings", "confirmed", "low", "high"]
    objectives = objectives.merge(pd.DataFrame(fresh, columns=columns), on="objective", how="left")
    study = StudyResults(
        block=store.plan.resolved["study"],
        trials=trials,
        objectives=objectives,
        curves=pd.DataFrame(columns=CURVE),
        pairs=pd.DataFrame(columns=PAIR),
        weights=pd.DataFrame(),
        draws=0,
        counts=_counts(table, state),
    )
    return _ended(study, state) if study.ended else study


def _ended(study: StudyResults, state: StudyState) -> StudyResults:
    """Return a study with the statistics of its trials, all of which have ended."""
    names = list(study.objectives["objective"])
    values = np.stack([study.trials.loc[study.trials["objective"] == name, "value"].astype(float) for name in names])
    generator = np.random.default_rng(int(content_id(state.identity), 16))
    flips, weighing = generator.spawn(2)
    taken = budget.redraws(values.shape[-1], generator)
    study = replace(study, curves=_curves(names, values, taken, study.block["sampler"]))
    if study.block["sampler"] not in SPREAD:
        return study
    from harness.statistics.importance import draws, importances  # imports Optuna: other reports need not wait for it
    from harness.study.trial_sampling import distributions

    points = {name: [trial.params for trial in state.trials if trial.objective == name] for name in names}
    space = distributions(Study.model_validate(study.block), study.block["space"])
    return replace(
        study,
        objectives=_spread(study.objectives, values, taken),
        pairs=_pairs(study.objectives, values, taken, flips),
        weights=pd.DataFrame(importances(space, points, values, weighing)),
        draws=draws({name: list(own[0]) for name, own in points.items()}, values.shape[-1]),
    )


def _trial(trial: PlannedTrial, runs: pd.DataFrame) -> dict[str, object]:
    value = value_of(zip(runs["status"], runs["score"], strict=True))
    return {
        "objective": trial.objective, "trial": trial.number, "value": np.nan if value is None else value,
        "runs": len(runs), "lost": int(runs["status"].isin(FAILURES).sum()), "seconds": runs["train_s"].mean(),
        **trial.params,
    }  # fmt: skip


def _objective(trials: pd.DataFrame, chosen: int | None) -> dict[str, object]:
    values = trials.set_index("trial")["value"].astype(float)
    q1, q3 = np.quantile(values, [0.25, 0.75]) if values.notna().all() else (np.nan, np.nan)
    most = int(trials["trial"].iloc[int(values.argmax())]) if values.notna().any() else None
    trial = most if chosen is None else chosen
    overtaken = trial is not None and values.max() > values[trial]
    return {
        "objective": trials["objective"].iloc[0], "trials": int(values.notna().sum()),
        "runs": int(trials["runs"].sum()), "lost": int(trials["lost"].sum()),
        "best": np.nan if trial is None else values[trial], "trial": trial,
        "most": values.max(), "better": most if overtaken else None, "q1": q1, "q3": q3,
        "seconds": float(trials["seconds"].mean()),
    }  # fmt: skip


def distinct(trials: Iterable[PlannedTrial], objective: str) -> int:
    """Return how many settings there are among the trials of an objective, as plan.json has them."""
    return len({content_id(trial.params) for trial in trials if trial.objective == objective})


def _confirmation(trial: PlannedTrial, runs: pd.DataFrame) -> tuple[str, str, float, float, float]:
    """Return the objective of a chosen trial, its settings, and the mean score on fresh seeds with its t interval."""
    by_seed = runs["score"].where(runs["status"] == "ok", WORST).groupby(runs["seed"]).mean()
    mean = intervals.t_interval([] if (runs["status"] == "pending").any() else by_seed.to_numpy())
    settings = ", ".join(f"{name}={plain(value)}" for name, value in trial.params.items())
    return trial.objective, settings, mean.mean, max(mean.low, 0.0), min(mean.high, 1.0)


def _spread(objectives: pd.DataFrame, values: budget.Array, taken: Draws) -> pd.DataFrame:
    """Return the objectives with the shares and means of their trials, the largest share first.

    Those of which trials repeat have no bounds: these would count the same trial as several.
    """
    good, n = budget.good(values), values.shape[-1]
    wilson = np.array([budget.wilson(int(count), n) for count in good.sum(-1)])
    low, high = budget.bounds(budget.redrawn_means(values, taken))
    bounds = {"share_low": wilson[:, 0], "share_high": wilson[:, 1], "mean_low": low, "mean_high": high}
    own_share = budget.near_own_best(values).mean(-1)
    objectives = objectives.assign(share=good.mean(-1), own_share=own_share, mean=values.mean(-1), **bounds)
    objectives.loc[objectives["distinct"] < n, list(bounds)] = np.nan
    return objectives.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _pairs(
    objectives: pd.DataFrame, values: budget.Array, taken: Draws, generator: np.random.Generator
) -> pd.DataFrame:
    """Test every pair of objectives in both numbers, trial by trial; each number is a family of its own, with Holm's
    correction. A pair of which trials repeat has neither bounds nor p.
    """
    names, good = objectives["objective"].to_numpy(), budget.good(values)
    repeats = (objectives["distinct"] < values.shape[-1]).to_numpy()
    families = []
    for number, of_trials in {"share": good.astype(np.float64), "mean": values}.items():
        means, redrawn = of_trials.mean(-1), budget.redrawn_means(of_trials, taken)
        a, b = np.array(list(combinations(np.argsort(-means, kind="stable"), 2)), dtype=int).reshape(-1, 2).T
        low, high = budget.bounds(redrawn[:, a] - redrawn[:, b])
        tested = ~(repeats[a] | repeats[b])
        p = (
            paired.mcnemar(good[a].T, good[b].T)
            if number == "share"
            else paired.sign_flips(values[a] - values[b], generator)
        )
        adjusted = np.full(len(a), np.nan)
        adjusted[tested] = paired.holm(p[tested])
        columns = (names[a], names[b], means[a] - means[b], *(np.where(tested, x, np.nan) for x in (low, high, p)))
        family = dict(zip(PAIR, (number, *columns, adjusted, adjusted <= LEVEL), strict=True))
        families.append(pd.DataFrame(family))
    return pd.concat(families, ignore_index=True)


def _curves(names: list[str], values: budget.Array, taken: Draws, sampler: str) -> pd.DataFrame:
    independent = sampler in INDEPENDENT
    best = budget.expected_best(values) if independent else budget.running_best(values)
    low = high = np.full_like(best, np.nan)
    if independent:
        low, high = budget.bounds(budget.expected_best(values[:, taken].swapaxes(0, 1)))
    n = values.shape[-1]
    columns = np.repeat(names, n), np.tile(np.arange(1, n + 1), len(names)), best.ravel(), low.ravel(), high.ravel()
    return pd.DataFrame(dict(zip(CURVE, columns, strict=True)))


def _counts(table: pd.DataFrame, state: StudyState) -> str:
    """Return how many runs there are of trials and of the confirmation, by status: they add up to the plan."""
    fresh = table["run_id"].isin({run_id for trial in state.chosen for run_id in trial.runs})
    parts = [f"{counted(len(state.trials), 'trial')} in {_by_status(table[~fresh])}"]
    parts += [f"the best of each objective confirmed in {_by_status(table[fresh])}"] if fresh.any() else []
    return "; ".join(parts)


def _by_status(table: pd.DataFrame) -> str:
    counts = table["status"].value_counts()
    return f"{counted(len(table), 'run')} ({', '.join(f'{n:,} {status}' for status, n in counts.items())})"
