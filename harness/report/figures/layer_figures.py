"""Figures of the gradient on its way through deep critics."""

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullLocator

from harness.report.analysis.diagnostics.layer_gradients import KEYS, PREFIXES, LayerGradients
from harness.report.figures import drawing, panels
from harness.report.figures.panels import Drawn, Section
from harness.report.styles import styles

SIZE = (4.7, 4.1)  # inches
TITLES = dict(zip(PREFIXES, ("gradient in activations", "gradient in weights"), strict=True))


def section(gradients: LayerGradients | None) -> Section:
    """Return a panel for every task and kind of gradient, that in activations first."""
    if gradients is None:
        return Section((), ())
    parts = [part for _, part in gradients.norms.groupby(["task", "kind"], sort=False)]
    parts.sort(key=lambda part: PREFIXES.index(part["kind"].iloc[0]))
    return panels.collect("layers", parts[: panels.MOST], _panel, len(parts), "figures")


def _panel(norms: pd.DataFrame) -> Drawn:
    """A thick line a cell, the geometric mean of its seeds, and thin ones, those; the output on the left."""
    figure, ax = drawing.blank(*SIZE)
    names = {key: " ".join(filter(None, key[1:])) for key in norms[KEYS].drop_duplicates().itertuples(index=False)}
    looks = styles(names.values())
    positive = norms[norms["norm"] > 0]  # a logarithmic axis has no zero
    for key, name in names.items():
        cell = positive[(positive[KEYS] == list(key)).all(axis=1)]
        by_seed, look = cell.pivot(index="layer", columns="seed", values="norm"), looks[name]
        ax.plot(by_seed.index, by_seed, color=look.colour, linewidth=0.8, alpha=0.4)
        ax.plot(
            by_seed.index, np.exp(np.log(by_seed).mean(axis=1)), color=look.colour, linestyle=look.dash, linewidth=1.8,
            marker=look.marker, markersize=4.5, label=name, zorder=3,
        )  # fmt: skip
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(numticks=9))
    ax.yaxis.set_minor_locator(NullLocator())
    depth = int(norms["layer"].max())
    ax.set_xticks(range(1, depth + 1, max(1, (depth - 1) // 4)))
    ax.invert_xaxis()
    drawing.gridlines(ax, "y")
    task, kind = norms["task"].iloc[0], norms["kind"].iloc[0]
    ax.set_xlabel("layer of the critic (1: next to the input)")
    ax.set_ylabel("gradient norm")
    ax.set_title(f"{TITLES[kind]}, {task}")
    drawing.legend_below(ax, 2, handlelength=3)
    return figure, f"{kind} {task}", f"{TITLES[kind]} by layer of the critic on {task}, a line a setting, logarithmic"
