"""`harness doctor`: checks everything in a results folder, sets damage aside and makes again what is derived."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.disk.files import write_atomic, writing
from harness.errors import Damaged, HarnessError, StoreError
from harness.execution.requests import Request
from harness.execution.tasks import open_planned, plan_suite
from harness.store import Store, mend, missing, open_store
from harness.store.find import result_folders
from harness.store.reference_samples import ensure_references
from harness.store.repair import Code, Finding, remove_path, walk
from harness.store.table_files import parquet
from harness.suite.format.models import Suite
from harness.suite.load import read_extended
from harness.text import printable, run_command

MENDED = (
    *(Code.NO_FOLDER, Code.DAMAGED, Code.STALE_CLAIM, Code.DAMAGED_CHECKPOINT, Code.SPENT_CHECKPOINT),
    Code.ABANDONED,
)


@dataclass
class Examined:
    """What is wrong in a folder, a line each, and the command that does again what is to be done again.

    mended  what was damaged and is set aside, made again or removed
    noted   what does not belong there and is left alone
    redo    runs to be trained, or scored, again
    """

    folder: str
    mended: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    redo: list[str] = field(default_factory=list)
    command: str | None = None


def doctor(path: str) -> list[Examined]:
    """Check and mend each suite's folder. Raises StoreError without results, or where a folder cannot be written."""
    return [_examined(folder) for folder in result_folders(path)]


def render(entries: Sequence[Examined]) -> str:
    """Return what was found as lines."""
    lines = []
    for entry in entries:
        lines += [f"mended: {line}" for line in entry.mended] + [f"noted: {line}" for line in entry.noted]
        lines += [f"to be done again: {line}" for line in entry.redo]
        lines.append(f"{entry.folder}: {_ending(entry)}")
    return printable("\n".join(lines))


def _ending(entry: Examined) -> str:
    if entry.redo:
        return f"run  {entry.command}" if entry.command else "not mended"
    return "everything else is whole" if entry.mended or entry.noted else "everything is whole"


class _OnlyRun(HarnessError):
    """What `harness run` alone makes again, as it runs plug-ins."""


def _examined(folder: Path) -> Examined:
    entry, store = Examined(str(folder)), open_store(folder)
    try:
        for finding in walk(store, Code.DAMAGED_PLAN):
            entry.mended.append(store.set_aside(finding.path, finding.line))
            store.refresh()
            raise Damaged(finding.path, finding.why)
    except StoreError as error:
        if (folder / "plan.json").is_file() and not isinstance(error, Damaged):
            entry.redo.append(str(error))  # a newer harness's, or one that may not be read
            return entry
        why = f"{error.path}: {error.why}" if isinstance(error, Damaged) else f"{folder / 'plan.json'}: missing"
        try:
            entry.mended += _planned_again(folder)
        except HarnessError as reason:
            entry.redo.append(f"{why}; {reason}")
            entry.command = run_command(folder) if isinstance(reason, _OnlyRun) else None
            return entry
    entry.command = run_command(folder)
    entry.mended += _suite_again(store)
    for finding in walk(store, *MENDED):
        entry.mended += _mended(store, finding)
    if store.suite.get("plugins"):
        entry.noted.append(f"{folder}: its suite names plug-ins, which are not run here: references were not checked")
    entry.mended += [f"{line}: made again" for line in _derived(store)]
    entry.noted += [f"{finding.line}; left alone" for finding in walk(store, Code.FOREIGN)]
    unscored = store.unscored(sorted(store.planned), store.plan.score_id)
    entry.redo += [*missing(store), *(f"{store.run_folder(run_id)}: not scored yet" for run_id in unscored)]
    if store.planned and not (folder / "runs").exists():
        entry.redo.append(f"{folder / 'runs'}: missing, with the runs that it held")
    return entry


def _mended(store: Store, finding: Finding) -> list[str]:
    """Mend what was found, and return a line for it, none where it mended itself meanwhile."""
    name = finding.path.name
    match finding.code:
        case Code.DAMAGED:
            run_id = finding.path.relative_to(store.folder).parts[1]
            return mend(store, [run_id], True, store.planned)  # with all else that is damaged of that run
        case Code.NO_FOLDER | Code.DAMAGED_CHECKPOINT:
            return [store.set_aside(finding.path, finding.line)]
        case Code.STALE_CLAIM:
            claim = store.claim(finding.path.stem)
            if claim is None:
                return []
            claim.release()
        case Code.SPENT_CHECKPOINT:
            store.drop_checkpoint(name)
        case _:
            remove_path(finding.path)
    return [f"{finding.line}; removed"]


def _planned_again(folder: Path) -> list[str]:
    """Make plan.json again from suite.yaml and the records. Raises HarnessError where that cannot be done."""
    path = folder / "suite.yaml"
    if not path.is_file():
        raise HarnessError(f"there is no suite.yaml beside it: {_its_own(folder)}")
    suite = read_extended(str(path), ()).data
    if suite.get("plugins"):
        raise _OnlyRun("its suite names plug-ins, which are not run here: run the suite to make it again")
    name = "@".join(str(suite[key]) for key in ("name", "scale") if suite.get(key))
    if name != folder.name:
        raise HarnessError(f"its suite.yaml is of another suite, {name!r}: {_its_own(folder)}")
    return list(plan_suite(Request(str(path), str(folder.parent)), True).damage)


def _its_own(folder: Path) -> str:
    root = "" if folder.parent == Path("results") else f", with -o {shlex.quote(str(folder.parent))},"
    return f"`harness run` of the suite that these results are of{root} makes both again"


def _suite_again(store: Store) -> Iterator[str]:
    """Make suite.yaml again from the plan, which holds the suite as it was resolved."""
    path = store.folder / "suite.yaml"
    if not path.is_file():
        with writing(path):
            write_atomic(path, Suite.model_validate(store.suite).to_yaml().encode())
        yield f"{path}: missing; made again from the plan"


def _derived(store: Store) -> Iterator[str]:
    """Make references and runs.parquet again where they are not what the records give. Yields their paths."""
    if not store.suite.get("plugins"):
        yield from ensure_references(open_planned(str(store.folder))[0])
    path, content = store.folder / "runs.parquet", parquet(store.table())
    if not path.is_file() or path.read_bytes() != content:
        with writing(path):
            write_atomic(path, content, flush=False)
        yield str(path)
