"""The engine's stacks against the plain loop, alternating in one process on one core."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from benchmarks import Progress, in_worker
from benchmarks.plain_loop import PlainLoop, Size
from harness.engine.stack import Placement, Stack
from harness.spec import RunSpec
from harness.suite.expand import expand
from harness.suite.format.models import Suite

SIZES = ((64, 64), (64, 256), (128, 256), (512, 256))  # (width, batch)
STACKS = (1, 8, 16, 32)  # 16 is what a CPU's plans use
PEAK = 1024  # rows and columns of the matrices whose product shows what the core can do
Steps = Callable[[int], None]


def bench(progress: Progress) -> dict[str, Any]:
    """Compare stacks of each size with the plain loop."""
    return in_worker(progress, heading(), render, measure, SIZES)


def heading() -> str:
    """Return the lines above the rows."""
    return (
        "ms of processor time a generator step a run, WGAN-GP on 8gaussians, n_critic 5; (ratio to the plain loop)\n"
        f"width  batch  plain loop {columns(STACKS)}  GFLOP/s"
    )


def render(row: dict[str, Any]) -> str:
    """Return a row as a line: ms a generator step a run, and in brackets the ratio to the plain loop."""
    peak = f"{max(stack['gflops'] for stack in row['stacks']):5.0f} of {row['peak_gflops']:.0f}"
    return f"{row['width']:>5} {row['batch']:>6} {times(row)}  {peak}"


def columns(stacks: Sequence[int]) -> str:
    """Return the names of the columns of stacks."""
    return " ".join(f"{f'stack of {runs}':>15}" for runs in stacks)


def times(row: dict[str, Any]) -> str:
    """Return the cells of the plain loop and of stacks."""
    stacks = [f"{stack['ms']:8.2f} ({stack['ratio']:.2f})" for stack in row["stacks"]]
    return f"{row['plain']['ms']:>11.2f} {' '.join(stacks)}"


def measure(width: int, batch: int, rounds: int = 5, seconds: float = 0.3) -> dict[str, Any]:
    """Return ms a generator step a run of the plain loop and of each stack, with ratios; plain data.

    In every round each of them runs in turn for about `seconds` of processor time: what else the machine does then
    meets all of them. Figures are medians over rounds, ratios those of one round. `gflops` counts the multiplications
    and additions of matrix products that the step needs, whatever was computed.
    """
    size = Size(width, batch)
    contenders: dict[str, tuple[int, Steps]] = {"plain": (1, repeated(PlainLoop(size).step))}
    contenders |= {str(runs): (runs, stepped(stack_of(specs_of(size, runs)))) for runs in STACKS}
    ms = in_turn(contenders, rounds, seconds)
    stacks = [{"runs": runs, **_figures(size, ms[str(runs)], ms["plain"])} for runs in STACKS]
    return {
        "width": width,
        "batch": batch,
        "plain": _figures(size, ms["plain"], ms["plain"]),
        "stacks": stacks,
        "best": min(stack["ratio"] for stack in stacks),
        "peak_gflops": peak_gflops(),
    }


def in_turn(contenders: Mapping[str, tuple[int, Steps]], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return ms of processor time a step a run of each contender (runs, steps) in every round."""
    ms: dict[str, list[float]] = {name: [] for name in contenders}
    counts: dict[str, int] = {}
    for name, (runs, steps) in contenders.items():
        steps(2)  # the first steps fetch memory
        counts[name] = max(1, round(seconds / (_timed(steps, 1, runs) * runs / 1e3)))
    for _ in range(rounds):
        for name, (runs, steps) in contenders.items():
            ms[name].append(_timed(steps, counts[name], runs))
    return ms


def compared(ms: list[float], plain: list[float]) -> dict[str, float]:
    """Return the median of a contender's ms, and of its ratio to the plain loop within a round."""
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ms, plain, strict=True))
    return {"ms": statistics.median(ms), "ratio": ratio}


def peak_gflops() -> float:
    """Return the best of ten large float32 matrix products, in 1e9 multiplications and additions a second."""
    a = torch.rand(PEAK, PEAK)
    best = min(_timed(lambda count: _product(a), 1, 1) for _ in range(10))
    return 2 * PEAK**3 / (best / 1e3) / 1e9


def step_flops(size: Size) -> float:
    """Return the multiplications and additions that the matrix products of one generator step take.

    2 for each weight and sample passed forward; backward as much again for the inputs and for the weights. A critic's
    update draws fakes, passes real and fake samples forward and back, and for its penalty passes the points between
    them forward, their slope back, and that backward once more.
    """
    w = size.width
    generator, critic = 2 * w + 2 * w * w + 2 * w, 2 * w + 2 * w * w + w
    update = 2 * generator + 2 * 6 * critic + (2 + 2 + 4) * critic
    return float(size.batch * (size.n_critic * update + 6 * generator + 4 * critic))


def _figures(size: Size, ms: list[float], plain: list[float]) -> Mapping[str, float]:
    found = compared(ms, plain)
    return {**found, "gflops": step_flops(size) / found["ms"] / 1e6}


def _timed(steps: Steps, count: int, runs: int) -> float:
    """Return milliseconds of processor time a step a run."""
    started = time.process_time()
    steps(count)
    return 1e3 * (time.process_time() - started) / count / runs


def _product(a: torch.Tensor) -> None:
    torch.mm(a, a)


def repeated(step: Callable[[], None]) -> Steps:
    """Return a function that makes so many steps."""

    def steps(count: int) -> None:
        for _ in range(count):
            step()

    return steps


def specs_of(size: Size, runs: int, **settings: Any) -> list[RunSpec]:
    """Return so many runs of WGAN-GP on 8gaussians, with further settings of `train`."""
    train = {"steps": 10**6, "batch": size.batch, "n_critic": size.n_critic, **settings}
    block = {"dataset": "8gaussians", "architecture": "mlp", "objective": "wgan-gp"}
    networks = {"mlp": {"width": size.width, "depth": 3}}
    plain = {"version": 1, "name": "bench", "seeds": runs, "train": train, "architectures": networks, "matrix": [block]}
    return [run.spec for run in expand(Suite.model_validate(plain)).runs]


def stack_of(specs: Sequence[RunSpec], device: str = "cpu", graphs: bool = True) -> Stack:
    """Return these runs as one stack, a lone one without its axis."""
    return Stack(specs, Placement("single" if len(specs) == 1 else "stacked", device, graphs=graphs))


def stepped(stack: Stack) -> Steps:
    """Return steps of a stack, from its first on."""
    done = iter(range(stack.steps))

    def step() -> None:
        stack.step(next(done))

    return repeated(step)


def settled(steps: Steps, device: str) -> Steps:
    """Return steps that end when the GPU has made them."""

    def within(count: int) -> None:
        steps(count)
        settle(device)

    return within


def settle(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
