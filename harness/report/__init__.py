"""Reports: from the records of a suite to one offline page, tables and figures.

stats.py numbers; contest.py who comes first in a task, answer.py the sentence that says it; headline.py who does over
many tasks, verdict.py the sentences that say that; across.py tests it, from aggregates.py, significance.py and
variance.py, across_shown.py says that; tables.py the page's tables; figures.py and across_figures.py draw; pictures.py
and overview.py decide what is drawn, panels.py counts and encodes it; page.py writes. reading.py is the answer
from a table of runs alone. pairs.py pairs the runs of two sides, changes.py says what else
differs between them, comparison.py puts both into words; records.py is what a report reads, merged.py several folders
as one. studied.py is a study's numbers, studied_shown.py its sentences, studied_slices.py, studied_panels.py and
studied_figures.py its pictures.
Nothing here imports torch: a report reads records only.
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
            from harness.runner import rebuild_reports
            from harness.status import one_folder

            written = rebuild_reports([str(one_folder(str(results)))], None if output is None else str(output))
            return Path(written[0])
        from harness.report.reading import read

        return read(results, metric)


sys.modules[__name__].__class__ = _Report
