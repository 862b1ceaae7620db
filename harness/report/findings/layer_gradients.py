"""How the gradient changes on its way through a deep critic, from the layer next to the output to the input.

Gulrajani et al. 2017, section 3.2 and figure 1b: its norm in successive layers of activations.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from harness.report.analysis.cell_table import swept_columns, values_of
from harness.report.figures import drawing, panels
from harness.report.figures.panels import Drawn, Section
from harness.report.findings.finding import Finding, Runs
from harness.report.findings.main_effects import TRAINING
from harness.report.styles import styles
from harness.report.text.table_rows import Record, Row, by_value, share
from harness.statistics.intervals import t_interval
from harness.statistics.trials import wilson
from harness.text import NOTHING, counted, listed, number, percent

PREFIXES = ("activation_grad", "critic_grad")  # columns by layer: of gradients in activations, and in weights
KEYS = ["task", "objective", "setting"]
DEEP = 8  # layers from which a critic's are shown
SIZE = (4.7, 4.1)  # inches
TITLES = dict(zip(PREFIXES, ("gradient in activations", "gradient in weights"), strict=True))


@dataclass(frozen=True)
class LayerGradients:
    """The gradient norms of deep critics at their last step.

    cells  a row a task, objective and setting: `layers`, `runs` that finished, `zeros` of whose gradients are exactly 0
           in the samples, a zero_share with Wilson's interval (zero_low, zero_high); over the others `factor`, the
           geometric mean of the norm in the samples divided by that in what enters the last layer, with low and high
           (Student's t of its logarithm over seeds), and `per_layer`, its root
    norms  a row a cell, seed, layer and `kind`, of PREFIXES: norm
    """

    cells: pd.DataFrame
    norms: pd.DataFrame


def find(runs: Runs) -> Finding | None:
    """Return the gradients by layer of deep critics; None where there are none."""
    gradients = None if runs.is_study else layer_gradients(runs.table, runs.data_axes)
    if gradients is None:
        return None
    return Finding(
        values=rows(gradients),
        draw=lambda: {"layers": section(gradients)},
        frames={"layer-gradients.csv": gradients.cells, "layer-norms.csv": gradients.norms},
        paragraphs=[paragraph(gradients)],
        opens=True,
    )


def layer_gradients(table: pd.DataFrame, data_axes: Collection[str] = ()) -> LayerGradients | None:
    """Return the gradients by layer of a labelled table's finished runs.

    None where no critic has DEEP layers, or nothing is swept but settings of training and of data: those that shape a
    gradient are of objectives and networks.
    """
    swept = {name.removeprefix("sweep.") for name in swept_columns(table, data_axes)}
    norms = pd.concat([_long(table[table["status"] == "ok"], kind) for kind in PREFIXES])
    flow = norms[norms["kind"] == PREFIXES[0]]
    deep = flow.groupby(KEYS)["layer"].transform("max") >= DEEP
    if not deep.any() or not swept - TRAINING:
        return None
    rows = [
        {**dict(zip(KEYS, key, strict=True)), **_cell(part.pivot(index="seed", columns="layer", values="norm"))}
        for key, part in flow[deep].groupby(KEYS, sort=False)
    ]
    cells = pd.DataFrame(rows)
    return LayerGradients(cells, norms.merge(cells[KEYS]).reset_index(drop=True))


def _long(runs: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return a row a run and layer; runs of networks with fewer layers have fewer."""
    parts, layer = [], 1
    while (name := f"{kind}[{layer}]") in runs:
        part = runs[[*KEYS, "seed"]].assign(kind=kind, layer=layer, norm=values_of(runs, name))
        parts.append(part[np.isfinite(part["norm"])])
        layer += 1
    return pd.concat(parts) if parts else pd.DataFrame(columns=[*KEYS, "seed", "kind", "layer", "norm"])


def _cell(norms: pd.DataFrame) -> dict[str, float]:
    """Return the numbers of one cell, of its norms by seed and layer."""
    layers, runs = norms.shape[1], len(norms)
    first, last = (norms[k].to_numpy(np.float64) for k in (1, layers))
    zeros = int((first == 0).sum())
    zero_low, zero_high = wilson(zeros, runs)
    alive = (first > 0) & (last > 0)
    factor, low, high = geometric(first[alive] / last[alive])
    return {
        "layers": layers, "runs": runs, "zeros": zeros, "zero_share": zeros / runs, "zero_low": zero_low,
        "zero_high": zero_high, "factor": factor, "low": low, "high": high,
        "per_layer": factor ** (1 / (layers - 1)),
    }  # fmt: skip


def geometric(ratios: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the geometric mean of positive ratios [n] and the bounds that Student's t gives its logarithm."""
    if not len(ratios):
        return math.nan, math.nan, math.nan
    log = t_interval(np.log(ratios))
    mean, low, high = np.exp([log.mean, log.low, log.high]).tolist()
    return mean, low, high


# In words


def paragraph(gradients: LayerGradients) -> str:
    """Return by which factor the gradient grows or shrinks in each cell, and how often it is exactly 0."""
    tasks = [str(task) for task in gradients.cells["task"].unique()]
    return " ".join(_of_task(gradients.cells[gradients.cells["task"] == task], len(tasks) > 1) for task in tasks)


def _of_task(cells: pd.DataFrame, apart: bool) -> str:
    rows: list[Record] = [*cells.to_dict("records")]
    where = f" on {rows[0]['task']}" if apart else ""
    depths = cells["layers"].unique()
    depth = f" of {depths[0]} layers" if len(depths) == 1 else ""
    changes = listed([f"{_change(row)} with {named(row)}" for row in rows])
    return (
        f"From the output to the input of a critic{depth}{where}, the norm of the loss's gradient in activations "
        f"{changes} (last step{_intervals(rows)}). {_zeros(rows)}"
    )


def named(row: Record) -> str:
    """Return "wgan-clip (clip=0.1)"."""
    return f"{row['objective']} ({row['setting']})" if row["setting"] else str(row["objective"])


def _intervals(rows: list[Record]) -> str:
    return "; geometric means and 95 % confidence intervals over seeds" if any(row["low"] > 0 for row in rows) else ""


def _change(row: Record) -> str:
    """Return "grows by a factor of 30 [20, 45]"; where the interval holds 1, what it is multiplied by."""
    factor, low, high = row["factor"], row["low"], row["high"]
    if math.isnan(factor):
        return "vanishes"
    if low <= 1 <= high:
        return f"does not change significantly (factor {_factor(factor, low, high)})"
    if factor > 1:
        return f"grows by a factor of {_factor(factor, low, high)}"
    return f"shrinks by a factor of {_factor(1 / factor, 1 / high, 1 / low)}"


def _factor(mean: float, low: float, high: float) -> str:
    """Return a factor with two digits and its bounds: they may lie decades apart."""
    if math.isnan(mean):
        return NOTHING
    texts = [number(float(f"{x:.2g}")) if x >= 100 else f"{x:.2g}" for x in (mean, low, high)]
    return texts[0] if math.isnan(low) else f"{texts[0]} [{texts[1]}, {texts[2]}]"


def _zeros(rows: list[Record]) -> str:
    """Return in how many runs the gradient is exactly 0, cell by cell where they differ."""
    counts = {(row["zeros"], row["runs"]) for row in rows}
    if len(counts) == 1:
        return f"It is exactly 0 in the samples in {_share(rows[0])} of each."
    return f"It is exactly 0 in the samples in {listed([f'{_share(row)} of {named(row)}' for row in rows])}."


def _share(row: Record) -> str:
    bounds = f"[{percent(row['zero_low'])}, {percent(row['zero_high'])}]"
    return f"{row['zeros']} of {counted(row['runs'], 'run')} ({percent(row['zero_share'])} {bounds})"


def rows(gradients: LayerGradients) -> list[Row]:
    """Return the rows of the page's table."""
    return [
        {
            "task": row["task"], "objective": row["objective"], "setting": row["setting"],
            "factor": by_value(_factor(row["factor"], row["low"], row["high"]), row["factor"]),
            "per_layer": by_value(number(row["per_layer"]), row["per_layer"]),
            "zeros": share(row["zeros"], row["runs"]),
            "bounds": f"{percent(row['zero_low'])} to {percent(row['zero_high'])}",
        }
        for row in gradients.cells.to_dict("records")
    ]  # fmt: skip


# In figures


def section(gradients: LayerGradients) -> Section:
    """Return a panel for every task and kind of gradient, that in activations first."""
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
