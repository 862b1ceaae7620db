"""What the invented runs have: a smooth critic, samples, noise and floats. Drawn once, by fixed seeds."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from harness.engine.networks import slope_by
from harness.objectives import Critic
from harness.plugins.calls import RUNS, Setting

HIDDEN = 16


def generator(purpose: str) -> Generator:
    """Return a source of random numbers that is the same at every call."""
    return torch.Generator().manual_seed(sum(map(ord, purpose)) + 1)


def normal(purpose: str, *shape: int) -> Tensor:
    """Return normal values [runs, *shape] in float64."""
    return torch.randn(RUNS, *shape, dtype=torch.float64, generator=generator(purpose))


def uniform(purpose: str, *shape: int) -> Tensor:
    """Return uniform values [runs, *shape] in float64."""
    return torch.rand(RUNS, *shape, dtype=torch.float64, generator=generator(purpose))


def samples(purpose: str, setting: Setting) -> Tensor:
    """Return invented samples [runs, n, *shape]."""
    return normal(purpose, setting.batch, *setting.shape)


def parameters(setting: Setting) -> Tensor:
    """Return flat parameters [runs, P] of the invented critic."""
    size = math.prod(setting.shape)
    parts = normal("w", size * HIDDEN) / math.sqrt(size), normal("b", HIDDEN) * 0.1, normal("v", HIDDEN) * 0.5
    return torch.cat(parts, -1)


def critic(flat: Tensor, setting: Setting, how: str) -> Critic:
    """Return a critic with one hidden layer of tanh, of one run or of a stack; `how` as in `engine.networks.bind`."""
    dims, size = len(setting.shape), math.prod(setting.shape)
    weight, bias, last = flat.split([size * HIDDEN, HIDDEN, HIDDEN], -1)
    weight = weight.unflatten(-1, (size, HIDDEN))

    def features(x: Tensor) -> Tensor:
        return torch.tanh(x.flatten(-dims) @ weight + bias[..., None, :])

    def scores(x: Tensor) -> Tensor:
        return (features(x) * last[..., None, :]).sum(-1)

    def slope(x: Tensor) -> Tensor:
        return slope_by(how, scores, x)

    return Critic(scores, features, slope, dims)


def floats(setting: Setting, defaults: Mapping[str, float], ranges: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return two values of every float of a run, within its range: the default, and three or five quarters of it.

    A default of 0 is replaced by the run's value, and that, where it is 0, by another: 0 times anything hides it.
    """
    found = {}
    for name, value in setting.hyper.items():
        default, bounds = defaults.get(name, value), ranges.get(name, (-math.inf, math.inf))
        first = float(default) if default and math.isfinite(default) else float(value) or _other_than_zero(*bounds)
        second = next((x for x in (first * 0.75, first * 1.25) if bounds[0] < x < bounds[1]), first)
        found[name] = torch.tensor([first, second], dtype=torch.float64)
    return found


def _other_than_zero(least: float, most: float) -> float:
    """Return a value between two bounds that is not 0, where there is one."""
    tried = (0.5, -0.5, most / 2, least / 2, most, least)
    return next((x for x in tried if x and math.isfinite(x) and least <= x <= most), 0.0)


def noise(draws: Mapping[str, Any], setting: Setting) -> dict[str, Tensor]:
    """Return the declared random inputs of an update: one uniform a sample, or one a coordinate."""
    each = {name: () if kind == () else setting.shape for name, kind in draws.items()}
    return {name: uniform(name, setting.batch, *shape) for name, shape in each.items()}
