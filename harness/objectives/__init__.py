"""Objectives: records of pure functions that say what the players minimise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.errors import lookup
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
    pairing_critic,
    pairing_generator,
    probability_critic,
    probability_minimax_generator,
    probability_nonsaturating_generator,
    smoothed_logistic_critic,
    wasserstein_critic,
    wasserstein_generator,
)
from harness.objectives.penalties import PENALTIES, Critic, Draws, Penalty, SlopePenalty, no_penalty
from harness.objectives.recipes import Recipe
from harness.objectives.tricks import TRICKS, Trick
from harness.papers import PAPERS, Paper

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "OBJECTIVES",
    "PENALTIES",
    "TRICKS",
    "Critic",
    "Draws",
    "Hyper",
    "Objective",
    "Recipe",
    "SlopePenalty",
    "Trick",
    "no_penalty",
    "objective_of",
]

Loss = Callable[["Tensor", "Tensor", Hyper], "Tensor"]


@dataclass(frozen=True)
class Objective:
    """What critic and generator minimise, with no word on optimisers, devices or stacks, and the facts about it.

    critic_loss     (real_scores [..., n], fake_scores [..., n], hyper) -> [...]
    generator_loss  the same arguments; `relative` says that it reads real_scores (else they are empty)
    recipe          by kind of data ("images", "toys"): the paper's settings, used unless the suite says otherwise
    summary         its line in `harness list`, which cites `papers`
    penalty         (critic, real, fake, noise, hyper) -> [...], added to the critic's loss
    constrain       (critic params [..., P], hyper) -> critic params, where the suite's `constrain` says
    draws           random inputs of the penalty: () for one uniform a sample, "sample" for one a coordinate
    hyper           names and defaults: exactly what a suite may sweep; `ranges` the least and largest that make sense
    whole_batch     whether the penalty is no mean over samples: `micro_batch` is then refused
    auto_norm       what `norm: auto` means for its critic: batch norm couples samples, which a penalty a sample forbids
    papers          what it is from, cited at equations; a report's references name them
    colour          its place in the palette of figures, the same in every report; by default the first that is free
    """

    version: int
    critic_loss: Loss
    generator_loss: Loss
    recipe: Mapping[str, Recipe]
    summary: str
    penalty: Penalty = no_penalty
    constrain: Constraint = keep
    relative: bool = False
    draws: Draws = field(default_factory=dict)
    hyper: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    whole_batch: bool = False
    auto_norm: str = "layer"
    papers: tuple[Paper, ...] = ()
    colour: int | None = None


def penalised(loss: Objective, name: str, **fields: Any) -> Objective:
    """Return an objective with one of PENALTIES; `fields` are further ones of Objective."""
    penalty = PENALTIES[name]
    own: dict[str, Any] = {
        "penalty": penalty.term,
        "draws": {**loss.draws, **penalty.draws},
        "hyper": {**loss.hyper, **penalty.hyper},
        "ranges": {**loss.ranges, **penalty.ranges},
        "whole_batch": loss.whole_batch or penalty.whole_batch,
        "auto_norm": "layer",  # batch norm couples samples, which a penalty a sample forbids
        "summary": f"{loss.summary}, with {penalty.summary}",
        "papers": (*loss.papers, *penalty.papers),
        "colour": None,
    }
    return replace(loss, **own | fields)


_GAN = Objective(
    version=1,
    critic_loss=logistic_critic,
    generator_loss=minimax_generator,
    recipe=recipes.DCGAN,
    auto_norm="batch",
    summary="minimax GAN; the generator's gradient vanishes where the critic is sure",
    papers=(PAPERS["goodfellow2014"].at("eq. 1"),),
    colour=0,
)
_NSGAN = replace(
    _GAN,
    generator_loss=nonsaturating_generator,
    summary="GAN with the non-saturating generator loss",
    papers=(PAPERS["goodfellow2014"].at("section 3"),),
    colour=1,
)
_R1 = penalised(
    _NSGAN,
    "r1",
    recipe=recipes.REAL_SLOPE,
    summary="nsgan with a penalty on the critic's slope at real samples",
    papers=(PAPERS["mescheder2018"].at("eq. 9"),),
    colour=12,
)
_RPGAN = Objective(
    version=1,
    critic_loss=pairing_critic,
    generator_loss=pairing_generator,
    relative=True,
    recipe=recipes.PAIRING,
    auto_norm="batch",
    summary="relativistic GAN: scores of real and generated samples, pair by pair",
    papers=(PAPERS["jolicoeurmartineau2019"].at("RSGAN"),),
    colour=10,
)
_WGAN = Objective(
    version=1,
    critic_loss=wasserstein_critic,
    generator_loss=wasserstein_generator,
    recipe=recipes.UNCONSTRAINED,
    summary="Wasserstein loss without a constraint: unbounded, kept to show why one is needed",
    papers=(PAPERS["arjovsky2017"].at("eq. 3"),),
    colour=7,
)
_WGAN_GP = penalised(
    _WGAN,
    "gp",
    recipe=recipes.PENALTY,
    summary="Wasserstein GAN with a two-sided gradient penalty",
    papers=(PAPERS["gulrajani2017"].at("eq. 3"),),
    colour=2,
)

OBJECTIVES: dict[str, Objective] = {
    "gan": _GAN,
    "nsgan": _NSGAN,
    "gan-sigmoid": replace(
        _GAN,
        critic_loss=probability_critic,
        generator_loss=probability_minimax_generator,
        summary="gan from probabilities, log(sigmoid) and log(1 - sigmoid), which overflow: kept to show why logits do",
        colour=15,
    ),
    "nsgan-sigmoid": replace(
        _NSGAN,
        critic_loss=probability_critic,
        generator_loss=probability_nonsaturating_generator,
        summary="nsgan from probabilities, likewise",
        colour=16,
    ),
    "nsgan-smooth": replace(
        _NSGAN,
        critic_loss=smoothed_logistic_critic,
        hyper={"smoothing": 0.1},
        ranges={"smoothing": (0.0, 0.5)},
        recipe=recipes.SMOOTHED,
        summary="nsgan with one-sided label smoothing",
        papers=(PAPERS["salimans2016"].at("section 3.4"),),
        colour=13,
    ),
    "dragan": penalised(
        _NSGAN,
        "perturbed",
        recipe=recipes.PERTURBED,
        summary="nsgan with a two-sided gradient penalty around real samples",
        papers=(PAPERS["kodali2017"],),
        colour=8,
    ),
    "r1": _R1,
    "r1r2": penalised(
        _NSGAN,
        "r1r2",
        recipe=recipes.BOTH_SLOPES,
        summary="r1 with as large a penalty at generated samples",
        papers=(PAPERS["mescheder2018"].at("eqs. 9 and 10"),),
        colour=14,
    ),
    "rpgan": _RPGAN,
    "rpgan-r1r2": penalised(
        _RPGAN,
        "r1r2",
        hyper={"gamma": 0.05},
        recipe=recipes.R3GAN,
        summary="R3GAN: rpgan with both penalties of r1r2",
        papers=(PAPERS["huang2024"],),
        colour=11,
    ),
    "lsgan": Objective(
        version=1,
        critic_loss=least_squares_critic,
        generator_loss=least_squares_generator,
        recipe=recipes.LEAST_SQUARES,
        auto_norm="batch",
        summary="least squares GAN",
        papers=(PAPERS["mao2017"],),
        colour=4,
    ),
    "hinge": Objective(
        version=1,
        critic_loss=hinge_critic,
        generator_loss=wasserstein_generator,
        recipe=recipes.HINGE,
        summary="hinge loss for the critic, linear for the generator",
        papers=(PAPERS["lim2017"], PAPERS["miyato2018"].at("eq. 16")),
        colour=5,
    ),
    "wgan": _WGAN,
    "wgan-clip": replace(
        _WGAN,
        constrain=clip_weights,
        hyper={"clip": 0.01},
        ranges={"clip": (0.0, math.inf)},
        recipe=recipes.CLIPPING,
        auto_norm="batch",
        summary="Wasserstein GAN with clipped critic weights",
        papers=(PAPERS["arjovsky2017"].at("algorithm 1"),),
        colour=3,
    ),
    "wgan-gp": _WGAN_GP,
    "wgan-lp": penalised(
        _WGAN,
        "lp",
        recipe=recipes.ONE_SIDED,
        summary="Wasserstein GAN with a one-sided gradient penalty",
        papers=(PAPERS["petzka2018"],),
        colour=6,
    ),
}


def objective_of(name: str, penalty: str = "") -> Objective:
    """Return an objective of the table, with one of PENALTIES where that is named. Raises UnknownName."""
    entry = lookup(OBJECTIVES, name, "objective")
    return penalised(entry, penalty) if penalty and lookup(PENALTIES, penalty, "penalty") else entry
