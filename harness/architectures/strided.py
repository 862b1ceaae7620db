"""The critic of suite shapes-wgan: blocks of a 3x3 convolution that a 1x1 convolution of stride 2 halves."""

from collections import OrderedDict
from typing import Literal

from torch import nn

from harness.architectures.convolutional import Shape, halving, halvings, keeping
from harness.architectures.layers import CENTRED, LEAK, NORMS, Residual, ToVector
from harness.architectures.player_settings import CriticNorm, Init, Player, Size


class StridedCritic(Player):
    """What a suite may set: filters of the first block, doubled in each; norms of all; biases as in dcgan."""

    width: Size = 64
    norm: CriticNorm = "auto"
    bias: Literal["auto", "all"] = "auto"
    init: Init = "dcgan"

    def unread(self) -> dict[str, object]:
        return {"bias": "auto"} if self.norm in ("none", "layer") else {}  # no norm subtracts it: all layers have one


def build_critic(player: StridedCritic, shape: Shape) -> nn.Sequential:
    """Return the network from images [n, c, side, side] to scores [n, 1]; its last layer is the linear one.

    Blocks of width, 2 width, ... filters halve the side down to the smallest map; one more block has a single filter.
    Raises ShapeError where the side is not 4 or 7 times a power of two.
    """
    base, count = halvings(shape)
    filters = [player.width * 2**i for i in range(count)]
    layers: dict[str, nn.Module] = {"block1": _first(player, shape[0], filters[0])}
    for number, n_out in enumerate([*filters[1:], 1], 2):
        n_in = filters[number - 2]
        if number > 2:
            layers |= _normed(player, f"norm{number - 1}", n_in)
        layers[f"act{number - 1}"] = nn.LeakyReLU(LEAK)
        layers[f"block{number}"] = nn.Sequential(
            OrderedDict(_conv(player, n_in, n_out) | ({} if n_out == 1 else _stride(player, n_out)))
        )
    layers |= {"flat": ToVector((1, base, base)), "score": nn.Linear(base * base, 1)}
    return nn.Sequential(OrderedDict(layers))


def _first(player: StridedCritic, n_in: int, n_out: int) -> Residual:
    """Return the first block, which adds a 1x1 convolution of stride 2 of its input; no norm follows its halving."""
    body = _conv(player, n_in, n_out) | {"halve": halving(n_out, n_out, 1, True)}
    shortcut = nn.Sequential(OrderedDict(halve=halving(n_in, n_out, 1, True)))
    return Residual(shortcut, nn.Sequential(OrderedDict(body)), 1.0)


def _conv(player: StridedCritic, n_in: int, n_out: int) -> dict[str, nn.Module]:
    conv = keeping(n_in, n_out, 3, _has_bias(player))
    return {"conv": conv, **_normed(player, "norm", n_out), "act": nn.ReLU()}


def _stride(player: StridedCritic, n: int) -> dict[str, nn.Module]:
    return {"halve": halving(n, n, 1, _has_bias(player))}


def _normed(player: StridedCritic, name: str, n: int) -> dict[str, nn.Module]:
    return {} if player.norm == "none" else {name: NORMS[player.norm](n)}


def _has_bias(player: StridedCritic) -> bool:
    return player.bias == "all" or player.norm not in CENTRED
