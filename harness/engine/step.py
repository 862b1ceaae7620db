"""One update of one player of ONE run: a pure function, whatever stacks around it.

Written for the shapes of one run. Every reduction is over trailing axes and every hyperparameter broadcasts over
leading ones, so that the same lines also serve stacked tensors with a leading [runs] axis.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from harness.engine.optimizers import Optimizer, OptState
from harness.objectives import Critic, Hyper, Objective, Trick, no_penalty

CURVES = ("critic_loss", "critic_grad_norm", "critic_gap", "generator_loss", "generator_grad_norm")


class RunState(NamedTuple):
    """Everything a run carries from step to step; flat parameters [P] by player."""

    params: dict[str, Tensor]
    opt: dict[str, OptState]
    extra: dict[str, Any]  # memory of tricks, by name
    step: Tensor  # generator steps done (critic updates where the generator is fixed)


class Networks(NamedTuple):
    """The two networks as functions of flat parameters, and how to differentiate through them here.

    `generate(params, latent [m n, k])` gives packed samples [n, *shape]; `critic(params)` binds a Critic;
    `gradient(loss, params)` takes a loss returning ([...], aux) and gives (gradient, value, aux).
    """

    generate: Callable[[Tensor, Tensor], Tensor]
    critic: Callable[[Tensor], Critic]
    gradient: Callable[[Callable[[Tensor], tuple[Tensor, Any]], Tensor], tuple[Tensor, Tensor, Any]]
    couples: bool  # whether a sample's score depends on its batch: then real and fake are scored apart


@dataclass(frozen=True)
class Game:
    """What a Setup resolves to: the rules of every update."""

    objective: Objective
    tricks: Mapping[str, Trick]
    networks: Networks
    optimizer: Optimizer
    constrain: str = "after"


def critic_update(
    game: Game, state: RunState, real: Tensor, fake: Tensor, noise: Mapping[str, Tensor], hyper: Hyper
) -> tuple[RunState, Tensor]:
    """Move the critic once. real, fake: [n, *shape]. Returns the state and [3]: loss, gradient norm, score gap."""
    shown_real, shown_fake = _inputs(game, "critic", real, fake, state, noise, hyper)

    def loss(params: Tensor) -> tuple[Tensor, Tensor]:
        critic = game.networks.critic(_with_tricks(game, "critic", params, state))
        real_scores, fake_scores = _scores(game, critic, shown_real, shown_fake)
        value = game.objective.critic_loss(real_scores, fake_scores, hyper)
        if game.objective.penalty is not no_penalty:
            value = value + game.objective.penalty(critic, shown_real, shown_fake, noise, hyper)
        value = value + _trick_losses(game, "critic", params, critic, shown_real, shown_fake, state, hyper)
        return value, real_scores.mean(-1) - fake_scores.mean(-1)

    params = state.params["critic"]
    if game.constrain == "before":
        params = game.objective.constrain(params, hyper)
    grad, value, gap = game.networks.gradient(loss, params)
    params, opt = game.optimizer.step(params, grad, state.opt["critic"], hyper["critic_lr"], hyper)
    if game.constrain != "before":
        params = game.objective.constrain(params, hyper)
    state = _moved(game, "critic", state, params, opt, fake, noise, hyper)
    return state, torch.stack([value, _norm(grad), gap], -1)


def generator_update(
    game: Game, state: RunState, real: Tensor, noise: Mapping[str, Tensor], hyper: Hyper
) -> tuple[RunState, Tensor]:
    """Move the generator once, the critic held still. Returns the state and [2]: loss, gradient norm.

    `real` is read by relativistic losses and by tricks; it may be empty for the rest.
    """
    critic = game.networks.critic(_with_tricks(game, "critic", state.params["critic"], state))

    def loss(params: Tensor) -> tuple[Tensor, Tensor]:
        fake = game.networks.generate(_with_tricks(game, "generator", params, state), noise["latent"])
        shown_real, shown_fake = _inputs(game, "generator", real, fake, state, noise, hyper)
        if game.objective.relative:
            real_scores, fake_scores = _scores(game, critic, shown_real, shown_fake)
        else:
            real_scores, fake_scores = fake.new_empty(0), critic.scores(shown_fake)
        value = game.objective.generator_loss(real_scores, fake_scores, hyper)
        value = value + _trick_losses(game, "generator", params, critic, shown_real, shown_fake, state, hyper)
        return value, fake

    grad, value, fake = game.networks.gradient(loss, state.params["generator"])
    params, opt = game.optimizer.step(
        state.params["generator"], grad, state.opt["generator"], hyper["generator_lr"], hyper
    )
    state = _moved(game, "generator", state, params, opt, fake.detach(), noise, hyper)
    return state, torch.stack([value, _norm(grad)], -1)


def _scores(game: Game, critic: Critic, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    if game.networks.couples:
        return critic.scores(real), critic.scores(fake)
    both = critic.scores(torch.cat([real, fake], -1 - critic.sample_dims))  # one pass is cheaper than two
    return both[..., : both.shape[-1] // 2], both[..., both.shape[-1] // 2 :]


def _inputs(
    game: Game, player: str, real: Tensor, fake: Tensor, state: RunState, noise: Mapping[str, Tensor], hyper: Hyper
) -> tuple[Tensor, Tensor]:
    for name, trick in game.tricks.items():
        if trick.inputs:
            real, fake = trick.inputs(player, real, fake, state.extra.get(name), noise, hyper)
    return real, fake


def _with_tricks(game: Game, player: str, params: Tensor, state: RunState) -> Tensor:
    for name, trick in game.tricks.items():
        if trick.params:
            params = trick.params(player, params, state.extra.get(name))
    return params


def _trick_losses(
    game: Game, player: str, params: Tensor, critic: Critic, real: Tensor, fake: Tensor, state: RunState, hyper: Hyper
) -> Tensor | float:
    extra = state.extra
    terms = [t.loss(player, params, critic, real, fake, extra.get(k), hyper) for k, t in game.tricks.items() if t.loss]
    return sum(terms, 0.0)


def _moved(
    game: Game,
    player: str,
    state: RunState,
    params: Tensor,
    opt: OptState,
    fake: Tensor,
    noise: Mapping[str, Tensor],
    hyper: Hyper,
) -> RunState:
    extra = dict(state.extra)
    for name, trick in game.tricks.items():
        if trick.after:
            extra[name] = trick.after(player, params, fake, extra.get(name), noise, hyper)
    return state._replace(params={**state.params, player: params}, opt={**state.opt, player: opt}, extra=extra)


def _norm(grad: Tensor) -> Tensor:
    return torch.linalg.vector_norm(grad, dim=-1)
