"""Stacks on a GPU against the plain loop on the same card, alternating in one process."""

import gc
import os
import statistics
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from benchmarks import Progress, gpu_processes, image_step, tabulated, toy_step
from benchmarks.plain_loop import PictureSize, PlainLoop, PlainPictures, Size
from benchmarks.toy_step import Steps, repeated, settle, stack_of, stepped
from harness.engine.process import own_state
from harness.engine.stack import Stack
from harness.errors import HarnessError
from harness.execution.provenance import provenance
from harness.spec import RunSpec
from harness.text import reason
from harness.workers import Executor, open_executor


class Row(NamedTuple):
    """What a row trains: `runs` in one stack, and how many times the plain loop's speed it must reach a run.

    Where `share` is set the stack is also compiled, and must then reach that share of the card's float32 matrix
    product; and it is replayed with TensorFloat-32.
    """

    size: Size | PictureSize
    runs: int
    at_least: float | None = None  # times the plain loop
    over_eager: float | None = None  # times the same stack without graphs
    at_most_ms: float | None = None  # a run and step
    share: float | None = None


ROWS = (
    Row(Size(64, 256), 1),
    Row(Size(64, 256), 64, at_least=200),
    Row(Size(128, 256), 64, at_least=150),
    Row(Size(64, 256), 256, at_least=400),
    Row(Size(512, 256), 64, share=0.65),
    Row(PictureSize("wgan-gp", 32, 1, 64, 64, n_critic=5), 1, over_eager=5),
    Row(PictureSize("wgan-gp", 32, 1, 64, 64, n_critic=5), 32, at_most_ms=2.2),
    Row(PictureSize("wgan-gp", 64, 3, 64, 64, n_critic=5), 1),
    Row(PictureSize("wgan-gp", 64, 3, 64, 64, n_critic=5), 8),
)
ROUNDS, SECONDS = 3, 0.5  # of each contender
LIMIT_S = 90.0  # after which a row is given up
HEADING = (
    "ms a generator step a run of wgan-gp, n_critic 5, of a clock on the wall; a stack's updates as CUDA graphs\n"
    "network     width batch runs plain loop    eager    graph times plain times eager    GB  TFLOP/s engine"
)


def bench(progress: Progress) -> dict[str, Any]:
    """Measure each row on the GPU, then several processes on it.

    Raises HarnessError where there is none.
    """
    require_gpu()
    with open_executor(1) as executor:
        peak, machine = executor.submit(peak_tflops).result(), executor.submit(provenance, "cuda").result()
        rows = tabulated(progress, HEADING, render, (measured_or_failed(executor, row) for row in ROWS))
    progress(f"the card's float32 matrix product: {peak:.1f} TFLOP/s")
    return {"rows": rows, "machine": machine, "peak_tflops": peak, "processes": gpu_processes.bench(progress)}


def require_gpu() -> None:
    """Raise HarnessError where there is no GPU."""
    if not torch.cuda.is_available():
        raise HarnessError("bench gpu: PyTorch sees no CUDA device; install a torch built for yours")


def measured_or_failed(executor: Executor, row: Row) -> dict[str, Any]:
    """Measure a row in a worker. One that cannot be measured says why among its `fails`, and the next one follows.

    `took_s` is the time of the whole row.
    """
    started = time.perf_counter()
    try:
        figures = executor.submit(measure, row, limit_s=LIMIT_S).result()
    except Exception as error:
        figures = {"fails": [f"not measured: {reason(error)}"]}
        executor.drop()  # after an error of CUDA its process computes nothing more
    return {**named(row), **figures, "took_s": time.perf_counter() - started}


def render(row: dict[str, Any]) -> str:
    """Return a row as a line, and below it the targets that it misses."""
    what = f"{row['network']:<11} {row['width']:>5} {row['batch']:>5} {row['runs']:>4}"
    misses = [f"  missed: {target}" for target in row["fails"]]
    if "graph_ms" not in row:
        return "\n".join([what, *misses])
    ms = f"{row['plain_ms']:>10.2f} {row['eager_ms']:>8.3f} {row['graph_ms']:>8.3f}"
    times = f"{row['times_plain']:>11.1f} {row['times_eager']:>11.1f} {row['peak_mb'] / 1e3:>5.1f}"
    rate = f"{row['tflops']:>8.1f}" if "tflops" in row else " " * 8
    lines = [f"{what} {ms} {times} {rate} {row['engines']['graph']}"]
    if "compiled_ms" in row:
        ms = f"{row['compiled_ms']:.3f} ms, {row['share']:.0%} of the card's matrix product"
        how = f"compiled in {row['compile_s']:.0f} s" if row["engines"]["compiled"] == "compiled" else "not compiled"
        lines.append(f"  {how}: {ms}; as graphs with TensorFloat-32: {row['tf32_ms']:.3f} ms")
    return "\n".join([*lines, *misses])


def measure(row: Row, device: str = "cuda", rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Any]:
    """Return ms a generator step a run of the plain loop, and of the stack with and without graphs; plain data.

    Figures are medians over rounds, ratios those of one round, by a clock on the wall: a GPU has no other. `engines`
    names by stack what its updates ran as in fact. `fails` lists those that fell back, with the reason, and the targets
    that are missed.
    """
    with own_state():
        return {**named(row), **_measured(row, device, rounds, seconds)}


def _measured(row: Row, device: str, rounds: int, seconds: float) -> dict[str, Any]:
    if device == "cuda":
        gc.collect()  # graphs of the row before hold their memory in cycles
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    plain, specs = _plain(row, device)
    stacks = {"eager": stack_of(specs, device, graphs=False), "graph": stack_of(specs, device)}
    contenders: dict[str, tuple[int, Steps]] = {"plain": (1, plain)}
    compile_s = 0.0
    if row.share:
        os.environ.pop("TORCHINDUCTOR_COMPILE_THREADS", None)  # a worker compiles on one core: here the others are idle
        stacks |= {"compiled": stack_of(specs_of(row, compile=True), device), "tf32": stack_of(specs, device)}
        compile_s = stacks["compiled"].compile(0)
    contenders |= {name: (row.runs, stepped(stack)) for name, stack in stacks.items()}
    if row.share:
        contenders["tf32"] = row.runs, _with_tf32(contenders["tf32"][1])
    ms = _alternated(contenders, device, rounds, seconds)
    figures: dict[str, Any] = {
        **{f"{name}_ms": statistics.median(times) for name, times in ms.items()},
        "times_plain": _ratio(ms["plain"], ms["graph"]),
        "times_eager": _ratio(ms["eager"], ms["graph"]),
        "peak_mb": torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else 0.0,
        "engines": {name: stack.engine for name, stack in stacks.items()},
    }
    if isinstance(row.size, Size):
        figures["tflops"] = toy_step.step_flops(row.size) / figures["graph_ms"] / 1e9
    if row.share:
        figures["share"] = figures["tflops"] * figures["graph_ms"] / figures["compiled_ms"] / peak_tflops(device=device)
        figures["compile_s"] = compile_s
    return {**figures, "fails": [*fallbacks(stacks), *missed(row, figures)]}


def _alternated(
    contenders: Mapping[str, tuple[int, Steps]], device: str, rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Return milliseconds a step a run of each contender, (runs, steps), in each round; all take turns."""
    counts = {}
    for name, (runs, steps) in contenders.items():
        steps(3)  # records graphs, chooses kernels
        counts[name] = max(1, round(seconds / (_timed(steps, 3, runs, device) * runs / 1e3)))
    ms: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (runs, steps) in contenders.items():
            ms[name].append(_timed(steps, counts[name], runs, device))
    return ms


def fallbacks(stacks: Mapping[str, Stack]) -> list[str]:
    """Return a phrase for each stack that was not compiled or replayed: its ratio is no measure of what was asked."""
    return [
        f"{name} fell back (engine {stack.engine}): {stack.eager_because}"
        for name, stack in stacks.items()
        if stack.eager_because
    ]


def missed(row: Row, figures: Mapping[str, float]) -> list[str]:
    """Return the targets of a row that its figures miss, each as a phrase."""
    bounds = (
        (row.at_least, "times_plain", "times the plain loop, at least"),
        (row.over_eager, "times_eager", "times eager, at least"),
    )
    fails = [
        f"{figures[name]:.0f} {words} {least:g}" for least, name, words in bounds if least and figures[name] < least
    ]
    if row.share and figures["share"] < row.share:
        fails.append(f"{figures['share']:.0%} of the card's matrix product, at least {row.share:.0%}")
    if row.at_most_ms and figures["graph_ms"] > row.at_most_ms:
        fails.append(f"{figures['graph_ms']:.2f} ms a run, at most {row.at_most_ms:g}")
    return fails


def peak_tflops(side: int = 8192, device: str = "cuda") -> float:
    """Return the best of ten large float32 matrix products on the GPU, in 1e12 operations a second."""
    a = torch.rand(side, side, device=device)
    with own_state():
        best = min(_timed(repeated(lambda: _product(a)), 1, 1, device) for _ in range(10))
    return 2 * side**3 / (best / 1e3) / 1e12


def _product(a: torch.Tensor) -> None:
    torch.mm(a, a)


def _plain(row: Row, device: str) -> tuple[Steps, Any]:
    if isinstance(row.size, Size):
        return repeated(PlainLoop(row.size, device=device).step), specs_of(row)
    real = image_step.pictures(row.size).to(device)
    return repeated(PlainPictures(row.size, real).step), specs_of(row)


def specs_of(row: Row, **settings: Any) -> list[RunSpec]:
    """Return the runs of a row, with further settings of `train`."""
    if isinstance(row.size, Size):
        return toy_step.specs_of(row.size, row.runs, **settings)
    return image_step.specs_of(row.size, row.runs, **settings)


def _with_tf32(steps: Steps) -> Steps:
    def within(count: int) -> None:
        with own_state(tf32=True):
            steps(count)

    return within


def named(row: Row) -> dict[str, Any]:
    """Return what a row trains, as columns."""
    size = row.size
    network = "mlp" if isinstance(size, Size) else f"dcgan {size.side} px"
    return {"network": network, "width": size.width, "batch": size.batch, "runs": row.runs}


def _ratio(slow: list[float], fast: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def _timed(steps: Steps, count: int, runs: int, device: str) -> float:
    """Return milliseconds a step a run."""
    settle(device)
    started = time.perf_counter()
    steps(count)
    settle(device)
    return 1e3 * (time.perf_counter() - started) / count / runs
