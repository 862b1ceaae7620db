"""Null samplers beside the runs: their rows in a ranking, and quality and coverage beside every score.

All is read from the runs' own columns `null.<sampler>.<column>`, which have one value in a task; a table that was
scored before there were null samplers has none.
"""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pandas as pd

from harness.metrics.columns import MetricColumn
from harness.metrics.null_samplers import NULLS, POWER
from harness.text import NOTHING, counted, listed, number

KINDS = {"quality": ("hq", "precision"), "coverage": ("modes", "recall")}  # the first that a task has
WORDS = {"constant": "a constant", "gaussian": "a Gaussian fit", "untrained": "an untrained generator"}
FIRST_ZERO = "the best single point"  # what the score of such an earlier table is 0 for
COLUMNS = ["task", "sampler", "label", "is_zero", "excess", "score", "quality", "coverage"]


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """Return quality and coverage of every run at its last step, by the columns that its task has them in.

    Modes are a share of those that real data show.
    """
    made = pd.DataFrame(float("nan"), table.index, list(KINDS))
    for _, part in table.groupby("task", sort=False):
        for kind, column in _columns(part).items():
            unit = _value(part, "real", column) if MetricColumn.parse(column).name == "modes" else 1.0
            made.loc[part.index, kind] = pd.to_numeric(part[column], errors="coerce") / unit
    return made


def by_task(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a task and null sampler: its score, the excess that this is made of, quality and coverage.

    `is_zero` marks the sampler that the score of the task is 0 for. The score is empty where it is undefined.
    """
    rows: list[dict[str, Any]] = []
    for task, part in table.groupby("task", sort=False):
        columns, excess = _columns(part), next((name for name in POWER if _known(part, "real", name)), "")
        made: list[dict[str, Any]] = [
            {
                "task": str(task), "sampler": name, "label": null.label, "excess": _value(part, name, excess),
                "score": _value(part, name, "score"),
                **{kind: _value(part, name, column) for kind, column in columns.items()},
            }
            for name, null in NULLS.items()
            if _known(part, name, excess)
        ]  # fmt: skip
        zeros = [row["excess"] for row in made if NULLS[row["sampler"]].is_zero]
        rows += [row | {"is_zero": NULLS[row["sampler"]].is_zero and row["excess"] == min(zeros)} for row in made]
    found = pd.DataFrame(rows, columns=COLUMNS)
    is_modes = found["task"].map({str(task): _counts_modes(part) for task, part in table.groupby("task", sort=False)})
    real = found["task"].map(found[found["sampler"] == "real"].set_index("task")["coverage"])
    found["coverage"] = found["coverage"].where(~is_modes.astype(bool), found["coverage"] / real)
    return found


def over_tasks(rows: pd.DataFrame) -> pd.DataFrame:
    """Return of the rows `by_task` the mean over the tasks that have a score, a row a null sampler."""
    there = rows[rows.groupby("task")["score"].transform("count") > 0]
    means = there.groupby(["sampler", "label"], sort=False)[["score", "quality", "coverage"]].mean().reset_index()
    return means.sort_values("score", ascending=False, kind="stable", ignore_index=True)


def zero(rows: pd.DataFrame) -> str:
    """Return in words for what a score is 0, of the rows `by_task`."""
    if rows.empty:
        return FIRST_ZERO
    counts = Counter(rows.loc[rows["is_zero"], "sampler"])
    if len(counts) == 1:
        return WORDS[next(iter(counts))]
    tasks = [f"{WORDS[name]} in {counted(n, 'task') if i == 0 else n}" for i, (name, n) in enumerate(counts.items())]
    return f"the best null sampler ({listed(tasks)})"


def shown(rows: pd.DataFrame) -> dict[str, Any]:
    """Write the null samplers of every task: their excess and its score, quality and coverage; the zero marked."""
    made = [
        {
            "task": row["task"], "label": row["label"], "is_zero": row["is_zero"],
            **{name: written(row[name]) for name in ("excess", "score", *KINDS)},
        }
        for row in rows.to_dict("records")
    ]  # fmt: skip
    return {"rows": made, "tasks_without_score": list(rows.loc[rows["score"].isna(), "task"].unique())}


def written(value: float) -> str:
    """Write a number, or that there is none."""
    return number(value) if math.isfinite(value) else NOTHING


def undefined(table: pd.DataFrame) -> list[str]:
    """Return the tasks without a score: a null sampler is there as near as real data."""
    if "score_undefined" not in table:
        return []
    ok = table[table["status"] == "ok"]
    least = pd.to_numeric(ok["score_undefined"], errors="coerce").groupby(ok["task"], sort=False).min()
    return [str(task) for task, value in least.items() if value == 1]


def _columns(part: pd.DataFrame) -> dict[str, str]:
    """Return the column of a task that has its quality, and its coverage, where it has."""
    found: dict[str, str] = {}
    of_real = [column for column in map(MetricColumn.parse, part.columns) if column.sampler == "real"]
    names = [replace(column, sampler="") for column in of_real if part[str(column)].notna().any()]
    for kind, plain in KINDS.items():
        there = [str(column) for want in plain for column in names if column.name == want and str(column) in part]
        found |= {kind: there[0]} if there else {}
    return found


def _counts_modes(part: pd.DataFrame) -> bool:
    return MetricColumn.parse(_columns(part).get("coverage", "")).name == "modes"


def _known(part: pd.DataFrame, sampler: str, column: str) -> bool:
    name = f"null.{sampler}.{column}"
    return name in part and bool(part[name].notna().any())


def _value(part: pd.DataFrame, sampler: str, column: str) -> float:
    """Return a column of a null sampler in the mean over the runs of a task, which may sweep the generator."""
    if not _known(part, sampler, column):
        return float("nan")
    return float(pd.to_numeric(part[f"null.{sampler}.{column}"], errors="coerce").mean())
