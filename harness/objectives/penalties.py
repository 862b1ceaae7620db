"""Terms that hold the critic's slope in check. Each returns [...]: one number a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from harness.objectives.losses import Hyper

if TYPE_CHECKING:
    from torch import Tensor


class Critic(NamedTuple):
    """The critic network with its parameters bound: what an objective is given.

    `scores` maps samples [..., n, *shape] to [..., n], one score a sample and never the batch mean; `features` to
    [..., n, k], the input of the last layer; `slope` is d scores / d x, [..., n, *shape]. `sample_dims` is len(shape).
    """

    scores: Callable[[Tensor], Tensor]
    features: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    sample_dims: int = 1


Noise = Mapping[str, "Tensor"]
Penalty = Callable[[Critic, "Tensor", "Tensor", Noise, Hyper], "Tensor"]


def no_penalty(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """Leave the critic free."""
    return real.new_zeros(())


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """(|grad D| - 1)^2 on segments between real and fake points (Gulrajani et al. 2017, eq. 3)."""
    norm = _slope_between(critic, real, fake, noise["mix"])
    return hyper["gp_weight"] * (norm - 1).square().mean(-1)


def one_sided_penalty(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """max(0, |grad D| - 1)^2: slopes below one are free (Petzka et al. 2018)."""
    norm = _slope_between(critic, real, fake, noise["mix"])
    return hyper["gp_weight"] * (norm - 1).clamp(min=0).square().mean(-1)


def slope_norm(critic: Critic, x: Tensor) -> Tensor:
    """Return |d scores / d x| as [..., n], with gradient 0 where the slope is 0.

    The root of zero has an infinite derivative, and a critic that is flat somewhere (dead ReLUs) would turn it into
    NaN: there the root is taken of one and masked out.
    """
    import torch

    squared = critic.slope(x).flatten(-critic.sample_dims).square().sum(-1)
    flat = squared == 0
    return torch.where(flat, torch.zeros_like(squared), torch.where(flat, torch.ones_like(squared), squared).sqrt())


def _slope_between(critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    weight = mix.reshape(mix.shape + (1,) * critic.sample_dims)
    return slope_norm(critic, fake.lerp(real, weight))
