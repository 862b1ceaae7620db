"""Arrays as npz, never pickled."""

import io
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.disk.files import read_bytes, stamp
from harness.errors import Damaged

if TYPE_CHECKING:
    import zipfile

    import numpy as np

START = 10  # bytes of a .npy file before its header: magic, version, length
REMEMBERED = 4  # files: what every run of a stack is scored against


def npz_bytes(arrays: "Mapping[str, np.ndarray]") -> bytes:
    """Arrays as a compressed npz file's content; equal arrays, equal bytes. Raises ValueError for objects."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as members:
        for name, array in arrays.items():
            content = _npy_header(array.shape, array.dtype) + array.tobytes()
            members.writestr(zipfile.ZipInfo(f"{name}.npy"), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@lru_cache(maxsize=1024)
def _npy_header(shape: tuple[int, ...], dtype: "np.dtype[Any]") -> bytes:
    """Return how the file of such an array begins, in C order. numpy's own writer takes most of its time for this."""
    from numpy.lib import format as npy

    if dtype.hasobject:
        raise ValueError("objects are not kept")
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": npy.dtype_to_descr(dtype)})
    return file.getvalue()


def npz_arrays(content: bytes, path: Path, largest: float = math.inf) -> "dict[str, np.ndarray]":
    """Invert `npz_bytes`; `path` names the content. An array of more than `largest` bytes is not unpacked: zeros of its
    shape and type, which take no memory, stand for it. Raises Damaged where it is torn or holds pickles.
    """
    import zipfile
    import zlib

    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise Damaged(path, "not an npz file" if content else "empty")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            return {
                member.filename.removesuffix(".npy"): _array(members, member, largest) for member in members.infolist()
            }
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise Damaged(path, f"cannot be read as arrays ({error})") from None


def _array(members: "zipfile.ZipFile", member: "zipfile.ZipInfo", largest: float) -> "np.ndarray":
    """Return an array of an npz file. Raises what reading a zip file raises, ValueError for what is no array of bytes.

    numpy's own reader takes most of its time to parse headers, which are the same in every run.
    """
    import numpy as np

    with members.open(member) as file:
        start = file.read(START)
        head = file.read(int.from_bytes(start[8:], "little"))
        shape, fortran, dtype = _header(start + head)
        size = math.prod(shape) * dtype.itemsize
        if member.file_size != START + len(head) + size:
            raise ValueError(f"{member.filename} is not as long as its header says")
        if size > largest:
            return np.broadcast_to(np.zeros((), dtype), shape)
        return np.frombuffer(bytearray(file.read()), dtype).reshape(shape, order="F" if fortran else "C")


@lru_cache(maxsize=1024)
def _header(content: bytes) -> "tuple[tuple[int, ...], bool, np.dtype[Any]]":
    """Return shape, Fortran order and type of an array from the header of its file, of version 1 as numpy writes it."""
    from numpy.lib import format as npy

    file = io.BytesIO(content)
    if npy.read_magic(file) != (1, 0):
        raise ValueError("it holds what is no array")
    shape, fortran, dtype = npy.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("it holds objects, which are not read")
    return shape, fortran, dtype


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
