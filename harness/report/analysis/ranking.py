"""The contest: each task's order of objectives, and by how much the second is worse than the first.

A suite of one objective asks about something else: its architectures compete, or its settings where it has but one.

Where a suite sweeps settings, an objective stands for itself with the setting that was best on the *other* seeds, so
that no seed is judged by a setting chosen on it. A critic's norm is never tuned: objectives are compared at the same
norms, a seed with its mean over these.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.metrics import lower_is_better
from harness.report.analysis import cell_table, critic_norms, grid_edges
from harness.statistics import intervals, jackknife
from harness.statistics.intervals import Interval, Spread
from harness.statistics.power import smallest_effect
from harness.suite.competitors import compared
from harness.text import counted


@dataclass(frozen=True)
class Contender:
    """One objective (or whatever competes) in one task: one run a seed, of several norms their mean. `swept` names what
    was tuned.
    """

    objective: str
    values: Mapping[int, float]  # by seed, of the runs that are ok: pseudo-values where all are
    spread: Spread
    swept: tuple[str, ...]


@dataclass(frozen=True)
class TaskResult:
    """One task: its contenders, best first; by how much the second is worse than the first, None if that is unknown."""

    task: str
    metric: str
    order: tuple[Contender, ...]
    gap: Interval | None

    @property
    def whole(self) -> bool:
        """True where every contender finished every seed, so that means are compared."""
        return all(c.spread.complete for c in self.order)

    @property
    def shown(self) -> bool:
        """True where the first two differ by more than the seeds explain."""
        return self.gap is not None and self.gap.low > 0


def rivals(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return the labelled table with what is compared as its `objective`; where that is architectures, a task is a data
    set with the objective; where objectives, and the critic's norm is swept, these at the same norms
    (`critic_norms.held`).
    """
    what = compared(*(table[name].nunique() for name in ("objective", "architecture", "setting")))
    if what == "settings":
        return table.assign(objective=table["setting"], setting="")
    if what == "objectives":
        return critic_norms.held(table, data_axes)
    objective, pairs = str(table["objective"].iloc[0]), zip(table["task"], table["architecture"], strict=True)
    tasks = [task.replace(f" / {architecture}", f" / {objective}", 1) for task, architecture in pairs]
    return table.assign(objective=table["architecture"].astype(str), task=tasks)


def judge(table: pd.DataFrame, metrics: Mapping[str, str]) -> list[TaskResult]:
    """Return the result of every task with an ok run, in planned order. `table` holds rivals; metrics by data set."""
    results: list[TaskResult] = []
    for task, part in table.groupby("task", sort=False):
        metric = metrics[str(part["dataset"].iloc[0])]
        cell_table.refuse_missing(part, metric)
        contenders = [_contender(str(name), group, metric) for name, group in part.groupby("objective", sort=False)]
        order = _ordered([c for c in contenders if c.spread.n_pending < c.spread.n_planned], metric)
        if any(c.spread.n_ok for c in order):
            gap = paired(order[0], order[1], metric) if len(order) > 1 else None
            results.append(TaskResult(str(task), metric, order, gap))
    return results


def tuned(runs: pd.DataFrame, metric: str, tie: str = "") -> pd.DataFrame:
    """Return one row a seed of one objective's runs in one task: the setting that was best on the other seeds.

    With a single seed the setting is chosen on that seed; the sentence then says so. Settings with equal means are
    told apart by the mean of `tie`, a column that is lower the better and not finite for a lost run.
    """
    seeds, settings = runs["seed"].to_numpy(), pd.factorize(runs["setting"])[0]
    status = runs["status"].to_numpy()
    worse = cell_table.values_of(runs, metric) * (1.0 if lower_is_better(metric) else -1.0)
    columns = (settings, status == "ok", status != "pending", worse, cell_table.values_of(runs, tie))
    chosen = []
    for seed in np.unique(seeds):
        here = seeds == seed
        others = ~here & np.isin(settings, settings[here])
        best = _best_setting(*(column[others if others.any() else here] for column in columns))
        chosen.append(np.flatnonzero(here & (settings == best)))
    return runs.iloc[np.concatenate(chosen)]


def at_edges(table: pd.DataFrame, metrics: Mapping[str, str], swept: Collection[str]) -> pd.DataFrame:
    """Return which tuned choices of rivals lie at the edge of their grid (`grid_edges.edges`), of `swept` columns."""
    keys = ["task", "objective", *(["norm"] if "norm" in table else [])]
    parts = [part for _, part in table.groupby(keys, sort=False) if part["setting"].nunique() > 1]
    if not parts:
        return grid_edges.edges(table, table.iloc[:0], ())
    chosen = [tuned(part, metrics[str(part["dataset"].iloc[0])]) for part in parts]
    return grid_edges.edges(table, pd.concat(chosen), swept)


def _best_setting(
    settings: NDArray[np.intp],
    ok: NDArray[np.bool_],
    ended: NDArray[np.bool_],
    worse: NDArray[np.float64],
    tie: NDArray[np.float64],
) -> int:
    """Return the setting of some runs, all [runs], that lost the smallest share of those that ended, then had the best
    mean (the lowest of `worse`), then lost the fewest and had the lowest mean of `tie`, then came first.
    """

    def key(setting: int) -> tuple[float, ...]:
        mine = settings == setting
        n_ok, n_ended = int((mine & ok).sum()), int((mine & ended).sum())
        if not n_ended:
            return 2.0, math.inf
        finite = mine & ok & np.isfinite(tie)
        first = 1 - n_ok / n_ended, float(worse[mine & ok].mean()) if n_ok else math.inf
        return *first, 1 - finite.sum() / n_ended, float(tie[finite].mean()) if finite.any() else math.inf

    return min(dict.fromkeys(settings.tolist()), key=key)


def _contender(objective: str, runs: pd.DataFrame, metric: str) -> Contender:
    parts = [part for _, part in runs.groupby("norm", sort=False)] if "norm" in runs else [runs]
    rows = _by_seed(pd.concat([_stood(part, metric) for part in parts]))
    found = intervals.spread(rows["value"], rows["status"].tolist(), lower_is_better(metric))
    ok, values = rows["status"] == "ok", rows["value"]
    if ok.all():
        values = rows["pseudo"]
        found = dataclasses.replace(found, interval=intervals.t_interval(values))
    by_seed = dict(zip(rows.index[ok].tolist(), values[ok].tolist(), strict=True))
    swept = [c for c in cell_table.swept_columns(runs) if runs[c].astype(str).nunique() > 1]
    names = tuple(c.removeprefix("sweep.") for c in swept) if runs["setting"].nunique() > 1 else ()
    return Contender(objective, by_seed, found, names)


def _stood(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return what stands for one objective in one task, at one norm: seed, status, value and pseudo."""
    rows = tuned(runs, metric)
    values = cell_table.values_of(rows, metric)
    whole = bool((rows["status"] == "ok").all())
    return rows[["seed", "status"]].assign(value=values, pseudo=_pseudo(runs, rows, metric) if whole else values)


def _by_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row a seed: the means, and the status of the first run that is not ok, pending before lost."""
    status = rows["status"].map(lambda said: {"ok": 2, "pending": 0}.get(said, 1))
    first = rows.assign(order=status).sort_values("order", kind="stable").groupby("seed")["status"].first()
    return rows.groupby("seed")[["value", "pseudo"]].mean().assign(status=first)


def _pseudo(runs: pd.DataFrame, chosen: pd.DataFrame, metric: str) -> NDArray[np.float64]:
    """Return what the interval of a tuned mean is made of, a value a seed. No setting that lost a run is chosen."""
    tuned_to = cell_table.values_of(chosen, metric)
    made = runs[["seed", "setting"]].assign(value=cell_table.values_of(runs, metric), ok=runs["status"] == "ok")
    whole = made.groupby("setting", sort=False)["ok"].transform("all")
    grid = made[whole].pivot(index="seed", columns="setting", values="value")
    if grid.isna().to_numpy().any() or not set(chosen["setting"]) <= set(grid.columns):
        return tuned_to  # settings of other seeds
    value = grid.loc[chosen["seed"], made.loc[whole, "setting"].unique()].to_numpy()
    worse = value if lower_is_better(metric) else -value
    return jackknife.pseudo_values(tuned_to, value, worse, np.full(value.shape, np.inf))


def _ordered(contenders: list[Contender], metric: str) -> tuple[Contender, ...]:
    """Sort best first, by the rule of `cell_table.ranks`."""
    rows = pd.DataFrame([
        {"objective": c.objective, "setting": "", "mean": c.spread.interval.mean, "median": c.spread.median,
         "n_ok": c.spread.n_ok, "n_planned": c.spread.n_planned, "n_pending": c.spread.n_pending}
        for c in contenders
    ])  # fmt: skip
    places = cell_table.ranks(rows, lower_is_better(metric)) if contenders else []
    return tuple(contenders[i] for i in np.argsort(places, kind="stable"))


def paired(best: Contender, other: Contender, metric: str) -> Interval | None:
    """Return by how much `other` is worse, paired by seed; None where a run is missing or the seeds differ."""
    if not (best.spread.complete and other.spread.complete and best.values.keys() == other.values.keys()):
        return None
    shared = sorted(best.values)
    sign = 1.0 if lower_is_better(metric) else -1.0
    return intervals.paired_difference(
        [sign * other.values[s] for s in shared], [sign * best.values[s] for s in shared]
    )


def leading(result: TaskResult) -> list[str]:
    """Return the first of a task and all that its seeds do not tell apart from it; nobody where they tell nobody apart.

    Who lost a run cannot be compared with the first, and is not among them.
    """
    first, *others = result.order
    gaps = {other.objective: paired(first, other, result.metric) for other in others}
    told = [name for name, gap in gaps.items() if gap is not None and gap.low > 0]
    level = [name for name, gap in gaps.items() if gap is not None and gap.low <= 0]
    return [first.objective, *level] if told else []


def overall(results: list[TaskResult]) -> list[tuple[str, int]]:
    """Return (objective, number of tasks it comes first in), the most first places first, ties by mean place."""
    firsts = Counter(result.order[0].objective for result in results)
    places: dict[str, list[int]] = {}
    for result in results:
        for place, contender in enumerate(result.order):
            places.setdefault(contender.objective, []).append(place)
    names = sorted(places, key=lambda n: (-firsts[n], sum(places[n]) / len(places[n]), n))
    return [(name, firsts[name]) for name in names]


def mean_gap(results: list[TaskResult], best: str, other: str) -> Interval | None:
    """Return by how much `other` is worse in the mean over tasks, by seed; None where a task or a seed lacks one."""
    pairs = [{c.objective: c for c in result.order if c.spread.complete} for result in results]
    if not all(best in pair and other in pair for pair in pairs):
        return None
    seeds = [frozenset(pair[name].values) for pair in pairs for name in (best, other)]
    if len(set(seeds)) > 1:
        return None
    sign = 1.0 if lower_is_better(results[0].metric) else -1.0
    a = [np.mean([pair[other].values[s] for pair in pairs]) for s in sorted(seeds[0])]
    b = [np.mean([pair[best].values[s] for pair in pairs]) for s in sorted(seeds[0])]
    return intervals.paired_difference(sign * np.array(a), sign * np.array(b))


def by_task(results: list[TaskResult]) -> pd.DataFrame:
    """Return one row a task: first, runner-up, and the paired difference between them."""
    return pd.DataFrame([_task_row(result) for result in results])


def _task_row(result: TaskResult) -> dict[str, Any]:
    best, gap = result.order[0], result.gap or Interval(math.nan, math.nan, math.nan)
    return {
        "task": result.task,
        "metric": result.metric,
        "first": best.objective,
        "n_ok": best.spread.n_ok,
        "n_planned": best.spread.n_planned,
        "median": best.spread.median,
        **{name: getattr(best.spread.interval, name) for name in ("mean", "low", "high")},
        "runner_up": result.order[1].objective if len(result.order) > 1 else "",
        "runner_up_worse_by": gap.mean,
        "gap_low": gap.low,
        "gap_high": gap.high,
        "verdict": _verdict(result),
    }


def _verdict(result: TaskResult) -> str:
    if len(result.order) == 1:
        return "nothing to compare with"
    if result.gap is None:
        return "not paired: runs missing" if not result.whole else "not paired: other seeds"
    if math.isnan(result.gap.low):
        return "one seed: no interval"
    if result.shown:
        return "interval excludes 0"
    n = result.order[0].spread.n_planned
    return f"no difference found (n = {counted(n, 'seed')}, 80 % power at d = {smallest_effect(n):.2f})"
