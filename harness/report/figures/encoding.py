"""Figures as PNG and SVG, encoded here or in processes beside this one, with identical output.

Such a process imports this module, and nothing of what the figures were drawn from.
"""

import io
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from PIL import Image

from harness.processes import collecting_no_garbage
from harness.report.figures import style
from harness.workers import Executor, open_executor

DPI = 180
MANY = 100  # runs, whose report has figures enough to start processes for
MOST_ENCODERS = 2  # keep pace with the process that draws

Files = dict[str, bytes]  # by ending, the one that a page shows first


class _Pending(NamedTuple):
    """A figure that another process encodes, and what will hold its files."""

    future: "Future[Files]"
    figure: Figure
    files: Files


_pending: ContextVar["tuple[Executor, list[_Pending]] | None"] = ContextVar("pending", default=None)


def encoder_count(runs: int, workers: int) -> int:
    """Return how many processes encode the figures of a report of so many runs, where `workers` may work."""
    return min(MOST_ENCODERS, workers - 1) if runs >= MANY and workers > 1 else 0


@contextmanager
def encoders(count: int) -> Iterator[None]:
    """Encode the figures of the block in so many processes; all files are there when it ends.

    Once all figures are drawn, this process encodes, too. With 0 it encodes each at once.
    """
    if count == 0:
        yield
        return
    pending: list[_Pending] = []
    with open_executor(count) as executor:
        token = _pending.set((executor, pending))
        try:
            yield
        finally:
            _pending.reset(token)
        while pending:  # from the last, while the others go on from the first
            future, figure, files = pending.pop()
            files.update(files_of(figure) if future.cancel() else _result(future, figure))


def _result(future: "Future[Files]", figure: Figure) -> Files:
    try:
        return future.result()
    except Exception:  # a process that died or had no memory; a figure that cannot be encoded fails here again
        return files_of(figure)


def files_of(figure: Figure) -> Files:
    """Return the files of a figure, which must not change any more; within `encoders` they are there at its end."""
    if (at_work := _pending.get()) is None:
        with collecting_no_garbage(), style.applied():
            return encode(figure)
    executor, pending = at_work
    pending.append(_Pending(executor.submit(files_of, figure), figure, {}))
    return pending[-1].files


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
