"""How the gradient changes on its way through a deep critic, from the layer next to the output to the input.

Gulrajani et al. 2017, section 3.2 and figure 1b: its norm in successive layers of activations.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.report.analysis.cell_table import swept_columns, values_of
from harness.report.analysis.main_effects import TRAINING
from harness.statistics.intervals import t_interval
from harness.statistics.trials import wilson

PREFIXES = ("activation_grad", "critic_grad")  # columns by layer: of gradients in activations, and in weights
DEEP = 8  # layers from which a critic's are shown


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


KEYS = ["task", "objective", "setting"]


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
