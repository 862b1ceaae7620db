"""What one part of a suite decides: the headline again without each task, data set, architecture and swept value."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd

from harness.report.analysis import cell_table
from harness.report.analysis.headline import Headline, grid_of, lead, tuned
from harness.statistics import intervals
from harness.text import counted, interval, listed, plain

PARTS = {"task": "task", "data set": "dataset", "architecture": "architecture"}  # by their columns
NORM = "critic norm"
MOST = 4  # removals that a sentence names
COLUMNS = (
    "part", "left_out", "tasks", "first", "score", "low", "high", "second", "ahead", "ahead_low", "ahead_high",
    "shared",
)  # fmt: skip


def leave_one_out(found: Headline, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return who comes first, tuned and at equal steps, without each part of the suite: a row a removal, of COLUMNS.

    Objectives are tuned again where a swept value is left out. `shared`: whether several have the first place. Not
    tried: what leaves no task; the same tasks twice; a swept value without which an objective has no run in some task,
    for then others would be compared there. Where the critic's norm is held fixed, each of its values is left out, too.
    """
    judged, best = found.judged, found.best.first
    stood, tried, rows = tuned(judged), set(), []
    cells = len(grid_of(stood)) * judged["objective"].nunique()
    as_planned = judged.set_index("task").loc[found.by_task.index].reset_index()
    for part, column in PARTS.items():
        for value in as_planned[column].unique():
            tasks = frozenset(judged.loc[judged[column] != value, "task"])
            if tasks and tasks not in tried:
                tried.add(tasks)
                rows.append(_row(part, str(value), stood[stood["task"].isin(tasks)], best))
    for value in _norms(judged):
        rows.append(_row(NORM, value, stood[stood["norm"] != value], best))
    for name, value, kept in _without_values(judged, data_axes):
        again = tuned(kept)
        if grid_of(again).notna().to_numpy().sum() == cells:
            rows.append(_row(name, value, again, best))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _norms(judged: pd.DataFrame) -> list[str]:
    """Return the critic norms that are averaged, where there are several; without any of them tasks are left."""
    norms = list(map(str, judged["norm"].unique())) if "norm" in judged else []
    return norms if len(norms) > 1 else []


def _without_values(judged: pd.DataFrame, data_axes: Collection[str]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield each swept name and value, of which there are several, and the runs at other values."""
    for column in cell_table.swept_columns(judged, data_axes):
        texts = judged[column].map(plain)
        values = texts[judged[column].notna()].unique()
        for value in values if len(values) > 1 else ():
            yield column.removeprefix("sweep."), str(value), judged[texts != value]


def _row(part: str, left_out: str, stood: pd.DataFrame, best: str) -> dict[str, Any]:
    """Compare objectives by the runs that stand for them; of those that share the first place `best` is named."""
    seeds = grid_of(stood, "pseudo").groupby("seed").mean()
    found = lead("tuned", "steps", seeds, grid_of(stood, "lost"))
    first, second = (best, found.first) if best in found.tied else (found.first, found.second)
    score = intervals.score_interval(seeds[first])
    named = {"part": part, "left_out": left_out, "tasks": stood["task"].nunique()}
    return named | {
        "first": first, "score": score.mean, "low": score.low, "high": score.high,
        "second": second, "ahead": found.ahead.mean, "ahead_low": found.ahead.low, "ahead_high": found.ahead.high,
        "shared": bool(found.tied),
    }  # fmt: skip


def sentence(rows: pd.DataFrame, best: str) -> str:
    """Say whether the best stays first whatever is left out, and else without what it does not; "" for no row."""
    if rows.empty:
        return ""
    turned, parts = rows[rows["first"] != best], [_counted(str(part), n) for part, n in _sizes(rows)]
    tried = f"Left out one at a time: {listed(parts)}"
    if turned.empty:
        return f"{tried}. {best} stays first in {_all(len(rows))}{_together(rows)}; {_closest(rows)}."
    stays = f"{best} stays first in {len(rows) - len(turned)} of {counted(len(rows), 'case')}"
    stays += _together(rows[rows["first"] == best])
    said = [
        f"without {_name(row)} {row['first']} comes first, {_ahead(row)} ahead of {row['second']}{_doubt(row)}"
        for row in turned.head(MOST).to_dict("records")
    ]
    more = f"; the table has {len(turned) - MOST} more" if len(turned) > MOST else ""
    return f"{tried}. {stays}; {'; '.join(said)}{more}."


def _sizes(rows: pd.DataFrame) -> list[tuple[Any, int]]:
    return [(part, len(mine)) for part, mine in rows.groupby("part", sort=False)]


def _counted(part: str, n: int) -> str:
    return counted(n, part) if part in PARTS else f"{counted(n, 'value')} of {part}"


def _all(n: int) -> str:
    return "the only case" if n == 1 else f"all {n} cases"


def _together(stays: pd.DataFrame) -> str:
    """Say in how many cases the best shares the first place."""
    n = int(stays["shared"].sum())
    return f", in {'each' if n == len(stays) else n} of them with another" if n else ""


def _closest(rows: pd.DataFrame) -> str:
    """Say without what the lead is smallest, and how often the seeds leave it open."""
    row = rows.to_dict("records")[int(rows["ahead"].to_numpy().argmin())]
    least = f"its lead is smallest without {_name(row)}, {_ahead(row)} over {row['second']}"
    open_ = int((rows["ahead_low"] <= 0).sum())
    whole = f"in {open_} of them the 95 % t interval of the lead, paired by seed, contains 0"
    return f"{least}; {whole}" if open_ else least


def _name(row: dict[Any, Any]) -> str:
    return str(row["left_out"]) if row["part"] in PARTS else f"{row['part']} {row['left_out']}"


def _ahead(row: dict[Any, Any]) -> str:
    return interval(row["ahead"], row["ahead_low"], row["ahead_high"])


def _doubt(row: dict[Any, Any]) -> str:
    if np.isnan(row["ahead_low"]):
        return ": one seed gives no interval"
    return "" if row["ahead_low"] > 0 else ": no difference found"
