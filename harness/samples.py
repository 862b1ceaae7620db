"""`harness sample`: fresh samples of a trained run's generator, as arrays or as a picture."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.exports import write_output
from harness.find import Found, find_run
from harness.references import kept_reference, new_reference
from harness.spec import RunSpec
from harness.store import npz_bytes
from harness.tasks import open_planned
from harness.weights import kept_weights

MOST = 10_000_000
MOST_PIXELS = 50_000_000  # numbers in one png
PURPOSE = "sample"  # its latents are none that a run was trained or scored with


def sample(text: str, root: str, n: int, output: str, seed: int | None = None) -> dict[str, Any]:
    """Write n samples of a run to `output` (.npz: `samples` [n, *shape], pictures as uint8; .png: pictures side by
    side, or a scatter over the reference).

    `seed` addresses the latents, by default the run's own. Returns run_id, weights ("generator", or the trick whose
    weights were scored, as "ema"), shape, file and replaced. Raises HarnessError where the run has no generator to draw
    from, the ending is another, or the file cannot be written.
    """
    encode = {".npz": _npz, ".png": _png}.get(Path(output).suffix.lower())
    if encode is None:
        raise HarnessError(f"-o {output}: a file that ends in .npz or .png is needed")
    if n > MOST:
        raise HarnessError(f"-n {n}: at most {MOST:,} samples are drawn at once")
    found = find_run(text, root)
    open_planned(str(found.store.folder))
    spec = RunSpec.from_json(found.spec)
    owner, weights = kept_weights(found.store, spec)
    drawn = _drawn(found, spec, weights, spec.seed if seed is None else seed, n)
    replaced = write_output(Path(output), encode(found, spec, drawn))
    said = {"run_id": found.run_id, "weights": owner, "shape": list(drawn.shape)}
    return {**said, "file": output, "replaced": replaced}


def render(written: dict[str, Any]) -> str:
    """Return that as a line."""
    shape = " x ".join(map(str, written["shape"]))
    replaced = " (replaced)" if written["replaced"] else ""
    return f"{written['file']}: {shape} samples of {written['run_id']} from its {written['weights']} weights{replaced}"


def _drawn(found: Found, spec: RunSpec, weights: dict[str, np.ndarray], seed: int, n: int) -> np.ndarray:
    from harness.engine.sampling import draw_samples

    try:
        return draw_samples(spec.setup, weights, seed, PURPOSE, n)
    except (KeyError, RuntimeError, ValueError) as error:
        raise HarnessError(
            f"{found.run_id}: its weights do not fit '{spec.setup.architecture}' as it is defined now ({error})"
        ) from None


def _npz(found: Found, spec: RunSpec, drawn: np.ndarray) -> bytes:
    return npz_bytes({"samples": drawn})


def _png(found: Found, spec: RunSpec, drawn: np.ndarray) -> bytes:
    """Lay pictures out side by side; draw points over the real ones that the run was scored against, as its report."""
    from harness.report import figures
    from harness.report.grids import png, sheet
    from harness.report.pictures import frame

    if drawn.dtype == np.uint8:
        if drawn.size > MOST_PIXELS:
            raise HarnessError(f"-n {len(drawn)}: at most {MOST_PIXELS * len(drawn) // drawn.size:,} go into one png")
        return png(sheet(drawn, math.isqrt(len(drawn) - 1) + 1))
    if drawn.ndim != 2 or drawn.shape[1] != 2:
        raise HarnessError(
            f"-o: a png shows points in the plane, and these have shape {list(drawn.shape[1:])}; use npz"
        )
    if found.row is None:
        raise HarnessError(f"-o: {found.run_id} is no longer planned, and a png shows its reference as well; use npz")
    asked = found.store.suite["score"]
    place = (found.store, found.row["dataset"], found.spec, asked)
    real = (kept_reference(*place) or new_reference(*place)).points
    with figures.style():
        figure, ax = figures.blank(5, 5)
        look = figures.styles([found.row["objective"]])[found.row["objective"]]
        figures.draw_points(ax, real, drawn, look, frame([real]))
        ax.set_title(f"{found.row['objective']} on {found.row['dataset']}, {found.row['architecture']}")
        return figures.encode(figure)[0]
