"""Reports: from the records of a suite to one offline page, tables and figures.

stats.py numbers; contest.py who comes first; answer.py the sentence that says it; wording.py numbers as text;
tables.py the page's tables; figures.py draws; pictures.py decides what is drawn; page.py writes.
Nothing here imports torch: a report reads records only.
"""

from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from numpy.typing import NDArray

__all__ = ["Results", "build_report"]


class Results(Protocol):
    """What a report reads: the records of one suite.

    folder  where they are kept; its name is the suite's, with "@scale" where a scale was asked for
    suite   the resolved suite: name, question, primary {"toys": .., "images": ..}, train, score, matrix, set, ...
    """

    @property
    def folder(self) -> Path: ...

    @property
    def suite(self) -> dict[str, Any]: ...

    def table(self) -> pd.DataFrame:
        """Return one row for every planned run, whatever became of it (`status`); metrics are null unless it is ok."""
        ...

    def scored(self) -> pd.DataFrame:
        """Return run_id, step and one column a metric, a row for every scored step of every run."""
        ...

    def curves(self, run_id: str) -> pd.DataFrame:
        """Return step, critic_loss, generator_loss and the two gradient norms of one run."""
        ...

    def snapshot(self, run_id: str, step: int | None = None) -> dict[str, NDArray[Any]]:
        """Return `generated` [n, *shape] at a step, the last by default; on 2-D data perhaps `critic_grid` [128, 128].

        Rows of the grid are the second coordinate, ascending; `critic_extent` holds x0, x1, y0, y1.
        """
        ...

    def reference(self, dataset: str, run_id: str) -> NDArray[Any]:
        """Return the real points [n, *shape] that this run was scored against."""
        ...


def build_report(store: Results, out: Path) -> Path:
    """Write out/index.html, out/tables/*.csv and out/figures/*, each atomically, and return the page's path.

    The same records give the same bytes. Raises HarnessError where a finished run lacks its primary metric, naming
    the run, and StoreError where `out` cannot be written.
    """
    from harness.report.page import write_page  # matplotlib costs a second: not paid by those who import the protocol

    return write_page(store, out)
