"""From results folders to their reports: of one, or of several as one."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.errors import Damaged, HarnessError, StoreError
from harness.report import page
from harness.report.every_cell import remove_cells, write_cells
from harness.report.merged import merge
from harness.report.results import Results
from harness.store import Store, open_store
from harness.store.find import readable_folders, report_folder
from harness.store.table_files import is_frozen
from harness.workers import default_workers

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
LONGEST = 100  # letters of the name of a report of several suites


@dataclass(frozen=True)
class Written:
    """A report's path, the damage that was met, a line a file, and the runs that this spoiled, which are pending."""

    report: str
    damage: list[str]
    spoiled: list[str]


def rebuild_reports(
    folders: Sequence[str],
    output: str | None,
    say: Callable[[str], None] = lambda line: None,
    every_cell: bool = False,
) -> list[str]:
    """Write runs.parquet and the report of a results folder again, or of each below a root; of several `folders` one
    report of all alone. With `every_cell` figures of all cells lie beside it.

    Returns the reports' paths. Damage that is met is said, and left where it is; a folder that cannot be written keeps
    its runs.parquet. Raises HarnessError where `output` is one folder for several reports, or they cannot be merged.
    """
    paths = list(dict.fromkeys(str(folder) for path in folders for folder in readable_folders(path)))
    if len(folders) > 1 and len(paths) > 1:
        reports = [_built(merge(paths), output or _merged_folder(paths), default_workers(), every_cell)]
    elif output is not None and len(paths) > 1:
        raise HarnessError(
            f"-o {output}: {len(paths)} suites found and one folder given; leave -o out, or name the suites, which "
            "makes one report of all"
        )
    else:
        reports = []
        for folder in paths:
            store, table = open_store(folder), None
            if not is_frozen(store.folder):
                with contextlib.suppress(StoreError):
                    table = store.write_table()
            report = output or report_folder(str(Path(folder).parent), folder)
            reports.append(_built(Results.of(store, table), report, default_workers(), every_cell))
    for line in (line for report in reports for line in report.damage):
        say(line)
    return [report.report for report in reports]


def _merged_folder(folders: Sequence[str]) -> str:
    names = [Path(folder).resolve().name for folder in folders]
    joined = "+".join(names)
    return str(Path("reports") / (joined if len(joined) <= LONGEST else f"{names[0][:LONGEST]}+{len(names) - 1}"))


def write_report(store: Store, report: str, table: "pd.DataFrame", workers: int) -> Written:
    """Build the report of a results folder, whose `table` was just made, in so many processes; runs met as damaged are
    pending in it.
    """
    return _built(Results.of(store, table), report, workers)


def live_page(store: Store, speed: str) -> bytes:
    """Return the page of a results folder in training, whose runs so far end at a `speed`. Raises as a report does."""
    return _drawn(Results.of(store), lambda results: page.live_page(results, speed))[0]


def _built(results: Results, report: str, workers: int, every_cell: bool = False) -> Written:
    out = Path(report)
    remove_cells(out)
    if every_cell:  # before the page, which says where they are
        results = _drawn(results, lambda results: write_cells(results, out))[1]
    path, results = _drawn(results, lambda results: page.build_report(results, out, workers))
    damage = [f"{path}: {why}" for path, why in results.damage.items()]
    return Written(str(path), damage, sorted(results.spoiled))


def _drawn(results: Results, draw: Callable[[Results], T]) -> tuple[T, Results]:
    """Draw results, in which runs met as damaged are pending; return that and the reading it is of."""
    while True:
        known = len(results.spoiled)
        try:
            return draw(results), results
        except Damaged:
            if len(results.spoiled) == known:
                raise  # nothing of a run: without it there is no report
            results = results.anew()
