"""Large sets of images, kept once a machine as memory-mapped arrays. A cache: what is not there is made again."""

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

Fill = Callable[[Bytes], None]  # writes the images into an array of zeros


def cached(name: str, shape: tuple[int, ...], fill: Fill, least: int = SMALL) -> Bytes:
    """Return the uint8 array of this name and shape: mapped from the cache, or filled now and kept there.

    It is mapped copy-on-write. One process fills it while others wait. Where the cache cannot be written, or the array
    has fewer than `least` bytes, it is filled in memory. Raises DataError where there is no room for it, and whatever
    `fill` raises; nothing is then kept.
    """
    size = np.prod(shape, dtype=float)
    if size >= least:
        with contextlib.suppress(OSError):
            return _shared(cache_path(name), shape, fill)
    try:
        array = np.zeros(shape, dtype=np.uint8)
        fill(array)
    except MemoryError:
        text = f"its {shape[0]:,} images take {size / 1e9:,.1f} GB, more than memory, and the cache has no room"
        raise DataError(f"{cache_path(name)}: {text}; ask for fewer or smaller ones, or free the disk.") from None
    return array


def lacks_room(shape: tuple[int, ...]) -> str:
    """Return why a set of images [n, c, h, w] could be kept on no disk of this machine's cache; "" where it could."""
    folder, size = cache_folder(), np.prod(shape, dtype=float)
    try:
        disk = shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).total
    except OSError:
        return ""
    if size <= disk:
        return ""
    return f"its {shape[0]:,} images take {size / 1e9:,.0f} GB, and the cache's disk has {disk / 1e9:,.0f} GB in all"


def cache_path(name: str) -> Path:
    """Return where the array of this name is kept."""
    return cache_folder() / "pictures" / f"{name}.npy"


def _shared(path: Path, shape: tuple[int, ...], fill: Fill) -> Bytes:
    """Map the array in a file that one process fills. Raises OSError where it cannot be kept there."""
    array = _mapped(path, shape)
    if array is None:
        with locked(path.with_suffix(".lock")):
            if _mapped(path, shape) is None:  # another process may have filled it meanwhile
                _write(path, shape, fill)
        array = _mapped(path, shape)
    if array is None:
        raise OSError("it was removed or replaced at once")
    return array


def _mapped(path: Path, shape: tuple[int, ...]) -> Bytes | None:
    """Map a kept array; None where there is none of this shape."""
    try:
        array: Bytes = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def _write(path: Path, shape: tuple[int, ...], fill: Fill) -> None:
    """Fill an array on disk, and give it its name once it is whole."""
    draft = temporary(path)
    try:
        array = np.lib.format.open_memmap(draft, "w+", np.uint8, shape)
        with draft.open("r+b") as file:
            if hasattr(os, "posix_fallocate"):  # a full disk is an error here, and a crash later
                os.posix_fallocate(file.fileno(), 0, draft.stat().st_size)
            fill(array)
            array.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
