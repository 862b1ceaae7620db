"""Frozen results: what a suite found, kept small beside it, to compare later runs with.

    results/reference/<suite>/  suite.yaml  plan.json  runs.parquet  scored.parquet  FROZEN

runs.parquet has a row for every run, scored.parquet one for every scored step. There are no records: both tables are
read as they were written and never made again, and nothing is trained or scored there.

    python -m harness.store.frozen results/robustness results/reference/robustness
"""

import sys
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

from harness.disk.documents import seal
from harness.disk.files import write_atomic, writing
from harness.errors import HarnessError
from harness.store.folder import Store
from harness.store.records import FINAL
from harness.store.table_files import MARKER, is_frozen, parquet, refuse_frozen
from harness.text import counted, listed

SAYS = "The settings, runs and scored steps of a finished suite, without its records: `harness compare` reads them.\n"


def freeze(folder: str | Path, target: str | Path) -> Path:
    """Write what later runs are compared with from a finished results folder, and return where it lies.

    Raises StoreError where there are no results, HarnessError where they are unfinished or `target` holds anything else
    than frozen results, which are replaced.
    """
    store, target = Store(folder), Path(target)
    refuse_frozen(store.folder)
    _refuse_unfinished(store)
    if target.exists() and not (is_frozen(target) or (target.is_dir() and not any(target.iterdir()))):
        raise HarnessError(f"{target}: there already, and no frozen results; name a new folder")
    contents = {
        # First: half of a copy must not count as results with everything still to be trained.
        MARKER: f"{SAYS}Frozen on {date.today():%Y-%m-%d}.\n".encode(),
        # Where the suite file lay on this machine is no part of them.
        "suite.yaml": (store.suite_text.partition("\n")[2] if store.source else store.suite_text).encode(),
        "plan.json": seal(replace(store.plan, source="").to_json()),
        "runs.parquet": parquet(store.table(), "zstd"),
        "scored.parquet": parquet(store.scored(), "zstd"),
    }
    with writing(target):
        for name, content in contents.items():
            write_atomic(target / name, content)
    return target


def _refuse_unfinished(store: Store) -> None:
    planned = store.plan.run_ids
    counts = Counter(store.status(run.run_id) for run in store.plan.runs)
    left = [f"{n:,} {status}" for status, n in sorted(counts.items()) if status not in FINAL]
    unscored = len(store.unscored(planned, store.plan.score_id))
    left += [f"{unscored:,} not scored"] if unscored else []
    if left or not planned:
        why = f"{listed(left)} of {counted(len(store.plan.runs), 'run')}" if left else "no runs planned"
        raise HarnessError(f"{store.folder}: {why}; only finished results can be frozen")


def _main(arguments: list[str]) -> str:
    if len(arguments) != 2:
        return "usage: python -m harness.store.frozen RESULTS_FOLDER TARGET"
    try:
        target = freeze(*arguments)
    except HarnessError as error:
        return str(error)
    sizes = {path.name: path.stat().st_size / 1e6 for path in sorted(target.iterdir())}
    print(f"{target}: {', '.join(f'{name} {size:.2f} MB' for name, size in sizes.items())}")
    return ""


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]) or 0)
