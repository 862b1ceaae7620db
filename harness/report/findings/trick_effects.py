"""What tricks do: each candidate that has some beside the one with the same loss and none, found from the runs.

Both stand with the setting that was best on the other seeds, and are paired by seed, as in a ranking.
"""

import json
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
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.style import INK
from harness.report.findings.finding import Finding, Runs
from harness.report.styles import styles
from harness.report.text.table_rows import Record, Row, by_value
from harness.statistics import intervals
from harness.statistics.paired import holm, t_test
from harness.statistics.power import LEVEL, smallest_effect
from harness.text import NOTHING, counted, interval, listed, number

TRICKS, SCHEDULE = "setup.tricks", "setup.schedule"
MEAN = "mean over tasks"
APART = 0.17  # of a row, between the marks of two tasks


@dataclass(frozen=True)
class TrickEffects:
    """A row a candidate with tricks, in the order of the suite.

    by_task  trick (its name in the suite), base (what it is compared with), task, metric (the task's own), without,
             with_it (means over seeds), difference, low, high (above 0: better with it), p (paired t test), p_holm
             (among these rows), lost_without, lost_with (runs); NaN where a run is lost: it has no metric
    overall  trick, base, tasks (how many it is in), the same without, with_it, difference, low, high, p and p_holm of
             the mean over tasks; only where all tasks have the score, which can be averaged, and a lost run 0
    silent   tasks in which all runs that are compared score 0: in no mean, as they cannot tell tricks apart
    seeds    how many
    swept    what was tuned
    together whether a candidate has several at once
    """

    by_task: pd.DataFrame
    overall: pd.DataFrame
    silent: tuple[str, ...]
    seeds: int
    swept: tuple[str, ...]
    together: bool


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
    swept, silent = dict[str, None](), list[str]()
    for task, part in runs.groupby("task", sort=False):
        dataset = str(part["dataset"].iloc[0])
        metric, pairs = metrics[dataset], _pairs(part)
        sign = -1.0 if lower_is_better(metric) else 1.0
        by_metric = _contenders(part, metric, dataset)
        for plain, name in pairs:
            first, second = by_metric.get(plain), by_metric.get(name)
            if first is None or second is None or not _are_over(first, second):
                continue
            swept |= dict.fromkeys(chain(first.swept, second.swept))
            lost = {"lost_without": first.spread.n_failed, "lost_with": second.spread.n_failed}
            of_pair = {"trick": name, "base": plain, "task": str(task), "metric": metric}
            rows.append({**of_pair, **_row(first, second, sign), **lost})
        if not known[str(task)]:
            continue
        if not part.loc[part["objective"].isin(set(chain(*pairs))) & (part["status"] == "ok"), "score"].any():
            silent += [str(task)] if pairs else []
            continue
        by_score = _contenders(part, "score", dataset)
        for plain, name in pairs:
            first, second = by_score.get(plain), by_score.get(name)
            if first is not None and second is not None and _are_over(first, second):
                gaps.setdefault((name, plain), []).append(_values(first, second))
    if not rows:
        return None
    averaged = [
        {"trick": name, "base": plain, "tasks": len(each), **_difference(np.mean(each, axis=0), 1.0)}
        for (name, plain), each in gaps.items()
        if all(known.values())
    ]
    order = {name: place for place, name in enumerate(runs["objective"].astype(str).unique())}
    by_task = pd.DataFrame(rows).sort_values(
        "trick", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )
    return TrickEffects(
        _corrected(by_task),
        _corrected(pd.DataFrame(averaged)),
        tuple(silent),
        int(runs["seed"].nunique()),
        tuple(swept),
        bool(
            runs.loc[runs["objective"].isin(by_task["trick"]), TRICKS].astype(str).str.contains("+", regex=False).any()
        ),
    )


def _pairs(part: pd.DataFrame) -> list[tuple[str, str]]:
    """Return, of one task, each candidate with tricks after the only one that differs from it by these alone."""
    alike: dict[frozenset[tuple[str, ...]], tuple[list[str], list[str]]] = {}
    for name, rows in part.groupby("objective", sort=False):
        has_tricks = bool(rows[TRICKS].notna().any())
        alike.setdefault(_settings(rows), ([], []))[has_tricks].append(str(name))
    return [(plain[0], name) for plain, tricked in alike.values() if len(plain) == 1 for name in tricked]


def _settings(rows: pd.DataFrame) -> frozenset[tuple[str, ...]]:
    """Return all that one candidate of a task was trained with, at every swept setting, but for its tricks."""
    columns = [
        c for c in map(str, rows.columns) if c in ("objective.base", "steps") or c.startswith(("hyper.", "setup."))
    ]
    tricks = [name for names in rows[TRICKS].dropna().unique() for name in str(names).split("+")]
    own = tuple(f"{name}." for name in tricks)
    facts = rows[columns].astype(object).where(rows[columns].notna(), "").astype(str)
    blank = [c for c in columns if c == TRICKS or (own and c.removeprefix("hyper.").startswith(own))]
    facts[blank] = ""
    if SCHEDULE in facts:
        facts[SCHEDULE] = [_without(text, own) for text in facts[SCHEDULE]]
    return frozenset(facts.itertuples(index=False, name=None))


def _without(schedule: str, own: tuple[str, ...]) -> str:
    """Return a schedule, as JSON, without the entries of a candidate's own tricks."""
    entries = json.loads(schedule or "{}").items()
    return str(sorted((name, value) for name, value in entries if not (own and name.startswith(own))))


def _contenders(part: pd.DataFrame, metric: str, dataset: str) -> dict[str, Contender]:
    if metric == "score":  # of which a lost run has 0
        is_lost = part["status"].isin(FAILURES)
        part = part.assign(score=part["score"].mask(is_lost, 0.0), status=part["status"].mask(is_lost, "ok"))
    return {one.objective: one for result in ranking.judge(part, {dataset: metric}) for one in result.order}


def _are_over(first: Contender, second: Contender) -> bool:
    """True where no run of either is pending and, of those that are not lost, seeds agree."""
    if first.spread.n_pending or second.spread.n_pending:
        return False
    is_whole = first.spread.complete and second.spread.complete
    return set(first.values) == set(second.values) if is_whole else first.spread.n_planned == second.spread.n_planned


def _values(first: Contender, second: Contender) -> np.ndarray:
    """Return the values of both by seed, [2, seeds]."""
    return np.array([[one.values[seed] for seed in sorted(first.values)] for one in (first, second)])


def _row(first: Contender, second: Contender, sign: float) -> dict[str, object]:
    """Return the difference of two by their metric, which is unknown where either lost a run."""
    if first.spread.complete and second.spread.complete:
        return _difference(_values(first, second), sign)
    means = [one.spread.interval.mean for one in (first, second)]  # NaN where a run is lost
    return {
        "without": means[0], "with_it": means[1],
        "difference": np.nan, "low": np.nan, "high": np.nan, "p": np.nan,
    }  # fmt: skip


def _difference(both: np.ndarray, sign: float) -> dict[str, object]:
    gap = intervals.t_interval(sign * (both[1] - both[0]))
    p = t_test(gap, both.shape[1])
    return {
        "without": both[0].mean(), "with_it": both[1].mean(),
        "difference": gap.mean, "low": gap.low, "high": gap.high, "p": p,
    }  # fmt: skip


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with p values that are corrected for their number, and whether each is below .05 then.

    A row without one, as a run is lost, counts among them as if its p were 1.
    """
    if rows.empty or rows["p"].isna().all():
        return rows.assign(p_holm=np.nan, is_significant=False)
    corrected = pd.Series(holm(rows["p"].fillna(1.0)), rows.index).where(rows["p"].notna())
    return rows.assign(p_holm=corrected, is_significant=corrected < LEVEL)


# In words


def paragraph(effects: TrickEffects) -> str:
    """Return which tricks help, which harm, and what is known of the others, by the mean over tasks."""
    rows = effects.overall if len(effects.overall) else effects.by_task
    ordered = rows.sort_values("difference", ascending=False).to_dict("records")
    better = [_named(row) for row in ordered if row["is_significant"] and row["difference"] > 0]
    worse = [_named(row) for row in ordered[::-1] if row["is_significant"] and row["difference"] < 0]
    unclear = [_named(row) for row in ordered if not row["is_significant"] and pd.notna(row["difference"])]
    lost = [f"{row['trick']} on {row['task']} ({_lost(row)})" for row in ordered if pd.isna(row["difference"])]
    n, bases = rows["trick"].nunique(), listed(list(map(str, rows["base"].unique())))
    what = "score, in the mean over the tasks that have the trick" if len(effects.overall) else "metric of a task"
    added = f"{counted(n, 'set')} of tricks added" if effects.together else f"{counted(n, 'trick')} added one at a time"
    parts = [
        f"Of {added} to {bases}, {_verdicts(better, worse)} (paired t tests, Holm correction for "
        f"{counted(len(rows), 'comparison')})."
    ]
    if unclear:
        parts.append(f"Not significant ({_seen(effects.seeds, len(rows))}): {listed(unclear)}.")
    if lost:
        parts.append(f"No difference is known where runs were lost: {listed(lost)}.")
    if effects.silent:
        parts.append(silence(effects))
    tuned = f", {listed(list(effects.swept))} tuned on the other seeds" if effects.swept and effects.seeds > 1 else ""
    parts.append(
        f"Each is the change of the {what}, with its uncorrected 95 % confidence interval, paired by seed{tuned}."
    )
    return " ".join(parts)


def _seen(seeds: int, comparisons: int) -> str:
    """Return the smallest effect that so many seeds show at the first step of the correction."""
    if seeds == 1:
        return "n = 1 seed: no test"
    effect = smallest_effect(seeds, LEVEL / comparisons)
    return f"n = {counted(seeds, 'seed')}; minimum detectable effect d = {effect:.2f} at 80 % power, after correction"


def _verdicts(better: list[str], worse: list[str]) -> str:
    """Return "1 helps (ema 0.1 [0.0, 0.2]) and none harms", of significant differences alone."""
    if not better + worse:
        return "none makes a significant difference"
    help_, harm = "help" if len(better) > 1 else "helps", "harm" if len(worse) > 1 else "harms"
    texts = [
        f"{len(names)} {verb} ({listed(names)})" if names else f"none {verb}"
        for names, verb in ((better, help_), (worse, harm))
    ]
    return " and ".join(texts)


def silence(effects: TrickEffects) -> str:
    """Return that some tasks are in no mean, and which tricks have no other; "" where there are none."""
    if not effects.silent:
        return ""
    averaged = set(effects.overall["trick"]) if len(effects.overall) else set()
    alone = [name for name in effects.by_task["trick"].unique() if name not in averaged]
    text = f"All runs on {listed(list(effects.silent))} score 0, which tells no trick from another: no mean counts them"
    return f"{text}, and there is none of {listed(alone)}." if alone else f"{text}."


def _lost(row: Record) -> str:
    return f"{row['lost_with']} with it, {row['lost_without']} without"


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
        "silence": silence(effects),
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
        "verdict": _verdict(row),
    }  # fmt: skip


def _verdict(row: Record) -> str:
    if pd.isna(row["difference"]):
        return f"lost runs: {_lost(row)}"
    if not row["is_significant"]:
        return "not significant"
    return "better" if row["difference"] > 0 else "worse"


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
    unmarked = "; no mark: runs were lost" if rows["difference"].isna().any() else ""
    ax.set_xlabel(f"gain in {metric} (right: better with it{unmarked})")
    drawing.legend_below(ax, min(len(tasks), 2))
    alt = f"Gain in {metric} by each trick ({listed(tasks)}), with 95 % intervals paired by seed"
    return figure, f"tricks: {metric}", alt
