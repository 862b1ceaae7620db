"""What tricks do: each candidate that has some beside the one with the same loss and none, found from the runs.

Both stand with the setting that was best on the other seeds, and are paired by seed, as in a ranking.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from harness.metrics import lower_is_better
from harness.report.analysis import cell_table, critic_norms, ranking
from harness.report.analysis.cell_table import FAILURES
from harness.report.analysis.ranking import Contender
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import INK
from harness.report.figures.panels import Drawn, Section
from harness.report.findings.finding import Finding, Runs
from harness.report.styles import styles
from harness.report.text.table_rows import Record, Row, by_value
from harness.statistics import intervals
from harness.statistics.paired import holm, t_test
from harness.statistics.power import LEVEL
from harness.text import NOTHING, counted, interval, listed, number

LOSS = ("objective.base", "setup.penalty", "setup.critic.norm")  # in which a pair is equal
TRICKS = "setup.tricks"
MEAN = "mean over tasks"
APART = 0.17  # of a row, between the marks of two tasks


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


def find(runs: Runs) -> Finding | None:
    """Return what tricks do, with the same norm in every critic; None where there are none."""
    if runs.is_study:
        return None
    effects = trick_effects(critic_norms.at_equal_norms(runs.learners, runs.data_axes), runs.metrics, runs.data_axes)
    if effects is None:
        return None
    return Finding(
        values=values(effects),
        draw=lambda: {"tricks": section(effects)},
        frames={"tricks.csv": effects.by_task, "tricks-overall.csv": effects.overall},
        paragraphs=[paragraph(effects)],
        opens=True,
    )


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


# In words


def paragraph(effects: TrickEffects) -> str:
    """Return which tricks help, which harm, and of which neither was found, by the mean over tasks."""
    rows = effects.overall if len(effects.overall) else effects.by_task
    ordered = rows.sort_values("difference", ascending=False).to_dict("records")
    better = [_named(row) for row in ordered if row["is_significant"] and row["difference"] > 0]
    worse = [_named(row) for row in ordered[::-1] if row["is_significant"] and row["difference"] < 0]
    unclear = [_named(row) for row in ordered if not row["is_significant"]]
    n, bases = rows["trick"].nunique(), listed(list(map(str, rows["base"].unique())))
    help_, harm = (f"{len(names) or 'none'} {verb}" for names, verb in ((better, "helps"), (worse, "harms")))
    if len(better) > 1:
        help_ = f"{len(better)} help"
    if len(worse) > 1:
        harm = f"{len(worse)} harm"
    tuned = f", {listed(list(effects.swept))} tuned on the other seeds" if effects.swept and effects.seeds > 1 else ""
    what = "score, in the mean over the tasks that have the trick" if len(effects.overall) else "metric of a task"
    parts = [f"Of {counted(n, 'trick')} added one at a time to {bases}, {help_} and {harm}"]
    parts[0] += f"{f': {listed(better)}' if better else ''}{f'; for the worse {listed(worse)}' if worse else ''}."
    if unclear:
        parts.append(f"No difference was found for {listed(unclear)}.")
    family = f"Holm's correction for {counted(len(rows), 'comparison')}"
    parts.append(
        f"Each is the change of the {what}, with its 95 % interval, paired by seed (n = "
        f"{counted(effects.seeds, 'seed')}{tuned}; paired t tests, {family})."
    )
    return " ".join(parts)


def _named(row: Record) -> str:
    at = f" on {row['task']}" if "task" in row else ""
    return f"{row['trick']}{at} {_signed(row)}"


def _signed(row: Record) -> str:
    return interval(row["difference"], row["low"], row["high"])


def values(effects: TrickEffects) -> Row:
    """Return what the page shows of tricks."""
    rows = [_shown(row, MEAN if row["tasks"] > 1 else "its only task", "score") for row in _records(effects.overall)]
    return {
        "overall": rows,
        "by_task": [_shown(row, str(row["task"]), str(row["metric"])) for row in _records(effects.by_task)],
        "seeds": effects.seeds,
        "swept": listed(list(effects.swept)) if effects.swept else "",
    }


def _records(rows: pd.DataFrame) -> list[Record]:
    return list(rows.to_dict("records"))


def _shown(row: Record, task: str, metric: str) -> Row:
    p: str = NOTHING if pd.isna(row["p_holm"]) else number(row["p_holm"])
    return {
        "trick": row["trick"], "base": row["base"], "task": task, "metric": metric,
        "without": by_value(number(row["without"]), row["without"]),
        "with_it": by_value(number(row["with_it"]), row["with_it"]),
        "difference": by_value(_signed(row), row["difference"]),
        "p_holm": by_value(p, row["p_holm"]),
        "verdict": ("better" if row["difference"] > 0 else "worse") if row["is_significant"] else "not significant",
    }  # fmt: skip


# In figures


def section(effects: TrickEffects) -> Section:
    """Return the page's figures of tricks: the mean over tasks, then one for each metric of tasks."""
    frames = [effects.overall.assign(task=MEAN, metric="score")] if len(effects.overall) else []
    frames += [part for _, part in effects.by_task.groupby("metric", sort=False)]
    return panels.collect("tricks", frames, _differences, len(frames), "metrics")


def _differences(rows: pd.DataFrame) -> Drawn:
    """The difference that every trick makes to one metric, a mark a task."""
    metric, names = str(rows["metric"].iloc[0]), list(map(str, rows["trick"].unique()))
    tasks = list(map(str, rows["task"].unique()))
    place, looks = {name: row for row, name in enumerate(names)}, styles(tasks)
    figure, ax = drawing.blank(5.6, 1.5 + (0.2 + 0.16 * len(tasks)) * len(names))
    ax.axvline(0, color=INK, linewidth=0.8)
    for i, (task, part) in enumerate(rows.groupby("task", sort=False)):
        look, y = looks[str(task)], part["trick"].map(place) + APART * (i - (len(tasks) - 1) / 2)
        ax.hlines(y, part["low"], part["high"], color=look.colour, linewidth=1.6)
        ax.plot(part["difference"], y, color=look.colour, marker=look.marker, linestyle="", markersize=5, label=task)
    ax.set_yticks(np.arange(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(f"gain in {metric} (right: better with it)")
    drawing.legend_below(ax, min(len(tasks), 2))
    alt = f"Gain in {metric} by each trick ({listed(tasks)}), with 95 % intervals paired by seed"
    return figure, f"tricks: {metric}", alt
