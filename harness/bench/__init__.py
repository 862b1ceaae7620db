"""`harness bench`: what a generator step costs, beside a plain loop and what the core can do.

plain   the loop that a careful author would write
engine  stacks of runs against it
"""

from collections.abc import Callable, Sequence
from typing import Any

from harness.errors import lookup
from harness.executors import open_executor

SIZES = ((64, 64), (64, 256), (128, 256), (512, 256))  # (width, batch)
Progress = Callable[[str], None]


def bench(what: str = "engine", progress: Progress = lambda line: None) -> dict[str, Any]:
    """Measure in a worker of one thread, as runs are trained in; return the rows and the machine as plain data.

    `progress` is called with each line of the table as it comes. Raises UnknownName for a benchmark that is not there.
    """
    return lookup({"engine": _engine}, what, "bench")(progress)


def render(row: dict[str, Any]) -> str:
    """Return a row as a line: ms a generator step a run, and in brackets the ratio to the plain loop."""
    stacks = [f"{stack['ms']:8.2f} ({stack['ratio']:.2f})" for stack in row["stacks"]]
    peak = f"{max(stack['gflops'] for stack in row['stacks']):5.0f} of {row['peak_gflops']:.0f}"
    return f"{row['width']:>5} {row['batch']:>6} {row['plain']['ms']:>11.2f} {' '.join(stacks)}  {peak}"


def heading(stacks: Sequence[int] = (1, 8, 16, 32)) -> str:
    """Return the lines above the rows."""
    columns = " ".join(f"{f'stack of {runs}':>15}" for runs in stacks)
    return (
        "ms of processor time a generator step a run, WGAN-GP on 8gaussians, n_critic 5; (ratio to the plain loop)\n"
        f"width  batch  plain loop {columns}  GFLOP/s"
    )


def _engine(progress: Progress) -> dict[str, Any]:
    from harness.artefacts import provenance
    from harness.bench.engine import measure

    rows = []
    progress(heading())
    with open_executor(1) as executor:
        for width, batch in SIZES:
            rows.append(executor.submit(measure, width, batch).result())
            progress(render(rows[-1]))
        machine = executor.submit(provenance, "cpu").result()
    return {"rows": rows, "machine": machine}
