"""`harness sample`: fresh samples of a trained run's generator, paths between them, or the training images nearest to
them, as arrays or as an image.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.commands.export import write_output
from harness.disk.arrays import npz_bytes
from harness.errors import HarnessError
from harness.loaded_run import KeptRun
from harness.store.find import find_run
from harness.text import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from harness.report.styles import Style

MOST_PIXELS = 50_000_000  # numbers in one png
SAMPLES, FEW = 1000, 8  # where no number is given: samples; paths, or samples beside what is nearest
MOST_NEAREST = 512  # samples of one png


@dataclass(frozen=True)
class Samples:
    """What was written, `what` it is: `weights` are "generator", or the trick whose weights were scored, as "ema",
    after `step`; `shape` is that of the samples.
    """

    run_id: str
    step: int
    weights: str
    shape: list[int]
    file: str
    replaced: bool
    what: str


class Drawn(NamedTuple):
    """What is drawn from a run: arrays by name, `samples` among them, how to draw them as a png, and what they are."""

    arrays: dict[str, np.ndarray]
    png: Callable[[], bytes]
    what: str


def sample(
    text: str,
    root: str,
    n: int | None,
    output: str,
    seed: int | None = None,
    step: int | None = None,
    interpolate: int | None = None,
    nearest: bool = False,
) -> Samples:
    """Write n samples of a run to `output` (.npz: `samples` [n, *shape], images as uint8; .png: images side by
    side, or a scatter over the reference).

    `seed` addresses the latents, by default the run's own; `step` is the last, or one whose state is kept. With
    `interpolate` they are n paths of so many samples each, [n, interpolate, *shape], with their `latents`; with
    `nearest` the nearest training images and their distances are beside them. Raises HarnessError where the run has no
    generator to draw from, or keeps none of that step, the ending is another, or the file cannot be written.
    """
    ending = Path(output).suffix.lower()
    if ending not in (".npz", ".png"):
        raise HarnessError(f"-o {output}: a file that ends in .npz or .png is needed")
    if interpolate is not None and nearest:
        raise HarnessError("--interpolate and --nearest: give one of them; paths have no nearest images")
    run = KeptRun(*find_run(text, root), step)
    if interpolate is not None:
        drawn = _paths(run, n or FEW, interpolate, seed)
    elif nearest:
        drawn = _nearest(run, n or FEW, seed)
    else:
        drawn = _samples(run, n or SAMPLES, seed)
    replaced = write_output(Path(output), npz_bytes(drawn.arrays) if ending == ".npz" else drawn.png())
    after = run.spec.setup.train["steps"] if step is None else step
    shape = list(drawn.arrays["samples"].shape)
    return Samples(run.run_id, after, run.weights[0], shape, output, replaced, drawn.what)


def render(samples: Samples) -> str:
    """Return that as a line."""
    shape, replaced = " x ".join(map(str, samples.shape)), " (replaced)" if samples.replaced else ""
    whose = f"{samples.run_id} from its {samples.weights} weights of step {samples.step:,}"
    return f"{samples.file}: {shape} {samples.what} of {whose}{replaced}"


def _samples(run: KeptRun, n: int, seed: int | None) -> Drawn:
    """Fresh samples: images side by side; points over the real ones that the run was scored against."""
    from harness.report.figures.sample_sheets import png, sheet

    samples = run.draw(n, seed)

    def draw() -> bytes:
        if samples.dtype == np.uint8:
            _refuse_too_many(samples, n)
            return png(sheet(samples, math.isqrt(n - 1) + 1))
        return _figure(run, samples, _cloud)

    return Drawn({"samples": samples}, draw, "samples")


def _paths(run: KeptRun, n: int, steps: int, seed: int | None) -> Drawn:
    """Paths between samples: a row a path of images; lines of points over the real ones."""
    from harness.report.figures.sample_sheets import png, sheet

    samples, latents = run.interpolate(n, steps, seed)

    def draw() -> bytes:
        if samples.dtype == np.uint8:
            _refuse_too_many(samples, n)
            return png(sheet(samples.reshape(-1, *samples.shape[2:]), steps))
        return _figure(run, samples, _path_lines)

    return Drawn({"samples": samples, "latents": latents}, draw, "samples on paths between latents")


def _nearest(run: KeptRun, n: int, seed: int | None) -> Drawn:
    """Samples over the training images nearest to each."""
    samples = run.draw(n, seed)
    extractor, nearest = run.nearest(samples)
    arrays = {"samples": samples}
    for name, each in nearest.items():
        arrays |= {f"by_{name}": each.images, f"{name}_distance": each.distances}
        arrays |= {f"held_out_{name}_distance": each.held_out}

    def draw() -> bytes:
        from harness.report.figures import encoding, latent_figures, style

        if n > MOST_NEAREST:
            raise HarnessError(f"-n {n}: at most {MOST_NEAREST} samples go into one png; use npz")
        rows = {name: (each.images, each.distances) for name, each in nearest.items()}
        rows = {extractor if name == "features" else name: row for name, row in rows.items()}
        notes = [f"Euclidean distances: of pixels from 0 to 1, and of features of the extractor {extractor}."]
        medians = [number(float(np.median(each.held_out))) for each in nearest.values() if len(each.held_out)]
        notes += [f"Held-out images, median: {' and '.join(medians)}."] if medians else []
        with style.applied():
            return encoding.png_of(latent_figures.nearest_sheet(_title(run), samples, rows, notes))

    return Drawn(arrays, draw, "samples, with their nearest training images,")


def _refuse_too_many(samples: np.ndarray, n: int) -> None:
    if samples.size > MOST_PIXELS:
        raise HarnessError(f"-n {n}: at most {MOST_PIXELS * n // samples.size:,} go into one png")


def _figure(run: KeptRun, samples: np.ndarray, draw: "Callable[[Axes, KeptRun, np.ndarray, Style], None]") -> bytes:
    """Draw points of the plane [..., 2]. Raises HarnessError for points in other dimensions."""
    from harness.report import styles
    from harness.report.figures import drawing, encoding, style

    if samples.shape[-1] != 2 or samples.ndim != (3 if draw is _path_lines else 2):
        shape = list(samples.shape[2 if draw is _path_lines else 1 :])
        raise HarnessError(f"-o: a png shows points in the plane, and these have shape {shape}; use npz")
    with style.applied():
        figure, ax = drawing.blank(5, 5)
        draw(ax, run, samples, styles.styles(run.table.attrs["objectives"])[run.row["objective"]])
        ax.set_title(_title(run))
        return encoding.png_of(figure)


def _cloud(ax: "Axes", run: KeptRun, samples: np.ndarray, look: "Style") -> None:
    from harness.report.figures import task_figures

    task_figures.draw_cloud(ax, run.reference, {"generated": samples}, look)


def _path_lines(ax: "Axes", run: KeptRun, samples: np.ndarray, look: "Style") -> None:
    from harness.report.figures import latent_figures

    latent_figures.draw_paths(ax, run.reference, samples, look)


def _title(run: KeptRun) -> str:
    row = run.row
    return f"{row['objective']} on {row['dataset']}, {row['architecture']}"
