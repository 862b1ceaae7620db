"""How many runs ended in mode collapse, by task and by what is compared, with Wilson's intervals.

The rule is that of the column `collapsed` (`harness.metrics.collapse`), at the last step of runs that are ok; lost runs
are counted beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from harness.report.analysis import ranking
from harness.report.analysis.cell_table import FAILURES
from harness.report.findings.finding import Finding, Runs
from harness.report.text.table_rows import Record, Row, share
from harness.statistics.trials import wilson
from harness.suite.competitors import compared
from harness.text import counted, listed, percent

COLUMN = "collapsed"
MOST_NAMES = 4  # that a sentence names


@dataclass(frozen=True)
class Collapses:
    """The counts of a suite.

    rows     task, candidate (an objective, or what else competes), runs (that are ok), collapsed, share with Wilson's
             low and high, lost (runs)
    unit     "seed", where a candidate has one setting in every task; else "run", of which those of one seed at several
             settings count as independent
    opens    whether architectures are compared, with one objective: then collapse is what they differ in first
    """

    rows: pd.DataFrame
    unit: str
    opens: bool

    def by_candidate(self) -> pd.DataFrame:
        """Return the counts of each candidate over all tasks."""
        sums = self.rows.groupby("candidate", sort=False)[["runs", "collapsed", "lost"]].sum().reset_index()
        return _with_bounds(sums)


def find(runs: Runs) -> Finding | None:
    """Return how many runs collapsed; None of tables without the column."""
    collapses = count(runs)
    if collapses is None:
        return None
    text = paragraph(collapses)
    return Finding(
        values={"text": text, "rows": rows(collapses), "unit": collapses.unit},
        draw=dict,
        frames={"collapses.csv": collapses.rows},
        paragraphs=[text] if collapses.opens or collapses.rows["collapsed"].any() else [],
        opens=collapses.opens,
    )


def count(runs: Runs) -> Collapses | None:
    """Return the counts of the runs that train a generator; None where no finished run says whether it collapsed."""
    table = runs.learners
    if COLUMN not in table or not table.loc[table["status"] == "ok", COLUMN].notna().any():
        return None
    names = ("objective", "architecture", "setting")
    opens = not runs.is_study and compared(*(table[name].nunique() for name in names)) == "architectures"
    rivals = ranking.rivals(table, runs.data_axes)
    rows = [
        {
            "task": task, "candidate": candidate, "runs": int((part["status"] == "ok").sum()),
            "collapsed": int((part.loc[part["status"] == "ok", COLUMN] == 1).sum()),
            "lost": int(part["status"].isin(FAILURES).sum()),
        }
        for (task, candidate), part in rivals.groupby(["task", "objective"], sort=False)
    ]  # fmt: skip
    is_single = not rivals.duplicated(["task", "objective", "seed"]).any()
    return Collapses(_with_bounds(pd.DataFrame(rows)), "seed" if is_single else "run", opens)


def _with_bounds(rows: pd.DataFrame) -> pd.DataFrame:
    bounds = [wilson(k, n) if n else (0.0, 1.0) for k, n in zip(rows["collapsed"], rows["runs"], strict=True)]
    low, high = zip(*bounds, strict=True)
    return rows.assign(share=rows["collapsed"] / rows["runs"], low=low, high=high)


def paragraph(collapses: Collapses) -> str:
    """Return how many collapsed of all, and of whom, in one sentence."""
    rows: list[Record] = [*collapses.by_candidate().to_dict("records")]
    total, n = (sum(row[key] for row in rows) for key in ("collapsed", "runs"))
    if collapses.opens:
        return f"Mode collapse: {listed([_of(row, collapses.unit) for row in rows if row['runs']])}."
    (whole,) = _with_bounds(pd.DataFrame([{"collapsed": total, "runs": n}])).to_dict("records")
    affected = sorted((row for row in rows if row["collapsed"]), key=lambda row: -row["share"])
    named = [_of(row, collapses.unit) for row in affected[:MOST_NAMES]]
    more = [f"{len(affected) - MOST_NAMES} more"] if len(affected) > MOST_NAMES else []
    whose = f": {listed([*named, *more])}" if affected else ""
    return f"{total:,} of {counted(n, 'finished run')} collapsed ({_share(whole)}){whose}."


def _of(row: Record, unit: str) -> str:
    return f"{row['collapsed']:,} of {counted(row['runs'], unit)} with {row['candidate']} ({_share(row)})"


def _share(row: Record) -> str:
    return f"{percent(row['share'])} [{percent(row['low'])}, {percent(row['high'])}]"


def rows(collapses: Collapses) -> Sequence[Row]:
    """Return the rows of the page's table: every one where architectures are compared, else those that have any."""
    table = collapses.rows[collapses.rows["runs"] > 0]
    relevant = table if collapses.opens else table[table["collapsed"] > 0]
    return [
        {
            "task": row["task"], "candidate": row["candidate"], "collapsed": share(row["collapsed"], row["runs"]),
            "share": _share(row), "lost": row["lost"],
        }
        for row in relevant.to_dict("records")
    ]  # fmt: skip
