"""How figures look, whatever a matplotlibrc or the user's own code has set: fonts, inks, numbers on axes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib

from harness.text import plain

INK = "#222222"
LEGEND = 9  # points
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
def applied() -> Iterator[None]:
    """Draw and encode in the block as we do, whatever a matplotlibrc or the user's own code has set.

    Matplotlib reads its settings at either time. They are undone after.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, STYLE))
        yield


def plain_tick(value: float, place: int | None) -> str:
    """Return a number on an axis as it is written elsewhere, for a FuncFormatter; unlike a lambda it can be pickled."""
    return plain(float(value))
