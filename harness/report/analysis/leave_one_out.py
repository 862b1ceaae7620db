"""What one part of a suite decides: the headline again without each task, data set, architecture and swept value."""

from collections.abc import Collection, Iterator

import pandas as pd

from harness.report.analysis import cell_table
from harness.report.analysis.headline import Headline, grid_of, lead, tuned
from harness.statistics import intervals
from harness.text import plain

PARTS = {"task": "task", "data set": "dataset", "architecture": "architecture"}  # by their columns
NORM = "critic norm"
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
    tried, by_task = set(), judged.drop_duplicates("task").set_index("task", drop=False).loc[whole.by_task.index]
    for part, column in PARTS.items():
        for value in by_task[column].unique():
            tasks = frozenset(by_task.loc[by_task[column] != value, "task"])
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
