"""`harness bench`: what a generator step costs beside a plain loop, on CPU and GPU, what stacks save a study, what
diagnostics cost, how long a whole suite takes and how busy it keeps GPUs and cores.

plain_loop  the loops that a careful author would write
toy_step    stacks of runs against it
image_step  stacks of convolutional runs against it
study_cost  the runs of a study in stacks, against one run after another
diagnostics what the critic's diagnostics take of a run's time
compiled_step  stacks with compiled updates, against the same stacks as they are
gpu_step    stacks on a GPU, with CUDA graphs and without, against the plain loop on the same card
gpu_processes  several processes on one card
scoring     exact W1 as an assignment, against POT alone
growth      what takes longer, and by how much, where there is more of it
whole_suite a call of `harness run` from its first training step to its report, and the same on one core
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, lookup
from harness.execution import tasks
from harness.execution.provenance import provenance
from harness.suite.shipped import find_suite
from harness.text import counted
from harness.workers import default_workers, open_executor

if TYPE_CHECKING:
    from benchmarks.study_cost import StudySize

SIZES = ((64, 64), (64, 256), (128, 256), (512, 256))  # (width, batch)
PICTURES = (  # (objective, side, channels, width, batch)
    ("gan", 16, 1, 8, 64),
    ("wgan-gp", 16, 1, 8, 64),
    ("gan", 16, 1, 16, 64),
    ("wgan-gp", 16, 1, 16, 64),
    ("wgan-gp", 32, 3, 8, 64),
    ("wgan-gp", 32, 3, 16, 64),
)
DIAGNOSED = (  # (suite, data set, architecture, objective), of which the first stack is taken
    ("quickstart", "8gaussians", "mlp", "nsgan"),
    ("quickstart", "8gaussians", "mlp", "wgan-clip"),
    ("quickstart", "8gaussians", "mlp", "wgan-gp"),
    ("robustness", "8gaussians", "mlp", "nsgan"),
    ("robustness", "8gaussians", "mlp", "wgan-gp"),
    ("robustness", "25gaussians", "mlp-bn", "nsgan"),
    ("robustness", "digits", "dcgan", "nsgan"),
)
SCORED = (  # (suite, data set, architecture, objective), of which the first run is trained
    ("quickstart", "8gaussians", "mlp", "nsgan"),
    ("quickstart", "8gaussians", "mlp", "wgan-gp"),
    ("robustness", "25gaussians", "mlp", "nsgan"),
    ("robustness", "swissroll", "mlp", "wgan-clip"),
)
Progress = Callable[[str], None]


def bench(what: str = "engine", progress: Progress = lambda line: None) -> dict[str, Any]:
    """Measure in workers of one thread, as runs are trained in; return the rows and the machine as plain data.

    `progress` is called with each line of the table as it comes. Raises UnknownName for a benchmark that is not there.
    """
    kinds = {
        "engine": _engine,
        "images": _images,
        "study": _study,
        "diagnostics": _diagnostics,
        "gpu": _gpu,
        "suite": _suite,
        "cores": _cores,
        "compiled": _compiled,
        "scoring": _scoring,
        "growth": _growth,
        "scaling": _scaling,
    }
    return lookup(kinds, what, "bench")(progress)


def render(row: dict[str, Any]) -> str:
    """Return a row as a line: ms a generator step a run, and in brackets the ratio to the plain loop."""
    peak = f"{max(stack['gflops'] for stack in row['stacks']):5.0f} of {row['peak_gflops']:.0f}"
    return f"{row['width']:>5} {row['batch']:>6} {_times(row)}  {peak}"


def render_pictures(row: dict[str, Any]) -> str:
    """Return a row of `images` as a line, likewise."""
    what = f"{row['objective']:<8} {row['channels']}x{row['side']}x{row['side']}"
    return f"{what} {row['width']:>5} {row['batch']:>6} {_times(row)}  {row['planned']:>7}"


def render_study(row: dict[str, Any]) -> str:
    """Return a row of `study` as a line: seconds of all runs on both sides, and the ratio."""
    return (
        f"{row['objective']:<9} {row['runs']:>5} {row['stacks_s']:>13.1f} {row['alone_s']:>15.1f} "
        f"{row['sampled']:>11} {row['ratio']:>6.2f} {row['limit']:>8.2f}"
    )


def render_diagnostics(row: dict[str, Any]) -> str:
    """Return a row of `diagnostics` as a line: seconds of a stack, those of its diagnostics, and their share."""
    what = f"{row['suite']:<10} {row['dataset']:<11} {row['architecture']:<6} {row['objective']:<9}"
    seconds = f"{row['train_s']:>9.1f} {row['score_s']:>9.1f} {row['critic_s'] + row['columns_s']:>10.2f}"
    sizes = f"{row['kept_kb']:>8.0f} {row['arrays_kb']:>6.0f}"
    return f"{what} {row['runs']:>4} {row['points']:>6} {seconds} {row['share']:>6.1%} {row['limit']:>7.0%} {sizes}"


def render_compiled(row: dict[str, Any]) -> str:
    """Return a row of `compiled` as a line."""
    what = f"{row['network']:<14} {row['width']:>5} {row['batch']:>5} {row['runs']:>4}"
    times = f"{row['eager_ms']:>8.2f} {row['compiled_ms']:>8.2f} ({row['ratio']:.2f})"
    pays = f"{row['pays_after']:,}" if row["pays_after"] else "never"
    return f"{what} {times} {row['compile_s']:>13.0f} {pays:>10}"


def render_gpu(row: dict[str, Any]) -> str:
    """Return a row of `gpu` as a line, and below it the targets that it misses."""
    what = f"{row['network']:<11} {row['width']:>5} {row['batch']:>5} {row['runs']:>4}"
    ms = f"{row['plain_ms']:>10.2f} {row['eager_ms']:>8.3f} {row['graph_ms']:>8.3f}"
    times = f"{row['times_plain']:>11.1f} {row['times_eager']:>11.1f} {row['peak_mb'] / 1e3:>5.1f}"
    rate = f"{row['tflops']:>8.1f}" if "tflops" in row else " " * 8
    lines = [f"{what} {ms} {times} {rate}"]
    if "compiled_ms" in row:
        both = f"  compiled: {row['compiled_ms']:.3f} ms, {row['share']:.0%} of the card's matrix product"
        lines.append(f"{both}; with TensorFloat-32: {row['tf32_ms']:.3f} ms")
    return "\n".join([*lines, *(f"  missed: {target}" for target in row["fails"])])


def heading_of_compiled() -> str:
    """Return the lines above the rows of `compiled`."""
    return (
        "ms of processor time a generator step a run of wgan-gp in a stack; (ratio to the same without compilation);\n"
        "seconds of processor time that compiling takes, and the steps of a stack that save as many\n"
        "network        width batch runs    eager compiled        compiling (s) pays after"
    )


def render_processes(row: dict[str, Any]) -> str:
    """Return a row on processes that share a GPU as a line."""
    return f"{row['processes']:>9} {row['runs']:>10} {row['steps_s']:>15,.0f} {row['times_one']:>9.2f}"


def render_suite(row: dict[str, Any]) -> str:
    """Return a row of `suite` or `cores` as a line."""
    what = f"{row['suite']:<14} {row['runs']:>4} {row['workers']:>7} {row['trainers']:>8}"
    seconds = f"{row['first_step_s']:>14.1f} {row['work_s']:>17.1f} {row['report_s']:>10.1f}"
    busy = "" if row["gpu_busy"] is None else f"{row['gpu_busy']:>9.0%}"
    return f"{what} {seconds} {row['idle']:>14.1%} {busy}".rstrip()


def heading_of_suite() -> str:
    """Return the lines above the rows of `suite` and of `cores`."""
    return (
        "wall-clock s: from the call to the first training step, from there until all is scored, from there until the\n"
        "report; the share of the time until the last stack ended in which no process trained, and GPUs were busy\n"
        "suite          runs workers trainers first step (s) trained, scored (s) report (s) none trains GPU busy"
    )


def render_scoring(row: dict[str, Any]) -> str:
    """Return a row of `scoring` as lines: one a number of points, then one of a run."""
    what = f"{row['suite']:<10} {row['dataset']:<11} {row['objective']:<9} {row['clouds']:>6}"
    lines = [
        f"{what} {size['n']:>5} {size['ms']:>10.1f} {size['pot_ms']:>8.1f} {size['ratio']:>6.2f} {size['per_s']:>8.1f} "
        f"{size['difference']:>11.0e}"
        for size in row["sizes"]
    ]
    run = f"{row['run_ms']:>10.1f} {row['run_pot_ms']:>8.1f} {row['run_ratio']:>6.2f} {1e3 / row['run_ms']:>8.1f}"
    return "\n".join([*lines, f"{what}   run {run}"])


def heading_of_scoring() -> str:
    """Return the lines above the rows of `scoring`."""
    return (
        "ms of processor time of an exact W1 of n samples and n real points, and of all scores of a run\n"
        "suite      data set    objective clouds     n assignment      POT  ratio a second  difference"
    )


def render_growth(row: dict[str, Any]) -> str:
    """Return a row of `growth` as a line."""
    return f"{row['axis']:<8} {row['value']:>7,} {row['seconds']:>10.2f} {row['gb']:>6.2f}"


def heading_of_growth() -> str:
    """Return the lines above the rows of `growth`."""
    return "s of processor time, each in a process of its own, and its peak memory\naxis       value    seconds     GB"


def heading_of_processes() -> str:
    """Return the lines above the rows on processes that share a GPU."""
    return (
        "generator steps of a run a second, of processes that share a GPU, each with a stack of mlps of width 64\n"
        "processes runs each steps a second times one"
    )


def heading_of_gpu() -> str:
    """Return the lines above the rows of `gpu`."""
    return (
        "ms a generator step a run of wgan-gp, n_critic 5, of a clock on the wall; a stack's updates as CUDA graphs\n"
        "network     width batch runs plain loop    eager    graph times plain times eager    GB  TFLOP/s"
    )


def heading_of_diagnostics() -> str:
    """Return the lines above the rows of `diagnostics`."""
    return (
        "s of processor time of a stack of runs, scored where its suite says; kB of a run's snapshots, and their part\n"
        "suite      data set    network objective runs points train (s) score (s) critic (s)  share at most "
        "snapshots   part"
    )


def heading_of_study(size: "StudySize", workers: int) -> str:
    """Return the lines above the rows of `study`."""
    return (
        f"a study of {size.trials} trials x {size.seeds} seeds on ring: mlp of width {size.width}, "
        f"{counted(size.steps, 'step')}; trained and scored, {counted(workers, 'worker')} on each side\n"
        f"one by one: timed on 1 run in {size.every}, drawn at random, and scaled to all\n"
        "objective  runs in stacks (s) one by one (s)    measured  ratio  at most"
    )


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
    from benchmarks.toy_step import measure

    progress(heading())
    return _measured(progress, render, measure, SIZES)


def _images(progress: Progress) -> dict[str, Any]:
    from benchmarks.image_step import measure
    from benchmarks.plain_loop import PictureSize

    progress(heading_of_pictures())
    return _measured(progress, render_pictures, measure, [(PictureSize(*size),) for size in PICTURES])


def _study(progress: Progress) -> dict[str, Any]:
    from benchmarks.study_cost import OWN, StudySize, measure

    rows, sizes = [], [StudySize(objective) for objective in OWN]
    with open_executor(default_workers(), tasks.prepare) as executor:
        progress(heading_of_study(sizes[0], executor.slots))
        for size in sizes:
            rows.append(measure(executor, size))
            progress(render_study(rows[-1]))
        machine = executor.submit(provenance, "cpu").result()
    return {"rows": rows, "machine": machine}


def _gpu(progress: Progress) -> dict[str, Any]:
    import torch

    from benchmarks.gpu_step import ROWS, measure, peak_tflops

    if not torch.cuda.is_available():
        raise HarnessError("bench gpu: PyTorch sees no CUDA device; install a torch built for yours")
    progress(heading_of_gpu())
    with open_executor(1) as executor:
        peak = executor.submit(peak_tflops).result()
    found = _measured(progress, render_gpu, measure, [(row,) for row in ROWS], device="cuda")
    progress(f"the card's float32 matrix product: {peak:.1f} TFLOP/s")
    return {**found, "peak_tflops": peak, "processes": _processes(progress)}


def _processes(progress: Progress) -> list[dict[str, Any]]:
    from benchmarks.gpu_processes import COUNTS, measure

    rows = []
    progress(heading_of_processes())
    with open_executor(max(COUNTS), tasks.prepare) as executor:
        for row in measure(executor):
            rows.append(row)
            progress(render_processes(row))
    return rows


def _suite(progress: Progress) -> dict[str, Any]:
    from benchmarks.whole_suite import SUITE, measure

    progress(heading_of_suite())
    row = measure(str(SUITE))
    progress(render_suite(row))
    with open_executor(1) as executor:
        return {"rows": [row], "machine": executor.submit(provenance, row["device"]).result()}


def _cores(progress: Progress) -> dict[str, Any]:
    from benchmarks.whole_suite import AT_LEAST, PART, measure

    progress(heading_of_suite())
    rows = []
    for workers in (default_workers(), 1):  # what only a first call has to make is not for all cores to gain
        rows.append(measure(find_suite("robustness"), workers, "cpu", PART))
        progress(render_suite(rows[-1]))
    every, one = (row["work_s"] for row in rows)
    progress(f"{one / every:.2f} times one core, at least {AT_LEAST} on two")
    with open_executor(1) as executor:
        return {"rows": rows, "ratio": one / every, "machine": executor.submit(provenance, "cpu").result()}


def _compiled(progress: Progress) -> dict[str, Any]:
    from benchmarks.compiled_step import ROWS, measure

    progress(heading_of_compiled())
    return _measured(progress, render_compiled, measure, [(row,) for row in ROWS])


def _scoring(progress: Progress) -> dict[str, Any]:
    from benchmarks.scoring import measure

    progress(heading_of_scoring())
    return _measured(progress, render_scoring, measure, SCORED)


def _growth(progress: Progress) -> dict[str, Any]:
    from benchmarks.growth import AXES

    return _grown(progress, AXES)


def _scaling(progress: Progress) -> dict[str, Any]:
    from benchmarks.growth import SCALING

    return _grown(progress, SCALING)


def _grown(progress: Progress, axes: Iterable[str]) -> dict[str, Any]:
    from benchmarks.growth import measure, slope, values

    progress(heading_of_growth())
    rows = []
    for axis in axes:
        for value in values(axis):
            rows.append(measure(axis, value))
            progress(render_growth(rows[-1]))
        progress(f"{axis:<8} seconds grow as n^{slope([row for row in rows if row['axis'] == axis]):.2f}")
    with open_executor(1) as executor:
        return {"rows": rows, "machine": executor.submit(provenance, "cpu").result()}


def _diagnostics(progress: Progress) -> dict[str, Any]:
    from benchmarks.diagnostics import measure

    progress(heading_of_diagnostics())
    return _measured(progress, render_diagnostics, measure, DIAGNOSED)


def _measured(
    progress: Progress,
    line: Callable[[dict[str, Any]], str],
    measure: Callable[..., Any],
    sizes: Sequence[Any],
    device: str = "cpu",
) -> dict[str, Any]:
    rows = []
    with open_executor(1) as executor:
        for size in sizes:
            rows.append(executor.submit(measure, *size).result())
            progress(line(rows[-1]))
        machine = executor.submit(provenance, device).result()
    return {"rows": rows, "machine": machine}
