"""Arrays as npz, never pickled."""

import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.disk.files import read_bytes, stamp
from harness.errors import Damaged

if TYPE_CHECKING:
    import numpy as np

REMEMBERED = 4  # files: what every run of a stack is scored against


def npz_bytes(arrays: "Mapping[str, np.ndarray]") -> bytes:
    """Arrays as a compressed npz file's content; equal arrays, equal bytes."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def npz_arrays(content: bytes, path: Path) -> "dict[str, np.ndarray]":
    """Invert `npz_bytes`; `path` names the content. Raises Damaged where it is torn or holds pickles."""
    import zipfile
    import zlib

    import numpy as np

    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise Damaged(path, "not an npz file" if content else "empty")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise Damaged(path, f"cannot be read as arrays ({error})") from None
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):  # numpy gives other files as bytes
        raise Damaged(path, "it holds what is no array")
    return arrays


def read_npz(path: Path) -> "dict[str, np.ndarray]":
    """Arrays of an npz file, without pickle; none where there is no such file. Raises Damaged where it is torn,
    StoreError where it cannot be read.

    The last few files are remembered until they change: nobody may write into their arrays.
    """
    return dict(_read(path, stamp(path)))


@lru_cache(maxsize=REMEMBERED)
def _read(path: Path, _: object) -> "dict[str, np.ndarray]":
    content = read_bytes(path)
    return {} if content is None else npz_arrays(content, path)
