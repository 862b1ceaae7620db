"""What a study found: how much of its space is good, how soon a search finds that, and whether the best one holds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report.analysis import cell_table
from harness.report.results import Results
from harness.spec import content_id
from harness.statistics import intervals, paired
from harness.statistics import trials as budget
from harness.statistics.paired import holm
from harness.statistics.power import LEVEL
from harness.statistics.trials import WORST
from harness.study.trial_value import value_of
from harness.suite.format.study_block import Study
from harness.text import counted, plain

INDEPENDENT = ("random",)  # samplers whose trials could have come in any order
SPREAD = ("random", "qmc")  # samplers that spread trials over the whole space, of which shares may then be taken
PAIR = ["number", "first", "second", "difference", "low", "high", "p", "p_holm", "told_apart"]


Draws = NDArray[np.int64]  # which trials each bootstrap draw takes [draws, trials]


@dataclass(frozen=True)
class Studied:
    """What a study found.

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
    weights    of settings, where trials spread over the space: `harness.study.importance`
    draws      of trials that their bounds come from
    counts     runs by status, in words
    """

    block: Mapping[str, Any]
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
        mine = self.trials[self.trials["objective"] == objective]
        return [name for name in self.block["space"] if name in mine and mine[name].notna().any()]


def read(store: Results) -> Studied | None:
    """Return what the study of a results folder found so far; None where it holds none."""
    kept = store.plan.get("study")
    if not kept:
        return None
    block, table = store.plan["resolved"]["study"], store.table()
    runs = {row["run_id"]: row for row in table.to_dict("records")}
    trials = pd.DataFrame([_trial(trial, runs) for trial in kept["trials"]])
    names = list(dict.fromkeys(trials["objective"]))
    chosen = {trial["objective"]: trial["number"] for trial in kept["chosen"]}
    rows = [_objective(name, trials[trials["objective"] == name], chosen.get(name)) for name in names]
    objectives = pd.DataFrame(rows).assign(distinct=[distinct(kept["trials"], name) for name in names])
    objectives = objectives.merge(_confirmations(kept["chosen"], runs), on="objective", how="left")
    curves, pairs = pd.DataFrame(columns=["objective", "k", "best", "low", "high"]), pd.DataFrame(columns=PAIR)
    found = Studied(block, trials, objectives, curves, pairs, pd.DataFrame(), 0, _counts(table, kept))
    return _ended(found, kept) if found.ended else found


def _ended(found: Studied, kept: Mapping[str, Any]) -> Studied:
    """Return a study with what it says once all of its trials have ended."""
    trials, names = found.trials, list(found.objectives["objective"])
    values = np.stack([trials.loc[trials["objective"] == name, "value"].astype(float) for name in names])
    generator = np.random.default_rng(int(content_id(kept["identity"]), 16))
    flips, weighing = generator.spawn(2)
    taken = budget.redraws(values.shape[-1], generator)
    curves = _curves(names, values, taken, found.block["sampler"])
    if found.block["sampler"] not in SPREAD:
        return replace(found, curves=curves)
    from harness.study import importance  # imports Optuna, which other reports need not wait for

    points = {name: [trial["params"] for trial in kept["trials"] if trial["objective"] == name] for name in names}
    return replace(
        found,
        curves=curves,
        objectives=_spread(found.objectives, values, taken),
        pairs=_pairs(found.objectives, values, taken, flips),
        weights=importance.importances(Study.model_validate(found.block), points, values, weighing),
        draws=importance.draws({name: own[0] for name, own in points.items()}, values.shape[-1]),
    )


def _trial(trial: Mapping[str, Any], runs: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
    mine = [runs[run_id] for run_id in dict.fromkeys(trial["runs"])]
    value = value_of(_result(run) for run in mine)
    seconds = [float(run["train_s"]) for run in mine if not _is_missing(run.get("train_s"))]
    return {
        "objective": trial["objective"], "trial": trial["number"], "value": np.nan if value is None else value,
        "runs": len(mine), "lost": sum(run["status"] in cell_table.FAILURES for run in mine),
        "seconds": float(np.mean(seconds)) if seconds else np.nan, **trial["params"],
    }  # fmt: skip


def _result(run: Mapping[Any, Any]) -> tuple[str, float | None]:
    """Return the status and score of a row of the table: one that is not scored yet is pending."""
    if run["status"] != "ok":
        return run["status"], None
    score = run.get("score")
    return ("pending", None) if _is_missing(score) else ("ok", float(cast(float, score)))


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _objective(name: str, trials: pd.DataFrame, chosen: int | None) -> dict[str, Any]:
    values = trials.set_index("trial")["value"].astype(float)
    q1, q3 = np.quantile(values, [0.25, 0.75]) if values.notna().all() else (np.nan, np.nan)
    most = int(trials["trial"].to_numpy()[values.fillna(-np.inf).argmax()]) if values.notna().any() else None
    trial = most if chosen is None else chosen
    overtaken = trial is not None and values.max() > values[trial]
    return {
        "objective": name, "trials": int(values.notna().sum()), "runs": int(trials["runs"].sum()),
        "lost": int(trials["lost"].sum()), "best": np.nan if trial is None else values[trial], "trial": trial,
        "most": values.max(), "better": most if overtaken else None, "q1": q1, "q3": q3,
        "seconds": float(trials["seconds"].mean()),
    }  # fmt: skip


def distinct(trials: list[Mapping[str, Any]], objective: str) -> int:
    """Return how many settings there are among the trials of an objective, as plan.json has them."""
    return len({content_id(trial["params"]) for trial in trials if trial["objective"] == objective})


def _confirmations(chosen: list[Mapping[str, Any]], runs: Mapping[str, Mapping[Any, Any]]) -> pd.DataFrame:
    """Return a row for every chosen trial: its settings, and the mean score on fresh seeds with its t interval."""
    rows = []
    for trial in chosen:
        found = [(runs[run_id]["seed"], *_result(runs[run_id])) for run_id in trial["runs"]]
        made = pd.DataFrame(found, columns=["seed", "status", "score"])
        by_seed = made.assign(score=made["score"].astype(float).fillna(WORST)).groupby("seed")["score"].mean()
        pending = (made["status"] == "pending").any()
        mean = intervals.t_interval([] if pending else by_seed.to_numpy())
        settings = ", ".join(f"{name}={plain(value)}" for name, value in trial["params"].items())
        bounds = {"confirmed": mean.mean, "low": max(mean.low, 0.0), "high": min(mean.high, 1.0)}
        rows.append({"objective": trial["objective"], "settings": settings, **bounds})
    return pd.DataFrame(rows, columns=["objective", "settings", "confirmed", "low", "high"])


def _spread(objectives: pd.DataFrame, values: budget.Array, taken: Draws) -> pd.DataFrame:
    """Return the objectives with what their trials say of the space, the largest share first.

    Those of which trials repeat have no bounds: these would count the same trial as several.
    """
    good, n = budget.good(values), values.shape[-1]
    wilson = np.array([budget.wilson(int(found), n) for found in good.sum(-1)])
    low, high = budget.bounds(budget.redrawn_means(values, taken))
    bounds = {"share_low": wilson[:, 0], "share_high": wilson[:, 1], "mean_low": low, "mean_high": high}
    objectives = objectives.assign(
        share=good.mean(-1), own_share=budget.near_own_best(values).mean(-1), mean=values.mean(-1), **bounds
    )
    objectives.loc[objectives["distinct"] < n, list(bounds)] = np.nan
    return objectives.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _pairs(
    objectives: pd.DataFrame, values: budget.Array, taken: Draws, generator: np.random.Generator
) -> pd.DataFrame:
    """Test every pair of objectives in both numbers, trial by trial; each number is a family of its own.

    A pair of which trials repeat has neither bounds nor p.
    """
    names, good = objectives["objective"].to_numpy(), budget.good(values)
    repeats = (objectives["distinct"] < values.shape[-1]).to_numpy()
    families = []
    for number, each in {"share": good.astype(np.float64), "mean": values}.items():
        found, redrawn = each.mean(-1), budget.redrawn_means(each, taken)
        a, b = np.array(list(combinations(np.argsort(-found, kind="stable"), 2)), dtype=int).reshape(-1, 2).T
        low, high = budget.bounds(redrawn[:, a] - redrawn[:, b])
        is_share = number == "share"
        p = paired.mcnemar(good[a].T, good[b].T) if is_share else paired.sign_flips(values[a] - values[b], generator)
        family = pd.DataFrame(
            {"number": number, "first": names[a], "second": names[b], "difference": found[a] - found[b]}
        )
        family = family.assign(low=low, high=high, p=p)
        family.loc[repeats[a] | repeats[b], ["low", "high", "p"]] = np.nan
        families.append(_corrected(family))
    return pd.concat(families, ignore_index=True)


def _corrected(family: pd.DataFrame) -> pd.DataFrame:
    """Return a family of tests with what Holm's correction for those that have a p leaves of them."""
    adjusted = pd.Series(np.nan, index=family.index)
    tested = family["p"].notna()
    adjusted[tested] = holm(family.loc[tested, "p"].to_numpy())
    return family.assign(p_holm=adjusted, told_apart=adjusted <= LEVEL)


def _curves(names: list[str], values: budget.Array, taken: Draws, sampler: str) -> pd.DataFrame:
    independent = sampler in INDEPENDENT
    best = budget.expected_best(values) if independent else budget.running_best(values)
    low = high = np.full_like(best, np.nan)
    if independent:
        low, high = budget.bounds(budget.expected_best(values[:, taken].swapaxes(0, 1)))
    k = np.arange(1, values.shape[-1] + 1)
    parts = [
        pd.DataFrame({"objective": name, "k": k, "best": best[i], "low": low[i], "high": high[i]})
        for i, name in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True)


def _counts(table: pd.DataFrame, kept: Mapping[str, Any]) -> str:
    """Return how many runs there are of trials and of the confirmation, by status: they add up to the plan."""
    fresh = table["run_id"].isin({run_id for trial in kept["chosen"] for run_id in trial["runs"]})
    parts = [f"{counted(len(kept['trials']), 'trial')} in {_by_status(table[~fresh])}"]
    parts += [f"the best of each objective confirmed in {_by_status(table[fresh])}"] if fresh.any() else []
    return "; ".join(parts)


def _by_status(table: pd.DataFrame) -> str:
    counts = table["status"].value_counts()
    return f"{counted(len(table), 'run')} ({', '.join(f'{n:,} {status}' for status, n in counts.items())})"
