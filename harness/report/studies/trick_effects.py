"""What tricks do: each candidate that has some beside the one with the same loss and none, found from the runs.

Both stand with the setting that was best on the other seeds, and are paired by seed, as in a ranking.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from harness.metrics import lower_is_better
from harness.report.analysis import cell_table, ranking
from harness.report.analysis.cell_table import FAILURES
from harness.report.analysis.ranking import Contender
from harness.statistics import intervals
from harness.statistics.paired import holm, t_test
from harness.statistics.power import LEVEL

LOSS = ("objective.base", "setup.penalty", "setup.critic.norm")  # in which a pair is equal
TRICKS = "setup.tricks"


@dataclass(frozen=True)
class TrickEffects:
    """A row a candidate with tricks, in the order of the suite.

    by_task  trick (its name in the suite), base (what it is compared with), task, metric (the task's own), without,
             with_it (means over seeds), difference, low, high (above 0: better with it), p (paired t test), p_holm
             (among these rows)
    overall  trick, base, tasks (how many it is in), the same without, with_it, difference, low, high, p and p_holm of
             the mean over tasks; only where all tasks have the score, which can be averaged
    seeds    how many
    swept    what was tuned
    """

    by_task: pd.DataFrame
    overall: pd.DataFrame
    seeds: int
    swept: tuple[str, ...]


def trick_effects(
    table: pd.DataFrame, metrics: Mapping[str, str], data_axes: Collection[str] = ()
) -> TrickEffects | None:
    """Return what the tricks of a labelled table do; None where no candidate has any that another is without."""
    if TRICKS not in table or not table[TRICKS].notna().any():
        return None
    runs = table.assign(setting=cell_table.settings(table, data_axes))
    known = {str(task): part["score"][part["status"] == "ok"].notna().all() for task, part in runs.groupby("task")}
    rows, gaps = list[dict[str, object]](), dict[tuple[str, str], list[np.ndarray]]()
    swept: dict[str, None] = {}
    for task, part in runs.groupby("task", sort=False):
        dataset = str(part["dataset"].iloc[0])
        metric, pairs = metrics[dataset], _pairs(part)
        by_metric = {
            name: _contenders(part, name, dataset) for name in (metric, *(["score"] if known[str(task)] else []))
        }
        for plain, name in pairs:
            for of, contenders in by_metric.items():
                both = _values((contenders.get(plain), contenders.get(name)))
                if both is None:
                    continue
                if of == "score":
                    gaps.setdefault((name, plain), []).append(both)
                if of == metric:
                    swept |= dict.fromkeys(chain(contenders[plain].swept, contenders[name].swept))
                    sign = -1.0 if lower_is_better(metric) else 1.0
                    rows.append({"trick": name, "base": plain, "task": str(task), "metric": metric, **_row(both, sign)})
    if not rows:
        return None
    by_task = pd.DataFrame(rows)
    averaged = [
        {"trick": name, "base": plain, "tasks": len(each), **_row(np.mean(each, axis=0), 1.0)}
        for (name, plain), each in gaps.items()
        if all(known.values())
    ]
    order = {name: place for place, name in enumerate(runs["objective"].astype(str).unique())}
    by_task = by_task.sort_values("trick", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    return TrickEffects(
        _corrected(by_task), _corrected(pd.DataFrame(averaged)), int(runs["seed"].nunique()), tuple(swept)
    )


def _pairs(part: pd.DataFrame) -> list[tuple[str, str]]:
    """Return, of one task, each candidate with tricks after the only one that differs from it by these alone."""
    facts = part[["objective", TRICKS, *(name for name in LOSS if name in part)]].astype(object)
    facts = facts.where(facts.notna(), "").drop_duplicates()
    pairs = []
    for _, group in facts.groupby([name for name in LOSS if name in facts], sort=False):
        plain = list(map(str, group.loc[group[TRICKS] == "", "objective"].unique()))
        tricked = list(map(str, group.loc[group[TRICKS] != "", "objective"].unique()))
        pairs += [(plain[0], name) for name in tricked if name not in plain] if len(plain) == 1 else []
    return pairs


def _contenders(part: pd.DataFrame, metric: str, dataset: str) -> dict[str, Contender]:
    if metric == "score":  # of which a lost run has 0
        is_lost = part["status"].isin(FAILURES)
        part = part.assign(score=part["score"].mask(is_lost, 0.0), status=part["status"].mask(is_lost, "ok"))
    return {one.objective: one for result in ranking.judge(part, {dataset: metric}) for one in result.order}


def _values(pair: tuple[Contender | None, Contender | None]) -> np.ndarray | None:
    """Return the values of both by seed, [2, seeds]; None where a run is missing, or seeds differ."""
    first, second = pair
    if first is None or second is None or set(first.values) != set(second.values):
        return None
    if not (first.spread.complete and second.spread.complete):
        return None
    return np.array([[one.values[seed] for seed in sorted(first.values)] for one in (first, second)])


def _row(both: np.ndarray, sign: float) -> dict[str, object]:
    gap = intervals.t_interval(sign * (both[1] - both[0]))
    p = t_test(gap, both.shape[1])
    return {
        "without": both[0].mean(), "with_it": both[1].mean(),
        "difference": gap.mean, "low": gap.low, "high": gap.high, "p": p,
    }  # fmt: skip


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with p values that are corrected for their number, and whether each is below .05 then."""
    if rows.empty or rows["p"].isna().any():
        return rows.assign(p_holm=np.nan, is_significant=False)
    corrected = holm(rows["p"])
    return rows.assign(p_holm=corrected, is_significant=corrected < LEVEL)
