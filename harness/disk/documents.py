"""JSON that proves itself: strict, readable, and with the sha256 of its own text.

Version 1 of the format had a checksum in records alone, over their canonical JSON; it is still read.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.disk.files import ABSENT, write_atomic
from harness.errors import Damaged, HarnessError, StoreError
from harness.spec import canonical_json

FORMAT = 2  # of the JSON files of a results folder
BLANK = b'\n "sha256": ""'  # one space deep: text inside a value cannot look so


def write_json(path: Path, value: Mapping[str, Any], flush: bool = True) -> None:
    """Write a mapping as sealed JSON, replacing what was there."""
    write_atomic(path, seal(value), flush)


def seal(value: Mapping[str, Any]) -> bytes:
    """Return a mapping as JSON with its version and its sha256, which is taken over the text with that left blank.

    Raises HarnessError where a number is not finite.
    """
    try:
        blank = to_json({**value, "version": FORMAT, "sha256": ""})
    except ValueError as error:
        raise HarnessError(f"a number that is not finite cannot be kept as JSON: {error}") from None
    return blank.replace(BLANK, _filled(hashlib.sha256(blank).hexdigest()), 1)


def unseal(content: bytes, path: Path, needs_sum: bool = False) -> dict[str, Any]:
    """Invert `seal`, without the checksum. `path` names the content; old files other than records had no sum.

    Raises Damaged where this is not, byte for byte, what was written; StoreError where a newer harness wrote it.
    """
    value = _parsed(content, path)
    given = value.pop("sha256", None)
    if given is not None:
        blank = content.replace(_filled(str(given)), BLANK, 1)
        if blank == content or hashlib.sha256(blank).hexdigest() != given:
            raise Damaged(path, "its content does not match its checksum")
        if value.get("version") != FORMAT:
            raise StoreError(f"{path}: of version {value.get('version')!r}, and this harness reads up to {FORMAT}")
    elif value.get("version", 1) != 1 or (needs_sum and "checksum" not in value):
        raise Damaged(path, "its checksum is missing")
    elif "checksum" in value and value["checksum"] != checksum(value):
        raise Damaged(path, "its content does not match its checksum")
    return value


def read_json(path: Path, needs_sum: bool = False) -> dict[str, Any]:
    """Read sealed JSON. Raises what `unseal` raises, and StoreError where the file cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    return unseal(content, path, needs_sum)


def read_if_there(path: Path, needs_sum: bool = False) -> dict[str, Any] | None:
    """As `read_json`; None where there is no such file."""
    try:
        content = path.read_bytes()
    except ABSENT:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    return unseal(content, path, needs_sum)


def to_json(value: Any) -> bytes:
    """Strict JSON: no NaN, readable, one final newline."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").encode()


def checksum(record: Mapping[str, Any]) -> str:
    """sha256 of a record of version 1: of its canonical JSON without its checksum."""
    rest = {key: value for key, value in record.items() if key != "checksum"}
    return hashlib.sha256(canonical_json(rest).encode()).hexdigest()


def _filled(digest: str) -> bytes:
    return BLANK[:-1] + digest.encode(errors="backslashreplace") + b'"'


def _parsed(content: bytes, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(content.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Damaged(path, f"not valid JSON ({error})" if content else "empty") from None
    if not isinstance(value, dict):
        raise Damaged(path, "not a mapping")
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
