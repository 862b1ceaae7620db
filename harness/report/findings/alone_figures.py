"""Figures of critics that are trained alone: what they estimate, beside distances that are solved."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.report.figures import drawing, panels
from harness.report.figures.drawing import GREY, INK
from harness.report.figures.panels import Drawn, Section
from harness.report.findings.alone import CriticAlone
from harness.text import number

SIZE = (6.4, 4.2)  # inches
ESTIMATE, JS, TV, KL = "#0072B2", "#D55E00", "#009E73", "#CC79A7"  # told apart with any of the usual colour vision
TOP = 1.06  # of an axis from 0 to its largest finite value, where infinite ones are marked


def section(critics: list[CriticAlone]) -> Section:
    """Return a panel for every objective, architecture and setting: against the swept number, or else against W1."""
    return panels.collect("alone", critics[: panels.MOST], _estimates, len(critics), "critics")


def _estimates(one: CriticAlone) -> Drawn | None:
    if len(one.rows) < 2:  # the table says it all
        return None
    figure, ax = drawing.blank(*SIZE)
    x = one.axis or "w1"
    rows, runs = one.rows.sort_values(x, kind="stable"), one.runs
    slope = number(one.kappa.mean)
    ax.plot(rows[x], rows["w1"], color=INK, linewidth=1.6, label="exact W1")
    ax.plot(rows[x], one.kappa.mean * rows["w1"], color=ESTIMATE, linewidth=1.2, label=f"{slope} W1 (kappa W1)")
    ax.plot(
        runs[x],
        runs["dual"],
        "o",
        color=ESTIMATE,
        alpha=0.45,
        markersize=5,
        markeredgewidth=0,
        label="critic's estimate, seeds",
    )
    if rows["js"].notna().all():
        ax.plot(rows[x], rows["tv"], "s", color=TV, markersize=4, label="TV")
        ax.plot(rows[x], rows["js"], "D", color=JS, markersize=4, label="JS (nats)")
        _kl(ax, rows, x, float(runs["dual"].max()))
    drawing.gridlines(ax, "y")
    drawing.legend_below(ax, 3)
    ax.set_xlabel(one.axis or "exact W1 (data units)")
    ax.set_ylabel("distance between the two distributions")
    ax.set_title(f"{one.name}: the critic alone")
    what = f"Estimate of the critic of {one.name}, exact W1, TV, JS and KL against {one.axis or 'W1'}"
    return figure, one.name, what


def _kl(ax: Axes, rows: pd.DataFrame, x: str, highest: float) -> None:
    """Mark KL at the top where it is infinite, and at its value elsewhere."""
    infinite = np.isinf(rows["kl"].to_numpy(np.float64))
    finite = rows[["w1", "tv", "js"]].to_numpy(np.float64)
    top = TOP * max(float(np.nanmax(finite)), math.log(2), highest)
    ax.plot(
        rows[x], rows["kl"].where(~infinite, top), "^", color=KL, markersize=5, label="KL (nats; at the top: infinite)"
    )
    ax.axhline(top, color=GREY, linewidth=0.6, linestyle=(0, (1, 3)), zorder=1)
