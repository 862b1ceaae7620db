"""What makes a run's folder a whole one, and how it is put in place."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.disk.files import ABSENT, link_once
from harness.errors import Damaged, StoreError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of a run or a stack; anything else could lead out of the folder


def plain_name(name: str) -> str:
    """Return the name of a run or a stack. Raises StoreError where it is none."""
    if not NAME.fullmatch(name):
        raise StoreError(f"{name[:60]!r}: not the name of a run or a stack; the plan was not made by this harness")
    return name


def place(draft: Path, folder: Path, artefacts: Iterable[str]) -> bool:
    """Move a drafted run into its folder, its record last; False where the run was committed meanwhile.

    To be called by one process at a time: artefacts of a committed run must not be replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "record.json").exists():
        return False
    for name in artefacts:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft / name, folder / name)
    return link_once(draft / "record.json", folder / "record.json")


def between(folder: Path, name: str) -> list[Path]:
    """Return the folders that lie between a run's folder and an artefact of it."""
    return [folder / above for above in Path(name).parents if above != Path()]


def read_artefact(path: Path, digest: str) -> bytes:
    """Return the content of a file whose sha256 the record holds.

    Raises Damaged where it is missing or another, StoreError where it cannot be read.
    """
    try:
        content = path.read_bytes()
    except ABSENT:
        raise Damaged(path, "missing") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise Damaged(path, "its content does not match its record")
    return content


def numbers(folder: Path, ending: str) -> list[int]:
    """Return the numbers that name files of a folder, in order."""
    try:
        names = [name.removesuffix(ending) for name in os.listdir(folder) if name.endswith(ending)]
    except ABSENT:
        return []
    return sorted(int(name) for name in names if name.isdecimal())


def reference_settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the reference of a run depends on: its data set and settings."""
    setup = spec["setup"]
    floats = {name: value for name, value in spec["hyper"].items() if name.startswith("data.")}
    return {"dataset": setup["dataset"], "version": setup["versions"]["dataset"], **setup["data"], **floats}
