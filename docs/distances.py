"""Draw the figure of docs/distances.md and write its numbers: python docs/distances.py

Three images of 64 grey levels, whose histograms L1, L2, TV and JS put in one order and the Earth mover's distance in
the other; two parallel lines; a part beside its whole. Nothing here depends on the machine.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import harness
from harness.metrics.distances import TITLES
from harness.metrics.distances import distances as measure
from harness.report.figures import drawing, encoding, style

DOCS = Path(__file__).parent
LEVELS, SIDE, RADIUS = 64, 64, 18
DISK, BACKGROUND, BRIGHTER, WHITE = 12, 36, 8, 58  # grey levels
COLOURS = {"A": drawing.GREY, "B": "#0072B2", "C": "#D55E00"}
CAPTIONS = {"A": "A", "B": f"B: A, {BRIGHTER} levels brighter", "C": "C: A with a white disk"}


def images() -> dict[str, np.ndarray]:
    """Return A, a dark disk on grey; B, the same a little brighter; C, the same with a white disk: levels [64, 64]."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    inside = x**2 + y**2 < RADIUS**2
    grain = np.random.default_rng(0).normal(0, 1.2, (SIDE, SIDE)).clip(-3, 3).round().astype(int)
    return {
        "A": np.where(inside, DISK, BACKGROUND) + grain,
        "B": np.where(inside, DISK, BACKGROUND) + grain + BRIGHTER,
        "C": np.where(inside, WHITE, BACKGROUND) + grain,
    }


def histograms() -> dict[str, np.ndarray]:
    """Return how many pixels of each image have each of the 64 levels."""
    return {name: np.bincount(image.ravel(), minlength=LEVELS) for name, image in images().items()}


def draw() -> bytes:
    """Draw the images above their histograms, those of B and C over that of A; return a PNG."""
    of, shown = histograms(), images()
    with style.applied():
        figure = Figure(figsize=(8.6, 4.9), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, 3, height_ratios=[1.15, 1])
        for (above, below), (name, image) in zip(axes.T, shown.items(), strict=True):
            above.imshow(image, cmap="gray", vmin=0, vmax=LEVELS - 1, interpolation="nearest")
            above.set_axis_off()
            above.set_title(CAPTIONS[name], loc="center")
            for each in dict.fromkeys(["A", name]):
                below.bar(np.arange(LEVELS), of[each], width=1.0, color=COLOURS[each], alpha=0.75, label=each)
            below.set(xlim=(-1, LEVELS), ylim=(0, 1150), xlabel="grey level")
            below.set_xticks([0, 16, 32, 48, 63])
            if name == "A":
                below.set_ylabel("pixels")
                continue
            values = harness.distance(of["A"], of[name], histogram=True)
            lines = [f"{TITLES[key][0]} {values[key]:.2f}" for key in ("l1", "l2", "js", "emd")]
            text = "\n".join(["from A:", *lines])
            below.text(0.02, 0.97, text, transform=below.transAxes, va="top", fontsize=9)
            below.legend(loc="upper right", handlelength=1)
        return encoding.png_of(figure)


def grey_levels() -> str:
    """Return every distance from A to B and to C, and which of the two it calls nearer."""
    of = histograms()
    to_b, to_c = (harness.distance(of["A"], of[name], histogram=True) for name in "BC")
    rows = [(TITLES[key][0], _number(to_b[key]), _number(to_c[key]), _nearer(to_b[key], to_c[key])) for key in to_b]
    return _table(("distance", "A to B", "A to C", "nearer"), rows)


def saturating() -> str:
    """Return the Earth mover's distance from A to B and to C under ground costs that saturate sooner and sooner."""
    of, rows = histograms(), []
    for ground in ("euclidean", "saturating:0.001", "saturating:0.01", "saturating:0.1", "saturating:1", "discrete"):
        b, c = (harness.distance(of["A"], of[name], ground, histogram=True)["emd"] for name in "BC")
        rows.append((f"`{ground}`", _number(b), _number(c), _nearer(b, c)))
    return _table(("ground cost", "EMD, A to B", "EMD, A to C", "nearer"), rows)


def lines() -> str:
    """Return the distances between 200 points on the line x = 0 and the same points moved to x = theta."""
    line = np.stack([np.zeros(200), np.linspace(0, 1, 200)], 1)
    keys, rows = ("w1", "w2", "tv", "js", "kl"), []
    for theta in (-1, -0.5, -0.01, 0, 0.01, 0.5, 1):
        values = harness.distance(line, line + np.array([theta, 0]), bins=10)
        rows.append((f"{theta:g}", *(_number(values[key]) for key in keys)))
    return _table(("theta", *(TITLES[key][0] for key in keys)), rows)


def unequal() -> str:
    """Return the distances between the disk of A alone and all of A."""
    part = np.where(np.arange(LEVELS) < (DISK + BACKGROUND) // 2, histograms()["A"], 0)
    values = harness.distance(part, histograms()["A"], histogram=True)
    keys = ("emd", "w1", "tv", "kl", "kl_reverse")
    return _table([TITLES[key][0] for key in keys], [[_number(values[key]) for key in keys]])


def example() -> str:
    """Return what `harness distance` prints of A and C."""
    of = histograms()
    printed = measure(of["A"], of["C"], "saturating:0.1", histogram=True).render()
    return f"```\n$ harness distance a.csv c.csv --histogram --ground saturating:0.1\n{printed}\n```"


def _nearer(to_b: float, to_c: float) -> str:
    return "neither" if to_b == to_c else "B" if to_b < to_c else "C"


def _number(value: float) -> str:
    return "infinite" if np.isinf(value) else f"{value:.3g}" if value > 1e-12 else "0"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells)


TABLES: dict[str, Callable[[], str]] = {
    "grey-levels": grey_levels,
    "saturating": saturating,
    "lines": lines,
    "unequal": unequal,
    "example": example,
}


if __name__ == "__main__":
    from measured import filled

    (DOCS / "images" / "grey-levels.png").write_bytes(draw())
    page = DOCS / "distances.md"
    page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
