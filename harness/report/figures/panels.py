"""A figure at a time, so that a phone can stack them: drawn, named and counted."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from harness.errors import HarnessError
from harness.report.figures import encoding, style

MOST = 24  # panels of one kind on a page
Drawn = tuple[Figure, str, str]  # the figure, what it is called, what it shows


@dataclass(frozen=True)
class Panel:
    """One figure: its file name without ending, what it shows in words, its size in CSS pixels, and its bytes by the
    ending of each file (`encoding.files_of`); the page shows the first.
    """

    name: str
    alt: str
    width: int
    height: int
    files: Mapping[str, bytes]

    @property
    def uri(self) -> str:
        """What the page shows, in place of a file beside it."""
        ending, content = next(iter(self.files.items()))
        return f"data:image/{ending};base64,{base64.b64encode(content).decode('ascii')}"


@dataclass(frozen=True)
class Section:
    """The panels of one kind, and in words what is not shown."""

    panels: tuple[Panel, ...]
    notes: tuple[str, ...]


def collect(kind: str, items: list[Any], draw: Callable[[Any], Drawn | None], total: int, what: str) -> Section:
    """Draw the items chosen of `total`, and say how many are left out of what.

    A record that cannot be read costs its own panel and is said.
    """
    panels, notes = [], []
    with style.applied():
        for place, item in enumerate(items, start=1):
            try:
                drawn = draw(item)
                panels += [] if drawn is None else [_panel(f"{kind}-{place:02d}", *drawn)]
            except (HarnessError, OSError) as error:
                notes.append(f"Not drawn: {error}")
    if panels and len(items) < total:
        notes.append(f"Shown are {len(items)} of {total:,} {what}; the tables hold them all.")
    return Section(tuple(panels), tuple(notes))


def _panel(place: str, figure: Figure, title: str, alt: str) -> Panel:
    return Panel(named(place, title), alt, *css_size(figure), encoding.files_of(figure))


def css_size(figure: Figure) -> tuple[int, int]:
    """Return the width and height that a page shows a figure at, in CSS pixels."""
    width, height = (round(100 * float(inches)) for inches in figure.get_size_inches())
    return width, height


def named(place: str, title: str) -> str:
    """Return a panel's file name, without ending."""
    return f"{place}-{re.sub(r'[^A-Za-z0-9.]+', '-', title).strip('-')[:80]}"
