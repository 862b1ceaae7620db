"""The statistics over tasks (`across_tasks`) as sentences and rows of text."""

import math

import pandas as pd

from harness.report.analysis.across_tasks import CONFOUNDED, HIGHER, SEED, Across
from harness.report.text.table_rows import Record, Row, Shown, by_value
from harness.statistics import intervals
from harness.statistics.aggregates import COVERAGE
from harness.statistics.paired import effect_seen
from harness.statistics.power import smallest_p, tasks_needed
from harness.text import counted, interval, listed, number, p_value, percent, score, significance


def across_values(across: Across) -> Row:
    """Return what the page shows: sentences, and rows of text."""
    return {
        "pairs": [_pair(across, row) for row in across.pairs.to_dict("records")],
        "objectives": [
            {"objective": row["objective"], "rank": f"{row['mean_rank']:.2f}", "iqm": _bounded(row, "iqm")}
            for row in across.objectives.to_dict("records")
        ],
        "tests": pairs_text(across),
        "variance": variance(across.shares),
        "overlap": CONFOUNDED,
        "tasks": counted(across.tasks, "task"),
        "alone": across.seeds == 1,
        "coverage": _coverage(across.seeds),
    }


def _coverage(seeds: int) -> Row | None:
    """Return how often bootstrap intervals held what they should, at the nearest measured n below."""
    measured = intervals.measured_at(COVERAGE, seeds)
    if measured is None:
        return None
    return {"n": measured[0]} | {noise: listed(list(map(percent, shares))) for noise, shares in measured[1].items()}


def pairs_text(across: Across) -> str:
    """Return how many pairs differ significantly, or how many tasks it takes before any can."""
    n, n_significant = len(across.pairs), int(across.pairs["told_apart"].sum())
    if across.groups is None:
        least = number(min(1.0, n * smallest_p(across.tasks)))
        return (
            f"{counted(across.tasks, 'task')} are too few for a test of {counted(n, 'pair')}: the smallest p after "
            f"Holm correction is {least}. {tasks_needed(n)} tasks are needed; more seeds do not help."
        )
    rest = significance(False, across.tasks, "task", effect_seen(across.tasks))
    others = f"; the others are {rest}" if n_significant < n else ""
    return f"{n_significant} of {counted(n, 'pair')} differ significantly after Holm correction{others}."


def variance(shares: pd.DataFrame) -> str:
    """Return the share of every factor, the largest first, alone and with its interactions, and of the seed; "" where
    nothing varies.
    """
    alone = ~shares["source"].isin((HIGHER, SEED, CONFOUNDED)) & ~shares["source"].str.contains(" x ")
    factors = shares[alone].sort_values("share", ascending=False, kind="stable").to_dict("records")
    rest = shares[shares["source"].isin((SEED, CONFOUNDED))].to_dict("records")
    parts = [f"{row['source']} {_share(row)}" for row in factors]
    parts += [f"{row['source']} {percent(row['share'])}" for row in rest]
    return "; ".join(parts) if factors else ""


def _share(row: Record) -> str:
    """Return "4.0 % [2.1, 6.0] alone, 13 % [10.2, 16.0] with interactions"."""
    text = f"{_with_bounds(row, 'share', 'low', 'high')} alone"
    if math.isnan(row["total"]):  # no two cells differ in it alone
        return text
    return f"{text}, {_with_bounds(row, 'total', 'total_low', 'total_high')} with interactions"


def _with_bounds(row: Record, value: str, low: str, high: str) -> str:
    bounds = "" if math.isnan(row[low]) else f" [{100 * row[low]:.1f}, {100 * row[high]:.1f}]"
    return f"{percent(row[value])}{bounds}"


def _pair(across: Across, row: Record) -> Row:
    text = f"{row['higher']} higher" if row["told_apart"] else "not significant"
    if row["told_apart"] and (row["difference"] < 0) != (row["higher"] == row["second"]):
        text = f"{row['higher']} higher in more tasks, lower on average"
    return {
        "pair": f"{row['first']} - {row['second']}",
        "difference": by_value(interval(row["difference"], row["low"], row["high"]), row["difference"]),
        "improvement": _bounded(row, "improvement"),
        "p": by_value(p_value(row["p"]), row["p"]),
        "p_holm": by_value(p_value(row["p_holm"]), row["p_holm"]),
        "significant": row["told_apart"],
        "verdict": "too few tasks" if across.groups is None else text,
    }


def _bounded(row: Record, name: str) -> Shown:
    return by_value(score(row[name], row[f"{name}_low"], row[f"{name}_high"]), row[name])
