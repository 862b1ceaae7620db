"""The checkpoint of a stack: several files in one, put in place by one rename, so that the old one goes last.

8 bytes: length of the header    header: sealed JSON, names with sizes and sums    contents, one after another
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from harness.disk.documents import seal, unseal
from harness.disk.files import read_bytes, write_atomic
from harness.errors import Damaged

PREFIX = 8


def write_checkpoint(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a checkpoint, replacing the one there was. Raises OSError."""
    names = [[name, len(content), hashlib.sha256(content).hexdigest()] for name, content in files.items()]
    header = seal({"files": names})
    write_atomic(path, len(header).to_bytes(PREFIX, "big"), header, *files.values())


def read_checkpoint(path: Path) -> dict[str, bytes] | None:
    """Return the files of a checkpoint, None where there is none. Raises Damaged where it is not what was written,
    StoreError where it cannot be read.
    """
    whole = read_bytes(path)
    if whole is None:
        return None
    content = memoryview(whole)
    start = PREFIX + int.from_bytes(content[:PREFIX], "big")
    files = {}
    parts = unseal(bytes(content[PREFIX:start]), path, needs_sum=True).get("files")
    if not isinstance(parts, list) or not all(map(_is_part, parts)):
        raise Damaged(path, "its files are malformed")
    for name, size, digest in parts:
        files[name] = bytes(content[start : start + size])
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise Damaged(path, f"its part {name} does not match its checksum")
        start += size
    if start != len(content):
        raise Damaged(path, "its end does not belong to it")
    return files


def _is_part(part: object) -> bool:
    return isinstance(part, list) and [type(value) for value in part] == [str, int, str] and part[1] >= 0
