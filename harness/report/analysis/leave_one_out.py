"""What one part of a suite decides: the headline again without each task, data set, architecture and swept value."""

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from harness.report.analysis import cell_table
from harness.report.analysis.cell_table import Row
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


def leave_one_out(whole: Headline, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return who comes first, tuned and at equal steps, without each part of the suite: a row a removal, of COLUMNS.

    Objectives are tuned again where a swept value is left out. `shared`: whether several have rank 1. Not tried: what
    leaves no task; the same tasks twice; a swept value without which an objective has no run in some task, for then
    others would be compared there. Where the critic's norm is held fixed, each of its values is left out, too.
    """
    best = whole.best.first
    rows = [_row(part, value, chosen, best) for part, value, chosen in _remainders(whole, data_axes)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _remainders(whole: Headline, data_axes: Collection[str]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the part, the value left out, and the tuned runs of the rest."""
    judged, chosen = whole.judged, tuned(whole.judged)
    tried, as_planned = set(), judged.set_index("task").loc[whole.by_task.index].reset_index()
    for part, column in PARTS.items():
        for value in as_planned[column].unique():
            tasks = frozenset(judged.loc[judged[column] != value, "task"])
            if tasks and tasks not in tried:
                tried.add(tasks)
                yield part, str(value), chosen[chosen["task"].isin(tasks)]
    norms = list(map(str, judged["norm"].unique())) if "norm" in judged else []
    for norm in norms if len(norms) > 1 else ():
        yield NORM, norm, chosen[chosen["norm"] != norm]
    cells = len(grid_of(chosen)) * judged["objective"].nunique()
    for column in cell_table.swept_columns(judged, data_axes):
        texts = judged[column].map(plain)
        values = texts[judged[column].notna()].unique()
        for value in values if len(values) > 1 else ():
            again = tuned(judged[texts != value])
            if grid_of(again).notna().to_numpy().sum() == cells:
                yield column.removeprefix("sweep."), str(value), again


def _row(part: str, left_out: str, chosen: pd.DataFrame, best: str) -> tuple[object, ...]:
    """Compare objectives by the runs that stand for them; of those that share rank 1 `best` is named."""
    seeds = grid_of(chosen, "pseudo").groupby("seed").mean()
    leader = lead("tuned", "steps", seeds, grid_of(chosen, "lost"))
    first, second = (best, leader.first) if best in leader.tied else (leader.first, leader.second)
    score, ahead = intervals.score_interval(seeds[first]), leader.ahead
    tasks = chosen["task"].nunique()
    values = (part, left_out, tasks, first, score.mean, score.low, score.high, second)
    return *values, ahead.mean, ahead.low, ahead.high, bool(leader.tied)


def sentence(rows: pd.DataFrame, best: str) -> str:
    """Say whether the best stays first whatever is left out, and else without what it does not; "" for no row."""
    if rows.empty:
        return ""
    sizes = [(str(part), len(own)) for part, own in rows.groupby("part", sort=False)]
    parts = [counted(n, part) if part in PARTS else f"{counted(n, 'value')} of {part}" for part, n in sizes]
    stays, turned = rows[rows["first"] == best], rows[rows["first"] != best]
    n = int(stays["shared"].sum())
    shared = f", in {'each' if n == len(stays) else n} of them with another" if n else ""
    if turned.empty:
        cases = "the only case" if len(rows) == 1 else f"all {len(rows)} cases"
        rest = [_closest(rows)]
    else:
        cases = f"{len(stays)} of {counted(len(rows), 'case')}"
        rest = [
            f"without {_name(row)} {row['first']} comes first, {_ahead(row)} ahead of {row['second']}{_doubt(row)}"
            for row in turned.head(MOST).to_dict("records")
        ]
    more = f"; the table has {len(turned) - MOST} more" if len(turned) > MOST else ""
    return f"Left out one at a time: {listed(parts)}. {best} stays first in {cases}{shared}; {'; '.join(rest)}{more}."


def _closest(rows: pd.DataFrame) -> str:
    """Say without what the lead is smallest, and how often the seeds leave it open."""
    row, n = rows.iloc[int(rows["ahead"].to_numpy().argmin())].to_dict(), int((rows["ahead_low"] <= 0).sum())
    least = f"its lead is smallest without {_name(row)}, {_ahead(row)} over {row['second']}"
    return least + (f"; in {n} of them the 95 % t interval of the lead, paired by seed, contains 0" if n else "")


def _name(row: Row) -> str:
    return str(row["left_out"]) if row["part"] in PARTS else f"{row['part']} {row['left_out']}"


def _ahead(row: Row) -> str:
    return interval(row["ahead"], row["ahead_low"], row["ahead_high"])


def _doubt(row: Row) -> str:
    if np.isnan(row["ahead_low"]):
        return ": one seed gives no interval"
    return "" if row["ahead_low"] > 0 else ": not significant"
