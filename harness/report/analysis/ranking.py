"""The ranking of each task: the order of its objectives, and by how much the second is worse than the first.

A suite of one objective asks about something else: its architectures compete, or its settings where it has but one.

Where a suite sweeps settings, an objective stands for itself with the setting that was best on the *other* seeds, so
that no seed is judged by a setting chosen on it. A critic's norm and how updates are computed are never tuned:
objectives are compared at the same ones, a seed with its mean over these.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.metrics import lower_is_better
from harness.report.analysis import cell_table, critic_norms, grid_edges
from harness.statistics import intervals
from harness.statistics.intervals import Interval, Spread
from harness.statistics.power import smallest_effect
from harness.statistics.tuning import Grid
from harness.suite.competitors import compared
from harness.text import significance


@dataclass(frozen=True)
class Contender:
    """One objective (or whatever competes) in one task: one run a seed, of several norms or ways of computing their
    mean. `swept` names what was tuned.
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
    def is_significant(self) -> bool:
        """True where the first two differ by more than the seeds explain."""
        return self.gap is not None and self.gap.low > 0


def rivals(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return the labelled table with what is compared as its `objective`; where that is architectures, a task is a data
    set with the objective; where objectives, and the critic's norm is swept, these at the same norms
    (`critic_norms.at_equal_norms`).
    """
    what = compared(*(table[name].nunique() for name in ("objective", "architecture", "setting")))
    if what == "settings":
        return table.assign(objective=table["setting"], setting="")
    if what == "objectives":
        return critic_norms.at_equal_norms(table, data_axes)
    tasks = [task.label for task in cell_table.tasks_of(table, data_axes, rivals="architecture")]
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
            gap = mean_gap([(order[0], order[1])], metric) if len(order) > 1 else None
            results.append(TaskResult(str(task), metric, order, gap))
    return results


def tuned(runs: pd.DataFrame, metric: str, tie: str = "", keys: Sequence[str] = ()) -> pd.DataFrame:
    """Return the runs of one objective in one task, by seed, at the setting that was best on the other seeds, with the
    `value` of the metric and the `pseudo` value of each seed (`harness.statistics.tuning`). Of several objectives and
    tasks, grouped by `keys`, those of each.

    With a single seed the setting is chosen on that seed. Settings with equal means are decided by the mean of `tie`, a
    column that is lower the better and not finite for a lost run.
    """
    group = runs.groupby(list(keys)).ngroup().to_numpy() if keys else np.zeros(len(runs), int)
    seed, status, setting = runs["seed"].to_numpy(), runs["status"].to_numpy(), pd.factorize(runs["setting"])[0]
    value, ties = cell_table.values_of(runs, metric), cell_table.values_of(runs, tie)
    worse, ended, ok = value if lower_is_better(metric) else -value, status != "pending", status == "ok"
    in_turn = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[in_turn], prepend=-1))  # whose key is missing has -1, and is left out
    chosen, pseudo = [], []
    for mine in np.split(in_turn, starts)[1:]:
        seeds, row = np.unique(seed[mine], return_inverse=True)
        column, settings = pd.factorize(setting[mine])
        cells = _Cells(row, column, (len(seeds), len(settings)))
        grid = Grid(
            planned=cells.of(np.ones(len(mine), bool), False),
            ended=cells.of(ended[mine], False),
            ok=cells.of(ok[mine], False),
            value=cells.of(value[mine], np.nan),
            worse=cells.of(worse[mine], np.nan),
            tie=cells.of(ties[mine], np.nan),
        )
        best = grid.tuned()
        places = np.flatnonzero(column == best[row])
        places = places[np.argsort(row[places], kind="stable")]
        chosen.append(mine[places])
        pseudo.append(grid.pseudo_values(best)[row[places]])
    places = np.concatenate(chosen) if chosen else np.zeros(0, int)
    return runs.iloc[places].assign(value=value[places], pseudo=np.concatenate(pseudo) if pseudo else np.nan)


class _Cells(NamedTuple):
    """Where each of some runs stands in a grid of a shape: its row and its column."""

    row: NDArray[np.intp]
    column: NDArray[np.intp]
    shape: tuple[int, int]

    def of(self, of_runs: NDArray[Any], absent: Any) -> NDArray[Any]:
        """Return an array of the runs as a grid, with something where there is no run."""
        grid = np.full(self.shape, absent)
        grid[self.row, self.column] = of_runs
        return grid


def at_edges(table: pd.DataFrame, metrics: Mapping[str, str], swept: Collection[str]) -> pd.DataFrame:
    """Return which tuned choices of rivals lie at the edge of their grid (`grid_edges.edges`), of `swept` columns."""
    parts = [part for _, part in table.groupby(grid_edges.keys_of(table), sort=False) if part["setting"].nunique() > 1]
    if not parts:
        return grid_edges.edges(table, table.iloc[:0], ())
    chosen = [tuned(part, metrics[str(part["dataset"].iloc[0])]) for part in parts]
    return grid_edges.edges(table, pd.concat(chosen), swept)


def _contender(objective: str, runs: pd.DataFrame, metric: str) -> Contender:
    keys = grid_edges.keys_of(runs)
    rows = tuned(
        runs[[*keys, *(name for name in ("seed", "status", "setting", metric) if name in runs)]], metric, keys=keys
    )
    if rows["seed"].is_unique:
        status, means = rows.set_index("seed")["status"], rows.set_index("seed")[["value", "pseudo"]]
    else:
        worst_first = rows["status"].map({"ok": 2, "pending": 0}).fillna(1)
        status = rows.assign(order=worst_first).sort_values("order", kind="stable").groupby("seed")["status"].first()
        means = rows.groupby("seed")[["value", "pseudo"]].mean()
    spread, ok = intervals.spread(means["value"], status.tolist(), lower_is_better(metric)), status == "ok"
    if ok.all():
        spread = dataclasses.replace(spread, interval=intervals.t_interval(means["pseudo"]))
    by_seed = means["pseudo" if ok.all() else "value"][ok]
    swept = [c for c in cell_table.tuned_columns(runs) if runs[c].astype(str).nunique() > 1]
    names = tuple(c.removeprefix("sweep.") for c in swept) if runs["setting"].nunique() > 1 else ()
    return Contender(objective, dict(zip(by_seed.index.tolist(), by_seed.tolist(), strict=True)), spread, names)


def _ordered(contenders: list[Contender], metric: str) -> tuple[Contender, ...]:
    """Sort best first, by the rule of `cell_table.ranks`."""
    rows = [
        {"objective": c.objective, "setting": "", "mean": c.spread.interval.mean, **dataclasses.asdict(c.spread)}
        for c in contenders
    ]
    places = cell_table.ranks(pd.DataFrame(rows), lower_is_better(metric)) if contenders else []
    return tuple(contenders[i] for i in np.argsort(places, kind="stable"))


def mean_gap(pairs: Sequence[tuple[Contender, Contender]], metric: str) -> Interval | None:
    """Return by how much the second of each pair is worse, in the mean over pairs (a task each), paired by seed; None
    where a run is missing or the seeds differ.
    """
    everyone = [contender for pair in pairs for contender in pair]
    seeds = {frozenset(contender.values) for contender in everyone}
    if len(seeds) != 1 or not all(contender.spread.complete for contender in everyone):
        return None
    order, sign = sorted(seeds.pop()), 1.0 if lower_is_better(metric) else -1.0
    a, b = (np.array([np.mean([pair[i].values[s] for pair in pairs]) for s in order]) for i in (1, 0))
    return intervals.paired_difference(sign * a, sign * b)


def leading(result: TaskResult) -> list[str]:
    """Return the first of a task and all that are not significantly different from it; nobody where nobody is.

    Who lost a run cannot be compared with the first, and is not among them.
    """
    first, *others = result.order
    gaps = {other.objective: mean_gap([(first, other)], result.metric) for other in others}
    known = {name: gap.low for name, gap in gaps.items() if gap is not None}
    level = [name for name, low in known.items() if low <= 0]
    return [first.objective, *level] if any(low > 0 for low in known.values()) else []


def overall(results: list[TaskResult]) -> list[tuple[str, int]]:
    """Return (objective, number of tasks it comes first in), the most first places first, ties by mean place."""
    firsts = Counter(result.order[0].objective for result in results)
    places: dict[str, list[int]] = {}
    for result in results:
        for place, contender in enumerate(result.order):
            places.setdefault(contender.objective, []).append(place)
    names = sorted(places, key=lambda n: (-firsts[n], sum(places[n]) / len(places[n]), n))
    return [(name, firsts[name]) for name in names]


def by_task(results: list[TaskResult]) -> pd.DataFrame:
    """Return one row a task: first, runner-up, and the paired difference between them."""
    return pd.DataFrame([_task_row(result) for result in results])


def _task_row(result: TaskResult) -> dict[str, object]:
    spread, gap = result.order[0].spread, result.gap or Interval(math.nan, math.nan, math.nan)
    return {
        "task": result.task,
        "metric": result.metric,
        "first": result.order[0].objective,
        "n_ok": spread.n_ok,
        "n_planned": spread.n_planned,
        "median": spread.median,
        **dataclasses.asdict(spread.interval),
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
        return "not paired: other seeds" if result.whole else "not paired: runs missing"
    if math.isnan(result.gap.low):
        return "one seed: no interval"
    n = result.order[0].spread.n_planned
    return "interval excludes 0" if result.is_significant else significance(False, n, "seed", smallest_effect(n))
