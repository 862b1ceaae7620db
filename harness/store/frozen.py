"""Frozen results: what a suite found, kept small beside it, to compare later runs with.

    results/reference/<suite>/  suite.yaml  plan.json  runs.parquet  scored.parquet  FROZEN

runs.parquet has a row for every run, scored.parquet one for every scored step. There are no records: both tables are
read as they were written and never made again, and nothing is trained or scored there.

    python -m harness.store.frozen results/robustness results/reference/robustness

`publish` makes one file of the same five (`published_file`), to give to others.
"""

import sys
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from harness import __version__
from harness.disk.documents import seal
from harness.disk.files import write_atomic, writing
from harness.errors import HarnessError
from harness.store.folder import Store
from harness.store.published_file import FILES, MARKER, is_published, pack
from harness.store.records import FINAL
from harness.store.table import PROVENANCE
from harness.store.table_files import frozen_file, is_frozen, parquet, refuse_frozen
from harness.text import counted, listed

if TYPE_CHECKING:
    import pandas as pd

SAYS = "The settings, runs and scored steps of a finished suite, without its records: `harness compare` reads them.\n"


def freeze(folder: str | Path, target: str | Path) -> Path:
    """Write what later runs are compared with from a finished results folder, and return where it lies.

    Raises StoreError where there are no results, HarnessError where they are unfinished or `target` holds anything else
    than frozen results, which are replaced.
    """
    store, target = Store(folder), Path(target)
    refuse_frozen(store.folder)
    contents = _contents(store)
    if target.exists() and not (is_frozen(target) or (target.is_dir() and not any(target.iterdir()))):
        raise HarnessError(f"{target}: there already, and no frozen results; name a new folder")
    with writing(target):
        for name, content in contents.items():
            write_atomic(target / name, content)
    return target


def publish(folder: str | Path) -> bytes:
    """Return a finished results folder, or a frozen one, as one file: its tables, and a manifest of their checksums,
    counts, machines and versions. The same records give the same bytes on one day.

    Raises StoreError where there are no results, HarnessError where they are unfinished or published already.
    """
    store = Store(folder)
    if is_published(store.folder):
        raise HarnessError(f"{folder}: published already; give that file to others as it is")
    plan, table = store.plan, store.table()
    contents = (
        {name: frozen_file(store.folder, name) for name in FILES} if is_frozen(store.folder) else _contents(store)
    )
    counts = Counter(map(str, table["status"]))
    facts = {
        "suite": plan.suite or str(plan.resolved.get("name", "")),
        "published": f"{date.today():%Y-%m-%d}",
        "harness": __version__,
        "runs": {status: counts[status] for status in sorted(counts)},
        "machines": _machines(table),
    }
    return pack(contents, facts)


def _machines(table: "pd.DataFrame") -> list[dict[str, object]]:
    """Return each machine, with all versions there, on which runs were trained and scored, and how many."""
    columns = [c for c in PROVENANCE if c in table and c != "stack"]
    columns += [c for c in map(str, table.columns) if c.startswith("scoring.")]
    rows = table[columns].astype(object).where(table[columns].notna(), None)
    counts = Counter(tuple(row) for row in rows.to_numpy().tolist())
    return [{**dict(zip(columns, row, strict=True)), "runs": n} for row, n in sorted(counts.items(), key=str)]


def _contents(store: Store) -> dict[str, bytes]:
    """Return FILES of a results folder. Raises HarnessError where it is unfinished."""
    _refuse_unfinished(store)
    return {
        # First: half of a copy must not count as results with everything still to be trained.
        MARKER: f"{SAYS}Frozen on {date.today():%Y-%m-%d}.\n".encode(),
        # Where the suite file lay on this machine is no part of them.
        "suite.yaml": (store.suite_text.partition("\n")[2] if store.source else store.suite_text).encode(),
        "plan.json": seal(replace(store.plan, source="").to_json()),
        "runs.parquet": parquet(store.table(), "zstd"),
        "scored.parquet": parquet(store.scored(), "zstd"),
    }


def _refuse_unfinished(store: Store) -> None:
    planned = store.plan.run_ids
    counts = Counter(store.status(run.run_id) for run in store.plan.runs)
    left = [f"{n:,} {status}" for status, n in sorted(counts.items()) if status not in FINAL]
    unscored = len(store.unscored(planned, store.plan.score_id))
    left += [f"{unscored:,} not scored"] if unscored else []
    if left or not planned:
        why = f"{listed(left)} of {counted(len(store.plan.runs), 'run')}" if left else "no runs planned"
        raise HarnessError(f"{store.folder}: {why}; only finished results can be frozen or published")


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
