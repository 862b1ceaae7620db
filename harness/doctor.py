"""`harness doctor`: checks everything in a results folder, sets damage aside and makes again what is derived."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import cleaning
from harness.errors import HarnessError, StoreError
from harness.exports import parquet
from harness.references import ensure_references
from harness.status import result_folders
from harness.store import Store, mend, missing, spent_checkpoints, write_atomic, writing
from harness.suite.load import read_extended
from harness.tasks import open_planned, plan_suite
from harness.wording import printable

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
        sound = "everything else is whole" if entry["mended"] or entry["noted"] else "everything is whole"
        lines.append(f"{entry['folder']}: " + (f"run  {entry['command']}" if entry["redo"] else sound))
    return printable("\n".join(lines))


def _examined(folder: Path) -> dict[str, Any]:
    root = "" if folder.parent == Path("results") else f" -o {folder.parent}"
    entry: dict[str, Any] = {"folder": str(folder), "mended": [], "noted": [], "redo": []}
    entry["command"] = f"harness run {folder / 'suite.yaml'}{root}"
    try:
        Store(folder).plan  # noqa: B018  read for its checksum
    except StoreError as error:
        try:
            entry["mended"] += _planned_again(folder)
        except HarnessError as reason:
            return entry | {"redo": [f"{error}; {reason}"]}
    store = Store(folder)
    planned = {row["run_id"] for row in store.plan["runs"]}
    entry["mended"] += mend(store, sorted(planned | store.finished()), deep=True)
    entry["mended"] += [*_stale_claims(store), *_checkpoints(store), *_abandoned(store)]
    entry["mended"] += [f"{line}: made again" for line in _derived(store, entry["noted"])]
    entry["noted"] += _foreign(store)
    unscored = store.unscored(sorted(planned), store.plan["score_id"])
    entry["redo"] += [*missing(store), *(f"{store.run_folder(run_id)}: not scored yet" for run_id in unscored)]
    return entry


def _planned_again(folder: Path) -> list[str]:
    """Make plan.json again from suite.yaml and the records. Raises HarnessError where that cannot be done."""
    path = folder / "suite.yaml"
    said = read_extended(str(path), ()).data
    if said.get("plugins"):
        raise HarnessError("its suite names plug-ins, which are not run here: run the suite to make it again")
    name = "@".join(str(said[key]) for key in ("name", "scale") if said.get(key))
    if name != folder.name:
        raise HarnessError(f"its suite.yaml is of another suite, {name!r}: run the suite to make it again")
    return list(plan_suite(str(path), str(folder.parent), None, [], [], "auto", True)["damage"])


def _stale_claims(store: Store) -> Iterator[str]:
    for held in store.claims():
        if held["alive"] is False and (claim := store.claim(held["stack"])) is not None:
            claim.release()
            yield f"{claim.path}: its owner, process {held['pid']}, is gone; removed"


def _checkpoints(store: Store) -> Iterator[str]:
    """Set damaged checkpoints aside, and drop those of stacks that have nothing left to train."""
    for path in sorted((store.folder / "checkpoints").glob("[!.]*")):
        if store.read_checkpoint(path.name) is None and path in store.damage:
            yield f"{path}: {store.damage[path]}; set aside"
    for path in spent_checkpoints(store):
        store.drop_checkpoint(path.name)
        yield f"{path}: its stack is finished; removed"


def _abandoned(store: Store) -> Iterator[str]:
    found = [entry for entry in cleaning.leftovers(str(store.folder)) if entry["what"] == "temporary file"]
    cleaning.remove(found)
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
    for path in sorted((store.folder / "runs").iterdir()):
        if not cleaning.RUN_ID.fullmatch(path.name) and not path.name.startswith("."):
            yield f"{path}: no run; left alone"
    for run_id in sorted(store.finished()):
        folder, record = store.run_folder(run_id), store.record(run_id)
        ours = KEPT_BESIDE | {Path(name).parts[0] for name in (record or {"files": ()})["files"]}
        for path in sorted(folder.iterdir()):
            if path.name not in ours and not path.name.startswith("."):
                yield f"{path}: not named in the record; left alone"
