"""The critic of suite shapes-wgan: blocks of a 3x3 convolution that a 1x1 convolution of stride 2 halves."""

from collections import OrderedDict
from typing import Literal

from torch import nn

from harness.architectures.convolutional import Shape, halving, halvings, keeping
from harness.architectures.layers import CENTRED, LEAK, NORMS, UNLAYERED, Residual, ToVector
from harness.architectures.player_settings import CriticNorm, Init, Player, Size


class StridedCritic(Player):
    """What a suite may set: filters of the first block, doubled in each; norms of all; biases as in dcgan."""

    width: Size = 64
    norm: CriticNorm = "auto"
    bias: Literal["auto", "all"] = "auto"
    init: Init = "dcgan"

    def unread(self) -> dict[str, object]:
        return (
            {"bias": "auto"} if self.norm in (*UNLAYERED, "layer") else {}
        )  # no norm subtracts it: all layers have one


def build_critic(player: StridedCritic, shape: Shape) -> nn.Sequential:
    """Return the network from images [n, c, side, side] to scores [n, 1]; its last layer is the linear one.

    Blocks of width, 2 width, ... filters halve the side down to the smallest map; one more block has a single filter.
    Raises ShapeError where the side is not 4 or 7 times a power of two.
    """
    base, count = halvings(shape)
    bias = player.bias == "all" or player.norm not in CENTRED
    first, *more = (player.width * 2**i for i in range(count))
    # No norm follows the halving of the first block: it has a bias always.
    body, shortcut = _block(player, shape[0], first, bias), nn.Sequential()
    body["halve"], shortcut.halve = halving(first, first, 1, True), halving(shape[0], first, 1, True)
    layers: dict[str, nn.Module] = {"block1": Residual(shortcut, nn.Sequential(body), 1.0)}
    n_in = first
    for number, n_out in enumerate([*more, 1], 2):
        if number > 2:
            layers |= _normed(player, f"norm{number - 1}", n_in)
        layers[f"act{number - 1}"] = nn.LeakyReLU(LEAK)
        body = _block(player, n_in, n_out, bias)
        if number <= count:
            body["halve"] = halving(n_out, n_out, 1, bias)
        layers[f"block{number}"], n_in = nn.Sequential(body), n_out
    layers |= {"flat": ToVector((1, base, base)), "score": nn.Linear(base * base, 1)}
    return nn.Sequential(OrderedDict(layers))


def _block(player: StridedCritic, n_in: int, n_out: int, bias: bool) -> OrderedDict[str, nn.Module]:
    norm = _normed(player, "norm", n_out)
    return OrderedDict({"conv": keeping(n_in, n_out, 3, bias), **norm, "act": nn.ReLU()})


def _normed(player: StridedCritic, name: str, n: int) -> dict[str, nn.Module]:
    return {} if player.norm in UNLAYERED else {name: NORMS[player.norm](n)}
