"""Rows of the page's tables: what each cell says, and the number it is sorted by."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from harness.report.analysis import cell_table, ranking
from harness.report.analysis.ranking import TaskResult
from harness.report.text import answer
from harness.text import NOTHING, interval, number

# Shown beside the primary metric, of whatever extractor and number.
BESIDE = ("hq", "modes", "kid", "vendi", "authpct", "class_kl", "train_s")


Row = dict[str, Any]  # of a table of the page, or another part of it, by the names that the template has
Record = Mapping[Any, Any]  # a row of a DataFrame


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


def answers(results: list[TaskResult]) -> list[Row]:
    """Return the rows of the table of tasks, where there is more than one."""
    rows = ranking.by_task(results).to_dict("records") if len(results) > 1 else []
    return [
        {
            **{name: row[name] for name in ("task", "first", "metric", "verdict")},
            "mean": _between(row, "mean", "low", "high") if row["n_ok"] == row["n_planned"]
            else by_value(f"median {number(row['median'])}", row["median"]),
            "n": share(row["n_ok"], row["n_planned"]), "runner_up": row["runner_up"] or NOTHING,
            "gap": _between(row, "runner_up_worse_by", "gap_low", "gap_high"),
        }
        for row in rows
    ]  # fmt: skip


def removals(rows: pd.DataFrame, best: str) -> list[Row]:
    """Return the rows of the headline without each part of the suite; `turned` where another than the best is first."""
    return [
        {
            **{name: row[name] for name in ("part", "left_out", "tasks", "first", "second")},
            "turned": row["first"] != best, "score": _between(row, "score", "low", "high"),
            "ahead": _between(row, "ahead", "ahead_low", "ahead_high"),
        }
        for row in rows.to_dict("records")
    ]  # fmt: skip


def nulls(rows: pd.DataFrame) -> Row:
    """Return the null samplers of every task, and the tasks that have no score."""
    texts = rows.assign(**{name: rows[name].map(number) for name in ("excess", "score", "quality", "coverage")})
    undefined = list(rows.loc[rows["score"].isna(), "task"].unique())
    return {"rows": texts.drop(columns="sampler").to_dict("records"), "tasks_without_score": undefined}


def cells(table: pd.DataFrame) -> list[Row]:
    """Return the cells' table: one entry a task with its rows, best first and marked."""
    metrics = beside(table)
    tasks = []
    for task, part in table.groupby("task", sort=False) if len(table) else ():
        rows = [
            {
                "best": row["rank"] == 1 and row["n_ok"] > 0 and len(part) > 1,
                "objective": row["objective"], "setting": row["setting"], "pending": row["n_pending"],
                "n": share(row["n_ok"], row["n_planned"]),
                "lost": answer.statuses({status: row[f"n_{status}"] for status in cell_table.FAILURES}),
                "median": by_value(number(row["median"]), row["median"]),
                "mean": _between(row, "mean", "low", "high") if row["n_planned"] > 1 else by_value(NOTHING, math.nan),
                "quartiles": _range(row["q1"], row["q3"]),
                "extremes": _range(row["min"], row["max"]),
                "beside": [_beside(row, columns) for columns, _ in metrics],
            }
            for row in part.to_dict("records")
        ]  # fmt: skip
        tasks.append({"task": task, "metric": part["metric"].iloc[0], "rows": rows})
    return tasks


def beside(cells: pd.DataFrame) -> list[tuple[list[str], str]]:
    """Return (columns, heading) of the metrics shown beside the primary one: of a row the first column with a value."""
    there = [name for name in cells.columns if cells[name].notna().any()]
    by_heading = [
        (heading, [c for c in there if c == heading or cell_table.beside_of(c) == heading]) for heading in BESIDE
    ]
    return [(columns, columns[0] if columns == ["modes@2500"] else head) for head, columns in by_heading if columns]


def _between(row: Record, mean: str, low: str, high: str) -> Shown:
    return by_value(interval(row[mean], row[low], row[high]), row[mean])


def _beside(row: Record, columns: Iterable[str]) -> Shown:
    value = next((row[name] for name in columns if not math.isnan(row[name])), math.nan)
    percent = list(columns) == ["hq"] and not math.isnan(value)
    return by_value(f"{100 * value:.1f} %" if percent else number(value), value)


def _range(low: float, high: float) -> Shown:
    text = NOTHING if math.isnan(low) else f"{number(low, high - low)} to {number(high, high - low)}"
    return by_value(text, low)
