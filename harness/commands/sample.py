"""`harness sample`: fresh samples of a trained run's generator, as arrays or as a picture."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.commands.export import write_output
from harness.disk.arrays import npz_bytes
from harness.errors import HarnessError
from harness.loaded_run import KeptRun
from harness.store.find import find_run

MOST_PIXELS = 50_000_000  # numbers in one png


@dataclass(frozen=True)
class Samples:
    """What was written: `weights` are "generator", or the trick whose weights were scored, as "ema", after `step`."""

    run_id: str
    step: int
    weights: str
    shape: list[int]
    file: str
    replaced: bool


def sample(text: str, root: str, n: int, output: str, seed: int | None = None, step: int | None = None) -> Samples:
    """Write n samples of a run to `output` (.npz: `samples` [n, *shape], pictures as uint8; .png: pictures side by
    side, or a scatter over the reference).

    `seed` addresses the latents, by default the run's own; `step` is the last, or one whose state is kept. Raises
    HarnessError where the run has no generator to draw from, or keeps none of that step, the ending is another, or the
    file cannot be written.
    """
    encode = {".npz": _npz, ".png": _png}.get(Path(output).suffix.lower())
    if encode is None:
        raise HarnessError(f"-o {output}: a file that ends in .npz or .png is needed")
    run = KeptRun(*find_run(text, root), step)
    drawn = run.draw(n, seed)
    replaced = write_output(Path(output), encode(run, drawn))
    after = run.spec.setup.train["steps"] if step is None else step
    return Samples(run.run_id, after, run.weights[0], list(drawn.shape), output, replaced)


def render(samples: Samples) -> str:
    """Return that as a line."""
    shape, replaced = " x ".join(map(str, samples.shape)), " (replaced)" if samples.replaced else ""
    whose = f"{samples.run_id} from its {samples.weights} weights of step {samples.step:,}"
    return f"{samples.file}: {shape} samples of {whose}{replaced}"


def _npz(run: KeptRun, drawn: np.ndarray) -> bytes:
    return npz_bytes({"samples": drawn})


def _png(run: KeptRun, drawn: np.ndarray) -> bytes:
    """Lay pictures out side by side; draw points over the real ones that the run was scored against, as its report."""
    from harness.report import styles
    from harness.report.figures import drawing, panels, task_figures
    from harness.report.figures.sample_sheets import png, sheet

    if drawn.dtype == np.uint8:
        if drawn.size > MOST_PIXELS:
            raise HarnessError(f"-n {len(drawn)}: at most {MOST_PIXELS * len(drawn) // drawn.size:,} go into one png")
        return png(sheet(drawn, math.isqrt(len(drawn) - 1) + 1))
    if drawn.ndim != 2 or drawn.shape[1] != 2:
        raise HarnessError(
            f"-o: a png shows points in the plane, and these have shape {list(drawn.shape[1:])}; use npz"
        )
    real, row = run.reference, run.row
    with drawing.style():
        figure, ax = drawing.blank(5, 5)
        looks = styles.styles(run.table.attrs["objectives"])
        task_figures.draw_cloud(ax, real, {"generated": drawn}, looks[row["objective"]])
        ax.set_title(f"{row['objective']} on {row['dataset']}, {row['architecture']}")
        return panels.encode(figure)[0]
