"""Reports: from the records of a suite to one offline page, tables and figures.

What is read: records.py a results folder, merged.py several as one; tables.py the page's tables, rows.py their rows.
One task: stats.py numbers; contest.py who comes first, jackknife.py intervals of what was tuned, answer.py the sentence
that says it, lost.py where lost runs stand; enough.py and floors.py whether steps and samples are enough for it. Many
tasks: headline.py who comes first, fair.py why nobody does, norms.py at which norm of the critics, edges.py choices at
the edge of their grid, verdict.py and norms_shown.py the sentences that say that, robust.py what it hangs on; across.py
tests it, from aggregates.py, significance.py and variance.py, across_shown.py says that; sensitivity.py what was swept;
nullrows.py the null samplers beside it.
Pictures: figures.py and across_figures.py draw; pictures.py, overview.py, sheets.py and matrix.py decide what, from
grids.py's sheets; panels.py counts it, encoding.py makes files of it. page.py writes all, with methods.py's paragraph
and the references of bibliography.py. reading.py is the answer from a table of runs alone. Two sides: pairs.py pairs
their runs, judging.py tests their differences, changes.py says what else differs, comparison.py puts all into words.
A study: studied.py its numbers, studied_slices.py bins of its trials, studied_shown.py its sentences,
studied_panels.py and studied_figures.py its pictures; survival.py who reaches a score with which; confirmed.py the
runs that confirm it, which the rest of the page is about.
Importing any of it imports no torch, and no more does a report. Only what a plan of an earlier version, or a table
without its `attrs`, leaves open is asked of the data sets, which do.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from harness.report.page import build_report

if TYPE_CHECKING:
    import pandas as pd

    from harness.report.reading import Reading

__all__ = ["build_report"]


class _Report(ModuleType):
    """This package, which is also what a notebook calls: once it is imported, `harness.report` can be nothing else."""

    def __call__(
        self, results: "str | Path | pd.DataFrame", metric: str | None = None, output: str | Path | None = None
    ) -> "Path | Reading":
        """Write the report of a results folder and return its path; of a table of runs return what it says.

        A folder's report goes to `output`, else where `harness report` puts it. A table, as `harness.load` returns it,
        perhaps filtered or put together from several, is ranked on `metric`, else on what its suite ranks: the answer
        has a `sentence`, `cells` and `tasks`. Raises HarnessError, StoreError.
        """
        if isinstance(results, str | Path):
            from harness.report.rebuild import rebuild_reports
            from harness.store.find import one_folder

            written = rebuild_reports([str(one_folder(str(results)))], None if output is None else str(output))
            return Path(written[0])
        from harness.report.reading import read

        return read(results, metric)


sys.modules[__name__].__class__ = _Report
