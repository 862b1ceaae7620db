"""`harness doctor`: checks everything in a results folder, sets damage aside and makes again what is derived."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.commands import clean
from harness.disk.files import write_atomic, writing
from harness.errors import Damaged, HarnessError, StoreError
from harness.execution.tasks import open_planned, plan_suite
from harness.store import Store, mend, missing, set_aside, spent_checkpoints
from harness.store.find import result_folders
from harness.store.reference_samples import ensure_references
from harness.store.table_files import parquet
from harness.suite.format.models import Suite
from harness.suite.load import read_extended
from harness.text import printable, run_command

KNOWN = {"suite.yaml", "plan.json", "runs.parquet", "runs", "references", "claims", "checkpoints", "damaged", "report"}
KEPT_BESIDE = {"record.json", "log.txt", "attempts", "scores"}  # in a run's folder, and not named in its record


def doctor(path: str) -> list[dict[str, Any]]:
    """Check each suite's folder. Returns folder, `mended`, `noted`, `redo` (a line each) and the command that redoes.

    mended  what was damaged and is set aside, made again or removed
    noted   what does not belong there and is left alone
    redo    runs to be trained, or scored, again
    Raises StoreError where there are no results, or a folder cannot be written.
    """
    return [_examined(folder) for folder in result_folders(path)]


def render(entries: list[dict[str, Any]]) -> str:
    """Return what was found as lines."""
    lines = []
    for entry in entries:
        lines += [f"mended: {line}" for line in entry["mended"]] + [f"noted: {line}" for line in entry["noted"]]
        lines += [f"to be done again: {line}" for line in entry["redo"]]
        lines.append(f"{entry['folder']}: {_ending(entry)}")
    return printable("\n".join(lines))


def _ending(entry: dict[str, Any]) -> str:
    if entry["redo"]:
        return f"run  {entry['command']}" if entry["command"] else "not mended"
    return "everything else is whole" if entry["mended"] or entry["noted"] else "everything is whole"


class _OnlyRun(HarnessError):
    """What `harness run` alone makes again, as it runs plug-ins."""


def _examined(folder: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {"folder": str(folder), "mended": [], "noted": [], "redo": [], "command": None}
    try:
        Store(folder).plan  # noqa: B018  read for its checksum
    except StoreError as error:
        if (folder / "plan.json").is_file() and not isinstance(error, Damaged):
            return entry | {"redo": [str(error)]}  # a newer harness's, or one that may not be read
        why = f"{error.path}: {error.why}" if isinstance(error, Damaged) else f"{folder / 'plan.json'}: missing"
        try:
            entry["mended"] += _planned_again(folder)
        except HarnessError as reason:
            command = run_command(folder) if isinstance(reason, _OnlyRun) else None
            return entry | {"redo": [f"{why}; {reason}"], "command": command}
    store = Store(folder)
    planned = {row["run_id"] for row in store.plan["runs"]}
    entry["command"] = run_command(folder)
    entry["mended"] += [
        *_suite_again(store),
        *_no_folder(store),
        *mend(store, sorted(planned | store.finished()), True),
    ]
    entry["mended"] += [*_stale_claims(store), *_checkpoints(store), *_abandoned(store)]
    entry["mended"] += [f"{line}: made again" for line in _derived(store, entry["noted"])]
    entry["noted"] += _foreign(store)
    unscored = store.unscored(sorted(planned), store.plan["score_id"])
    entry["redo"] += [*missing(store), *(f"{store.run_folder(run_id)}: not scored yet" for run_id in unscored)]
    if planned and not (folder / "runs").exists():
        entry["redo"].append(f"{folder / 'runs'}: missing, with the runs that it held")
    return entry


def _planned_again(folder: Path) -> list[str]:
    """Make plan.json again from suite.yaml and the records. Raises HarnessError where that cannot be done."""
    path = folder / "suite.yaml"
    if not path.is_file():
        raise HarnessError(f"there is no suite.yaml beside it: {_its_own(folder)}")
    said = read_extended(str(path), ()).data
    if said.get("plugins"):
        raise _OnlyRun("its suite names plug-ins, which are not run here: run the suite to make it again")
    name = "@".join(str(said[key]) for key in ("name", "scale") if said.get(key))
    if name != folder.name:
        raise HarnessError(f"its suite.yaml is of another suite, {name!r}: {_its_own(folder)}")
    return list(plan_suite(str(path), str(folder.parent), None, [], [], "auto", True)["damage"])


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


def _no_folder(store: Store) -> Iterator[str]:
    """Set aside what lies where the runs' folder should be."""
    path = store.folder / "runs"
    if path.exists() and not path.is_dir():
        yield set_aside(store.folder, path, f"{path}: no folder")


def _stale_claims(store: Store) -> Iterator[str]:
    for held in store.claims():
        if held["alive"] is False and (claim := store.claim(held["stack"])) is not None:
            claim.release()
            who = "cannot be read, and its owner" if held["pid"] is None else f"its owner, process {held['pid']},"
            yield f"{claim.path}: {who} is gone; removed"


def _checkpoints(store: Store) -> Iterator[str]:
    """Set damaged checkpoints aside, and drop those of stacks that have nothing left to train."""
    for path in sorted((store.folder / "checkpoints").glob("[!.]*")):
        if store.read_checkpoint(path.name) is None and path in store.damage:
            yield f"{path}: {store.damage[path]}; set aside"
    for path in spent_checkpoints(store):
        store.drop_checkpoint(path.name)
        yield f"{path}: its stack is finished; removed"


def _abandoned(store: Store) -> Iterator[str]:
    found = [entry for entry in clean.leftovers(str(store.folder)) if entry["what"] == "temporary file"]
    clean.remove(found)
    return (f"{entry['path']}: left by a writer that was killed; removed" for entry in found)


def _derived(store: Store, noted: list[str]) -> Iterator[str]:
    """Make references and runs.parquet again where they are not what the records give. Yields their paths."""
    if store.suite.get("plugins"):
        noted.append(f"{store.folder}: its suite names plug-ins, which are not run here: references were not checked")
    else:
        yield from ensure_references(*open_planned(str(store.folder)))
    path, content = store.folder / "runs.parquet", parquet(store.table())
    if not path.is_file() or path.read_bytes() != content:
        with writing(path):
            write_atomic(path, content, flush=False)
        yield str(path)


def _foreign(store: Store) -> Iterator[str]:
    """Name what the harness did not write: in the folder, among the runs, in a finished run."""
    for path in sorted(store.folder.iterdir()):
        if path.name not in KNOWN and not path.name.startswith("."):
            yield f"{path}: not of the harness; left alone"
    for path in sorted((store.folder / "runs").glob("*")):
        if not clean.RUN_ID.fullmatch(path.name) and not path.name.startswith("."):
            yield f"{path}: no run; left alone"
    for run_id in sorted(store.finished()):
        folder, record = store.run_folder(run_id), store.record(run_id)
        ours = KEPT_BESIDE | {Path(name).parts[0] for name in (record or {"files": ()})["files"]}
        for path in sorted(folder.iterdir()):
            if path.name not in ours and not path.name.startswith("."):
                yield f"{path}: not named in the record; left alone"
