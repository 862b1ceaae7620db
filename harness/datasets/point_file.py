"""Files of a user's own points: csv, npy and npz, read whole or refused in one sentence."""

import csv
import hashlib
import math
import stat
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.text import reason

MAX_BYTES = 300_000_000
MOST = f"{MAX_BYTES // 10**6} MB are read"
MAX_LINE = 1_000_000  # characters: 40,000 numbers of all their digits
MAX_VALUES = 10_000_000  # every run of a stack may hold them once more in its own scale
FAR = 1e3  # spreads that a coordinate's mean may lie from 0: single precision has 10^7 steps up to there
WRITE = "write it with index=False, header=False (R: row.names=FALSE)"

Points = NDArray[np.float64]


def read_points(path: Path) -> Points:
    """Return the points in a file: [n, d] float64, n at least 2, all finite, not all the same.

    Raises DataError, in one sentence naming the file, for anything else.
    """
    with _named(path):
        return _sound(_array_in(path, is_points=True))


def read_array(path: Path, is_points: bool) -> NDArray[Any]:
    """Return the numbers in a file as they are, of whatever shape, type and size; those of a csv as [lines, columns].

    Of points an index or a header that was written with them is refused, as in `read_points`. Raises DataError.
    """
    with _named(path):
        return _array_in(path, is_points)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let what is wrong with a file be a sentence that begins with its name."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.") from None
    except (OSError, ValueError, MemoryError) as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}.") from None


def content_of(points: Points) -> str:
    """Return the first 16 hex digits of the sha256 of points [n, d]: their shape and their values, row by row."""
    digest = hashlib.sha256(f"{len(points)}x{points.shape[1]}/".encode())
    digest.update(np.ascontiguousarray(points, dtype="<f8").tobytes())
    return digest.hexdigest()[:16]


def _array_in(path: Path, is_points: bool) -> NDArray[Any]:
    """Return the array in a file, by the ending of its name."""
    readers: dict[str, Callable[[Path], NDArray[Any]]] = {
        ".csv": partial(_csv, is_points=is_points),
        ".npy": _npy,
        ".npz": _npz,
    }
    suffix = path.suffix.lower()
    if path.is_dir():
        raise DataError("a folder; a csv, npy or npz file is needed.")
    if suffix not in readers:
        raise DataError(f"{path.suffix or 'no ending'} given, a file that ends in .csv, .npy or .npz needed.")
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise DataError("not a file; a csv, npy or npz file is needed.")
    if info.st_size > MAX_BYTES:
        raise DataError(f"{info.st_size / 1e6:,.0f} MB given, at most {MOST}.")
    return readers[suffix](path)


def _csv(path: Path, is_points: bool) -> Points:
    """Read comma-separated numbers, a point a line, under at most one line of names."""
    values, width, is_named = array("d"), 0, False
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(_short_lines(file))
        try:
            for cells in lines:
                if len(cells) < 2 and not "".join(cells).strip():
                    continue  # a blank line
                numbers = [_number(cell) for cell in cells]
                if not width:
                    first = cells[0].strip().lower()
                    if len(cells) > 1 and (not first or first.startswith("unnamed:")):  # as pandas and R write one
                        raise DataError(f"its first column has no name, as an index has; {WRITE}.")
                    width, is_named = len(cells), all(map(math.isnan, numbers)) and not any(map(_is_nan, cells))
                    if is_named:
                        continue
                _check_line(cells, numbers, width, lines.line_num)
                values.extend(numbers)
                if len(values) > MAX_VALUES:
                    raise DataError(f"more than {MAX_VALUES:,} numbers given; use fewer points.")
        except csv.Error as error:
            raise DataError(f"line {lines.line_num}: not csv: {error}.") from None
        except UnicodeDecodeError:
            raise DataError("not UTF-8 text; save it as csv in UTF-8.") from None
    points = np.array(values, dtype=np.float64).reshape(-1, max(width, 1))
    if is_points:
        _refuse_counts(points, is_named)
    return points


def _short_lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a file. Raises DataError for one that csv would take minutes and gigabytes to part."""
    for number in count(1):
        line = file.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise DataError(f"line {number}: more than {MAX_LINE:,} characters given; write a point a line.")
        if not line:
            return
        yield line


def _number(cell: str) -> float:
    """Return the number in a cell, NaN where it holds none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _is_nan(cell: str) -> bool:
    return cell.strip().lower().lstrip("+-") == "nan"


def _check_line(cells: list[str], numbers: list[float], width: int, line: int) -> None:
    """Refuse a line of another length, and a cell that is no finite number."""
    if len(cells) != width:
        raise DataError(f"line {line}: {len(cells)} values given, {width} needed as on the lines before.")
    for cell, number in zip(cells, numbers, strict=True):
        if not math.isfinite(number):
            text = cell if len(cell) <= 40 else f"{cell[:37]}..."
            raise DataError(f"line {line}: {text!r} given, finite numbers separated by commas needed.")


def _refuse_counts(points: Points, is_named: bool) -> None:
    """Refuse a first column that counts the lines, and a first line that counts the columns: an index or a header that
    was written with the points."""
    n, width = points.shape
    if n > 2 and width > 1 and _counts(points[:, 0]):
        text = f"its first column counts the lines ({points[0, 0]:.0f}, {points[1, 0]:.0f}, ...), as an index does"
        raise DataError(f"{text}; {WRITE}, or save an npy file where it is a coordinate.")
    if n > 1 and not is_named and _counts(points[0]):
        is_whole = (points[1:] == np.rint(points[1:])).all(0)
        if (points[0, 0] == 0 and width > 1) or not is_whole.any():
            text = f"its first line counts the columns ({', '.join(f'{name:.0f}' for name in points[0, :3])})"
            raise DataError(f"{text}, as a header does; {WRITE}, or save an npy file where it is a point.")


def _counts(values: NDArray[np.float64]) -> bool:
    """Whether values are whole numbers, each one more than the last; a single one counts from 0."""
    return bool(
        values[0] == np.rint(values[0]) and (np.diff(values) == 1).all() and (len(values) > 1 or values[0] == 0)
    )


def _npy(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        return _unpickled(file)


def _npz(path: Path) -> NDArray[Any]:
    """Read the array named `points` of an npz file, or its only one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            if not names:
                raise DataError("holds no array; save the points with numpy.savez(file, points=...).")
            if "points" not in names and len(names) > 1:
                listed = ", ".join(sorted(names)[:10])
                raise DataError(f"holds the arrays {listed}; name one of them 'points', or keep one alone.")
            inside = archive.getinfo(f"{'points' if 'points' in names else names[0]}.npy")
            if inside.file_size > MAX_BYTES:  # packed, a file may hold a thousand times its own size
                raise DataError(f"unpacks to {inside.file_size / 1e6:,.0f} MB, at most {MOST}.")
            with archive.open(inside) as file:
                return _unpickled(file)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise DataError(f"no npz file as numpy.savez writes it: {error}.") from None


def _unpickled(file: IO[bytes]) -> NDArray[Any]:
    """Read one array without pickle, which would run the code of whoever made the file."""
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise DataError("holds pickled Python objects, which are not read; save an array of numbers.") from None
        raise DataError(f"no array as numpy.save writes it: {reason(error)}.") from None


def _sound(values: NDArray[Any]) -> Points:
    """Return the array as float64 where it is a set of points that a network can learn from."""
    if values.dtype.kind not in "iuf":
        raise DataError(f"values of type {values.dtype} given, numbers needed.")
    if values.ndim != 2 or not values.shape[1]:
        text = f"an array of shape {list(values.shape)} given, [points, coordinates] needed"
        raise DataError(f"{text}{', [n, 1] on a line' if values.ndim == 1 else ''}.")
    if values.size > MAX_VALUES:
        raise DataError(f"more than {MAX_VALUES:,} numbers given; use fewer points.")
    if len(values) < 2:
        raise DataError(f"{len(values)} point(s) given, at least 2 needed.")
    points = values.astype(np.float64) + 0.0  # -0 and 0 are one number, with one address
    with np.errstate(over="ignore"):
        single = points.astype(np.float32)  # what networks are trained on
    bad = np.argwhere(~np.isfinite(single))
    if len(bad):
        row, column = bad[0]
        raise DataError(f"point {row + 1} holds {points[row, column]:g}, numbers that fit 32 bits needed.")
    if (single == single[0]).all():
        is_near = (points != points[0]).any()
        text = "are the same in 32 bits; take their mean away first" if is_near else "are the same; nothing to learn"
        raise DataError(f"all {len(points):,} points {text}.")
    mean, spread = points.mean(0), points.std(0)
    far = np.flatnonzero((np.abs(mean) > FAR * spread) & (points != points[0]).any(0))
    if len(far):
        k = far[0]
        text = f"coordinate {k + 1} has a mean of {mean[k]:.3g} and a spread of {spread[k]:.2g}, which 32 bits blur"
        raise DataError(f"{text}; take its mean away first.")
    return points
