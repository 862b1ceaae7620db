"""From results folders to their reports: of one, or of several as one."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.errors import Damaged, HarnessError, StoreError
from harness.report import page
from harness.report.merged import merge
from harness.report.results import Records
from harness.store import Store
from harness.store.find import report_folder, result_folders
from harness.store.table_files import write_table

LONGEST = 100  # letters of the name of a report of several suites


def rebuild_reports(
    folders: Sequence[str], output: str | None, say: Callable[[str], None] = lambda line: None
) -> list[str]:
    """Write runs.parquet and the report of a results folder again, or of each below a root; of several `folders` one
    report of all alone.

    Returns the reports' paths. Damage that is met is said, and left where it is; a folder that cannot be written keeps
    its runs.parquet. Raises HarnessError where `output` is one folder for several reports, or they cannot be merged.
    """
    found = list(dict.fromkeys(str(folder) for path in folders for folder in result_folders(path)))
    merge = len(folders) > 1 and len(found) > 1
    if output is not None and len(found) > 1 and not merge:
        raise HarnessError(
            f"-o {output}: {len(found)} suites found and one folder given; leave -o out, or name the suites, which "
            "makes one report of all"
        )
    written = []
    if merge:
        written.append(write_merged(found, output or _merged_folder(found)))
    for folder in found if not merge else ():
        with contextlib.suppress(StoreError):
            write_table(folder)
        written.append(write_report(folder, output or report_folder(str(Path(folder).parent), folder)))
    for made in written:
        for line in made["damage"]:
            say(line)
    return [made["report"] for made in written]


def _merged_folder(folders: Sequence[str]) -> str:
    names = [Path(folder).resolve().name for folder in folders]
    joined = "+".join(names)
    return str(Path("reports") / (joined if len(joined) <= LONGEST else f"{names[0][:LONGEST]}+{len(names) - 1}"))


def write_report(folder: str, report: str) -> dict[str, Any]:
    """Build the report of a results folder; runs met as damaged are pending in it.

    Returns its path, what was damaged, and the runs that this spoiled.
    """
    return _built(Store(folder), report)


def write_merged(folders: Sequence[str], report: str) -> dict[str, Any]:
    """Build one report of several results folders, as `write_report` does of one. Raises what `merge` raises."""
    return _built(merge(folders), report)


def _built(store: Records, report: str) -> dict[str, Any]:
    while True:
        known = len(store.spoiled)
        try:
            written = page.build_report(store, Path(report))
        except Damaged:
            if len(store.spoiled) == known:
                raise  # nothing of a run: without it there is no report
        else:
            damage = [f"{path}: {why}" for path, why in store.damage.items()]
            return {"report": str(written), "damage": damage, "spoiled": sorted(store.spoiled)}
