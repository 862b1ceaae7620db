"""What a report says of its critics: a row an objective, and how their estimates go with the exact W1."""

import math

import pandas as pd

from harness.report.findings import critic_figures
from harness.report.findings.critics import COEFFICIENTS, POOLED, RATIO, Critics, critics
from harness.report.findings.finding import Finding, Runs
from harness.report.text.table_rows import Record, Row, Shown, by_value, share
from harness.text import NOTHING, SMALL, counted, interval, listed, number, plain, score

HEADINGS = {
    RATIO: "estimate / W1", "dual": "dual", "slope_max": "largest slope", "slope_mean": "mean slope",
    "direction": "direction", "js_bound": "JS bound",
}  # fmt: skip
COEFFICIENT_NAMES = {"pearson": "Pearson's r", "spearman": "Spearman's rho"}
ESTIMATE_NAMES = {"dual_over_slope": "Estimate", "js_bound": "JS bound"}


def find(runs: Runs) -> Finding | None:
    """Return what the critics know, beside generators that learn; None where no run says anything of its critic."""
    known = critics(runs.learners, runs.scored, runs.cells)
    if known is None:
        return None
    return Finding(critic_values(known), lambda: critic_figures.sections(runs, known), known.frames)


def critic_values(critics: Critics) -> Row:
    """Return what the page says of critics: headings, a row an objective, a sentence a scatter plot."""
    has_ratio = RATIO in critics.quantities
    names = [name for name in critics.quantities if name != "dual" or not has_ratio]
    inside = {row["objective"]: row for row in _of(critics, "dual_over_slope") if row["objective"] != POOLED}
    coefficients = [name for name in COEFFICIENTS if any(not math.isnan(row[name]) for row in inside.values())]
    objectives = critics.objectives.to_dict("records")
    rows = [
        {
            "objective": row["objective"],
            "n": share(row["n_ok"], row["n_planned"]),
            "cells": [
                *(_at_end(row, name) for name in names),
                *(_correlation(inside.get(row["objective"]), name) for name in coefficients),
            ],
        }
        for row in objectives
    ]
    return {
        "headings": [*(HEADINGS[name] for name in names), *(COEFFICIENT_NAMES[name] for name in coefficients)],
        "rows": rows,
        "defined": {name: name in names for name in HEADINGS} | {"correlation": bool(coefficients)},
        "medians": any(pd.notna(row[name]) and math.isnan(row[f"{name}_mean"]) for row in objectives for name in names),
        "bound": "dual_certified" in critics.steps,
        "inside": "" if (critics.points["group"] == POOLED).all() else "inside a task, ",
        "share": share_of_w1(critics.objectives) if has_ratio else "",
        "pooled": [pooled(row) for row in critics.correlations.to_dict("records") if row["objective"] == POOLED],
    }


def _of(critics: Critics, estimate: str) -> list[Record]:
    return [row for row in critics.correlations.to_dict("records") if row["estimate"] == estimate]


def _at_end(row: Record, name: str) -> Shown:
    """Return a mean with its interval, the median where runs are missing, or a dash."""
    value = row.get(name, math.nan)
    if math.isnan(value):
        return by_value(NOTHING, math.nan)
    mean = row[f"{name}_mean"]
    if math.isnan(mean):
        return by_value(f"median {number(value)}", value)
    ends = mean, row[f"{name}_low"], row[f"{name}_high"]
    if 0 < abs(mean) < SMALL and not math.isnan(ends[1]):  # slopes span many decades: 7.1e-5 [4.8e-5, 9.4e-5]
        return by_value("{} [{}, {}]".format(*(plain(float(f"{end:.1e}")) for end in ends)), mean)
    return by_value(interval(*ends), mean)


def _correlation(row: Record | None, name: str) -> Shown:
    if row is None or math.isnan(row[name]):
        return by_value(NOTHING, math.nan)
    return by_value(score(row[name], row[f"{name}_low"], row[f"{name}_high"]), row[name])


def share_of_w1(objectives: pd.DataFrame) -> str:
    """Return in a sentence how much of the exact W1 the estimates are at the last step: the highest, the lowest."""
    known = objectives[objectives[RATIO].notna()]
    known = known.assign(value=known[f"{RATIO}_mean"].fillna(known[RATIO])).sort_values("value", kind="stable")
    texts = [f"{_at_end(row, RATIO).text} with {row['objective']}" for row in known.to_dict("records")]
    if len(texts) > 1:
        texts = [f"{texts[0]} (lowest)", f"{texts[-1]} (highest)"]
    return f"At the last step the critic's estimate of W1, divided by the exact W1, is {listed(texts)}."


def pooled(row: Record) -> str:
    """Return in a sentence how an estimate and the exact W1 correlate over all points of a scatter plot."""
    n = f"{counted(row['n_points'], 'point')} of {counted(row['n_runs'], 'run')}"
    start, negative = ESTIMATE_NAMES[row["estimate"]], int(row["n_negative"])
    if math.isnan(row["pearson"]):
        return f"{start} and W1 have no correlation: too few points, or all of one value ({n})."
    texts = [f"{COEFFICIENT_NAMES[name]} {_correlation(row, name).text}" for name in COEFFICIENTS]
    below = f", of which {negative:,} {'is' if negative == 1 else 'are'} not positive" if negative else ""
    return f"{start} against W1: {', '.join(texts)}, over {n}{below}."
