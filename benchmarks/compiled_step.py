"""Stacks with compiled updates against the same stacks as they are, alternating in one process on one core."""

import os
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch

from benchmarks import Progress, image_step, in_worker
from benchmarks.gpu_step import Row, specs_of
from benchmarks.plain_loop import PictureSize, Size
from benchmarks.toy_step import compared, in_turn, stack_of, stepped
from harness.engine.process import own_state

ROWS = (
    Row(Size(64, 256), 16),
    Row(Size(512, 256), 16),
    Row(PictureSize("wgan-gp", 16, 1, 8, 64), 16),
    Row(PictureSize("wgan-gp", 32, 3, 8, 64), 3),
    Row(PictureSize("wgan-gp", 32, 3, 16, 64), 1),
)
HEADING = (
    "ms of processor time a generator step a run of wgan-gp in a stack; (ratio to the same without compilation);\n"
    "seconds of processor time that compiling takes, and the steps of a stack that save as many\n"
    "network        width batch runs    eager compiled        compiling (s) pays after"
)


def bench(progress: Progress) -> dict[str, Any]:
    """Compare each stack compiled with the same as it is."""
    return in_worker(progress, HEADING, render, measure, [(row,) for row in ROWS])


def render(row: dict[str, Any]) -> str:
    """Return a row as a line, and below it why its stack was not compiled, where it was not."""
    what = f"{row['network']:<14} {row['width']:>5} {row['batch']:>5} {row['runs']:>4}"
    times = f"{row['eager_ms']:>8.2f} {row['compiled_ms']:>8.2f} ({row['ratio']:.2f})"
    pays = f"{row['pays_after']:,}" if row["pays_after"] else "never"
    line = f"{what} {times} {row['compile_s']:>13.0f} {pays:>10}"
    return f"{line}\n  fell back to eager updates: {row['eager_because']}" if row["eager_because"] else line


def measure(row: Row, rounds: int = 5, seconds: float = 0.5) -> dict[str, Any]:
    """Return ms of processor time a generator step a run, eager and compiled, their ratio, and what compiling took.

    `pays_after` is how many steps of the stack save as many seconds as compiling took; None where a step saves none.
    Compilation begins without its cache on disk, which makes it several times faster the next time. `eager_because`
    says why the stack ran eager all the same, "" where it did not.
    """
    torch.set_num_threads(1)
    with own_state(), TemporaryDirectory() as empty, patch.dict(os.environ, TORCHINDUCTOR_CACHE_DIR=empty):
        if isinstance(row.size, PictureSize):
            image_step.pictures(row.size)  # registers their data set
        stacks = {name: stack_of(specs_of(row, compile=name == "compiled")) for name in ("eager", "compiled")}
        started = sum(os.times()[:4])  # the compiler of C++ is a child
        stacks["compiled"].compile(0)
        compile_s = sum(os.times()[:4]) - started
        ms = in_turn({name: (row.runs, stepped(stack)) for name, stack in stacks.items()}, rounds, seconds)
    eager, compiled = (compared(ms[name], ms["eager"]) for name in ("eager", "compiled"))
    saved_s = (eager["ms"] - compiled["ms"]) * row.runs / 1e3
    return {
        "network": "mlp"
        if isinstance(row.size, Size)
        else f"dcgan {row.size.channels}x{row.size.side}x{row.size.side}",
        "width": row.size.width,
        "batch": row.size.batch,
        "runs": row.runs,
        "eager_ms": eager["ms"],
        "compiled_ms": compiled["ms"],
        "ratio": compiled["ratio"],
        "compile_s": compile_s,
        "pays_after": round(compile_s / saved_s) if saved_s > 0 else None,
        "eager_because": stacks["compiled"].eager_because,
    }
