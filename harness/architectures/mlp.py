"""Fully connected networks, and their forward pass over a whole stack of runs at once.

A network is an `nn.Sequential` of the layers below, a template without weights of its own: `forward` and `slope` take
the parameters as arguments. Both work for one run (weights [out, in], samples [n, *shape]) and for a stack of runs
(weights [runs, out, in], samples [runs, n, *shape]).
"""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from torch import Tensor, nn
from torch.nn import functional as F

from harness.architectures.layers import ACTIVATIONS, CURVED, Maxout, ScaledSoftplus, ToShape, ToVector
from harness.architectures.player_settings import Init, Output, Player, Size
from harness.lanes import Stackable, lanewise, whole_lanes

DEEPEST = 128  # hidden layers

Params = Mapping[str, Tensor]
Activation = Literal["relu", "leaky_relu", "tanh", "softplus", "elu", "sigmoid", "maxout", "scaled_softplus"]


# The Lipschitz constants of layers without parameters, in the Euclidean norm. Maxout takes the larger of a group, which
# moves by no more than the group does. LeakyReLU is one of them for its slope below 1.
LIPSCHITZ: Mapping[type[nn.Module], float] = {
    nn.ReLU: 1.0,
    nn.LeakyReLU: 1.0,
    nn.Tanh: 1.0,
    nn.Softplus: 1.0,
    nn.ELU: 1.0,
    nn.Sigmoid: 0.25,
    ScaledSoftplus: 1.0,
    Maxout: 1.0,
    ToVector: 1.0,
    ToShape: 1.0,
}


def _few(widths: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if widths and len(widths) > DEEPEST:
        raise PydanticCustomError("needed", "Input should be at most {most} widths", {"most": DEEPEST})
    return widths


class MlpPlayer(Player):
    """What a suite may set for one player of an MLP: `depth` hidden layers of `width`, or of `widths`."""

    width: Size = 64
    depth: Annotated[int, Field(ge=1, le=DEEPEST)] = 3
    widths: Annotated[tuple[Size, ...] | None, AfterValidator(_few)] = None
    activation: Activation = "relu"
    pieces: Annotated[int, Field(ge=2, le=64)] = 2
    norm: Literal["none", "batch", "layer"] = "none"
    init: Init = "he"

    def unread(self) -> dict[str, object]:
        unread: dict[str, object] = {} if self.activation == "maxout" else {"pieces": 2}
        return unread | ({"width": self.widths[0], "depth": len(self.widths)} if self.widths else {})


class MlpGenerator(MlpPlayer):
    """A generator has a latent size as well, and on images a nonlinearity that keeps their range."""

    LATER = frozenset({"output"})

    latent: Size = 2
    output: Output = "linear"


class MlpCritic(MlpPlayer):
    """A critic may leave its norm to the objective."""

    norm: Literal["none", "batch", "layer", "spectral", "auto"] = "none"  # type: ignore[assignment]  # wider than a generator's


def build_generator(player: MlpGenerator, shape: tuple[int, ...]) -> nn.Sequential:
    """Return the network from latents [n, latent] to samples [n, *shape]."""
    ending = [] if player.output == "linear" else [ACTIVATIONS[player.output]()]
    return nn.Sequential(*_layers(player, player.latent, prod(shape)), *ending, ToShape(shape))


def build_critic(player: MlpCritic, shape: tuple[int, ...]) -> nn.Sequential:
    """Return the network from samples [n, *shape] to scores [n, 1]; its last layer is the linear one."""
    return nn.Sequential(ToVector(shape), *_layers(player, prod(shape), 1))


def forward(network: nn.Sequential, params: Params, x: Tensor) -> Tensor:
    """Run `network` with `params` on x, for one run or for a stack of runs."""
    lead = next(iter(params.values())).ndim - next(network.parameters()).ndim
    for name, layer in network.named_children():
        x = (
            layer.run(owned(layer, name, params), x, lead)
            if isinstance(layer, Stackable)
            else apply(layer, name, params, x)
        )
    return x


def owned(layer: Stackable, name: str, params: Params) -> Params:
    """Return a layer's own parameters and buffers of those of its network, where it is called `name`."""
    return {key: params[f"{name}.{key}"] for key, _ in layer.owned()}


def slope(network: nn.Sequential, params: Params, x: Tensor) -> Tensor:
    """Return d scores / d x of a piecewise-linear critic, written out: the product of weights and slopes.

    Between its kinks such a network is linear, so that the second derivative of its activations is zero and the
    forward pass needs no graph: a penalty on this slope costs less than automatic differentiation of one.
    """
    *below, (last, _) = network.named_children()
    inputs: list[Tensor] = []
    with torch.no_grad():
        h = x
        for name, layer in below:
            inputs.append(h)
            h = apply(layer, name, params, h)
    g = params[f"{last}.weight"].expand(h.shape)  # the last layer has one row, which stands for all samples
    for (name, layer), h in zip(reversed(below), reversed(inputs), strict=True):
        g = g @ params[f"{name}.weight"] if isinstance(layer, nn.Linear) else _pulled_back(layer, h, g)
    return g.reshape(x.shape)


def piecewise_linear(network: nn.Sequential) -> bool:
    """Whether `slope` holds for this network."""
    kinds = (nn.Linear, nn.ReLU, nn.LeakyReLU, Maxout, ToVector, ToShape)
    return all(isinstance(layer, kinds) for layer in network)


def lipschitz(network: nn.Sequential, params: Params) -> Tensor | None:
    """Return a bound on the Lipschitz constant, [...] of weights [..., out, in]: the product of the layers' spectral
    norms and of their activations' constants (Miyato et al. 2018, eq. 7). None where a layer, as a norm, has none.

    Infinite where a weight is not finite.
    """
    bound = torch.ones((), dtype=torch.float64)
    for name, layer in network.named_children():
        if isinstance(layer, nn.Linear):
            weight = params[f"{name}.weight"].double()
            is_finite = weight.isfinite().all(-1).all(-1)
            norm = torch.linalg.matrix_norm(weight.nan_to_num(0.0, 0.0, 0.0), ord=2)
            bound = bound.to(weight.device) * norm.where(is_finite, torch.inf)
        elif type(layer) in LIPSCHITZ:
            bound = bound * LIPSCHITZ[type(layer)]
        else:
            return None
    return bound


def apply(layer: nn.Module, name: str, params: Params, x: Tensor) -> Tensor:
    """Run one layer with its parameters by `name` on vectors [..., n, k]."""
    if isinstance(layer, nn.Linear):
        weight, bias = params[f"{name}.weight"], params.get(f"{name}.bias")
        if weight.ndim == 2:
            return F.linear(x, weight, bias)
        if bias is None:
            return torch.bmm(x, weight.mT)
        return torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)
    if isinstance(layer, nn.BatchNorm1d):
        return _batch_norm(x, params[f"{name}.weight"], params[f"{name}.bias"], layer.eps)
    if isinstance(layer, nn.LayerNorm):
        normed = F.layer_norm(x, layer.normalized_shape, eps=layer.eps)
        return torch.addcmul(params[f"{name}.bias"].unsqueeze(-2), normed, params[f"{name}.weight"].unsqueeze(-2))
    if isinstance(layer, CURVED):
        return lanewise(layer, x)
    return layer(x)


def _batch_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Normalise by batch statistics. A stack's runs are further channels: one fused kernel then serves them all."""
    if x.ndim == 2:
        return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)
    width, (x, weight, bias) = x.shape[-1], map(whole_lanes, (x, weight, bias))
    channels = x.transpose(0, 1).flatten(1)
    normed = F.batch_norm(channels, None, None, weight.flatten(), bias.flatten(), training=True, eps=eps)
    return normed.unflatten(1, weight.shape).transpose(0, 1)[..., :width]


def _pulled_back(layer: nn.Module, x: Tensor, g: Tensor) -> Tensor:
    """Multiply g by the derivative of a piecewise-linear layer at x, at its kinks as automatic differentiation does."""
    if isinstance(layer, nn.ReLU):
        return torch.ops.aten.threshold_backward(g, x, 0)
    if isinstance(layer, nn.LeakyReLU):
        return torch.ops.aten.leaky_relu_backward(g, x, layer.negative_slope, False)
    if isinstance(layer, Maxout):
        pieces = x.unflatten(-1, (-1, layer.pieces))
        chosen = F.one_hot(pieces.argmax(-1), layer.pieces).to(g.dtype)
        return (g.unsqueeze(-1) * chosen).flatten(-2)
    return g  # a change of shape alone


def _layers(player: MlpPlayer, n_in: int, n_out: int) -> Iterator[nn.Module]:
    pieces = player.pieces if player.activation == "maxout" else 1
    for width in player.widths or (player.width,) * player.depth:
        # A bias before batch norm is subtracted again with the mean: it would be a parameter without effect.
        yield nn.Linear(n_in, width * pieces, bias=player.norm != "batch")
        if player.norm == "batch":
            yield nn.BatchNorm1d(width * pieces, track_running_stats=False)
        elif player.norm == "layer":
            yield nn.LayerNorm(width * pieces)
        yield Maxout(pieces) if player.activation == "maxout" else ACTIVATIONS[player.activation]()
        n_in = width
    yield nn.Linear(n_in, n_out)
