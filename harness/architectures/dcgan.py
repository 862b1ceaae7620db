"""Convolutional networks in the manner of Radford et al. 2016, and the variants that papers made of them.

A generator makes a small map of its latents and doubles it by transposed convolutions until it has the side of a
picture; a critic halves a picture by convolutions down to that map and sums it up in one linear layer. A convolution
over the whole of a 4x4 map, as sources have at either end, is a linear layer of the same weights, and is written so.
"""

from collections import OrderedDict
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from torch import nn

from harness.architectures.convolutional import (
    Activation,
    CriticNorm,
    Named,
    Norm,
    Shape,
    doubling,
    halving,
    halvings,
    keeping,
)
from harness.architectures.layers import ACTIVATIONS, CENTRED, NORMS, ToShape, ToVector
from harness.architectures.setting_kinds import Init, Output, Size
from harness.errors import ShapeError


class DcganPlayer(BaseModel):
    """What a suite may set for one player.

    width    filters of the layer at the side of the picture; those of each smaller map are `growth` times as many
    filters  of every hidden map instead, in the order of the layers
    depth    layers one after the other, norms aside; more than the maps need are 3x3 convolutions that keep their maps
    bias     auto: in all layers but those before a norm that subtracts it again; all; none
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: Size = 64
    growth: Literal[1, 2] = 2
    filters: tuple[Size, ...] | None = None
    depth: Annotated[int, Field(ge=2, le=600)] | None = None
    kernel: Literal[3, 4, 5] = 4
    activation: Activation
    norm: Norm
    bias: Literal["auto", "all", "none"] = "auto"
    init: Init = "dcgan"

    @model_validator(mode="after")
    def _settle_what_is_not_read(self) -> Self:
        """Give settings that the network does not depend on one value: one network must not have two addresses."""
        self.__dict__.update(self._settled())
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a depth that is not said: runs from before there was a choice keep their address."""
        settings: dict[str, Any] = plain(self)
        return settings if self.depth else {name: value for name, value in settings.items() if name != "depth"}

    def _settled(self) -> dict[str, Any]:
        settled: dict[str, Any] = {"width": self.filters[0], "growth": 2} if self.filters else {}
        if self.bias == "all" and self.norm in ("none", "layer"):
            settled["bias"] = "auto"  # no norm subtracts a bias: all have one anyway
        return settled

    def has_bias(self, normed: bool) -> bool:
        """Whether a layer has a bias, `normed` where a norm follows it."""
        return self.bias == "all" or (self.bias == "auto" and not (normed and self.norm in CENTRED))

    @property
    def gates(self) -> int:
        """Channels that a layer puts out for each filter."""
        return 2 if self.activation == "gated" else 1


class DcganGenerator(DcganPlayer):
    """A generator has a latent size, and a last nonlinearity that keeps the range of the pictures.

    multiple  its filters are so many times the width: some sources give it twice the critic's
    """

    activation: Activation = "relu"
    norm: Norm = "batch"
    latent: Size = 100
    multiple: Literal[1, 2] = 1
    output: Output = "tanh"

    def _settled(self) -> dict[str, Any]:
        return {**super()._settled(), **({"multiple": 1} if self.filters else {})}


class DcganCritic(DcganPlayer):
    """A critic may leave its norm to the objective.

    first_norm  a norm after the first layer as well
    extra       so many more layers after the first one, of as many filters, 4x4, stride 1, padding 2; part of a depth
    """

    activation: Activation = "leaky_relu"
    norm: CriticNorm = "auto"  # type: ignore[assignment]  # wider than a generator's
    first_norm: bool = False
    extra: Literal[0, 1, 2, 3] = 0

    def _settled(self) -> dict[str, Any]:
        return {**super()._settled(), **({"first_norm": False} if self.norm == "none" else {})}


def build_generator(player: DcganGenerator, shape: Shape) -> nn.Sequential:
    """Return the network from latents [n, latent] to pictures [n, c, side, side].

    Raises ShapeError where the side is not 4 or 7 times a power of two, or the depth too small for it.
    """
    base, count = halvings(shape)
    filters = filters_of(player, count)[::-1] if player.filters is None else filters_of(player, count)
    return nn.Sequential(OrderedDict(_generator(player, filters, base, shape[0])))


def build_critic(player: DcganCritic, shape: Shape) -> nn.Sequential:
    """Return the network from pictures [n, c, side, side] to scores [n, 1]; its last layer is the linear one.

    Raises ShapeError where the side is not 4 or 7 times a power of two, or the depth too small for it.
    """
    _, count = halvings(shape)
    return nn.Sequential(OrderedDict(_critic(player, filters_of(player, count), shape)))


def filters_of(player: DcganPlayer, count: int) -> tuple[int, ...]:
    """Return the filters of each hidden map, largest map first (as said where `filters` are).

    Raises ShapeError where they are not as many as there are maps.
    """
    if player.filters is None:
        width = player.width * getattr(player, "multiple", 1)
        return tuple(width * player.growth**i for i in range(count))
    if len(player.filters) != count:
        raise ShapeError(f"it needs {count} filters for pictures of this side, and {len(player.filters)} are given")
    return player.filters


def keepers_of(player: DcganPlayer, count: int) -> list[int]:
    """Return how many layers keep each hidden map, largest map first: evenly many, or one more for the smallest maps.

    Raises ShapeError where the depth is less than what this many maps need.
    """
    least = count + 1 + getattr(player, "extra", 0)
    depth = least if player.depth is None else player.depth
    if depth < least:
        raise ShapeError(f"depth {depth} given, at least {least} needed for pictures of this side")
    each, more = divmod(depth - least, count)
    return [each + (place >= count - more) for place in range(count)]


def _generator(player: DcganGenerator, filters: tuple[int, ...], base: int, channels: int) -> Named:
    gates, k, keepers = player.gates, player.kernel, keepers_of(player, len(filters))[::-1]
    units = filters[0] * gates * base * base
    yield "project", nn.Linear(player.latent, units, bias=player.has_bias(normed=True))
    yield "map", ToShape((filters[0] * gates, base, base))
    yield from _ending(player, 1, filters[0], normed=True)
    yield from _keeping(player, 1, filters[0], keepers[0])
    for number, (n_in, n_out) in enumerate(pairwise(filters), 2):
        yield f"conv{number}", doubling(n_in, n_out * gates, k, player.has_bias(normed=True))
        yield from _ending(player, number, n_out, normed=True)
        yield from _keeping(player, number, n_out, keepers[number - 1])
    yield f"conv{len(filters) + 1}", doubling(filters[-1], channels, k, player.has_bias(normed=False))
    if player.output != "linear":
        yield "output", ACTIVATIONS[player.output]()


def _critic(player: DcganCritic, filters: tuple[int, ...], shape: Shape) -> Named:
    (n_in, side, _), gates, keepers = shape, player.gates, keepers_of(player, len(filters))
    for number, n_out in enumerate(filters, 1):
        normed = number > 1 or player.first_norm
        yield f"conv{number}", halving(n_in, n_out * gates, player.kernel, player.has_bias(normed))
        yield from _ending(player, number, n_out, normed)
        side, n_in = _halved(side, player.kernel), n_out
        for i in range(1, player.extra + 1 if number == 1 else 1):
            yield f"extra{i}", nn.Conv2d(n_in, n_in * gates, 4, padding=2, bias=player.has_bias(normed=True))
            yield from _ending(player, f"_extra{i}", n_in, normed=True)
            side += 1
        yield from _keeping(player, number, n_in, keepers[number - 1])
    yield "flat", ToVector((n_in, side, side))
    yield "score", nn.Linear(n_in * side * side, 1, bias=player.bias != "none")


def _keeping(player: DcganPlayer, number: int, filters: int, count: int) -> Named:
    """Yield `count` convolutions that keep a map and its filters, each with what follows it."""
    for i in range(1, count + 1):
        yield f"keep{number}_{i}", keeping(filters, filters * player.gates, 3, player.has_bias(normed=True))
        yield from _ending(player, f"{number}_{i}", filters, normed=True)


def _ending(player: DcganPlayer, number: int | str, filters: int, normed: bool) -> Named:
    """Yield what follows a layer: its norm, where it has one, and its nonlinearity."""
    if normed and player.norm != "none":
        yield f"norm{number}", NORMS[player.norm](filters * player.gates)
    yield f"act{number}", ACTIVATIONS[player.activation]()


def _halved(side: int, kernel: int) -> int:
    return (side + 2 * ((kernel - 1) // 2) - kernel) // 2 + 1
