"""Objectives: records of pure functions that say what the players minimise."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from harness.objectives import recipes
from harness.objectives.constraints import Constraint, clip_weights, keep
from harness.objectives.losses import (
    Hyper,
    hinge_critic,
    least_squares_critic,
    least_squares_generator,
    logistic_critic,
    minimax_generator,
    nonsaturating_generator,
    wasserstein_critic,
    wasserstein_generator,
)
from harness.objectives.penalties import Critic, Penalty, gradient_penalty, no_penalty, one_sided_penalty
from harness.objectives.recipes import Recipe
from harness.objectives.tricks import TRICKS, Trick

__all__ = ["OBJECTIVES", "TRICKS", "Critic", "Hyper", "Objective", "Recipe", "Trick", "no_penalty"]

Loss = Callable[[Tensor, Tensor, Hyper], Tensor]


@dataclass(frozen=True)
class Objective:
    """What critic and generator minimise, with no word on optimisers, devices or stacks.

    critic_loss     (real_scores [..., n], fake_scores [..., n], hyper) -> [...]
    generator_loss  the same arguments; `relative` says that it reads real_scores (else they are empty)
    penalty         (critic, real, fake, noise, hyper) -> [...], added to the critic's loss
    constrain       (critic params [..., P], hyper) -> critic params, where the suite's `constrain` says
    draws           random inputs of the penalty: () for one uniform a sample, "sample" for one a coordinate
    hyper           names and defaults: exactly what a suite may sweep; `ranges` the least and largest that make sense
    recipe          by kind of data ("images", "toys"): the paper's settings, used unless the suite says otherwise
    auto_norm       what `norm: auto` means for its critic: batch norm couples samples, which a penalty a sample forbids
    """

    version: int
    critic_loss: Loss
    generator_loss: Loss
    recipe: Mapping[str, Recipe]
    summary: str
    penalty: Penalty = no_penalty
    constrain: Constraint = keep
    relative: bool = False
    draws: Mapping[str, Any] = field(default_factory=dict)
    hyper: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    auto_norm: str = "layer"


OBJECTIVES: dict[str, Objective] = {
    "gan": Objective(
        version=1,
        critic_loss=logistic_critic,
        generator_loss=minimax_generator,
        recipe=recipes.DCGAN,
        auto_norm="batch",
        summary="minimax GAN; the generator's gradient vanishes where the critic is sure (Goodfellow et al. 2014)",
    ),
    "nsgan": Objective(
        version=1,
        critic_loss=logistic_critic,
        generator_loss=nonsaturating_generator,
        recipe=recipes.DCGAN,
        auto_norm="batch",
        summary="GAN with the non-saturating generator loss (Goodfellow et al. 2014, section 3)",
    ),
    "lsgan": Objective(
        version=1,
        critic_loss=least_squares_critic,
        generator_loss=least_squares_generator,
        recipe=recipes.LEAST_SQUARES,
        auto_norm="batch",
        summary="least squares GAN (Mao et al. 2017)",
    ),
    "hinge": Objective(
        version=1,
        critic_loss=hinge_critic,
        generator_loss=wasserstein_generator,
        recipe=recipes.HINGE,
        summary="hinge loss for the critic, linear for the generator (Lim & Ye 2017; Miyato et al. 2018)",
    ),
    "wgan": Objective(
        version=1,
        critic_loss=wasserstein_critic,
        generator_loss=wasserstein_generator,
        recipe=recipes.UNCONSTRAINED,
        summary="Wasserstein loss without a constraint: unbounded, kept to show why one is needed",
    ),
    "wgan-clip": Objective(
        version=1,
        critic_loss=wasserstein_critic,
        generator_loss=wasserstein_generator,
        constrain=clip_weights,
        hyper={"clip": 0.01},
        ranges={"clip": (0.0, math.inf)},
        recipe=recipes.CLIPPING,
        auto_norm="batch",
        summary="Wasserstein GAN with clipped critic weights (Arjovsky et al. 2017)",
    ),
    "wgan-gp": Objective(
        version=1,
        critic_loss=wasserstein_critic,
        generator_loss=wasserstein_generator,
        penalty=gradient_penalty,
        draws={"mix": ()},
        hyper={"gp_weight": 10.0},
        ranges={"gp_weight": (0.0, math.inf)},
        recipe=recipes.PENALTY,
        summary="Wasserstein GAN with a two-sided gradient penalty (Gulrajani et al. 2017)",
    ),
    "wgan-lp": Objective(
        version=1,
        critic_loss=wasserstein_critic,
        generator_loss=wasserstein_generator,
        penalty=one_sided_penalty,
        draws={"mix": ()},
        hyper={"gp_weight": 10.0},
        ranges={"gp_weight": (0.0, math.inf)},
        recipe=recipes.PENALTY,
        summary="Wasserstein GAN with a one-sided gradient penalty (Petzka et al. 2018)",
    ),
}
