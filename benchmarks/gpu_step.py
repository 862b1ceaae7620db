"""Stacks on a GPU against the plain loop on the same card, alternating in one process."""

import os
import statistics
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from benchmarks import Progress, gpu_processes, image_step, tabulated, toy_step
from benchmarks.plain_loop import PictureSize, PlainLoop, PlainPictures, Size
from benchmarks.toy_step import Steps, repeated, settle, stepped
from harness.engine.process import own_state
from harness.errors import HarnessError
from harness.execution.provenance import provenance
from harness.spec import RunSpec
from harness.workers import open_executor


class Row(NamedTuple):
    """What a row trains: `runs` in one stack, and how many times the plain loop's speed it must reach a run.

    Where `share` is set the stack is also compiled, without and with TensorFloat-32: compiled, it must reach that share
    of the card's float32 matrix product.
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
HEADING = (
    "ms a generator step a run of wgan-gp, n_critic 5, of a clock on the wall; a stack's updates as CUDA graphs\n"
    "network     width batch runs plain loop    eager    graph times plain times eager    GB  TFLOP/s"
)


def bench(progress: Progress) -> dict[str, Any]:
    """Measure each row on the GPU, then several processes on it.

    Raises HarnessError where there is none.
    """
    if not torch.cuda.is_available():
        raise HarnessError("bench gpu: PyTorch sees no CUDA device; install a torch built for yours")
    with open_executor(1) as executor:
        rows = tabulated(progress, HEADING, render, (executor.submit(measure, row).result() for row in ROWS))
        peak, machine = executor.submit(peak_tflops).result(), executor.submit(provenance, "cuda").result()
    progress(f"the card's float32 matrix product: {peak:.1f} TFLOP/s")
    return {"rows": rows, "machine": machine, "peak_tflops": peak, "processes": gpu_processes.bench(progress)}


def render(row: dict[str, Any]) -> str:
    """Return a row as a line, and below it the targets that it misses."""
    what = f"{row['network']:<11} {row['width']:>5} {row['batch']:>5} {row['runs']:>4}"
    ms = f"{row['plain_ms']:>10.2f} {row['eager_ms']:>8.3f} {row['graph_ms']:>8.3f}"
    times = f"{row['times_plain']:>11.1f} {row['times_eager']:>11.1f} {row['peak_mb'] / 1e3:>5.1f}"
    rate = f"{row['tflops']:>8.1f}" if "tflops" in row else " " * 8
    lines = [f"{what} {ms} {times} {rate}"]
    if "compiled_ms" in row:
        both = f"  compiled: {row['compiled_ms']:.3f} ms, {row['share']:.0%} of the card's matrix product"
        lines.append(f"{both}; with TensorFloat-32: {row['tf32_ms']:.3f} ms")
    return "\n".join([*lines, *(f"  missed: {target}" for target in row["fails"])])


def measure(row: Row, device: str = "cuda", rounds: int = 3, seconds: float = 0.5) -> dict[str, Any]:
    """Return ms a generator step a run of the plain loop, and of the stack with and without graphs; plain data.

    Figures are medians over rounds, ratios those of one round, by a clock on the wall: a GPU has no other. `fails`
    lists the targets that are missed.
    """
    with own_state():
        return _measured(row, device, rounds, seconds)


def _measured(row: Row, device: str, rounds: int, seconds: float) -> dict[str, Any]:
    plain, specs = _plain(row, device)
    contenders: dict[str, tuple[int, Steps]] = {
        "plain": (1, plain),
        "eager": (row.runs, stepped(specs, device, graphs=False)),
        "graph": (row.runs, stepped(specs, device)),
    }
    if row.share:
        os.environ.pop("TORCHINDUCTOR_COMPILE_THREADS", None)  # a worker compiles on one core: here the others are idle
        contenders["compiled"] = row.runs, stepped(specs_of(row, compile=True), device)
        contenders["tf32"] = row.runs, _with_tf32(stepped(specs_of(row, compile=True, tf32=True), device))
    ms: dict[str, list[float]] = {name: [] for name in contenders}
    counts = {}
    for name, (runs, steps) in contenders.items():
        steps(3)  # records graphs, chooses kernels
        counts[name] = max(1, round(seconds / (_timed(steps, 3, runs, device) * runs / 1e3)))
    for _ in range(rounds):
        for name, (runs, steps) in contenders.items():
            ms[name].append(_timed(steps, counts[name], runs, device))
    found = {
        **{f"{name}_ms": statistics.median(times) for name, times in ms.items()},
        "times_plain": _ratio(ms["plain"], ms["graph"]),
        "times_eager": _ratio(ms["eager"], ms["graph"]),
        "peak_mb": torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else 0.0,
    }
    if isinstance(row.size, Size):
        found["tflops"] = toy_step.step_flops(row.size) / found["graph_ms"] / 1e9
    if row.share:
        found["share"] = found["tflops"] * found["graph_ms"] / found["compiled_ms"] / peak_tflops(device=device)
    return {**_named(row.size), "runs": row.runs, **found, "fails": missed(row, found)}


def missed(row: Row, found: Mapping[str, float]) -> list[str]:
    """Return the targets of a row that its figures miss, each as a phrase."""
    bounds = (
        (row.at_least, "times_plain", "times the plain loop, at least"),
        (row.over_eager, "times_eager", "times eager, at least"),
    )
    fails = [f"{found[name]:.0f} {words} {bound:g}" for bound, name, words in bounds if bound and found[name] < bound]
    if row.share and found["share"] < row.share:
        fails.append(f"{found['share']:.0%} of the card's matrix product, at least {row.share:.0%}")
    if row.at_most_ms and found["graph_ms"] > row.at_most_ms:
        fails.append(f"{found['graph_ms']:.2f} ms a run, at most {row.at_most_ms:g}")
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


def _named(size: Size | PictureSize) -> dict[str, Any]:
    what = "mlp" if isinstance(size, Size) else f"dcgan {size.side} px"
    return {"network": what, "width": size.width, "batch": size.batch}


def _ratio(slow: list[float], fast: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def _timed(steps: Steps, count: int, runs: int, device: str) -> float:
    """Return milliseconds a step a run."""
    settle(device)
    started = time.perf_counter()
    steps(count)
    settle(device)
    return 1e3 * (time.perf_counter() - started) / count / runs
