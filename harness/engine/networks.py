"""From a Setup to networks as functions of flat parameters, for one run or for a stack."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.architectures import ARCHITECTURES, Architecture
from harness.architectures.initial import draw_weights
from harness.datasets import DATASETS
from harness.engine.step import Extras, Loss, Networks
from harness.errors import lookup
from harness.lanes import Stackable
from harness.objectives import TRICKS, Critic, Draws, Trick
from harness.spec import Setup

BATCH_NORM = nn.modules.batchnorm._BatchNorm


class Layout:
    """Names and shapes of a network's parameters, in the order in which they lie in the flat vector."""

    def __init__(self, network: nn.Module) -> None:
        self.shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
        self.sizes = [p.numel() for p in network.parameters()]

    def split(self, flat: Tensor) -> dict[str, Tensor]:
        """[..., P] -> views [..., *shape] by name. One split, so that its gradient is one concatenation."""
        parts = flat.split(self.sizes, -1)
        return {name: part.unflatten(-1, shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def join(self, params: Mapping[str, Tensor]) -> Tensor:
        """Invert `split`."""
        return torch.cat([params[name].flatten(-len(shape)) for name, shape in self.shapes.items()], -1)


@dataclass(frozen=True)
class Pair:
    """The two templates of a Setup. `generator` is None where the data set itself draws the fakes."""

    architecture: Architecture
    generator: nn.Module | None
    critic: nn.Module
    shape: tuple[int, ...]
    packed_shape: tuple[int, ...]
    pack: int
    latent: int

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The templates by player."""
        return {"critic": self.critic} | ({"generator": self.generator} if self.generator is not None else {})

    def draw(self, setup: Setup, generator: torch.Generator, player: str) -> Tensor:
        """Return fresh flat parameters [P] of one player."""
        network = self.networks[player]
        return Layout(network).join(draw_weights(network, getattr(setup, player)["init"], generator))


def build_pair(setup: Setup) -> Pair:
    """Build the templates of a Setup as its tricks change them, without weights (on the meta device).

    Raises ShapeError where an architecture does not make such samples, or a trick does not know its networks.
    """
    architecture, dataset = ARCHITECTURES[setup.architecture], DATASETS[setup.dataset]
    shape, pack = dataset.shape(setup.data), int(setup.train["pack"])
    packed_shape = (pack * shape[0], *shape[1:])
    n = int(setup.train["batch"])
    with torch.device("meta"):
        critic = architecture.build_critic(architecture.critic_model(**setup.critic), packed_shape)
        critic = tricked("critic", critic, (n, *packed_shape), setup.tricks)
        generator, latent = None, 0
        if setup.generator:
            settings: Any = architecture.generator_model(**setup.generator)
            generator, latent = architecture.build_generator(settings, shape), settings.latent
            generator = tricked("generator", generator, (n * pack, latent), setup.tricks)
    return Pair(architecture, generator, critic, shape, packed_shape, pack, latent)


def tricked(
    player: str, network: nn.Module, batch: tuple[int, ...], tricks: Mapping[str, Mapping[str, int]]
) -> nn.Module:
    """Return a player's network as tricks, by name with their settings, change it; `batch` is its input's shape."""
    for name, settings in tricks.items():
        if (change := lookup(TRICKS, name, "trick").network) is not None:
            network = change(player, network, batch, settings)
    return network


def build_network(setup: Setup, player: str, weights: Mapping[str, np.ndarray]) -> nn.Module:
    """Return one player's network by itself, in eval mode, with these weights by parameter.

    Raises KeyError or RuntimeError where they are not those of the Setup's network.
    """
    network = build_pair(setup).networks[player]
    network.load_state_dict({name: torch.tensor(array) for name, array in weights.items()}, assign=True)
    return network.eval()


def bind(pair: Pair, how: str, tricks: Mapping[str, Trick], declared: Draws | None = None) -> Networks:
    """Return the networks as functions of flat parameters; `declared` holds the kinds of random inputs, by name.

    how: "plain" differentiates tensors as they are (one run, or a stack that `architecture.forward` handles itself);
    "vmap" is for use inside torch.vmap, where only torch.func can differentiate.
    """
    architecture = pair.architecture
    run: Callable[..., Tensor] = architecture.forward or torch.func.functional_call
    written_out = architecture.slope is not None and architecture.can_slope(pair.critic)

    layouts = {player: Layout(network) for player, network in pair.networks.items()}
    draws: dict[str, str | tuple[str, ...]] = {"real": "sample", "fake": "sample", "latent": ("k",), **(declared or {})}

    def named(player: str, flat: Tensor, extra: Extras) -> Mapping[str, Tensor]:
        return effective(player, layouts[player].split(flat), tricks, extra)

    def critic(flat: Tensor, extra: Extras) -> Critic:
        params = named("critic", flat, extra)

        def scores(x: Tensor) -> Tensor:
            return run(pair.critic, params, x).squeeze(-1)

        def features(x: Tensor) -> Tensor:
            body = pair.critic[:-1]  # type: ignore[index]  # of a Sequential that ends in its linear layer
            return run(body, {name: params[name] for name in body.state_dict()}, x)

        def slope(x: Tensor) -> Tensor:
            if written_out:
                return architecture.slope(pair.critic, params, x)  # type: ignore[misc]
            return slope_by(how, scores, x)

        return Critic(scores, features, slope, len(pair.shape))

    def sample(flat: Tensor, latent: Tensor, extra: Extras) -> Tensor:
        return run(pair.generator, named("generator", flat, extra), latent)

    def sample_axis(name: str) -> int:
        return -1 - (len(draws[name]) if isinstance(draws[name], tuple) else len(pair.shape))

    gradient = functional_gradient if how == "vmap" else plain_gradient
    return Networks(sample, lambda x: packed(x, pair), critic, gradient, couples_samples(pair.critic), sample_axis)


def effective(
    player: str, params: Mapping[str, Tensor], tricks: Mapping[str, Trick], extra: Extras
) -> Mapping[str, Tensor]:
    """Return the parameters by name that a player's network runs with: its own, as the tricks change them."""
    for name, trick in tricks.items():
        if trick.params:
            params = trick.params(player, params, extra.get(name))
    return params


def packed(x: Tensor, pair: Pair) -> Tensor:
    """[..., m n, c, *rest] -> [..., n, m c, *rest]: m samples side by side (Lin et al. 2018, section 2)."""
    if pair.pack == 1:
        return x
    axis = x.ndim - len(pair.shape) - 1
    return x.unflatten(axis, (-1, pair.pack)).flatten(axis + 1, axis + 2)


def slope_by(how: str, scores: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return d scores / d x by automatic differentiation, itself differentiable.

    autograd.grad is 1.5 times faster than torch.func for a convolutional critic, and does not exist under vmap; the
    compiler of PyTorch 2.11 does not trace it.
    """
    if how == "vmap" or torch.compiler.is_compiling():
        return torch.func.grad(lambda point: scores(point).sum())(x)
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        return torch.autograd.grad(scores(point).sum(), point, create_graph=True)[0]


def plain_gradient(loss: Loss, params: Tensor, part: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient by autograd. Runs of a stack do not touch each other, so that the sum's gradient is each run's own."""
    if torch.compiler.is_compiling():
        return functional_gradient(loss, params, part)
    leaf = params.detach().requires_grad_()
    value, aux = loss(leaf, part)
    (grad,) = torch.autograd.grad(value.sum(), leaf)
    return grad, value.detach(), aux.detach()


def functional_gradient(loss: Loss, params: Tensor, part: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The same by torch.func, inside vmap and compiled."""

    def summed(params: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        value, aux = loss(params, part)
        return value.sum(), (value, aux)

    grad, (value, aux) = torch.func.grad(summed, has_aux=True)(params)
    return grad, value, aux


def couples_samples(network: nn.Module) -> bool:
    """Whether one sample's output depends on the rest of its batch."""
    return any(map(_couples, network.modules()))


def _couples(layer: nn.Module) -> bool:
    return isinstance(layer, BATCH_NORM) or (isinstance(layer, Stackable) and layer.couples)


@torch.no_grad()
def with_statistics_of(batch: Tensor, network: nn.Module, params: Mapping[str, Tensor]) -> nn.Module:
    """Return the network of one run, with these parameters, where a sample's batch is always `batch` [n, ...].

    Any sample is scored as if it were one more of `batch`, without a weight in its means and variances: the score is
    then its own, whatever it is scored with. `batch` itself is scored as the network does, but for minibatch
    discrimination, which compares with the first `minibatch.HELD` samples alone: of a larger batch, with an estimate.
    """
    fixed = deepcopy(network)
    fixed.load_state_dict(dict(params), assign=True)
    layers = [layer for layer in fixed.modules() if _couples(layer)]
    hooks = [layer.register_forward_pre_hook(_take_statistics) for layer in layers]
    fixed.eval()(batch)
    for hook in hooks:
        hook.remove()
    return fixed


def _take_statistics(layer: nn.Module, inputs: tuple[Tensor]) -> None:
    (x,) = inputs
    if isinstance(layer, Stackable):
        layer.fix(x)
    else:
        rest = [axis for axis in range(x.ndim) if axis != 1]
        layer.running_mean, layer.running_var = x.mean(rest), x.var(rest, correction=0)
