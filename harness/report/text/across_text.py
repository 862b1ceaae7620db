"""What is said and drawn of the statistics over tasks: `across_tasks` in words, tables and pictures."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.report.analysis.across_tasks import CONFOUNDED, HIGHER, SEED, Across, across, frames
from harness.report.analysis.tables import View
from harness.report.figures import across_drawing, drawing, panels
from harness.report.figures.panels import Drawn, Section
from harness.report.text.table_rows import by_value
from harness.statistics import intervals
from harness.statistics.aggregates import COVERAGE
from harness.statistics.paired import effect_seen
from harness.statistics.power import smallest_p, tasks_needed
from harness.text import counted, interval, listed, number, p_value, percent, score, seen


@dataclass(frozen=True)
class Part:
    """What the page has of it: text for the template (None where there is no such part), pictures, CSV files."""

    shown: dict[str, Any] | None
    section: Section
    frames: dict[str, pd.DataFrame]


def across_part(view: View) -> Part:
    """Return the part of a report over its tasks; an empty one where there is no headline to test."""
    if view.headline is None:
        return Part(None, Section((), ()), {})
    found = across(view.headline, view.compared)
    return Part(shown(found), section(view, found), frames(found))


def shown(found: Across) -> dict[str, Any]:
    """Return what the page shows: sentences, and rows of text."""
    objectives = [
        {
            "objective": row["objective"],
            "rank": f"{row['mean_rank']:.2f}",
            "iqm": by_value(_bounded(row, "iqm"), row["iqm"]),
        }
        for row in found.objectives.to_dict("records")
    ]
    return {
        "pairs": [_pair(found, row) for row in found.pairs.to_dict("records")],
        "objectives": objectives,
        "tests": verdict(found),
        "groups": _no_groups(found),
        "spread": spread(found.shares),
        "tasks": counted(found.tasks, "task"),
        "alone": found.seeds == 1,
        "coverage": _coverage(found.seeds),
    }


def _coverage(seeds: int) -> dict[str, Any] | None:
    """Return how often bootstrap intervals held what they should, at the nearest measured n below."""
    measured = intervals.measured_at(COVERAGE, seeds)
    if measured is None:
        return None
    return {"n": measured[0]} | {noise: listed(list(map(percent, shares))) for noise, shares in measured[1].items()}


def verdict(found: Across) -> str:
    """Return in how many pairs a difference was found; of the others which effect would have been seen."""
    n, told = len(found.pairs), int(found.pairs["told_apart"].sum())
    if not _reachable(found):
        return (
            f"With {counted(found.tasks, 'task')} and {counted(n, 'pair')} no p after correction can be below "
            f"{number(min(1.0, n * smallest_p(found.tasks)))}, whatever the runs show: no difference can be found. "
            f"{tasks_needed(n)} tasks would do; more seeds would not."
        )
    shows = f"({seen(found.tasks, 'task', effect_seen(found.tasks))})"
    if told in (0, n):
        where = "the only pair" if n == 1 else f"{'each' if told else 'any'} of the {n} pairs"
        return f"A difference was found in {where}." if told else f"No difference was found in {where} {shows}."
    return f"A difference was found in {told} of {n} pairs; in the others no difference was found {shows}."


def spread(shares: pd.DataFrame) -> str:
    """Return which factor explains the most variance, alone and with its interactions, what the others and the seed do;
    "" where none can be told.

    What is common to factors that were not crossed belongs to none of them: where it could turn the order, two are
    named and no first.
    """
    alone = ~shares["source"].isin((HIGHER, SEED, CONFOUNDED)) & ~shares["source"].str.contains(" x ")
    named = shares[alone].sort_values("share", ascending=False, kind="stable")
    if named.empty:
        return ""
    first, *others = named.to_dict("records")
    overlap = float(shares.loc[shares["source"] == CONFOUNDED, "share"].abs().sum())
    said = f"{first['source']} explains the most, {_alone_and_in_all(first)}"
    if others and first["share"] - others[0]["share"] < overlap:
        second = f"{others[0]['source']} {_alone_and_in_all(others.pop(0))}"
        said = f"{first['source']} explains {_alone_and_in_all(first)}, and {second}, beside {percent(overlap)} that "
        said += "factors share and that is not told apart"
    said += "".join(f"; {row['source']} {_alone_and_in_all(row)}" for row in others)
    seed, levels = shares[shares["source"] == SEED], " Shares depend on the levels that the suite offers."
    if seed.empty:
        return f"{said}; with one seed its part cannot be told from that of {HIGHER}.{levels}"
    return f"{said}; the seed {percent(seed['share'].iloc[0])}.{levels}"


def _alone_and_in_all(row: dict[Any, Any]) -> str:
    """Write "4.0 % alone [2.1, 6.0], 13 % with its interactions [10, 16]"; the bounds where there are some."""
    alone = f"{_with_bounds(row, 'share', 'low', 'high')} alone"
    if math.isnan(row["total"]):  # no two cells differ in it alone
        return alone
    return f"{alone}, {_with_bounds(row, 'total', 'total_low', 'total_high')} with its interactions"


def _with_bounds(row: dict[Any, Any], value: str, low: str, high: str) -> str:
    bounds = "" if math.isnan(row[low]) else f" [{100 * row[low]:.1f}, {100 * row[high]:.1f}]"
    return f"{percent(row[value])}{bounds}"


def section(view: View, found: Across) -> Section:
    """Return the pictures: performance profiles, mean places with who is not told apart, shares of variance."""
    draw: list[Callable[[], Drawn]] = [lambda: _profiles(view, found)]
    draw += [lambda: _ranks(view, found)] if found.groups is not None else []
    draw += [lambda: _shares(found)] if len(found.shares) else []
    return panels.collect("across", draw, lambda item: item(), len(draw), "pictures")


def _reachable(found: Across) -> bool:
    return found.groups is not None


def _no_groups(found: Across) -> str:
    """Say why there is no picture of critical differences; "" where there is one."""
    if _reachable(found):
        return ""
    n = len(found.pairs)
    return (
        f"There is no picture of critical differences: {counted(found.tasks, 'task')} cannot tell any of "
        f"{counted(n, 'pair')} apart, for 2^(1 - {found.tasks}) is above .05 / {n}."
    )


def _pair(found: Across, row: dict[Any, Any]) -> dict[str, Any]:
    said = f"{row['higher']} higher" if row["told_apart"] else "no difference found"
    if row["told_apart"] and (row["difference"] < 0) != (row["higher"] == row["second"]):
        other = row["first"] if row["higher"] == row["second"] else row["second"]
        said = f"{row['higher']} higher in more tasks, {other} in the mean"
    return {
        "pair": f"{row['first']} over {row['second']}",
        "difference": by_value(interval(row["difference"], row["low"], row["high"]), row["difference"]),
        "improvement": by_value(_bounded(row, "improvement"), row["improvement"]),
        "p": by_value(p_value(row["p"]), row["p"]),
        "p_holm": by_value(p_value(row["p_holm"]), row["p_holm"]),
        "told": row["told_apart"],
        "verdict": said if _reachable(found) else f"out of reach of {counted(found.tasks, 'task')}",
    }


def _bounded(row: dict[Any, Any], name: str) -> str:
    return score(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _profiles(view: View, found: Across) -> Drawn:
    names = found.objectives["objective"]
    columns = 3 if names.str.len().max() <= 14 else 2
    figure, ax = drawing.blank(5.0, 3.4 + 0.22 * -(-len(names) // columns))
    across_drawing.draw_profiles(ax, found.profiles, view.styled)
    figure.legend(loc="outside lower center", ncols=columns, handlelength=2.6, columnspacing=1.2)
    ax.set_title("Performance profiles")
    return (
        figure,
        "performance profiles",
        "Share of an objective's runs whose score is above each value, over all tasks",
    )


def _ranks(view: View, found: Across) -> Drawn:
    ranks = found.objectives.sort_values(["mean_rank", "objective"], ignore_index=True)
    ranks["row"] = range(len(ranks))
    row = dict(zip(ranks["objective"], ranks["row"], strict=True))
    bars = pd.DataFrame(
        [{"place": i, "top": row[group[0]], "bottom": row[group[-1]]} for i, group in enumerate(found.groups or ())],
        columns=["place", "top", "bottom"],
    )
    figure, ax = drawing.blank(5.0, 1.3 + 0.42 * len(ranks))
    across_drawing.draw_ranks(ax, ranks, bars, view.styled)
    ax.set_title(f"Mean place over {counted(found.tasks, 'task')}; a bar joins\nwhat the tests do not tell apart")
    return (
        figure,
        "mean places",
        "Mean place of every objective over the tasks; bars join those that are not told apart",
    )


def _shares(found: Across) -> Drawn:
    shares = found.shares.assign(
        text=found.shares["share"].map(percent), rest=found.shares["source"].isin((HIGHER, SEED, CONFOUNDED))
    )
    figure, ax = drawing.blank(5.0, 1.1 + 0.3 * len(shares))
    across_drawing.draw_shares(ax, shares)
    ax.set_title("What the scores of all runs differ by")
    return (
        figure,
        "shares of variance",
        "Share of the variance of scores that each factor, each two and the seed explain",
    )
