"""Residual networks of bottleneck blocks (Gulrajani et al. 2017, figure 2: 101 layers in each player).

As in the paper's published code (gan_64x64.py): a block is ReLU, 1x1, ReLU, 3x3, ReLU, 1x1 and a norm, and .3 of it is
added to its input. With the first and the last layer, a linear and a 1x1 convolution, 33 blocks are 101 layers. Blocks
that change the side stand between stages of the others; where those do not divide evenly, the smallest maps have one
more. All weights start from one `init`; the source's first, last and shortcut convolutions start from a uniform
distribution of Glorot's variance instead of He's.
"""

from collections import OrderedDict
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from torch import nn

from harness.architectures.convolutional import Shape, doubling, halving, halvings, keeping, too_shallow
from harness.architectures.layers import ACTIVATIONS, NORMS, UNLAYERED, Residual, Scale, ToShape, ToVector
from harness.architectures.player_settings import CriticNorm, Init, Norm, Output, Player, Size

SHARE = 0.3  # of a block's output that is added to its input
CALM = 5.0  # what the generator's output is divided by before its tanh, and what the critic's last layer is given


class ResnetPlayer(Player):
    """What a suite may set for one player.

    width  filters are width / 2 at the side of the image, and twice as many on each smaller map
    depth  layers one after the other: 3 a block, and 2
    """

    width: Size = 64
    depth: Annotated[int, Field(ge=5, le=602)] = 101
    norm: Norm
    init: Init = "he"

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.width % 4:
            raise ValueError(f"width {self.width} given, a multiple of 4 needed: a block works on half its filters")
        if self.depth % 3 != 2:
            near = max(5, 3 * round((self.depth - 2) / 3) + 2)
            raise ValueError(f"depth {self.depth} given, 2 more than a multiple of 3 needed, such as {near}")
        return self


class ResnetGenerator(ResnetPlayer):
    """A generator has a latent size and a last nonlinearity."""

    norm: Norm = "batch"
    latent: Size = 128
    output: Output = "tanh"


class ResnetCritic(ResnetPlayer):
    """A critic may leave its norm to the objective."""

    norm: CriticNorm = "auto"  # type: ignore[assignment]  # wider than a generator's


def build_generator(player: ResnetGenerator, shape: Shape) -> nn.Sequential:
    """Return the network from latents [n, latent] to images [n, c, side, side].

    Raises ShapeError for a side that it does not make, or a depth too small for it.
    """
    base, filters, blocks = _plan(player, shape)
    layers: list[tuple[str, nn.Module]] = [
        ("project", nn.Linear(player.latent, filters[-1] * base * base)),
        ("map", ToShape((filters[-1], base, base))),
    ]
    for stage, (count, n) in enumerate(zip(blocks, reversed(filters), strict=True)):
        if stage:
            layers.append((f"up{stage}", _block(player.norm, filters[-stage], n, "up")))
        layers += [(f"block{stage}_{i}", _block(player.norm, n, n)) for i in range(count)]
    layers.append(("last", nn.Conv2d(filters[0], shape[0], 1)))
    if player.output != "linear":
        layers += [("calm", Scale(1 / CALM)), ("output", ACTIVATIONS[player.output]())]
    return nn.Sequential(OrderedDict(layers))


def build_critic(player: ResnetCritic, shape: Shape) -> nn.Sequential:
    """Return the network from images [n, c, side, side] to scores [n, 1]; its last layer is the linear one.

    Raises ShapeError for a side that it does not judge, or a depth too small for it.
    """
    base, filters, blocks = _plan(player, shape)
    layers: list[tuple[str, nn.Module]] = [("first", nn.Conv2d(shape[0], filters[0], 1))]
    for stage, (count, n) in enumerate(zip(reversed(blocks), filters, strict=True)):
        if stage:
            layers.append((f"down{stage}", _block(player.norm, filters[stage - 1], n, "down")))
        layers += [(f"block{stage}_{i}", _block(player.norm, n, n)) for i in range(count)]
    size = filters[-1] * base * base
    layers += [("flat", ToVector((filters[-1], base, base))), ("calm", Scale(1 / CALM)), ("score", nn.Linear(size, 1))]
    return nn.Sequential(OrderedDict(layers))


def _plan(player: ResnetPlayer, shape: Shape) -> tuple[int, list[int], list[int]]:
    """Return the side of the smallest map, filters a map (largest map first), blocks a map (smallest map first)."""
    base, count = halvings(shape)
    whole = (player.depth - 2) // 3
    if whole < count:
        raise too_shallow(player.depth, 3 * count + 2)
    each, more = divmod(whole - count, count + 1)
    filters = [player.width // 2 * 2**i for i in range(count + 1)]
    return base, filters, [each + (stage < more) for stage in range(count + 1)]


def _block(norm: str, n_in: int, n_out: int, resample: Literal["", "up", "down"] = "") -> Residual:
    """Return a bottleneck block; the last 1x1 convolution has no bias, as in the source."""
    make = {"up": doubling, "down": halving, "": keeping}[resample]
    body: dict[str, nn.Module] = {
        "act1": nn.ReLU(),
        "conv1": nn.Conv2d(n_in, n_in // 2, 1),
        "act2": nn.ReLU(),
        "conv2": make(n_in // 2, n_out // 2, 3, True),
        "act3": nn.ReLU(),
        "conv3": nn.Conv2d(n_out // 2, n_out, 1, bias=False),
    }
    if norm not in UNLAYERED:
        body["norm"] = NORMS[norm](n_out)
    shortcut: dict[str, nn.Module] = {}
    if resample == "up":  # a 1x1 convolution to four times the filters, laid out as 2x2 places
        shortcut = {"conv": nn.Conv2d(n_in, 4 * n_out, 1), "spread": nn.PixelShuffle(2)}
    elif resample == "down":
        shortcut = {"conv": halving(n_in, n_out, 1, True)}
    return Residual(nn.Sequential(OrderedDict(shortcut)), nn.Sequential(OrderedDict(body)), SHARE)
