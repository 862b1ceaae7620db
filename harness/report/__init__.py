"""Reports: from the records of a suite to one offline page, tables and figures.

results   what is read: of one results folder, or of several   merged    several folders under one plan
rebuild   from results folders to their reports                page      everything gathered, rendered once
reading   the answer of a table of runs alone                  styles    how objectives look, what metrics are called
run_series   finished runs as plain data by step     event_files  these as TensorBoard reads them
every_cell   figures of every cell, beside the report
contributors  of several folders or files each by itself, said by contributors_text
in_training  what a watched page shows of stacks in training

analysis/ computes, studies/ of trials, figures/ draws, text/ says; comparison/ is all three for two sides of runs,
findings/ for what stands beside the ranking, each looked for in the runs.

Importing any of it imports no torch, and no more does a report. Only what a plan of an earlier version, or a table
without its `attrs`, leaves open is asked of the data sets, which do.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from harness.report.reading import Reading


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

            written = rebuild_reports(
                [str(one_folder(str(results), tables=True))], None if output is None else str(output)
            )
            return Path(written[0])
        from harness.report.reading import read

        return read(results, metric)


sys.modules[__name__].__class__ = _Report
