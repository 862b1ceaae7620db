"""Data sets: samplers with a shape, and what is known exactly about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Generator, Tensor

from harness.datasets import points, toys

__all__ = ["DATASETS", "Dataset"]

Sampler = Callable[[int, Generator, Mapping[str, Any]], Tensor]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Dataset:
    """A distribution over samples of one shape.

    kind      "toys" or "images": which recipe and which metrics apply
    shape     settings -> shape of one sample (read: what a Setup holds, never the floats)
    range     bounds of its values, None where it has none
    sample    (n, draw, settings) -> [n, *shape]; settings = hyper and setup as a suite resolved them
    reference the same, stratified: what every run of the data set is scored against
    modes     settings -> centres [K, *shape], where it has any; `sd` in settings is their spread before `scale`
    fake      what a fixed generator draws, where the data set names one (else the untrained network)
    points    settings -> all its samples [n, *shape], where there are so many and no more: training reads them in
              shuffled passes, and they are the target distribution
    file      path -> settings, where a suite must name a file: its content and what follows from it, never its path
    hyper     floats a suite may sweep within one stack; `setup` integers, which fix a stack
    Every data set without `points` also takes `fixed: n`, a set of n points drawn once and shared by all seeds.
    """

    version: int
    kind: str
    shape: Callable[[Mapping[str, Any]], Shape]
    sample: Sampler
    reference: Sampler
    summary: str
    range: tuple[float, float] | None = None
    modes: Callable[[Mapping[str, Any]], Tensor] | None = None
    fake: Sampler | None = None
    points: Callable[[Mapping[str, Any]], Tensor] | None = None
    file: Callable[[str], Mapping[str, Any]] | None = None
    hyper: Mapping[str, float] = field(default_factory=dict)
    positive: frozenset[str] = frozenset({"sd", "scale"})
    setup: Mapping[str, int] = field(default_factory=dict)


DATASETS: dict[str, Dataset] = {
    "8gaussians": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_8gaussians,
        reference=toys.stratified_8gaussians,
        modes=toys.ring_of_gaussians_modes,
        hyper={"sd": 0.02, "scale": 1.414},
        setup={"n_modes": 8},
        summary="8 Gaussians around a circle of radius 2, sd .02, divided by 1.414",
    ),
    "8gaussians-wide": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_8gaussians,
        reference=toys.stratified_8gaussians,
        modes=toys.ring_of_gaussians_modes,
        hyper={"sd": 0.1, "scale": 1.414},
        setup={"n_modes": 8},
        summary="8gaussians with sd .1, the spread used in teaching",
    ),
    "25gaussians": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_25gaussians,
        reference=toys.stratified_25gaussians,
        modes=toys.grid_modes,
        hyper={"sd": 0.05, "scale": 2.828},
        summary="25 Gaussians on the grid {-4, -2, 0, 2, 4} squared, sd .05, divided by 2.828",
    ),
    "swissroll": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_swissroll,
        reference=toys.stratified_swissroll,
        hyper={"sd": 0.25, "scale": 7.5},
        summary="two coordinates of the Swiss roll with noise of sd .25, divided by 7.5",
    ),
    "two-moons": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_moons,
        reference=toys.stratified_moons,
        hyper={"sd": 0.1, "scale": 1.0},
        summary="two interleaving half circles with noise of sd .1",
    ),
    "gaussian": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_gaussian,
        reference=toys.stratified_gaussian,
        hyper={"sd": 1.0, "scale": 1.0},
        summary="a round normal distribution of sd 1",
    ),
    "ring": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_ring,
        reference=toys.stratified_ring,
        hyper={"sd": 0.1, "scale": 1.0},
        summary="circle of radius 1 with radial noise of sd .1",
    ),
    "parallel-lines": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_lines,
        reference=toys.stratified_lines,
        fake=toys.line_at_zero,
        hyper={"theta": 0.5},
        summary="the line (theta, U[0,1]); with a fixed generator the fakes are the line at 0, at W1 = |theta|",
    ),
    "points": Dataset(
        version=1,
        kind="toys",
        shape=points.shape_of_points,
        sample=points.sample_points,
        reference=points.reference_points,
        points=points.all_points,
        file=points.describe,
        hyper={"scale": 1.0},
        summary="your own points in any dimension: `file` names a csv, npy or npz file of shape [n, d]",
    ),
}
