"""Files of a user's own points: csv, npy and npz, read whole or refused in one sentence."""

import csv
import hashlib
import math
import stat
import zipfile
import zlib
from array import array
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.text import said

MAX_BYTES = 300_000_000
MOST = f"{MAX_BYTES // 10**6} MB are read"
MAX_VALUES = 10_000_000  # every run of a stack may hold them once more in its own scale
FAR = 1e3  # spreads that a coordinate's mean may lie from 0: single precision has 10^7 steps up to there
WRITE = "write it with index=False, header=False (R: row.names=FALSE)"

Points = NDArray[np.float64]


def read_points(path: Path) -> Points:
    """Return the points in a file: [n, d] float64, n at least 2, all finite, not all the same.

    Raises DataError, in one sentence naming the file, for anything else.
    """
    readers = {".csv": _csv, ".npy": _npy, ".npz": _npz}
    reader = readers.get(path.suffix.lower())
    if path.is_dir():
        raise DataError(f"{path}: a folder; a csv, npy or npz file of points is needed.")
    if reader is None:
        raise DataError(f"{path}: {path.suffix or 'no ending'} given, a file that ends in .csv, .npy or .npz needed.")
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise DataError(f"{path}: not a file; a csv, npy or npz file of points is needed.")
        if info.st_size > MAX_BYTES:
            raise DataError(f"{path}: {info.st_size / 1e6:,.0f} MB given, at most {MOST}.")
        found = reader(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.") from None
    except (OSError, ValueError, MemoryError) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    return _sound(found, path)


def content_of(points: Points) -> str:
    """Return the first 16 hex digits of the sha256 of points [n, d]: their shape and their values, row by row."""
    digest = hashlib.sha256(f"{len(points)}x{points.shape[1]}/".encode())
    digest.update(np.ascontiguousarray(points, dtype="<f8").tobytes())
    return digest.hexdigest()[:16]


def _csv(path: Path) -> Points:
    """Read comma-separated numbers, a point a line, under at most one line of names."""
    values, width, names = array("d"), 0, list[str]()
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        try:
            for cells in lines:
                numbers = [_number(cell) for cell in cells]
                if len(cells) < 2 and not "".join(cells).strip():
                    continue  # a blank line
                if not width and len(cells) > 1 and _is_unnamed(cells[0]):
                    raise DataError(f"{path}: its first column has no name, as an index has; {WRITE}.")
                if not width and all(map(math.isnan, numbers)) and not _says_nan(cells):
                    width, names = len(cells), cells  # the names of the columns
                    continue
                _check_line(cells, numbers, width, f"{path}: line {lines.line_num}")
                width = len(cells)
                values.extend(numbers)
                if len(values) > MAX_VALUES:
                    raise _too_many(path)
        except csv.Error as error:
            raise DataError(f"{path}: line {lines.line_num}: not csv: {error}.") from None
        except UnicodeDecodeError:
            raise DataError(f"{path}: not UTF-8 text; save it as csv in UTF-8.") from None
    points = np.array(values, dtype=np.float64).reshape(-1, max(width, 1))
    _refuse_counts(points, bool(names), path)
    return points


def _is_unnamed(name: str) -> bool:
    """Whether the first name of a line is that of an index: pandas and R write none, pandas reads that as Unnamed."""
    return not name.strip() or name.strip().lower().startswith("unnamed:")


def _refuse_counts(points: Points, named: bool, path: Path) -> None:
    """Refuse a first column that counts the lines, and a first line that counts the columns: an index or a header that
    was written with the points."""
    n, width = points.shape
    if n > 2 and width > 1 and _counts(points[:, 0]):
        first = f"its first column counts the lines ({points[0, 0]:.0f}, {points[1, 0]:.0f}, ...), as an index does"
        raise DataError(f"{path}: {first}; {WRITE}, or save an npy file where it is a coordinate.")
    if n > 1 and not named and _counts(points[0]):
        whole = (points[1:] == np.rint(points[1:])).all(0)
        if (points[0, 0] == 0 and width > 1) or not whole.any():
            counted = ", ".join(f"{name:.0f}" for name in points[0, :3])
            first = f"its first line counts the columns ({counted}), as a header does"
            raise DataError(f"{path}: {first}; {WRITE}, or save an npy file where it is a point.")


def _counts(values: NDArray[np.float64]) -> bool:
    """Whether values are whole numbers, each one more than the last; a single one counts from 0."""
    return bool(
        values[0] == np.rint(values[0]) and (np.diff(values) == 1).all() and (len(values) > 1 or values[0] == 0)
    )


def _number(cell: str) -> float:
    """Return the number in a cell, NaN where it holds none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _says_nan(cells: list[str]) -> bool:
    return any(cell.strip().lower().lstrip("+-") == "nan" for cell in cells)


def _check_line(cells: list[str], numbers: list[float], width: int, where: str) -> None:
    """Refuse a line of another length, and a cell that is no finite number."""
    if width and len(cells) != width:
        raise DataError(f"{where}: {len(cells)} values given, {width} needed as on the lines before.")
    for cell, number in zip(cells, numbers, strict=True):
        if not math.isfinite(number):
            shown = cell if len(cell) <= 40 else f"{cell[:37]}..."
            raise DataError(f"{where}: {shown!r} given, finite numbers separated by commas needed.")


def _npy(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        return _array(file, path)


def _npz(path: Path) -> NDArray[Any]:
    """Read the array named `points` of an npz file, or its only one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            if not names:
                raise DataError(f"{path}: holds no array; save the points with numpy.savez(file, points=...).")
            if "points" not in names and len(names) > 1:
                listed = ", ".join(sorted(names)[:10])
                raise DataError(f"{path}: holds the arrays {listed}; name one of them 'points', or keep one alone.")
            inside = archive.getinfo(f"{'points' if 'points' in names else names[0]}.npy")
            if inside.file_size > MAX_BYTES:  # packed, a file may hold a thousand times its own size
                raise DataError(f"{path}: unpacks to {inside.file_size / 1e6:,.0f} MB, at most {MOST}.")
            with archive.open(inside) as file:
                return _array(file, path)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise DataError(f"{path}: no npz file as numpy.savez writes it: {error}.") from None


def _array(file: IO[bytes], path: Path) -> NDArray[Any]:
    """Read one array without pickle, which would run the code of whoever made the file."""
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        if "allow_pickle" in str(error):
            text = "holds pickled Python objects, which are not read; save an array of numbers."
            raise DataError(f"{path}: {text}") from None
        raise DataError(f"{path}: no array as numpy.save writes it: {said(error)}.") from None


def _sound(found: NDArray[Any], path: Path) -> Points:
    """Return the array as float64 where it is a set of points that a network can learn from."""
    if found.dtype.kind not in "iuf":
        raise DataError(f"{path}: values of type {found.dtype} given, numbers needed.")
    if found.ndim != 2 or not found.shape[1]:
        text = f"an array of shape {list(found.shape)} given, [points, coordinates] needed"
        raise DataError(f"{path}: {text}{', [n, 1] on a line' if found.ndim == 1 else ''}.")
    if found.size > MAX_VALUES:
        raise _too_many(path)
    if len(found) < 2:
        raise DataError(f"{path}: {len(found)} point(s) given, at least 2 needed.")
    points = found.astype(np.float64) + 0.0  # -0 and 0 are one number, with one address
    with np.errstate(over="ignore"):
        single = points.astype(np.float32)  # what networks are trained on
    bad = np.argwhere(~np.isfinite(single))
    if len(bad):
        row, column = bad[0]
        value = points[row, column]
        raise DataError(f"{path}: point {row + 1} holds {value:g}, numbers that fit 32 bits needed.")
    if (single == single[0]).all():
        same = "are the same; there is nothing to learn"
        if (points != points[0]).any():
            same = "are the same in 32 bits; take their mean away first"
        raise DataError(f"{path}: all {len(points):,} points {same}.")
    mean, spread = points.mean(0), points.std(0)
    far = np.flatnonzero((np.abs(mean) > FAR * spread) & (points != points[0]).any(0))
    if len(far):
        k = far[0]
        text = f"coordinate {k + 1} has a mean of {mean[k]:.3g} and a spread of {spread[k]:.2g}, which 32 bits blur"
        raise DataError(f"{path}: {text}; take its mean away first.")
    return points


def _too_many(path: Path) -> DataError:
    return DataError(f"{path}: more than {MAX_VALUES:,} numbers given; use fewer points.")
