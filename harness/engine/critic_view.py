"""What a stack's critics say where they are scored: on the reference, on generated samples, and between the two.

A snapshot keeps arrays, of which `harness.metrics.critic` makes columns. n points a run are taken of either side, the
same as W1 is measured on, and n / pack of a packed critic, which scores several side by side:

    critic_real, critic_fake   [n] scores
    critic_slopes              [3, 2] the largest and the mean norm of d score / d input at real points, at generated
                               ones, and between; in double
    critic_gradient            [n, d] d score / d input at generated points of up to 8 dimensions, unpacked
    critic_lipschitz           () a bound on the Lipschitz constant, of MLPs without norm
    critic_layers, generator_layers  [k] norms of the gradient of the player's loss in the weights of its layers, on the
                               batch of its next update
    critic_activations         [k] norms of the gradient of the critic's loss, less its penalty, in its layers' inputs
    critic_logistic            () whether the critic's loss makes its score an estimate of log odds
    critic_pack                () samples that one score is of
    critic_alone               () whether no generator learns, so that the critic's task is the same at every step
"""

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.engine import noise
from harness.engine.networks import Layout, couples_samples, effective, with_statistics_of
from harness.engine.real_data import data_settings
from harness.engine.sampling import CHUNK
from harness.engine.stack import Stack
from harness.objectives.losses import logistic_critic, probability_critic

GRADIENT_DIMENSIONS = 8  # up to which there is an exact transport plan to compare directions with
PIXELS = 2**17  # in a pass: on one core, 512 digits of 16x16 take half the time of as many in batches of 32
NORMED_BY = 1000  # real points whose statistics a critic's batch norm uses

Arrays = dict[str, np.ndarray]
Critic = tuple[nn.Module, dict[str, Tensor]]  # of one run: for `functional_call`
Scores = Callable[[Tensor], Tensor]  # of points [..., n, *shape]: [..., n]
Look = tuple[Tensor, ...]  # scores of real and of fake samples [..., n], slopes [..., 3, n], gradients [..., n, *shape]


@torch.no_grad()
def critic_views(stack: Stack, generated: Tensor, n: int) -> list[Arrays]:
    """Return the arrays of every run, of the first n of `generated` [runs, N, *shape], as the generator gave them.

    There are none where n samples fill no pack.
    """
    pack, real = stack.pair.pack, reference(stack, n)
    n = min(real.shape[1], generated.shape[1]) // pack * pack
    if not n:
        return [{} for _ in stack.specs]
    fake = generated[:, :n].to(stack.device, stack.dtype)  # where a data set draws it, it is as that gave it
    real, fake = stack.game.networks.pack(real[:, :n]), stack.game.networks.pack(fake)
    mix = torch.rand(n // pack, generator=noise.generator(0, "between")).to(stack.device, stack.dtype)
    critics = _critics(stack, real)
    real_scores, fake_scores, slopes, gradients = _looks(stack, critics, real, fake, mix.expand(len(real), -1))
    arrays = {"critic_real": real_scores, "critic_fake": fake_scores}
    if pack == 1 and gradients[0, 0].numel() <= GRADIENT_DIMENSIONS:
        arrays["critic_gradient"] = gradients.flatten(2)
    lipschitz = ARCHITECTURES[stack.setup.architecture].lipschitz
    params = stack.layout("critic").split(stack.effective("critic", stack.state.params["critic"]))
    bound = lipschitz(stack.pair.critic, params) if lipschitz else None
    arrays |= {"critic_lipschitz": bound} if bound is not None else {}
    arrays |= {f"{player}_layers": by_layer(stack.gradients(player), stack.layout(player)) for player in stack.updates}
    arrays["critic_activations"] = torch.stack([
        activation_gradients(stack, run, *run_of) for run, run_of in enumerate(zip(critics, real, fake, strict=True))
    ])  # fmt: skip
    facts = {
        "critic_logistic": np.array(stack.game.objective.critic_loss in (logistic_critic, probability_critic)),
        "critic_pack": np.array(pack),
        "critic_alone": np.array(not stack.trained),
    }
    by_name = {name: _numpy(x) for name, x in arrays.items()} | {"critic_slopes": _summary(_numpy(slopes))}
    return [{name: x[run] for name, x in by_name.items()} | facts for run in range(len(stack.specs))]


def reference(stack: Stack, n: int) -> Tensor:
    """Return the points that each run is scored against, [runs, at most n, *shape], on the device.

    Runs with one data setting share theirs in memory.
    """
    drawn: dict[str, Tensor] = {}
    for spec in stack.specs:
        settings = data_settings(spec)
        if str(settings) not in drawn:
            points = DATASETS[stack.setup.dataset].reference(n, noise.generator(0, "reference"), settings)
            drawn[str(settings)] = points.to(stack.device, stack.dtype)
    if len(drawn) == 1:
        (points,) = drawn.values()
        return points.expand(len(stack.specs), *points.shape)
    return torch.stack([drawn[str(data_settings(spec))] for spec in stack.specs])


def by_layer(grad: Tensor, layout: Layout) -> Tensor:
    """Return the norm of a gradient [..., P] by linear or convolutional layer, weight and bias together: [..., k].

    The first is next to the input. Parameters of norms, which belong to no such layer, are left out.
    """
    parts = layout.split(grad)
    layers = layers_of(layout)
    of_layer = [[part for name, part in parts.items() if name.rpartition(".")[0] == layer] for layer in layers]
    flat = [torch.cat([part.flatten(grad.ndim - 1) for part in parts], -1) for parts in of_layer]
    return torch.stack([norm(part) for part in flat], -1)


def layers_of(layout: Layout) -> list[str]:
    """Return the names of the linear and convolutional layers, the first next to the input."""
    return [name.rpartition(".")[0] for name, shape in layout.shapes.items() if len(shape) > 1]


def norm(x: Tensor) -> Tensor:
    """Return the norm of x over its last axis. In double: squares of numbers below 1e-23 would be 0 otherwise."""
    return torch.linalg.vector_norm(x, dim=-1, dtype=torch.float64)


@torch.enable_grad()
def activation_gradients(stack: Stack, run: int, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """Return the norm, over samples and units, of the gradient of a run's critic loss in what enters each layer: [k].

    The first is in the samples themselves; Gulrajani et al. 2017, figure 1b. Real and fake [n, *shape] are as many as
    one pass of training takes; a penalty, which is taken at other points, is left out.
    """
    train, step = stack.setup.train, min(int(stack.state.step[0]), stack.steps - 1)
    batch = int(train.get("micro_batch", train["batch"]))
    network, params = critic
    inputs: dict[str, list[Tensor]] = {name: [] for name in layers_of(stack.layout("critic"))}
    hooks = [network.get_submodule(name).register_forward_pre_hook(partial(_keep, own)) for name, own in inputs.items()]
    hyper = {name: value[run] for name, value in stack.scheduled(step).items()}
    sides = [x[:batch].detach().requires_grad_() for x in (real, fake)]
    of_real, of_fake = (functional_call(network, params, x).squeeze(-1) for x in sides)
    for hook in hooks:
        hook.remove()
    loss, entered = stack.game.objective.critic_loss(of_real, of_fake, hyper), [xs for xs in inputs.values() if xs]
    gradients = iter(torch.autograd.grad(loss, [x for xs in entered for x in xs], materialize_grads=True))
    return torch.stack([norm(torch.cat([next(gradients).flatten() for _ in xs])) for xs in entered])


def _critics(stack: Stack, real: Tensor) -> list[Critic]:
    """Return the critic of every run, with parameters and buffers as the tricks give them, or normed by `real`."""
    if couples_samples(stack.pair.critic):
        return [(normed_by(stack, run, points), {}) for run, points in enumerate(real)]
    layout, states = stack.layout("critic"), [stack.run(run) for run in range(len(stack.specs))]
    owns = [effective("critic", layout.split(s.params["critic"]), stack.game.tricks, s.extra) for s in states]
    return [(stack.pair.critic, dict(own)) for own in owns]


def _summary(slopes: np.ndarray) -> np.ndarray:
    """[..., n] -> [..., 2], the largest and the mean."""
    return np.stack([slopes.max(-1).astype(np.float64), slopes.mean(-1, dtype=np.float64)], -1)


def _keep(saved: list[Tensor], layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    saved.append(inputs[0])


def _looks(stack: Stack, critics: list[Critic], real: Tensor, fake: Tensor, mix: Tensor) -> Look:
    """Return scores, slopes and gradients of every run's critic, taking as many samples at once as fit in memory.

    Of images that is what training passes at once, or as many small ones as have PIXELS values.
    """
    train, dims, chunk = stack.setup.train, len(stack.pair.shape), CHUNK
    if DATASETS[stack.setup.dataset].kind == "images":
        chunk = max(int(train.get("micro_batch", train["batch"])), PIXELS // prod(stack.pair.packed_shape))
    parts = list(zip(real.split(chunk, 1), fake.split(chunk, 1), mix.split(chunk, 1), strict=True))
    if not couples_samples(stack.pair.critic):

        def view(flat: Tensor, extra: object, real: Tensor, fake: Tensor, mix: Tensor) -> Look:
            critic = stack.game.networks.critic(flat, extra)  # type: ignore[arg-type]
            return look(critic.scores, (real, fake, mix), dims, stack.how)

        views = stack.each(view)
        looks = [views(stack.state.params["critic"], stack.state.extra, *part) for part in parts]
    else:
        looks = [_of_runs([network for network, _ in critics], part, dims) for part in parts]
    return tuple(torch.cat(pieces, -1 if k < 3 else 1) for k, pieces in enumerate(zip(*looks, strict=True)))


def normed_by(stack: Stack, run: int, real: Tensor) -> nn.Module:
    """Return the critic of a run, with batch norm, by the statistics of at most 1,000 real points [n, *shape]."""
    flat = stack.effective("critic", stack.state.params["critic"])[run]
    return with_statistics_of(real[:NORMED_BY], stack.pair.critic, stack.layout("critic").split(flat))


def _of_runs(networks: list[nn.Module], part: tuple[Tensor, ...], dims: int) -> Look:
    looks = [
        look(lambda x, network=network: network(x).squeeze(-1), tuple(x[run] for x in part), dims, "plain")  # type: ignore[misc]
        for run, network in enumerate(networks)
    ]
    return tuple(map(torch.stack, zip(*looks, strict=True)))


def look(scores: Scores, points: tuple[Tensor, ...], dims: int, how: str) -> Look:
    """Return scores at real and at fake samples, slopes there and between, and the gradients at fake samples.

    points  real and fake [..., n, *shape] with `dims` axes of a sample, and mix [..., n], the share of the real one
    how     as in `bind`: torch.func alone differentiates inside vmap
    """
    real, fake, mix = points
    share = mix[(..., *[None] * dims)]
    looks = [with_gradient(scores, x, how) for x in (real, fake, share * real + (1 - share) * fake)]
    slopes = torch.stack([norm(gradient.flatten(-dims)) for _, gradient in looks], -2)
    return looks[0][0], looks[1][0], slopes, looks[1][1]


def with_gradient(scores: Scores, x: Tensor, how: str) -> tuple[Tensor, Tensor]:
    """Return the scores of points, and their gradients there."""

    def summed(point: Tensor) -> tuple[Tensor, Tensor]:
        values = scores(point)
        return values.sum(), values

    if how == "vmap":
        gradient, (_, values) = torch.func.grad_and_value(summed, has_aux=True)(x)
        return values, gradient
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        total, values = summed(point)
        return values.detach(), torch.autograd.grad(total, point)[0]


def _numpy(x: Tensor) -> np.ndarray:
    return x.cpu().float().numpy()
