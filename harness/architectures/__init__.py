"""Architectures: a pair of network builders, and how a stack of them runs."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from torch import Tensor, nn

from harness.architectures import dcgan, faces, mlp, resnet, stacked, strided

__all__ = ["ARCHITECTURES", "Architecture"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Architecture:
    """Two builders of `nn.Module` templates, used through their parameters only.

    generator_model, critic_model   what a suite may set for each player, with defaults
    generator, critic               this entry's departures from those defaults
    build_generator, build_critic   (settings, shape of one sample) -> network; generators take [n, latent]
    forward                         (network, params, x) for one run or a stack; None: the engine uses vmap
    slope                           (network, params, x) -> d scores / d x written out, where `can_slope(network)`
    shape                           of one sample, where `harness show` is not told
    """

    version: int
    generator_model: type[BaseModel]
    critic_model: type[BaseModel]
    build_generator: Callable[[Any, Shape], nn.Module]
    build_critic: Callable[[Any, Shape], nn.Module]
    shape: Shape
    summary: str
    generator: Mapping[str, Any] = field(default_factory=dict)
    critic: Mapping[str, Any] = field(default_factory=dict)
    forward: Callable[[Any, Mapping[str, Tensor], Tensor], Tensor] | None = None
    slope: Callable[[Any, Mapping[str, Tensor], Tensor], Tensor] | None = None
    can_slope: Callable[[Any], bool] = lambda network: False


def _mlp(
    summary: str, generator: Mapping[str, Any] | None = None, critic: Mapping[str, Any] | None = None
) -> Architecture:
    return Architecture(
        version=1,
        generator_model=mlp.MlpGenerator,
        critic_model=mlp.MlpCritic,
        build_generator=mlp.build_generator,
        build_critic=mlp.build_critic,
        shape=(2,),
        summary=summary,
        generator=generator or {},
        critic=critic or {},
        forward=mlp.forward,
        slope=mlp.slope,
        can_slope=mlp.piecewise_linear,
    )


def _dcgan(
    summary: str, generator: Mapping[str, Any] | None = None, critic: Mapping[str, Any] | None = None
) -> Architecture:
    return Architecture(
        version=2,
        generator_model=dcgan.DcganGenerator,
        critic_model=dcgan.DcganCritic,
        build_generator=dcgan.build_generator,
        build_critic=dcgan.build_critic,
        shape=(1, 32, 32),
        summary=summary,
        generator=generator or {},
        critic=critic or {},
        forward=stacked.forward,
    )


ARCHITECTURES: dict[str, Architecture] = {
    "mlp": _mlp("fully connected, 3 hidden layers of 64 ReLU units in each player"),
    "mlp-tanh": _mlp("mlp with tanh in place of every ReLU", {"activation": "tanh"}, {"activation": "tanh"}),
    "mlp-bn": _mlp(
        "mlp with batch norm in the generator, the critic's norm left to the objective",
        {"norm": "batch"},
        {"norm": "auto"},
    ),
    "mlp-deep": _mlp("mlp with 12 hidden layers in each player", {"depth": 12}, {"depth": 12}),
    "dcgan": _dcgan(
        "convolutional, batch norm in the generator, the critic's norm left to the objective (Radford et al. 2016)"
    ),
    "dcgan-no-bn": _dcgan(
        "dcgan whose generator has no norm and as many filters in every layer (Gulrajani et al. 2017, figure 2)",
        {"norm": "none", "growth": 1},
    ),
    "dcgan-no-norm": _dcgan("dcgan without a norm in either player", {"norm": "none"}, {"norm": "none"}),
    "dcgan-tanh": _dcgan(
        "dcgan with tanh in place of every nonlinearity", {"activation": "tanh"}, {"activation": "tanh"}
    ),
    "dcgan-gated": _dcgan(
        "dcgan with sigmoid(a) tanh(b) in place of every nonlinearity, and layers twice as wide for it",
        {"activation": "gated"},
        {"activation": "gated"},
    ),
    "dcgan-shapes": _dcgan(
        "dcgan as in suite shapes-dcgan: no bias in the generator, one in every layer of the critic",
        {"bias": "none"},
        {"bias": "all"},
    ),
    "dcgan-extra": _dcgan(
        "dcgan-shapes with one more layer (4x4, stride 1, padding 2) after the critic's first",
        {"bias": "none"},
        {"bias": "all", "extra": 1},
    ),
    "mlp-g": dataclasses.replace(
        _dcgan(
            "a generator of 4 fully connected layers of 512 ReLU units, the critic of dcgan (Gulrajani et al. 2017)",
            {"width": 512, "depth": 4, "latent": 100, "output": "tanh"},
        ),
        generator_model=mlp.MlpGenerator,
        build_generator=mlp.build_generator,
    ),
    "strided-critic": dataclasses.replace(
        _dcgan(
            "the generator of dcgan-shapes and the critic of suite shapes-wgan, halving by 1x1 layers of stride 2",
            {"bias": "none"},
        ),
        critic_model=strided.StridedCritic,
        build_critic=strided.build_critic,
        shape=(3, 64, 64),
    ),
    "faces": dataclasses.replace(
        _dcgan(
            "dcgan of suite faces-gp for 64x64: instance norm in the critic, a generator twice as wide",
            {"multiple": 2},
            {"norm": "instance"},
        ),
        build_generator=faces.build_generator,
        build_critic=faces.build_critic,
        shape=(3, 64, 64),
    ),
    "resnet": Architecture(
        version=2,
        generator_model=resnet.ResnetGenerator,
        critic_model=resnet.ResnetCritic,
        build_generator=resnet.build_generator,
        build_critic=resnet.build_critic,
        shape=(3, 64, 64),
        summary="residual bottleneck blocks, 101 layers in each player unless `depth` says (Gulrajani et al. 2017)",
        forward=stacked.forward,
    ),
}
