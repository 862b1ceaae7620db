"""Convolutional networks in the manner of Radford et al. 2016, and the variants that papers made of them.

A generator makes a small map of its latents and doubles it by transposed convolutions until it has the side of an
image; a critic halves an image by convolutions down to that map and sums it up in one linear layer. A convolution
over the whole of a 4x4 map, as sources have at either end, is a linear layer of the same weights, and is written so.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import Field
from torch import nn

from harness.architectures.convolutional import Shape, doubling, halving, halvings, keeping, named, too_shallow
from harness.architectures.layers import ACTIVATIONS, CENTRED, NORMS, UNLAYERED, ToShape, ToVector
from harness.architectures.player_settings import Activation, CriticNorm, Init, Norm, Output, Player, Size
from harness.errors import ShapeError

P = TypeVar("P")
Layers = Iterator[tuple[str, nn.Module]]


class DcganPlayer(Player):
    """What a suite may set for one player.

    width    filters of the layer at the side of the image; those of each smaller map are `growth` times as many
    filters  of every hidden map instead, in the order of the layers
    depth    layers one after the other, norms aside; more than the maps need are 3x3 convolutions that keep their maps
    bias     auto: in all layers but those before a norm that subtracts it again; all; none
    """

    LATER = frozenset({"depth"})

    width: Size = 64
    growth: Literal[1, 2] = 2
    filters: tuple[Size, ...] | None = None
    depth: Annotated[int, Field(ge=2, le=600)] | None = None
    kernel: Literal[3, 4, 5] = 4
    activation: Activation
    norm: Norm
    bias: Literal["auto", "all", "none"] = "auto"
    init: Init = "dcgan"

    def unread(self) -> dict[str, object]:
        unread: dict[str, object] = {"width": self.filters[0], "growth": 2} if self.filters else {}
        no_norm_subtracts = self.bias == "all" and self.norm in (*UNLAYERED, "layer")  # all layers have a bias anyway
        return unread | {"bias": "auto"} if no_norm_subtracts else unread

    def has_bias(self, normed: bool) -> bool:
        """Whether a layer has a bias, `normed` where a norm follows it."""
        return self.bias == "all" or (self.bias == "auto" and not (normed and self.norm in CENTRED))

    @property
    def gates(self) -> int:
        """Channels that a layer puts out for each filter."""
        return 2 if self.activation == "gated" else 1


class DcganGenerator(DcganPlayer):
    """A generator has a latent size, and a last nonlinearity that keeps the range of the images.

    multiple  its filters are so many times the width: some sources give it twice the critic's
    """

    activation: Activation = "relu"
    norm: Norm = "batch"
    latent: Size = 100
    multiple: Literal[1, 2] = 1
    output: Output = "tanh"

    def unread(self) -> dict[str, object]:
        return super().unread() | ({"multiple": 1} if self.filters else {})


class DcganCritic(DcganPlayer):
    """A critic may leave its norm to the objective.

    first_norm  a norm after the first layer as well
    extra       so many more layers after the first one, of as many filters, 4x4, stride 1, padding 2; part of a depth
    """

    activation: Activation = "leaky_relu"
    norm: CriticNorm = "auto"  # type: ignore[assignment]  # wider than a generator's
    first_norm: bool = False
    extra: Literal[0, 1, 2, 3] = 0

    def unread(self) -> dict[str, object]:
        return super().unread() | ({"first_norm": False} if self.norm in UNLAYERED else {})


def build_generator(player: DcganGenerator, shape: Shape) -> nn.Sequential:
    """Return the network from latents [n, latent] to images [n, c, side, side].

    Raises ShapeError where the side is not 4 or 7 times a power of two, or the depth too small for it.
    """
    base, count = halvings(shape)
    filters = _filters(player, count, player.multiple)
    filters = filters if player.filters else filters[::-1]
    return nn.Sequential(OrderedDict(_generator(player, filters, base, shape[0])))


def build_critic(player: DcganCritic, shape: Shape) -> nn.Sequential:
    """Return the network from images [n, c, side, side] to scores [n, 1]; its last layer is the linear one.

    Raises ShapeError where the side is not 4 or 7 times a power of two, or the depth too small for it.
    """
    _, count = halvings(shape)
    return nn.Sequential(OrderedDict(_critic(player, _filters(player, count), shape)))


def for_side_64(build: Callable[[P, Shape], nn.Sequential]) -> Callable[[P, Shape], nn.Sequential]:
    """Return a builder of images of 64x64 alone: of another side, the critic of suite faces-gp is another network."""

    def built(player: P, shape: Shape) -> nn.Sequential:
        if len(shape) != 3 or shape[1:] != (64, 64):
            raise ShapeError(f"it makes images of 64x64 alone, and these samples are {named(shape)}")
        return build(player, shape)

    return built


def _filters(player: DcganPlayer, count: int, multiple: int = 1) -> tuple[int, ...]:
    """Return the filters of each hidden map, largest map first, or as `filters` gives them."""
    if player.filters is None:
        return tuple(player.width * multiple * player.growth**i for i in range(count))
    if len(player.filters) != count:
        raise ShapeError(f"it needs {count} filters for images of this side, and {len(player.filters)} are given")
    return player.filters


def _keepers(player: DcganPlayer, count: int, extra: int = 0) -> list[int]:
    """Return how many layers keep each hidden map, largest map first: evenly many, else one more for the smallest."""
    least = count + 1 + extra
    depth = least if player.depth is None else player.depth
    if depth < least:
        raise too_shallow(depth, least)
    each, more = divmod(depth - least, count)
    return [each + (place >= count - more) for place in range(count)]


def _generator(player: DcganGenerator, filters: tuple[int, ...], base: int, channels: int) -> Layers:
    gates, k, keepers = player.gates, player.kernel, _keepers(player, len(filters))[::-1]
    units = filters[0] * gates * base * base
    yield "project", nn.Linear(player.latent, units, bias=player.has_bias(normed=True))
    yield "map", ToShape((filters[0] * gates, base, base))
    yield from _ending(player, 1, filters[0])
    yield from _keeping(player, 1, filters[0], keepers[0])
    for number, (n_in, n_out) in enumerate(pairwise(filters), 2):
        yield f"conv{number}", doubling(n_in, n_out * gates, k, player.has_bias(normed=True))
        yield from _ending(player, number, n_out)
        yield from _keeping(player, number, n_out, keepers[number - 1])
    yield f"conv{len(filters) + 1}", doubling(filters[-1], channels, k, player.has_bias(normed=False))
    if player.output != "linear":
        yield "output", ACTIVATIONS[player.output]()


def _critic(player: DcganCritic, filters: tuple[int, ...], shape: Shape) -> Layers:
    (n_in, side, _), gates = shape, player.gates
    keepers, padding = _keepers(player, len(filters), player.extra), (player.kernel - 1) // 2
    for number, n_out in enumerate(filters, 1):
        normed = number > 1 or player.first_norm
        yield f"conv{number}", halving(n_in, n_out * gates, player.kernel, player.has_bias(normed))
        yield from _ending(player, number, n_out, normed)
        side, n_in = (side + 2 * padding - player.kernel) // 2 + 1, n_out
        for i in range(1, player.extra + 1 if number == 1 else 1):
            yield f"extra{i}", nn.Conv2d(n_in, n_in * gates, 4, padding=2, bias=player.has_bias(normed=True))
            yield from _ending(player, f"_extra{i}", n_in)
            side += 1
        yield from _keeping(player, number, n_in, keepers[number - 1])
    yield "flat", ToVector((n_in, side, side))
    yield "score", nn.Linear(n_in * side * side, 1, bias=player.bias != "none")


def _keeping(player: DcganPlayer, number: int, filters: int, count: int) -> Layers:
    """Yield `count` convolutions that keep a map and its filters, each with what follows it."""
    for i in range(1, count + 1):
        yield f"keep{number}_{i}", keeping(filters, filters * player.gates, 3, player.has_bias(normed=True))
        yield from _ending(player, f"{number}_{i}", filters)


def _ending(player: DcganPlayer, number: int | str, filters: int, normed: bool = True) -> Layers:
    """Yield what follows a layer: its norm, where it has one, and its nonlinearity."""
    if normed and player.norm not in UNLAYERED:
        yield f"norm{number}", NORMS[player.norm](filters * player.gates)
    yield f"act{number}", ACTIVATIONS[player.activation]()
