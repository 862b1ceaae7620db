"""The gradient on its way through deep critics, in words and as rows of a table."""

import math

import pandas as pd

from harness.report.analysis.diagnostics.layer_gradients import LayerGradients
from harness.report.text.table_rows import Record, Row, by_value, share
from harness.text import NOTHING, counted, listed, number, percent


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
