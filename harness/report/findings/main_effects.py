"""Main effects: the score at each level of a factor, averaged over all that it is crossed with.

Factors are the objective, what a suite sweeps of objectives and architectures, and how updates are computed. Settings
of training are tuned elsewhere; they are averaged here.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd

from harness.report.analysis import cell_table, critic_norms
from harness.report.analysis.sensitivity import scored
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import GREY
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.study_figures import LABELS, SIZE
from harness.report.figures.style import INK
from harness.report.findings.finding import Finding, Runs
from harness.report.styles import MARKERS
from harness.report.text.table_rows import Record
from harness.statistics import intervals
from harness.suite.format.models import COMPUTING, Train
from harness.text import counted, interval, listed, plain, score

TRAINING = frozenset(Train.model_fields)
OBJECTIVE = "objective"
BESIDE = {OBJECTIVE, critic_norms.SWEPT.removeprefix("sweep."), *COMPUTING}  # what a ranking speaks of already


@dataclass(frozen=True)
class Effect:
    """The main effect of one factor over tasks in which it is crossed with all else.

    factor    "objective", or the swept name        tasks     whose scores are averaged
    contexts  combinations of all else, over the tasks      seeds  how many
    levels    level, score, low, high (a t interval over seeds), in the order of the suite; `ahead`, with ahead_low and
              ahead_high: by how much the best exceeds it, paired by seed
    by_task   task, level, score            by_seed   seed, level, score
    within    by how much the best level exceeds the lowest at each level of the other factors: other, at, ahead, low,
              high
    """

    factor: str
    tasks: tuple[str, ...]
    contexts: int
    seeds: int
    levels: pd.DataFrame
    by_task: pd.DataFrame
    by_seed: pd.DataFrame
    within: pd.DataFrame


def find(runs: Runs) -> Finding | None:
    """Return the main effects of what is crossed; None where nothing is.

    They open the answer where more is crossed than objectives, the critic's norm and ways of computing: that is what
    the suite asks.
    """
    if runs.is_study:
        return None
    effects = main_effects(runs.learners, runs.data_axes)
    texts = list(filter(None, [*sentences(effects), silence(runs.learners, runs.data_axes)]))
    if not texts:
        return None
    return Finding(
        values=texts,
        draw=lambda: {"effects": section(effects)},
        frames={"main-effects.csv": table_of(effects)} if effects else {},
        paragraphs=texts,
        opens=not {effect.factor for effect in effects} <= BESIDE,
    )


def main_effects(table: pd.DataFrame, data_axes: Collection[str] = ()) -> list[Effect]:
    """Return the main effects of a labelled table in which a setting of objectives or architectures, or a way of
    computing, is swept.

    A factor's levels are those that every task has in every context; tasks that have more follow, each by itself. A
    lost run scores 0. There are none before every run has ended, or of a factor not crossed with the rest. Tasks in
    which every run scores 0 are in none (`silence` names them): they would add the same 0 to every mean.
    """
    runs = scored(table)
    return [] if runs is None else _effects(runs[~runs["task"].isin(at_zero(runs))], data_axes)


def at_zero(runs: pd.DataFrame) -> list[str]:
    """Return the tasks of scored runs in which every run scores 0."""
    highest = runs.groupby("task", sort=False)["score"].max()
    return [str(task) for task in highest.index[highest == 0]]


def silence(table: pd.DataFrame, data_axes: Collection[str] = ()) -> str:
    """Return in a sentence which tasks are in no main effect, as every run scores 0; "" where there are none."""
    runs = scored(table)
    if runs is None or not (tasks := at_zero(runs)) or not _effects(runs.assign(score=1.0), data_axes):
        return ""
    rest = "there are no main effects" if len(tasks) == runs["task"].nunique() else "no main effect counts them"
    return f"All runs on {listed(tasks)} score 0, which tells no level from another: {rest}."


def _effects(runs: pd.DataFrame, data_axes: Collection[str]) -> list[Effect]:
    if runs.empty:
        return []
    swept = {c.removeprefix("sweep."): c for c in cell_table.swept_columns(runs, data_axes)}
    if critic_norms.SWEPT in runs:  # `auto` is one of the others
        runs = runs.assign(**{critic_norms.SWEPT: runs[critic_norms.RESOLVED].where(runs[critic_norms.SWEPT].notna())})
    factors = {name: column for name, column in swept.items() if name not in TRAINING - {*COMPUTING}}
    effects = [effect for name in factors for effect in _of(name, runs, swept)]
    return [*_of(OBJECTIVE, runs, swept), *effects] if effects else []


def _of(factor: str, runs: pd.DataFrame, swept: dict[str, str]) -> Iterator[Effect]:
    """Yield the effect of a factor over all tasks, then those of tasks with further levels."""
    column = swept.get(factor, factor)
    mine = runs[runs[column].notna()]
    others = [c for c in (OBJECTIVE, *swept.values()) if c != column]
    texts = mine[others].map(plain).agg("; ".join, axis=1) if others else pd.Series("", index=mine.index)
    placed = mine.assign(level=mine[column].map(plain), context=texts)
    order = list(dict.fromkeys(_sorted(placed, column)))
    in_task = {str(task): _crossed(part) for task, part in placed.groupby("task", sort=False)}
    shared = set.intersection(*in_task.values()) if in_task else set()
    groups = [(list(in_task), shared)] + [([task], own) for task, own in in_task.items() if len(own) > len(shared)]
    for tasks, levels in groups:
        chosen = placed[placed["task"].isin(tasks) & placed["level"].isin(levels)]
        of_all = (
            set.intersection(*(set(seeds) for _, seeds in chosen.groupby("task")["seed"])) if len(chosen) else set()
        )
        chosen = chosen[chosen["seed"].isin(of_all)]
        if len(levels) > 1 and (chosen["score"] > 0).any():
            yield _effect(factor, tasks, [level for level in order if level in levels], chosen, others)


def _sorted(placed: pd.DataFrame, column: str) -> list[str]:
    """Return the levels of all rows, numbers from the smallest, words as they come."""
    if pd.api.types.is_numeric_dtype(placed[column]):
        placed = placed.sort_values(column, kind="stable")
    return [str(level) for level in placed["level"]]


def _crossed(part: pd.DataFrame) -> set[str]:
    """Return the levels that one task has in every context with every seed."""
    counts = part.groupby(["level", "context"])["seed"].nunique().unstack()
    return {str(level) for level in counts.index[(counts == part["seed"].nunique()).all(axis=1)]}


def _effect(
    factor: str, tasks: Sequence[str], levels: Sequence[str], runs: pd.DataFrame, others: Sequence[str]
) -> Effect:
    cells = runs.groupby(["task", "level", "seed"])["score"].mean()  # over contexts, of which every level has all
    by_seed = cells.groupby(level=[1, 2]).mean().unstack(0)[list(levels)]
    means = by_seed.mean()
    best = by_seed[means.idxmax()].to_numpy(np.float64)
    rows = []
    for level in levels:
        mine = by_seed[level].to_numpy(np.float64)
        score, ahead = intervals.score_interval(mine), intervals.paired_difference(best, mine)
        rows.append({"level": level, "score": score.mean, "low": score.low, "high": score.high})
        rows[-1] |= {"ahead": ahead.mean, "ahead_low": ahead.low, "ahead_high": ahead.high}
    contexts = len(runs[["task", "context"]].drop_duplicates())
    by_task = cells.groupby(level=[0, 1]).mean().reset_index()
    long = by_seed.melt(ignore_index=False, value_name="score").reset_index()
    return Effect(
        factor, tuple(tasks), contexts, len(by_seed), pd.DataFrame(rows), by_task, long, _within(runs, others, means)
    )


def _within(runs: pd.DataFrame, others: Sequence[str], means: pd.Series) -> pd.DataFrame:
    rows, best, lowest = [], means.idxmax(), means.idxmin()
    for other in others:
        ordered = runs[runs[other].notna()].sort_values(other, kind="stable")
        for at, part in ordered.groupby(other, sort=False):
            seeds = part.groupby(["task", "level", "seed"])["score"].mean().groupby(level=[1, 2]).mean().unstack(0)
            if {best, lowest} <= set(seeds) and seeds[[best, lowest]].notna().all(axis=None):
                gap = intervals.paired_difference(seeds[best], seeds[lowest])
                rows.append((other.removeprefix("sweep."), plain(at), gap.mean, gap.low, gap.high))
    return pd.DataFrame(rows, columns=["other", "at", "ahead", "low", "high"])


def table_of(effects: Sequence[Effect]) -> pd.DataFrame:
    """Return the levels of all effects in one table, with factor, tasks, contexts and seeds."""
    parts = [
        effect.levels.assign(
            factor=effect.factor, tasks=", ".join(effect.tasks), contexts=effect.contexts, seeds=effect.seeds
        )
        for effect in effects
    ]
    return pd.concat(parts, ignore_index=True)


# In words


def sentences(effects: Sequence[Effect]) -> list[str]:
    """Return a sentence for each main effect: what scores highest, how far ahead of the next and of the lowest."""
    return [_sentence(effect, effect.tasks != effects[0].tasks) for effect in effects]


def _sentence(effect: Effect, apart: bool) -> str:
    best, *others = effect.levels.sort_values("score", ascending=False, kind="stable").to_dict("records")
    of = "objective" if effect.factor == OBJECTIVE else effect.factor
    over = f"{counted(len(effect.tasks), 'task')}, " if len(effect.tasks) > 1 else ""
    where = f" on {listed(effect.tasks)} alone" if apart else f" ({over}n = {counted(effect.seeds, 'seed')})"
    ahead = [_ahead(others[0], effect.seeds)]
    ahead += [_ahead(others[-1], effect.seeds, ", the lowest")] if len(others) > 1 else []
    highest = score(best["score"], best["low"], best["high"])
    sentence = f"Main effect of {of}{where}: {best['level']} scores highest, {highest}, {' and '.join(ahead)}."
    return sentence + _depends(effect)


def _depends(effect: Effect) -> str:
    """Return with which other factors the lead of the best changes, where intervals at two levels do not overlap."""
    ends = effect.levels.sort_values("score", ascending=False, kind="stable")["level"]
    sentence = ""
    for other, part in effect.within.groupby("other", sort=False):
        if part["low"].max() > part["high"].min():
            each = [
                f"{interval(row['ahead'], row['low'], row['high'])} at {row['at']}" for row in part.to_dict("records")
            ]
            sentence += f" It depends on {other}: {ends.iloc[0]} less {ends.iloc[-1]} is {listed(each)}."
    return sentence


def _ahead(row: Record, seeds: int, place: str = "") -> str:
    gap = interval(row["ahead"], row["ahead_low"], row["ahead_high"])
    sure = "no interval" if seeds == 1 else "significant" if row["ahead_low"] > 0 else "not significant"
    return f"{gap} ahead of {row['level']}{place} ({sure})"


# In figures


def section(effects: list[Effect]) -> Section:
    """Return a panel for every main effect."""
    return panels.collect("effects", effects[: panels.MOST], _levels, len(effects), "factors")


def _levels(effect: Effect) -> Drawn:
    """A row a level, in the order of the suite: its mean and interval, its seeds, and of several tasks each."""
    row = {level: place for place, level in enumerate(effect.levels["level"])}
    figure, ax = drawing.blank(SIZE[0], 1.3 + 0.42 * len(row) + 0.22 * (len(effect.tasks) > 1))
    rows = effect.levels["level"].map(row)
    ax.hlines(rows, effect.levels["low"], effect.levels["high"], color=INK, linewidth=1.8, zorder=3)
    ax.plot(effect.levels["score"], rows, "o", color=INK, markersize=7, zorder=4)
    seeds = effect.by_seed
    ax.plot(seeds["score"], seeds["level"].map(row) - 0.22, ".", color=GREY, markersize=5, zorder=2)
    if len(effect.tasks) > 1:
        for marker, (task, part) in zip(cycle(MARKERS), effect.by_task.groupby("task", sort=False), strict=False):
            places = part["level"].map(row) + 0.22
            ax.plot(part["score"], places, marker, color="white", markeredgecolor=INK, markersize=6, label=str(task))
        drawing.legend_below(ax, 2, handletextpad=0.2)
    drawing.name_rows(ax, rows, effect.levels["level"], 0.6)
    drawing.gridlines(ax, "x")
    name = LABELS.get(effect.factor, effect.factor)
    over = counted(len(effect.tasks), "task") if len(effect.tasks) > 1 else effect.tasks[0]
    ax.set_xlabel("score, mean over tasks" if len(effect.tasks) > 1 else "score")
    ax.set_title(f"{name}, on {over}")
    return figure, f"{effect.factor} on {over}", f"Mean score at each level of {effect.factor}, on {over}"
