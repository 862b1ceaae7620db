"""What a notebook calls."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from harness.runner import RunResult


def run(suite: str | Path, **options: Any) -> "RunResult":
    """Train what `suite` plans and its results folder lacks, score it and write the report.

    Options are those of the command: root, scale, sets, only, device, workers, report, fail_fast. With `workers=0`
    everything runs in this process, plug-ins of the notebook included. Raises SuiteError, StoreError.
    """
    from harness.runner import Request
    from harness.runner import run as run_request

    return run_request(Request(str(suite), **options))


def load(folder: str | Path) -> "pd.DataFrame":
    """Return the table of a results folder: one row for every planned run, rebuilt from its records."""
    from harness.store import Store

    return Store(folder).table()
