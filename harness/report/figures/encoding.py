"""Figures as bytes, as PNG and SVG: here, or in processes beside this one, for that is half of the work of a report.

Such a process imports this module and what the figures refer to, and not what they were drawn from.
"""

import io
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from PIL import Image

from harness.processes import collecting_no_garbage
from harness.text import plain
from harness.workers import Executor, WorkerDied, open_executor

DPI = 180
INK = "#222222"
LEGEND = 9  # points
MANY = 100  # runs, whose report has figures enough to start processes for
MOST = 2  # of these: they keep pace with the one that draws

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#777777",
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # no ticks stand above: looking for some at every drawing takes a twentieth of its time
    "text.color": INK,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "legend.fontsize": LEGEND,
    "svg.hashsalt": "harness",  # element names would else be random, and the same report differ from itself
    "svg.fonttype": "path",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw and encode in the block as we do, whatever a matplotlibrc or the user's own code has set.

    Matplotlib reads its settings at either time. They are undone after.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, STYLE))
        yield


Files = dict[str, bytes]  # by ending, the one that a page shows first


class _Begun(NamedTuple):
    """A figure that is to be encoded elsewhere, and what will hold its files."""

    encoding: "Future[Files]"
    figure: Figure
    files: Files


_elsewhere: ContextVar["tuple[Executor, list[_Begun]] | None"] = ContextVar("elsewhere", default=None)


def helpers(runs: int, workers: int) -> int:
    """Return how many processes are to encode the figures of a report of so many runs, where `workers` may work."""
    return min(MOST, workers - 1) if runs >= MANY and workers > 1 else 0


@contextmanager
def processes(count: int) -> Iterator[None]:
    """Encode figures in so many processes beside this one while the block runs: when it ends, `files_of` all are there.

    This process helps then. With 0 it encodes each at once.
    """
    if count == 0:
        yield
        return
    begun: list[_Begun] = []
    with open_executor(count) as executor:
        token = _elsewhere.set((executor, begun))
        try:
            yield
        finally:
            _elsewhere.reset(token)
        for each in reversed(begun):  # from the last, while the others go on from the first
            each.files.update(files_of(each.figure) if each.encoding.cancel() else _result(each))


def _result(begun: _Begun) -> Files:
    try:
        return begun.encoding.result()
    except WorkerDied:  # for want of memory, say
        return files_of(begun.figure)


def files_of(figure: Figure) -> Files:
    """Return the files of a figure, not to be changed from here on; there once the block of `processes` ends."""
    if (elsewhere := _elsewhere.get()) is None:
        with collecting_no_garbage(), style():
            return encode(figure)
    executor, begun = elsewhere
    begun.append(_Begun(executor.submit(files_of, figure), figure, {}))
    return begun[-1].files


def plain_tick(value: float, place: int | None) -> str:
    """Return a number on an axis as it is written elsewhere: for a FuncFormatter, which a lambda would keep here."""
    return plain(float(value))


def encode(figure: Figure) -> Files:
    """Return the figure as PNG and SVG: the same drawing gives the same bytes (no date, no version, no random name).

    The canvases are asked directly: `savefig` draws everything once more beforehand, and that is half of the time.
    """
    svg, png = io.BytesIO(), png_of(figure)
    figure.set_layout_engine("none")  # laid out by now: a second round would cost as much as the drawing
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})
    return {"png": png, "svg": svg.getvalue()}


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
