"""Where the data that a suite names by a path lie on this machine: a run's address holds their content, no path."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import DataError

Where = str | Sequence[str]  # the path of a file or folder, or those of several folders

_PLACES: dict[str, Where] = {}  # content -> the file or folder that holds it


def place(content: str, path: Where) -> None:
    """Tell this process where the data of a content lie."""
    _PLACES[content] = path


def place_of(content: str, what: str) -> Any:
    """Return where the points or images of a content lie: a path, or several. Raises DataError where this process was
    not told.
    """
    if content not in _PLACES:
        raise DataError(f"no {what} of content {content} are known; train through a suite that names them.")
    return _PLACES[content]


def named(path: Where) -> str:
    """Return a path, or several, as an error names them."""
    return path if isinstance(path, str) else ", ".join(path)


def changed(path: Where, what: str) -> DataError:
    """Return the error of points or images that are no longer those that were planned with."""
    text = f"its {what} have changed since the suite was planned; run the suite again to plan with these"
    return DataError(f"{named(path)}: {text}, or put the earlier ones back.")


def stamp(path: str | Path) -> tuple[int, int]:
    """Return what changes with a file; reading it says what is wrong with one that has none."""
    try:
        info = Path(path).stat()
    except (OSError, ValueError):
        return (0, 0)
    return (info.st_mtime_ns, info.st_size)
