"""Stacks of convolutional runs against the plain loop, alternating in one process on one core."""

from typing import Any

import torch

from benchmarks import Progress, in_worker
from benchmarks.plain_loop import PictureSize, PlainPictures
from benchmarks.toy_step import Steps, columns, compared, in_turn, repeated, stack_of, stepped, times
from harness.datasets import DATASETS, Pictures, picture_dataset
from harness.datasets.dataset_settings import PictureSettings
from harness.datasets.images import Settings
from harness.plan.stacks import stack_size
from harness.spec import RunSpec
from harness.suite.expand import expand
from harness.suite.format.models import Suite

SIZES = (
    PictureSize("gan", side=16, channels=1, width=8, batch=64),
    PictureSize("wgan-gp", side=16, channels=1, width=8, batch=64),
    PictureSize("gan", side=16, channels=1, width=16, batch=64),
    PictureSize("wgan-gp", side=16, channels=1, width=16, batch=64),
    PictureSize("wgan-gp", side=32, channels=3, width=8, batch=64),
    PictureSize("wgan-gp", side=32, channels=3, width=16, batch=64),
)
STACKS = (1, 4, 8, 16)
HELD = 2048  # images that all contenders train on


def bench(progress: Progress) -> dict[str, Any]:
    """Compare stacks of each size with the plain loop."""
    return in_worker(progress, heading(), render, measure, [(size,) for size in SIZES])


def heading() -> str:
    """Return the lines above the rows."""
    return (
        "ms of processor time a generator step a run, dcgan, n_critic 1; (ratio to the plain loop)\n"
        f"objective images   width batch plain loop {columns(STACKS)}  planned"
    )


def render(row: dict[str, Any]) -> str:
    """Return a row as a line, as in `toy_step`."""
    what = f"{row['objective']:<8} {row['channels']}x{row['side']}x{row['side']}"
    return f"{what} {row['width']:>5} {row['batch']:>6} {times(row)}  {row['planned']:>7}"


def measure(size: PictureSize, rounds: int = 5, seconds: float = 0.5) -> dict[str, Any]:
    """Return ms a generator step a run of the plain loop and of each stack, with ratios; plain data.

    As in `toy_step`; `planned` is how many runs a plan puts in a stack of such.
    """
    real = pictures(size)
    contenders: dict[str, tuple[int, Steps]] = {"plain": (1, repeated(PlainPictures(size, real).step))}
    contenders |= {str(runs): (runs, stepped(stack_of(specs_of(size, runs)))) for runs in STACKS}
    ms = in_turn(contenders, rounds, seconds)
    return {
        **vars(size),
        "plain": compared(ms["plain"], ms["plain"]),
        "stacks": [{"runs": runs, **compared(ms[str(runs)], ms["plain"])} for runs in STACKS],
        "planned": stack_size(specs_of(size, 1)[0].setup, "cpu"),
    }


def specs_of(size: PictureSize, runs: int, **settings: Any) -> list[RunSpec]:
    """Return so many runs of DCGAN on the benchmark's images, with further settings of `train`."""
    train = {"steps": 10**6, "batch": size.batch, "n_critic": size.n_critic, **settings}
    block = {"dataset": "bench", "architecture": "dcgan", "objective": size.objective}
    plain = {
        "version": 1,
        "name": "bench",
        "seeds": runs,
        "train": train,
        "datasets": {"bench": {"side": size.side, "channels": size.channels}},
        "architectures": {"dcgan": {"width": size.width, "latent": size.latent}},
        "matrix": [block],
    }
    return [run.spec for run in expand(Suite.model_validate(plain)).runs]


def pictures(size: PictureSize) -> torch.Tensor:
    """Return the benchmark's images [n, c, side, side], and register their data set in this process."""
    DATASETS.setdefault("bench", _PICTURES)  # in a worker of its own, which ends with the benchmark
    return _PICTURES.to_values(_noise({"side": size.side, "channels": size.channels}).train, {"range": (-1, 1)})


def _noise(settings: Settings) -> Pictures:
    """Noise for pictures: what a step costs does not depend on what they show."""
    shape, draw = (HELD, settings["channels"], settings["side"], settings["side"]), torch.Generator().manual_seed(0)
    drawn = torch.randint(256, shape, generator=draw, dtype=torch.uint8)
    return Pictures(drawn, drawn[:1])


class _Settings(PictureSettings):
    side: int = 16
    channels: int = 1


_PICTURES = picture_dataset(
    _noise,
    version=1,
    shape=lambda settings: (settings["channels"], settings["side"], settings["side"]),
    model=_Settings,
    summary="noise, for benchmarks",
)
