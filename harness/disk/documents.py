"""JSON that proves itself: strict, readable, and with the sha256 of its own text.

Version 1 of the format had a checksum in records alone, over their canonical JSON; it is still read.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.disk.files import read_bytes, write_atomic
from harness.disk.schema import Malformed
from harness.errors import Damaged, HarnessError, StoreError
from harness.spec import WIDEST, canonical_json

FORMAT = 2  # of the JSON files of a results folder
Plain = dict[str, Any]  # what a file of JSON holds
DIGITS = len(str(-WIDEST))
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # half a letter may be written so, and in no other way
T = TypeVar("T")
ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False, ensure_ascii=False)
BLANK = b'\n "sha256": ""'  # one space deep: text inside a value cannot look so


def write_json(path: Path, value: Mapping[str, object], flush: bool = True) -> None:
    """Write a mapping as sealed JSON, replacing what was there."""
    write_atomic(path, seal(value), flush=flush)


def seal(value: Mapping[str, object]) -> bytes:
    """Return a mapping as JSON with its version and its sha256, which is taken over the text with that left blank.

    Raises HarnessError where a number is not finite.
    """
    try:
        blank = to_json({**value, "version": FORMAT, "sha256": ""})
    except ValueError as error:
        raise HarnessError(f"a number that is not finite cannot be kept as JSON: {error}") from None
    return blank.replace(BLANK, _filled(hashlib.sha256(blank).hexdigest()), 1)


def unseal(content: bytes, path: Path, needs_sum: bool = False) -> Plain:
    """Invert `seal`, without the checksum. `path` names the content; old files other than records had no sum.

    Raises Damaged where this is not, byte for byte, what was written; StoreError where a newer harness wrote it.
    """
    value = _parsed(content, path)
    given = value.pop("sha256", None)
    if given is not None:
        blank = content.replace(_filled(str(given)), BLANK, 1)
        if blank == content or hashlib.sha256(blank).hexdigest() != given:
            raise Damaged(path, "its content does not match its checksum")
        if (version := value.get("version")) != FORMAT:
            if type(version) is not int or not FORMAT < version < 10**6:
                raise Damaged(path, "its version is malformed")
            raise StoreError(f"{path}: of version {version}, and this harness reads up to {FORMAT}")
    elif value.get("version", 1) != 1 or (needs_sum and "checksum" not in value):
        raise Damaged(path, "its checksum is missing")
    elif "checksum" in value and value["checksum"] != checksum(value):
        raise Damaged(path, "its content does not match its checksum")
    return value


def read_json(path: Path, parse: Callable[[Plain], T], needs_sum: bool = False) -> T | None:
    """Read sealed JSON as a value; None where there is no such file.

    Raises what `unseal` and `read_bytes` raise, and Damaged where `parse` finds what it holds Malformed.
    """
    content = read_bytes(path)
    if content is None:
        return None
    try:
        return parse(unseal(content, path, needs_sum))
    except Malformed as why:
        raise Damaged(path, str(why)) from None


def to_json(value: Mapping[str, object]) -> bytes:
    """Strict JSON: no NaN, a line a key, one final newline. To indent all of it takes ten times as long."""
    lines = (f" {ENCODER.encode(key)}: {ENCODER.encode(value[key])}" for key in sorted(value))
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def checksum(record: Mapping[str, object]) -> str:
    """sha256 of a record of version 1: of its canonical JSON without its checksum."""
    rest = {key: value for key, value in record.items() if key != "checksum"}
    return hashlib.sha256(canonical_json(rest).encode()).hexdigest()


def _filled(digest: str) -> bytes:
    return BLANK[:-1] + digest.encode(errors="backslashreplace") + b'"'


def _parsed(content: bytes, path: Path) -> Plain:
    try:
        value = json.loads(content.decode(), parse_constant=_refuse, parse_float=_finite, parse_int=_short)
        if SURROGATE.search(content):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Damaged(path, f"not valid JSON ({error})" if content else "empty") from None
    if not isinstance(value, dict):
        raise Damaged(path, "not a mapping")
    return value


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        _refuse(text)
    return number


def _short(text: str) -> int:
    if len(text) > DIGITS or not -WIDEST <= (number := int(text)) < WIDEST:
        _refuse(text)
    return number


def _refuse(name: str) -> None:
    raise ValueError(f"{name[:40]} is out of range (finite, integers of 64 bits)")
