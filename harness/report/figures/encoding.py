"""A figure as files: the same drawing gives the same bytes."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from PIL import Image

DPI = 180


def encode(figure: Figure) -> tuple[bytes, bytes]:
    """Return the figure as PNG and SVG: the same drawing gives the same bytes (no date, no version, no random name).

    The canvases are asked directly: `savefig` draws everything once more beforehand, and that is half of the time.
    """
    svg = io.BytesIO()
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")  # laid out by now: a second round would cost as much as the drawing
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return _png(drawn, any(ax.images or _shaded(ax) for ax in figure.axes)), svg.getvalue()


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
