"""Stacks of convolutional runs against the plain loop, alternating in one process on one core."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from harness.bench.engine import Steps, compared, in_turn, repeated, stepped
from harness.bench.plain import PictureSize, PlainPictures
from harness.datasets import DATASETS, Dataset
from harness.plan.stacks import stack_size
from harness.spec import RunSpec
from harness.suite.expand import expand
from harness.suite.format import Suite

STACKS = (1, 4, 8, 16)
HELD = 2048  # pictures that all contenders train on


def measure(size: PictureSize, rounds: int = 5, seconds: float = 0.5) -> dict[str, Any]:
    """Return ms a generator step a run of the plain loop and of each stack, with ratios; plain data.

    As in bench.engine; `planned` is how many runs a plan puts in a stack of such.
    """
    settings = {"side": size.side, "channels": size.channels}
    DATASETS.setdefault("bench", _PICTURES)  # in a worker of its own, which ends with the benchmark
    real = _uniform(HELD, torch.Generator().manual_seed(0), settings)
    contenders: dict[str, tuple[int, Steps]] = {"plain": (1, repeated(PlainPictures(size, real).step))}
    contenders |= {str(runs): (runs, stepped(_specs(size, runs))) for runs in STACKS}
    ms = in_turn(contenders, rounds, seconds)
    return {
        **vars(size),
        "plain": compared(ms["plain"], ms["plain"]),
        "stacks": [{"runs": runs, **compared(ms[str(runs)], ms["plain"])} for runs in STACKS],
        "planned": stack_size(_specs(size, 1)[0].setup, "cpu"),
    }


def _specs(size: PictureSize, runs: int) -> list[RunSpec]:
    train = {"steps": 10**6, "batch": size.batch, "n_critic": size.n_critic}
    block = {"dataset": "bench", "architecture": "dcgan", "objective": size.objective}
    plain = {
        "version": 1,
        "name": "bench",
        "seeds": runs,
        "train": train,
        "datasets": {"bench": {"side": size.side, "channels": size.channels, "fixed": HELD}},
        "architectures": {"dcgan": {"width": size.width, "latent": size.latent}},
        "matrix": [block],
    }
    return [run.spec for run in expand(Suite.model_validate(plain)).runs]


def _uniform(n: int, draw: Generator, settings: Mapping[str, Any]) -> Tensor:
    """Noise for pictures: what a step costs does not depend on what they show."""
    return 2 * torch.rand(n, settings["channels"], settings["side"], settings["side"], generator=draw) - 1


_PICTURES = Dataset(
    version=1,
    kind="images",
    shape=lambda settings: (settings["channels"], settings["side"], settings["side"]),
    sample=_uniform,
    reference=_uniform,
    summary="noise, for benchmarks",
    range=(-1.0, 1.0),
    setup={"side": 16, "channels": 1},
)
