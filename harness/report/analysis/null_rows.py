"""Null samplers beside the runs: their rows in a ranking, and quality and coverage beside every score.

All is read from the runs' own columns `null.<sampler>.<column>`, which have one value in a task.
"""

import math
from dataclasses import replace

import pandas as pd

from harness.metrics.columns import MetricColumn
from harness.metrics.null_samplers import NULLS, POWER
from harness.report.analysis.cell_table import numbers

KINDS = {"quality": ("hq", "precision"), "coverage": ("modes", "recall")}  # the first that a task has
COLUMNS = ["task", "sampler", "label", "is_zero", "excess", "score", "quality", "coverage"]


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """Return quality and coverage of every run at its last step, by the columns that its task has them in.

    Modes are a share of those that real data show.
    """
    values = pd.DataFrame(float("nan"), table.index, list(KINDS))
    for _, part in table.groupby("task", sort=False):
        for kind, column in _columns(part).items():
            values.loc[part.index, kind] = numbers(part, column) / _unit(part, column)
    return values


def by_task(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a task and null sampler: its score, the excess that this is made of, quality and coverage.

    `is_zero` marks the sampler that the score of the task is 0 for. The score is empty where it is undefined.
    """
    rows: list[dict[str, object]] = []
    for task, part in table.groupby("task", sort=False):
        columns, excess = _columns(part), next((name for name in POWER if _is_known(part, "real", name)), "")
        samplers = [name for name in NULLS if _is_known(part, name, excess)]
        excesses = {name: _value(part, name, excess) for name in samplers}
        least = min((excesses[name] for name in samplers if NULLS[name].is_zero), default=math.nan)
        for name in samplers:
            row = {"task": str(task), "sampler": name, "label": NULLS[name].label, "excess": excesses[name]}
            row |= {kind: _value(part, name, column) / _unit(part, column) for kind, column in columns.items()}
            is_zero = NULLS[name].is_zero and excesses[name] == least
            rows.append(row | {"score": _value(part, name, "score"), "is_zero": is_zero})
    return pd.DataFrame(rows, columns=COLUMNS)


def over_tasks(rows: pd.DataFrame) -> pd.DataFrame:
    """Return of the rows `by_task` the mean over the tasks that have a score, a row a null sampler."""
    scored = rows[rows.groupby("task")["score"].transform("count") > 0]
    means = scored.groupby(["sampler", "label"], sort=False)[["score", "quality", "coverage"]].mean().reset_index()
    return means.sort_values("score", ascending=False, kind="stable", ignore_index=True)


def undefined(table: pd.DataFrame) -> list[str]:
    """Return the tasks without a score: a null sampler is there as near as real data."""
    ok = table[table["status"] == "ok"]
    least = numbers(ok, "score_undefined").groupby(ok["task"], sort=False).min()
    return [str(task) for task in least.index[least == 1]]


def _columns(part: pd.DataFrame) -> dict[str, str]:
    """Return the column of a task that has its quality, and its coverage, where it has."""
    of_real = [column for column in map(MetricColumn.parse, part.columns) if column.sampler == "real"]
    columns = [replace(column, sampler="") for column in of_real if part[str(column)].notna().any()]
    by_kind = {
        kind: [str(column) for name in names for column in columns if column.name == name and str(column) in part]
        for kind, names in KINDS.items()
    }
    return {kind: names[0] for kind, names in by_kind.items() if names}


def _unit(part: pd.DataFrame, column: str) -> float:
    """Return what a column is given in: modes as a share of those that real data show."""
    return _value(part, "real", column) if MetricColumn.parse(column).name == "modes" else 1.0


def _is_known(part: pd.DataFrame, sampler: str, column: str) -> bool:
    return bool(numbers(part, f"null.{sampler}.{column}").notna().any())


def _value(part: pd.DataFrame, sampler: str, column: str) -> float:
    """Return a column of a null sampler in the mean over the runs of a task, which may sweep the generator."""
    return float(numbers(part, f"null.{sampler}.{column}").mean())
