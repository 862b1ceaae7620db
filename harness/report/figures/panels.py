"""A picture at a time, so that a phone can stack them: drawn, named, turned into bytes, and counted."""

import base64
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from PIL import Image

from harness.errors import HarnessError
from harness.report.figures import drawing

DPI = 180
MOST = 24  # panels of one kind on a page
Drawn = tuple[Figure, str, str]  # the figure, what it is called, what it shows


@dataclass(frozen=True)
class Panel:
    """One picture: its file name without ending, what it shows in words, its size in CSS pixels, and its bytes by the
    ending of each file; the page shows the first.
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
    for place, item in enumerate(items, start=1):
        try:
            with drawing.style():
                drawn = draw(item)
                panels += [] if drawn is None else [_panel(f"{kind}-{place:02d}", *drawn)]
        except (HarnessError, OSError) as error:
            notes.append(f"Not drawn: {error}")
    if panels and len(items) < total:
        notes.append(f"Shown are {len(items)} of {total:,} {what}; the tables hold them all.")
    return Section(tuple(panels), tuple(notes))


def _panel(place: str, figure: Figure, title: str, alt: str) -> Panel:
    png, svg = encode(figure)
    return Panel(named(place, title), alt, *css_size(figure), {"png": png, "svg": svg})


def css_size(figure: Figure) -> tuple[int, int]:
    """Return the width and height that a page shows a figure at, in CSS pixels."""
    width, height = (round(100 * float(inches)) for inches in figure.get_size_inches())
    return width, height


def named(place: str, title: str) -> str:
    """Return a panel's file name, without ending."""
    return f"{place}-{re.sub(r'[^A-Za-z0-9.]+', '-', title).strip('-')[:80]}"


def encode(figure: Figure) -> tuple[bytes, bytes]:
    """Return the figure as PNG and SVG: the same drawing gives the same bytes (no date, no version, no random name).

    The canvases are asked directly: `savefig` draws everything once more beforehand, and that is half of the time.
    """
    svg, png = io.BytesIO(), png_of(figure)
    figure.set_layout_engine("none")  # laid out by now: a second round would cost as much as the drawing
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})
    return png, svg.getvalue()


def png_of(figure: Figure) -> bytes:
    """Return the figure as PNG alone: half of the time."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return _png(drawn, any(ax.images or _shaded(ax) for ax in figure.axes))


def _shaded(ax: Axes) -> bool:
    """Whether fields of an axes are shaded by a number, and have more colours than a few lines."""
    return any(isinstance(drawn, QuadMesh) for drawn in ax.collections)


def _png(drawn: Image.Image, exact: bool) -> bytes:
    """Return a drawing on white as a PNG file, unless it is to be `exact` in 256 colours: a quarter of the bytes."""
    stream = io.BytesIO()
    if not exact:
        drawn = drawn.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        colours, paper = drawn.getpalette() or [], int(np.asarray(drawn)[0, 0])
        colours[3 * paper : 3 * paper + 3] = [255] * 3  # its mean with shades near it would be a grey page
        drawn.putpalette(colours)
    drawn.save(stream, format="PNG", dpi=(DPI, DPI))
    return stream.getvalue()
