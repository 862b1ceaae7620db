"""Two distributions for a critic alone (`generator: fixed`): points of two files, or a data set and a shift of it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from harness.datasets import points
from harness.datasets.dataset_settings import NoSettings
from harness.datasets.images import Settings

PLANE = Literal["8gaussians", "8gaussians-wide", "25gaussians", "swissroll", "two-moons", "gaussian", "ring"]


class ShiftedSettings(NoSettings):
    """Which data set, at its defaults, is shifted."""

    of: PLANE = "8gaussians"


def describe_fakes(path: str) -> dict[str, str | int]:
    """Return what a run's address holds of the file of the generated side. Raises DataError as `points.describe`."""
    return {{"content": "fakes"}.get(key, f"fakes_{key}"): value for key, value in points.describe(path).items()}


def fakes(n: int, draw: Generator, settings: Settings) -> Tensor:
    """Draw n of the points of the generated side in shuffled passes, none twice before all were drawn: [n, d]."""
    every = points.scaled(settings["fakes"], settings["scale"])
    passes = [torch.randperm(len(every), generator=draw) for _ in range(-(-n // len(every)))]
    return every[torch.cat(passes)[:n]]


Sampler = Callable[[int, Generator, Settings], Tensor]
Table = Callable[[], Mapping[str, Any]]  # gives DATASETS, which holds these samplers


def unshifted(table: Table, reference: bool = False) -> Sampler:
    """Return a sampler of the data set that a Setup names, at its defaults: its stratified one for a `reference`."""

    def sample(n: int, draw: Generator, settings: Settings) -> Tensor:
        entry = table()[settings["of"]]
        return (entry.reference if reference else entry.sample)(n, draw, {**entry.hyper, **entry.setup})

    return sample


def shifted(table: Table) -> Sampler:
    """Return a sampler of the same, `shift` further along the first coordinate: at W1 = |shift|."""
    sample = unshifted(table)

    def fake(n: int, draw: Generator, settings: Settings) -> Tensor:
        return sample(n, draw, settings) + torch.tensor([settings["shift"], 0.0])

    return fake
