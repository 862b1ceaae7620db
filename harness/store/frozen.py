"""Frozen results: what a suite found, kept small beside it, to compare later runs with.

    results/reference/<suite>/  suite.yaml  plan.json  runs.parquet  scored.parquet  FROZEN

runs.parquet has a row for every run, scored.parquet one for every scored step. There are no records: both tables are
read as they were written and never made again, and nothing is trained or scored there.

    python -m harness.store.frozen results/robustness results/reference/robustness
"""

import io
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from harness.disk.files import write_atomic, writing
from harness.errors import HarnessError, StoreError
from harness.store.folder import Store
from harness.store.schemas import FINAL
from harness.text import counted, listed, said

if TYPE_CHECKING:
    import pandas as pd

MARKER = "FROZEN"
SAYS = "The settings, runs and scored steps of a finished suite, without its records: `harness compare` reads them.\n"


def is_frozen(folder: Path) -> bool:
    """Whether a results folder holds a table alone."""
    return (folder / MARKER).is_file()


def refuse_frozen(folder: Path) -> None:
    """Raise StoreError where a results folder is frozen."""
    if is_frozen(folder):
        raise StoreError(
            f"{folder}: frozen, so that it holds the table of its runs and no records; `harness compare`, `harness "
            "export` and `harness.load` read that table"
        )


def frozen_table(folder: Path) -> "pd.DataFrame":
    """Return the table of a frozen folder: one row for every planned run. Raises StoreError where it cannot be read."""
    return _parquet(folder / "runs.parquet")


def frozen_scored(folder: Path) -> "pd.DataFrame":
    """Return the long table of a frozen folder: one row for every scored step. Raises what `frozen_table` raises."""
    return _parquet(folder / "scored.parquet")


def _parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        return pd.read_parquet(io.BytesIO(path.read_bytes()))
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise StoreError(f"{path}: cannot be read ({said(error)}); freeze those results again") from None


def freeze(folder: str | Path, target: str | Path) -> Path:
    """Write what later runs are compared with from a finished results folder, and return where it lies.

    Raises StoreError where there are no results, HarnessError where they are unfinished or `target` holds anything else
    than frozen results, which are replaced.
    """
    from harness.commands.export import parquet

    store, target = Store(folder), Path(target)
    refuse_frozen(store.folder)
    _refuse_unfinished(store)
    if target.exists() and not (is_frozen(target) or (target.is_dir() and not any(target.iterdir()))):
        raise HarnessError(f"{target}: there already, and no frozen results; name a new folder")
    contents = {
        # First: half of a copy must not count as results with everything still to be trained.
        MARKER: f"{SAYS}Frozen on {date.today():%Y-%m-%d}.\n".encode(),
        "suite.yaml": store.suite_text.encode(),
        "plan.json": (store.folder / "plan.json").read_bytes(),
        "runs.parquet": parquet(store.table(), "zstd"),
        "scored.parquet": parquet(store.scored(), "zstd"),
    }
    with writing(target):
        for name, content in contents.items():
            write_atomic(target / name, content)
    return target


def _refuse_unfinished(store: Store) -> None:
    planned = [row["run_id"] for row in store.plan["runs"]]
    counts = Counter(store.status(run_id) for run_id in planned)
    left = [f"{n:,} {status}" for status, n in sorted(counts.items()) if status not in FINAL]
    unscored = len(store.unscored(planned, store.plan["score_id"]))
    left += [f"{unscored:,} not scored"] if unscored else []
    if left or not planned:
        told = f"{listed(left)} of {counted(len(planned), 'run')}" if left else "no runs planned"
        raise HarnessError(f"{store.folder}: {told}; only finished results can be frozen")


def _main(arguments: list[str]) -> str:
    if len(arguments) != 2:
        return "usage: python -m harness.store.frozen RESULTS_FOLDER TARGET"
    try:
        made = freeze(*arguments)
    except HarnessError as error:
        return str(error)
    sizes = {path.name: path.stat().st_size / 1e6 for path in sorted(made.iterdir())}
    print(f"{made}: {', '.join(f'{name} {size:.2f} MB' for name, size in sizes.items())}")
    return ""


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]) or 0)
