"""Figures of a factorial: shares of variance, and the means of its largest interaction."""

import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from harness.metrics import label
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import GREY
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.style import INK
from harness.report.findings.factorial import Factorial
from harness.report.styles import MARKERS, PALETTE
from harness.text import percent

ALONE, TOTAL = PALETTE[0], "#9CC7E2"
SHOWN = 8  # interactions of two factors


def section(outcome: Factorial) -> Section:
    """Return the page's figures: shares of variance, and the means of the largest interaction."""
    draw = [_shares, *([_means] if len(outcome.means) else [])]
    return panels.collect("factorial", draw, lambda item: item(outcome), len(draw), "figures")


def _shares(outcome: Factorial) -> Drawn:
    """A factor's share by itself on that with its interactions; below them interactions, and the seed."""
    factors, rest = outcome.of_factors(), outcome.of_rest()
    shares = pd.concat([factors, outcome.of_clear_pairs()[:SHOWN], rest], ignore_index=True)
    rows, n = np.arange(len(shares), dtype=np.float64), len(factors)
    figure, ax = drawing.blank(5.4, 1.7 + 0.34 * len(shares))
    ax.barh([], [], color=ALONE, label="by itself")
    ax.barh(rows[:n] + 0.2, shares["total"][:n], height=0.36, color=TOTAL, label="with its interactions")
    lift = np.where(rows < n, -0.2, 0.0)
    colours = [GREY if source in set(rest["source"]) else ALONE for source in shares["source"]]
    ax.barh(rows + lift, shares["share"], height=0.36, color=colours)
    for value, places in (("", rows + lift), ("total_", rows + 0.2)):
        known = shares[f"{value}low"].notna().to_numpy()
        ax.hlines(places[known], shares[f"{value}low"][known], shares[f"{value}high"][known], color=INK, linewidth=1.4)
    ends = shares[["share", "high"]].max(axis=1)
    for at, end, share in zip(rows + lift, ends, shares["share"], strict=True):
        ax.annotate(percent(share), (end, at), (4, 0), textcoords="offset points", va="center", fontsize=8)
    for at, row in zip(rows[:n] + 0.2, factors.to_dict("records"), strict=True):
        end = np.nanmax([row["total"], row["total_high"], 0.0])
        ax.annotate(percent(row["total"]), (end, at), (4, 0), textcoords="offset points", va="center", fontsize=8)
    spans = shares.drop(columns=["source", "df"]).to_numpy(np.float64)
    ax.set_xlim(min(0.0, float(np.nanmin(spans))) - 0.005, 1.15 * float(np.nanmax(spans)))
    drawing.zero_line(ax, "x")
    drawing.name_rows(ax, pd.Series(rows), shares["source"], 0.6)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xlabel(f"share of the variance of {outcome.metric}")
    drawing.legend_below(ax, 2)
    return (
        figure,
        "shares of variance",
        f"Share of the variance of {outcome.metric} by factor, alone and with interactions",
    )


def _means(outcome: Factorial) -> Drawn:
    """The mean at every level of one factor, a line a level of the other."""
    first, second = map(str, outcome.means.columns[:2])
    levels, lines = outcome.factors[second], outcome.factors[first]
    figure, ax = drawing.blank(5.0, 3.6)
    for i, level in enumerate(lines):
        own = outcome.means[outcome.means[first] == level]
        x = np.arange(len(levels)) + 0.06 * (i - (len(lines) - 1) / 2)
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        ax.vlines(x, own["low"], own["high"], color=colour, linewidth=1.6)
        ax.plot(x, own["mean"], color=colour, marker=marker, label=f"{first}={level}", linewidth=1.2)
    ax.set_xticks(range(len(levels)), levels)
    ax.set_xlim(-0.3, len(levels) - 0.7)
    ax.set_xlabel(second)
    ax.set_ylabel(f"mean {label(outcome.metric)}")
    ax.set_title(f"The largest interaction: {first} and {second}")
    drawing.gridlines(ax, "y")
    drawing.legend_below(ax, 2)
    return (
        figure,
        f"{first} and {second}",
        f"Mean {outcome.metric} at every level of {first} and {second}, with 95 % intervals",
    )
