"""Terms that hold the critic's slope in check. Each returns [...]: one number a run.

PENALTIES are those that compose with any loss: the ready objectives are made with them, and a suite names others by
`penalty` (`harness.objectives.objective_of`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from harness.objectives.losses import Hyper
from harness.papers import PAPERS, Paper

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
# Random inputs: one uniform a sample, one uniform a coordinate, or one standard normal a coordinate.
Draws = Mapping[str, tuple[()] | Literal["sample", "normal"]]


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


def perturbed_penalty(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """(|grad D| - 1)^2 around real points, at x + mix e with e = std(x) / 2 times jitter (Kodali et al. 2017).

    `mix` is uniform on [0, 1] for each sample and `jitter` for each of its coordinates, as in the authors' code: e has
    no negative coordinate. std(x) is of all values of the batch, with divisor n. Codebases differ in e.
    """
    spread = real.flatten(-1 - critic.sample_dims).std(-1, correction=0)
    ends = real + 0.5 * _as_samples(spread[..., None], critic) * noise["jitter"]
    norm = slope_norm(critic, real.lerp(ends, _as_samples(noise["mix"], critic)))
    return hyper["gp_weight"] * (norm - 1).square().mean(-1)


def real_penalty(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """R1: gamma / 2 |grad D|^2 at real points (Mescheder et al. 2018, eq. 9)."""
    return hyper["gamma"] / 2 * squared_slope(critic, real).mean(-1)


def both_penalties(critic: Critic, real: Tensor, fake: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """R1 and R2: gamma / 2 |grad D|^2 at real points, and as much at generated ones (Mescheder et al. 2018, eq. 10)."""
    squared = squared_slope(critic, real).mean(-1) + squared_slope(critic, fake).mean(-1)
    return hyper["gamma"] / 2 * squared


def squared_slope(critic: Critic, x: Tensor) -> Tensor:
    """Return |d scores / d x|^2 as [..., n]."""
    return critic.slope(x).flatten(-critic.sample_dims).square().sum(-1)


def slope_norm(critic: Critic, x: Tensor) -> Tensor:
    """Return |d scores / d x| as [..., n], with gradient 0 where the slope is 0.

    The root of zero has an infinite derivative, and a critic that is flat somewhere (dead ReLUs) would turn it into
    NaN: there the root is taken of one and masked out.
    """
    import torch

    squared = squared_slope(critic, x)
    flat = squared == 0
    return torch.where(flat, torch.zeros_like(squared), torch.where(flat, torch.ones_like(squared), squared).sqrt())


def _slope_between(critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    return slope_norm(critic, fake.lerp(real, _as_samples(mix, critic)))


def _as_samples(x: Tensor, critic: Critic) -> Tensor:
    """[..., n] -> [..., n, 1, ...], one axis for each of a sample."""
    return x.reshape(x.shape + (1,) * critic.sample_dims)


@dataclass(frozen=True)
class SlopePenalty:
    """A penalty that can be added to a loss, and the facts about it.

    term         (critic, real, fake, noise, hyper) -> [...], added to the critic's loss
    label        what tables and figures call it
    summary      completes "nsgan with ..."; `papers` are what it is from
    draws, hyper, ranges, whole_batch  as in Objective
    """

    version: int
    term: Penalty
    label: str
    summary: str
    papers: tuple[Paper, ...]
    hyper: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]
    draws: Draws = field(default_factory=dict)
    whole_batch: bool = False


def _weighed(
    name: str, default: float, term: Penalty, label: str, summary: str, paper: Paper, **fields: Any
) -> SlopePenalty:
    """Return a penalty with a single hyperparameter, its weight."""
    return SlopePenalty(1, term, label, summary, (paper,), {name: default}, {name: (0.0, math.inf)}, **fields)


PENALTIES: dict[str, SlopePenalty] = {
    "gp": _weighed(
        "gp_weight",
        10.0,
        gradient_penalty,
        "gradient penalty",
        "a two-sided gradient penalty",
        PAPERS["gulrajani2017"].at("eq. 3"),
        draws={"mix": ()},
    ),
    "lp": _weighed(
        "gp_weight",
        10.0,
        one_sided_penalty,
        "one-sided penalty",
        "a one-sided gradient penalty",
        PAPERS["petzka2018"],
        draws={"mix": ()},
    ),
    "perturbed": _weighed(
        "gp_weight",
        10.0,
        perturbed_penalty,
        "perturbed penalty",
        "a two-sided gradient penalty around real samples",
        PAPERS["kodali2017"],
        draws={"mix": (), "jitter": "sample"},
        whole_batch=True,
    ),
    "r1": _weighed(
        "gamma",
        10.0,
        real_penalty,
        "R1",
        "a penalty on the critic's slope at real samples",
        PAPERS["mescheder2018"].at("eq. 9"),
    ),
    "r1r2": _weighed(
        "gamma",
        10.0,
        both_penalties,
        "R1 + R2",
        "as large a penalty on the critic's slope at real and at generated samples",
        PAPERS["mescheder2018"].at("eqs. 9 and 10"),
    ),
}
