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

CRITIC_CURVES = ("critic_loss", "critic_grad_norm", "critic_gap")
GENERATOR_CURVES = ("generator_loss", "generator_grad_norm")
CURVES = CRITIC_CURVES + GENERATOR_CURVES

Tensors = tuple[Tensor, ...]
Extras = dict[str, Any]  # memory of tricks, by name
Loss = Callable[[Tensor, Mapping[str, Tensor]], tuple[Tensor, Tensor]]  # (params, part of a batch) -> (value, aux)


class RunState(NamedTuple):
    """Everything a run carries from step to step; flat parameters [P] by player."""

    params: dict[str, Tensor]
    opt: dict[str, OptState]
    extra: Extras
    step: Tensor  # generator steps done (critic updates where the generator is fixed)


class Networks(NamedTuple):
    """The two networks as functions of flat parameters and the tricks' memory, and how to differentiate through them.

    `sample(params, latent [n, k], extra)` gives samples [n, *shape]; `pack` puts m of them side by side for the critic;
    `critic(params, extra)` binds a Critic; `gradient(loss, params, part)` gives (gradient, value, aux). `couples` says
    whether a score depends on its batch: then real and fake are scored apart.
    `sample_axis(name)` counts samples, from the end, in what an update reads under that name.
    """

    sample: Callable[[Tensor, Tensor, Extras], Tensor]
    pack: Callable[[Tensor], Tensor]
    critic: Callable[[Tensor, Extras], Critic]
    gradient: Callable[[Loss, Tensor, Mapping[str, Tensor]], tuple[Tensor, Tensor, Tensor]]
    couples: bool
    sample_axis: Callable[[str], int]


@dataclass(frozen=True)
class Game:
    """What a Setup resolves to: the rules of every update."""

    objective: Objective
    tricks: Mapping[str, Trick]
    networks: Networks
    optimizer: Optimizer
    constrain: str = "after"
    parts: int = 1  # that a batch is passed in, one after the other


class Turn(NamedTuple):
    """One player's update: the rules, where the run stands, and what this update is given."""

    game: Game
    state: RunState
    noise: Mapping[str, Tensor]  # real or fake or latent samples [n, ...], and the declared draws
    hyper: Hyper


class Gradient(NamedTuple):
    """What a player's loss on a batch asks of its parameters.

    `params` [P] is where the gradient is taken; `gaps` holds, by part of the batch, the critic's mean score of real
    less that of generated samples.
    """

    params: Tensor
    grad: Tensor
    value: Tensor
    fake: Tensor
    gaps: Tensors = ()


def critic_gradient(turn: Turn) -> Gradient:
    """Return the gradient of the critic's loss on a batch."""
    game, state, hyper = turn.game, turn.state, turn.hyper
    real = game.networks.pack(turn.noise["real"])
    fake = game.networks.pack(fakes(turn))
    real_input, fake_input = _inputs(turn, "critic", (real, fake), turn.noise)

    def loss(params: Tensor, part: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        critic, real, fake = game.networks.critic(params, state.extra), part["real"], part["fake"]
        real_scores, fake_scores = _scores(game, critic, real, fake)
        value = game.objective.critic_loss(real_scores, fake_scores, hyper)
        if game.objective.penalty is not no_penalty:
            value = value + game.objective.penalty(critic, real, fake, part, hyper)
        value = value + _trick_losses(turn, "critic", params, critic, (real, fake))
        return value, real_scores.mean(-1) - fake_scores.mean(-1)

    params = state.params["critic"]
    if game.constrain == "before":
        params = game.objective.constrain(params, hyper)
    grad, value, gaps = _gradient(game, loss, params, {**turn.noise, "real": real_input, "fake": fake_input})
    return Gradient(params, grad, value, fake, gaps)


def critic_update(turn: Turn) -> tuple[RunState, Tensor]:
    """Move the critic once. Returns the state and CRITIC_CURVES [3]."""
    game, state, hyper, gradient = turn.game, turn.state, turn.hyper, critic_gradient(turn)
    params, opt = game.optimizer.step(gradient.params, gradient.grad, state.opt["critic"], hyper["critic_lr"], hyper)
    if game.constrain != "before":
        params = game.objective.constrain(params, hyper)
    values = torch.stack([gradient.value, _norm(gradient.grad), _mean(gradient.gaps)], -1)
    return _moved(turn, "critic", params, opt, gradient.fake), values


def generator_gradient(turn: Turn) -> Gradient:
    """Return the gradient of the generator's loss on a batch, the critic held still."""
    game, state, hyper = turn.game, turn.state, turn.hyper
    critic = game.networks.critic(state.params["critic"], state.extra)

    def loss(params: Tensor, part: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        fake = game.networks.pack(game.networks.sample(params, part["latent"], state.extra))
        # Read by relativistic losses and by tricks; the others get none.
        real = game.networks.pack(part["real"]) if "real" in part else fake.new_empty(0)
        inputs = _inputs(turn, "generator", (real, fake), part)
        if game.objective.relative:
            real_scores, fake_scores = _scores(game, critic, *inputs)
        else:
            real_scores, fake_scores = fake.new_empty(0), critic.scores(inputs[1])
        value = game.objective.generator_loss(real_scores, fake_scores, hyper)
        return value + _trick_losses(turn, "generator", params, critic, inputs), fake

    params = state.params["generator"]
    grad, value, fakes = _gradient(game, loss, params, turn.noise)
    fake = fakes[0] if len(fakes) == 1 else torch.cat(fakes, -1 - critic.sample_dims)
    return Gradient(params, grad, value, fake.detach())


def generator_update(turn: Turn) -> tuple[RunState, Tensor]:
    """Move the generator once. Returns the state and GENERATOR_CURVES [2]."""
    game, state, hyper, gradient = turn.game, turn.state, turn.hyper, generator_gradient(turn)
    params, opt = game.optimizer.step(
        gradient.params, gradient.grad, state.opt["generator"], hyper["generator_lr"], hyper
    )
    return _moved(turn, "generator", params, opt, gradient.fake), torch.stack(
        [gradient.value, _norm(gradient.grad)], -1
    )


def _gradient(game: Game, loss: Loss, params: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensors]:
    """Return gradient and value of the mean loss over the parts of a batch, and what each part leaves beside them.

    Every loss is a mean over samples, so that the mean over equal parts is the whole batch's; a part's graph is gone
    before the next one's begins.
    """
    cut = {name: x.chunk(game.parts, game.networks.sample_axis(name)) for name, x in batch.items()}
    parts = ({name: chunks[i] for name, chunks in cut.items()} for i in range(game.parts))
    grads, values, rest = zip(*(game.networks.gradient(loss, params, part) for part in parts), strict=True)
    return _mean(grads), _mean(values), rest


def _mean(parts: Tensors) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.stack(parts).mean(0)


def fakes(turn: Turn) -> Tensor:
    """What the data set draws for a fixed generator, else what the generator makes of this update's latents."""
    if "fake" in turn.noise:
        return turn.noise["fake"]
    return turn.game.networks.sample(turn.state.params["generator"], turn.noise["latent"], turn.state.extra)


def _scores(game: Game, critic: Critic, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    if game.networks.couples:
        return critic.scores(real), critic.scores(fake)
    both = critic.scores(torch.cat([real, fake], -1 - critic.sample_dims))  # one pass is cheaper than two
    return both[..., : both.shape[-1] // 2], both[..., both.shape[-1] // 2 :]


def _inputs(
    turn: Turn, player: str, samples: tuple[Tensor, Tensor], noise: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return real and fake samples as the tricks pass them on to the critic; `noise` is of these samples."""
    real, fake = samples
    for name, trick in turn.game.tricks.items():
        if trick.inputs:
            real, fake = trick.inputs(player, real, fake, turn.state.extra.get(name), noise, turn.hyper)
    return real, fake


def _trick_losses(
    turn: Turn, player: str, params: Tensor, critic: Critic, inputs: tuple[Tensor, Tensor]
) -> Tensor | float:
    extra, hyper, tricks = turn.state.extra, turn.hyper, turn.game.tricks
    return sum([t.loss(player, params, critic, *inputs, extra.get(k), hyper) for k, t in tricks.items() if t.loss], 0.0)


def _moved(turn: Turn, player: str, params: Tensor, opt: OptState, fake: Tensor) -> RunState:
    """The state once `player` has moved, the tricks' memory brought up to date."""
    state, extra = turn.state, dict(turn.state.extra)
    for name, trick in turn.game.tricks.items():
        if trick.after:
            extra[name] = trick.after(player, params, fake, extra.get(name), turn.noise, turn.hyper)
    return state._replace(params={**state.params, player: params}, opt={**state.opt, player: opt}, extra=extra)


def _norm(grad: Tensor) -> Tensor:
    return torch.linalg.vector_norm(grad, dim=-1)
