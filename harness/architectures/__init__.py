"""Architectures: a pair of network builders, and how a stack of them runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel
from torch import Tensor, nn

from harness.architectures import dcgan, mlp, resnet, stacked, strided
from harness.papers import PAPERS, Paper

__all__ = ["ARCHITECTURES", "Architecture"]

Shape = tuple[int, ...]
Builder = Callable[[Any, Shape], nn.Module]  # (settings of a player, shape of one sample) -> network
Forward = Callable[[Any, Mapping[str, Tensor], Tensor], Tensor]  # (network, params, x)


@dataclass(frozen=True)
class Architecture:
    """Two builders of `nn.Module` templates, used through their parameters only.

    generator_model, critic_model   what a suite may set for each player, with defaults
    generator, critic               this entry's departures from those defaults
    build_generator, build_critic   (settings, shape of one sample) -> network; generators take [n, latent]
    forward                         (network, params, x) for one run or a stack; None: the engine uses vmap
    slope                           (network, params, x) -> d scores / d x written out, where `can_slope(network)`
    lipschitz                       (critic, params) -> a bound on its Lipschitz constant [...]; None where it has none
    shape                           of one sample, for `harness show`
    summary                         its line in `harness list`, which cites `papers`
    """

    version: int
    generator_model: type[BaseModel]
    critic_model: type[BaseModel]
    build_generator: Builder
    build_critic: Builder
    shape: Shape
    summary: str
    generator: Mapping[str, object] = field(default_factory=dict)
    critic: Mapping[str, object] = field(default_factory=dict)
    forward: Forward | None = None
    slope: Forward | None = None
    can_slope: Callable[[Any], bool] = lambda network: False
    lipschitz: Callable[[Any, Mapping[str, Tensor]], Tensor | None] | None = None
    papers: tuple[Paper, ...] = ()


_MLP = Architecture(
    version=1,
    generator_model=mlp.MlpGenerator,
    critic_model=mlp.MlpCritic,
    build_generator=mlp.build_generator,
    build_critic=mlp.build_critic,
    shape=(2,),
    summary="fully connected, 3 hidden layers of 64 ReLU units in each player",
    forward=mlp.forward,
    slope=mlp.slope,
    can_slope=mlp.piecewise_linear,
    lipschitz=mlp.lipschitz,
)
_DCGAN = Architecture(
    version=2,
    generator_model=dcgan.DcganGenerator,
    critic_model=dcgan.DcganCritic,
    build_generator=dcgan.build_generator,
    build_critic=dcgan.build_critic,
    shape=(1, 32, 32),
    summary="convolutional, batch norm in the generator, the critic's norm left to the objective",
    forward=stacked.forward,
    papers=(PAPERS["radford2016"],),
)
_VARIANT = replace(_DCGAN, papers=(*_DCGAN.papers, PAPERS["gulrajani2017"].at("figure 2")))  # compared there
_TANH, _GATED = {"activation": "tanh"}, {"activation": "gated"}
_SHAPES = replace(
    _DCGAN,
    summary="dcgan as in suite shapes-dcgan: no bias in the generator, one in every layer of the critic",
    generator={"bias": "none"},
    critic={"bias": "all"},
)

ARCHITECTURES: dict[str, Architecture] = {
    "mlp": _MLP,
    "mlp-tanh": replace(_MLP, summary="mlp with tanh in place of every ReLU", generator=_TANH, critic=_TANH),
    "mlp-bn": replace(
        _MLP,
        summary="mlp with batch norm in the generator, the critic's norm left to the objective",
        generator={"norm": "batch"},
        critic={"norm": "auto"},
    ),
    "mlp-deep": replace(
        _MLP,
        summary="mlp with 12 hidden layers in each player",
        generator={"depth": 12},
        critic={"depth": 12},
        papers=(PAPERS["gulrajani2017"].at("figure 1b"),),
    ),
    "dcgan": _DCGAN,
    "dcgan-no-bn": replace(
        _VARIANT,
        summary="dcgan whose generator has no norm and as many filters in every layer",
        generator={"norm": "none", "growth": 1},
    ),
    "dcgan-no-norm": replace(
        _VARIANT,
        summary="dcgan without a norm in either player",
        generator={"norm": "none"},
        critic={"norm": "none"},
    ),
    "dcgan-tanh": replace(
        _VARIANT, summary="dcgan with tanh in place of every nonlinearity", generator=_TANH, critic=_TANH
    ),
    "dcgan-gated": replace(
        _VARIANT,
        summary="dcgan with sigmoid(a) tanh(b) in place of every nonlinearity, and layers twice as wide for it",
        generator=_GATED,
        critic=_GATED,
    ),
    "dcgan-shapes": _SHAPES,
    "dcgan-extra": replace(
        _SHAPES,
        summary="dcgan-shapes with one more layer (4x4, stride 1, padding 2) after the critic's first",
        critic={"bias": "all", "extra": 1},
    ),
    "mlp-g": replace(
        _VARIANT,
        generator_model=mlp.MlpGenerator,
        build_generator=mlp.build_generator,
        summary="a generator of 4 fully connected layers of 512 ReLU units, the critic of dcgan",
        generator={"width": 512, "depth": 4, "latent": 100, "output": "tanh"},
    ),
    "strided-critic": replace(
        _DCGAN,
        critic_model=strided.StridedCritic,
        build_critic=strided.build_critic,
        shape=(3, 64, 64),
        summary="the generator of dcgan-shapes and the critic of suite shapes-wgan, halving by 1x1 layers of stride 2",
        generator={"bias": "none"},
    ),
    "faces": replace(
        _DCGAN,
        build_generator=dcgan.for_side_64(dcgan.build_generator),
        build_critic=dcgan.for_side_64(dcgan.build_critic),
        shape=(3, 64, 64),
        summary="dcgan of suite faces-gp for 64x64: instance norm in the critic, a generator twice as wide",
        generator={"multiple": 2},
        critic={"norm": "instance"},
    ),
    "resnet": Architecture(
        version=2,
        generator_model=resnet.ResnetGenerator,
        critic_model=resnet.ResnetCritic,
        build_generator=resnet.build_generator,
        build_critic=resnet.build_critic,
        shape=(3, 64, 64),
        summary="residual bottleneck blocks, 101 layers in each player unless `depth` says",
        forward=stacked.forward,
        papers=(PAPERS["gulrajani2017"].at("figure 2"),),
    ),
}
