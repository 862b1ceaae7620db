"""`harness bench`: what a generator step costs, beside a plain loop and what the core can do.

plain   the loops that a careful author would write
engine  stacks of runs against it
images  stacks of convolutional runs against it
"""

from collections.abc import Callable, Sequence
from typing import Any

from harness.errors import lookup
from harness.executors import open_executor

SIZES = ((64, 64), (64, 256), (128, 256), (512, 256))  # (width, batch)
PICTURES = (  # (objective, side, channels, width, batch)
    ("gan", 16, 1, 8, 64),
    ("wgan-gp", 16, 1, 8, 64),
    ("gan", 16, 1, 16, 64),
    ("wgan-gp", 16, 1, 16, 64),
    ("wgan-gp", 32, 3, 8, 64),
    ("wgan-gp", 32, 3, 16, 64),
)
Progress = Callable[[str], None]


def bench(what: str = "engine", progress: Progress = lambda line: None) -> dict[str, Any]:
    """Measure in a worker of one thread, as runs are trained in; return the rows and the machine as plain data.

    `progress` is called with each line of the table as it comes. Raises UnknownName for a benchmark that is not there.
    """
    return lookup({"engine": _engine, "images": _images}, what, "bench")(progress)


def render(row: dict[str, Any]) -> str:
    """Return a row as a line: ms a generator step a run, and in brackets the ratio to the plain loop."""
    peak = f"{max(stack['gflops'] for stack in row['stacks']):5.0f} of {row['peak_gflops']:.0f}"
    return f"{row['width']:>5} {row['batch']:>6} {_times(row)}  {peak}"


def render_pictures(row: dict[str, Any]) -> str:
    """Return a row of `images` as a line, likewise."""
    what = f"{row['objective']:<8} {row['channels']}x{row['side']}x{row['side']}"
    return f"{what} {row['width']:>5} {row['batch']:>6} {_times(row)}  {row['planned']:>7}"


def heading(stacks: Sequence[int] = (1, 8, 16, 32)) -> str:
    """Return the lines above the rows."""
    return (
        "ms of processor time a generator step a run, WGAN-GP on 8gaussians, n_critic 5; (ratio to the plain loop)\n"
        f"width  batch  plain loop {_columns(stacks)}  GFLOP/s"
    )


def heading_of_pictures(stacks: Sequence[int] = (1, 4, 8, 16)) -> str:
    """Return the lines above the rows of `images`."""
    return (
        "ms of processor time a generator step a run, dcgan, n_critic 1; (ratio to the plain loop)\n"
        f"objective pictures width batch plain loop {_columns(stacks)}  planned"
    )


def _columns(stacks: Sequence[int]) -> str:
    return " ".join(f"{f'stack of {runs}':>15}" for runs in stacks)


def _times(row: dict[str, Any]) -> str:
    stacks = [f"{stack['ms']:8.2f} ({stack['ratio']:.2f})" for stack in row["stacks"]]
    return f"{row['plain']['ms']:>11.2f} {' '.join(stacks)}"


def _engine(progress: Progress) -> dict[str, Any]:
    from harness.bench.engine import measure

    progress(heading())
    return _measured(progress, render, measure, SIZES)


def _images(progress: Progress) -> dict[str, Any]:
    from harness.bench.images import measure
    from harness.bench.plain import PictureSize

    progress(heading_of_pictures())
    return _measured(progress, render_pictures, measure, [(PictureSize(*size),) for size in PICTURES])


def _measured(
    progress: Progress, line: Callable[[dict[str, Any]], str], measure: Callable[..., Any], sizes: Sequence[Any]
) -> dict[str, Any]:
    from harness.artefacts import provenance

    rows = []
    with open_executor(1) as executor:
        for size in sizes:
            rows.append(executor.submit(measure, *size).result())
            progress(line(rows[-1]))
        machine = executor.submit(provenance, "cpu").result()
    return {"rows": rows, "machine": machine}
