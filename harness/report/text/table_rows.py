"""Rows of the page's tables: what each cell says, and the number it is sorted by."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from harness.report.analysis import cell_table, ranking
from harness.report.analysis.ranking import TaskResult
from harness.report.text import answer
from harness.text import NOTHING, interval, number

# Shown beside the primary metric, of whatever extractor and number.
BESIDE = ("hq", "modes", "kid", "class_kl", "train_s")


class Shown(NamedTuple):
    """A cell's text, and the number to sort by, as JavaScript reads it: "" where there is none."""

    text: str
    value: str


def by_value(text: str, value: float) -> Shown:
    """Return a cell that says `text` and is sorted by `value`."""
    if math.isnan(value):
        return Shown(text, "")
    return Shown(text, f"{value:.12g}" if math.isfinite(value) else f"{'-' if value < 0 else ''}Infinity")


def share(n: int, of: int) -> Shown:
    """Return "3/5", sorted by the share."""
    return by_value(f"{n}/{of}", n / of)


def answers(results: list[TaskResult]) -> list[dict[str, Any]]:
    """Return the rows of the table under the answer, where there is more than one task."""
    rows = ranking.by_task(results).to_dict("records") if len(results) > 1 else []
    return [
        {
            "task": row["task"], "first": row["first"], "metric": row["metric"],
            "mean": by_value(_mean(row), row["mean"]) if row["n_ok"] == row["n_planned"]
            else by_value(f"median {number(row['median'])}", row["median"]),
            "n": share(row["n_ok"], row["n_planned"]), "runner_up": row["runner_up"] or NOTHING,
            "gap": _between(row, "runner_up_worse_by", "gap_low", "gap_high"), "verdict": row["verdict"],
        }
        for row in rows
    ]  # fmt: skip


def removals(found: pd.DataFrame, best: str) -> list[dict[str, Any]]:
    """Return the rows of the headline without each part of the suite; `turned` where another than the best is first."""
    return [
        {
            "part": row["part"], "left_out": row["left_out"], "tasks": row["tasks"], "first": row["first"],
            "turned": row["first"] != best, "score": _between(row, "score", "low", "high"),
            "second": row["second"], "ahead": _between(row, "ahead", "ahead_low", "ahead_high"),
        }
        for row in found.to_dict("records")
    ]  # fmt: skip


def cells(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the cells' table: one entry a task with its rows, best first and marked."""
    metrics = beside(found)
    made = []
    for task, part in found.groupby("task", sort=False) if len(found) else ():
        rows = [
            {
                "best": row["rank"] == 1 and row["n_ok"] > 0 and len(part) > 1,
                "objective": row["objective"], "setting": row["setting"],
                "n": share(row["n_ok"], row["n_planned"]),
                "lost": answer.statuses({status: row[f"n_{status}"] for status in cell_table.FAILURES}),
                "pending": row["n_pending"],
                "median": by_value(number(row["median"]), row["median"]),
                "mean": _between(row, "mean", "low", "high") if row["n_planned"] > 1 else by_value(NOTHING, math.nan),
                "quartiles": by_value(_range(row["q1"], row["q3"]), row["q1"]),
                "extremes": by_value(_range(row["min"], row["max"]), row["min"]),
                "beside": [_beside(row, columns) for columns, _ in metrics],
            }
            for row in part.to_dict("records")
        ]  # fmt: skip
        made.append({"task": task, "metric": part["metric"].iloc[0], "rows": rows})
    return made


def beside(cells: pd.DataFrame) -> list[tuple[list[str], str]]:
    """Return (columns, heading) of the metrics shown beside the primary one: of a row the first column with a value."""
    there = [name for name in cells.columns if cells[name].notna().any()]
    found = [(heading, [c for c in there if c == heading or cell_table.beside_of(c) == heading]) for heading in BESIDE]
    return [(columns, columns[0] if columns == ["modes@2500"] else head) for head, columns in found if columns]


def _mean(row: dict[Any, Any]) -> str:
    return interval(row["mean"], row["low"], row["high"])


def _between(row: dict[Any, Any], mean: str, low: str, high: str) -> Shown:
    return by_value(interval(row[mean], row[low], row[high]), row[mean])


def _beside(row: dict[Any, Any], columns: Iterable[str]) -> Shown:
    value = next((row[name] for name in columns if not math.isnan(row[name])), math.nan)
    percent = list(columns) == ["hq"] and not math.isnan(value)
    return by_value(f"{100 * value:.1f} %" if percent else number(value), value)


def _range(low: float, high: float) -> str:
    return NOTHING if math.isnan(low) else f"{number(low, high - low)} to {number(high, high - low)}"
