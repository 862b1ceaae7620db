"""Drawing of what the tasks say together: as in `drawing`, each function draws what it is given on an `ax`."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from harness.report.figures.drawing import GREY, INK
from harness.report.styles import Style


def draw_profiles(ax: Axes, profiles: pd.DataFrame, styled: Mapping[str, Style]) -> None:
    """Draw performance profiles: a line an objective, the share of its runs above each score, in a band of its bounds.

    `profiles`: objective, threshold, share, low, high.
    """
    for name, part in profiles.groupby("objective", sort=False):
        look = styled[str(name)]
        ax.plot(
            part["threshold"], part["share"], color=look.colour, linestyle=look.dash, linewidth=2.0, label=str(name)
        )
        if part["low"].notna().all():
            ax.fill_between(part["threshold"], part["low"], part["high"], color=look.colour, alpha=0.13, linewidth=0)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    ax.set_xlabel("score")
    ax.set_ylabel("runs above that score")
    ax.grid(color="#E6E6E6", linewidth=0.8)


def draw_ranks(ax: Axes, ranks: pd.DataFrame, bars: pd.DataFrame, styled: Mapping[str, Style]) -> None:
    """Draw mean places: a row an objective, best on top; an upright bar joins those that are not told apart.

    `ranks`: objective, row, mean_rank. `bars`: place, top, bottom (rows).
    """
    for row in ranks.to_dict("records"):
        look = styled[row["objective"]]
        ax.plot([1, row["mean_rank"]], [row["row"]] * 2, color="#DDDDDD", linewidth=1.2, zorder=1)
        ax.plot([row["mean_rank"]], [row["row"]], marker=look.marker, markersize=8, color=look.colour, zorder=3)
        ax.annotate(
            f"{row['mean_rank']:.1f}", (row["mean_rank"], row["row"]), (0, 7), textcoords="offset points", ha="center",
            fontsize=8.5,
        )  # fmt: skip
    n, apart = len(ranks), 0.05 * len(ranks)
    for bar in bars.to_dict("records"):
        x = n + apart * (1 + bar["place"])
        ax.plot([x, x], [bar["top"] - 0.2, bar["bottom"] + 0.2], color=INK, linewidth=4, solid_capstyle="butt")
    ax.set_xlim(1 - apart, n + apart * (1 + len(bars)))
    ax.set_ylim(n - 0.4, -0.75)
    ax.set_yticks(ranks["row"].tolist(), ranks["objective"].tolist())
    ax.tick_params(axis="y", length=0)
    ax.set_xticks(range(1, n + 1, -(-n // 8)))  # eight numbers at most
    ax.set_xlabel("mean place (1 is best)")


def draw_shares(ax: Axes, shares: pd.DataFrame) -> None:
    """Draw shares of variance: a bar a source, first on top, with its bounds and its number. `shares`: source, share,
    low, high, text.
    """
    rows = np.arange(len(shares))
    ax.barh(rows, shares["share"], height=0.62, color=[GREY if alone else "#0072B2" for alone in shares["rest"]])
    known = shares["low"].notna().to_numpy()
    ax.hlines(rows[known], shares["low"][known], shares["high"][known], color=INK, linewidth=1.6)
    ends = shares[["share", "high"]].max(axis=1)
    for row, end, text in zip(rows, ends, shares["text"], strict=True):
        ax.annotate(text, (end, row), (5, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_xlim(min(0.0, float(shares["share"].min())), 1.18 * float(ends.max()))
    ax.set_ylim(len(shares) - 0.4, -0.6)
    ax.set_yticks(rows.tolist(), shares["source"].tolist())
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xlabel("share of the variance of scores")
