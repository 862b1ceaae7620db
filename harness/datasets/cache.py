"""Large sets of pictures, kept once a machine as memory-mapped arrays. A cache: what is not there is made again."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.datasets.images import Bytes
from harness.disk.files import locked, temporary
from harness.disk.folders import cache_folder
from harness.errors import DataError

SMALL = 2**24  # bytes below which making a set again is quicker than keeping it is worth

Fill = Callable[[Bytes], None]  # writes the pictures into an array of zeros


def cached(name: str, shape: tuple[int, ...], fill: Fill, least: int = SMALL) -> Bytes:
    """Return the uint8 array of this name and shape: mapped from the cache, or filled now and kept there.

    It is mapped copy-on-write. One process fills it while others wait. Where the cache cannot be written, or the array
    has fewer than `least` bytes, it is filled in memory. Raises DataError where there is no room for it, and whatever
    `fill` raises; nothing is then kept.
    """
    if np.prod(shape, dtype=float) >= least:
        with contextlib.suppress(OSError):
            return _kept(cache_path(name), shape, fill)
    try:
        array = np.zeros(shape, dtype=np.uint8)
        fill(array)
    except MemoryError:
        size = f"{np.prod(shape, dtype=float) / 1e9:,.1f} GB"
        text = f"its {shape[0]:,} pictures take {size}, more than memory, and the cache has no room for them"
        raise DataError(f"{cache_path(name)}: {text}; ask for fewer or smaller ones, or free the disk.") from None
    return array


def lacks_room(shape: tuple[int, ...]) -> str:
    """Return why a set of pictures [n, c, h, w] could be kept on no disk of this machine's cache; "" where it could."""
    try:
        whole = shutil.disk_usage(_existing(cache_folder())).total
    except OSError:
        return ""
    size = np.prod(shape, dtype=float)
    if size <= whole:
        return ""
    return f"its {shape[0]:,} pictures take {size / 1e9:,.0f} GB, and the cache's disk has {whole / 1e9:,.0f} GB in all"


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def cache_path(name: str) -> Path:
    """Return where the array of this name is kept."""
    return cache_folder() / "pictures" / f"{name}.npy"


def _kept(path: Path, shape: tuple[int, ...], fill: Fill) -> Bytes:
    """Map the array in a file that one process fills. Raises OSError where it cannot be kept there."""
    found = _mapped(path, shape)
    if found is None:
        with locked(path.with_suffix(".lock")):
            found = _mapped(path, shape)  # another process may have filled it meanwhile
            if found is None:
                _write(path, shape, fill)
                found = _mapped(path, shape)
    if found is None:
        raise OSError("it was removed or replaced at once")
    return found


def _mapped(path: Path, shape: tuple[int, ...]) -> Bytes | None:
    """Map a kept array; None where there is none of this shape."""
    try:
        found: Bytes = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape and found.dtype == np.uint8 else None


def _write(path: Path, shape: tuple[int, ...], fill: Fill) -> None:
    """Fill an array on disk, and give it its name once it is whole."""
    draft = temporary(path)
    try:
        with draft.open("w+b") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.flush()
            start, size = file.tell(), int(np.prod(shape))
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, start + size)  # a full disk is an error here, and a crash later
            else:
                file.truncate(start + size)
            array = np.memmap(file, dtype=np.uint8, mode="r+", offset=start, shape=shape)
            fill(array)
            array.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
