"""Where the data that a suite names by a path lie on this machine: a run's address holds their content, no path."""

_PLACES: dict[str, str] = {}  # content -> the file or folder that holds it


def place(content: str, path: str) -> None:
    """Tell this process where the data of a content lie."""
    _PLACES[content] = path


def place_of(content: str) -> str | None:
    """Return where the data of a content lie; None where this process was not told."""
    return _PLACES.get(content)
