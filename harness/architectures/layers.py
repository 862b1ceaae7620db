"""Layers that torch.nn lacks, and the tables from a setting's word to a layer."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAK = 0.2  # slope of leaky_relu below zero, as in Radford et al. 2016


class ToVector(nn.Module):
    """[..., *shape] -> [..., prod(shape)]."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.dims = len(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(-self.dims)


class ToShape(nn.Module):
    """[..., prod(shape)] -> [..., *shape]."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, self.shape)


class Maxout(nn.Module):
    """Maximum over `pieces` neighbouring features (Goodfellow et al. 2013, eq. 1): [..., k * pieces] -> [..., k]."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.pieces)).amax(-1)


class ScaledSoftplus(nn.Module):
    """softplus(2 x + 2) / 2 - 1 (Gulrajani et al. 2017, table 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(2 * x + 2) / 2 - 1


class Gated(nn.Module):
    """sigmoid(a) * tanh(b) of the two halves of the channels (van den Oord et al. 2016): [..., 2c, h, w] -> c."""

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, -3)
        return torch.sigmoid(a) * torch.tanh(b)


class Residual(nn.Module):
    """shortcut(x) + scale * body(x)."""

    def __init__(self, shortcut: nn.Sequential, body: nn.Sequential, scale: float) -> None:
        super().__init__()
        self.shortcut, self.body, self.scale = shortcut, body, scale

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.shortcut(x), self.body(x), alpha=self.scale)


class Scale(nn.Module):
    """Multiply by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAK),
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
    "scaled_softplus": ScaledSoftplus,
    "gated": Gated,
}
CURVED = (nn.Tanh, nn.Softplus, nn.ELU, nn.Sigmoid, ScaledSoftplus, Gated)  # their kernels have a remainder loop

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": lambda channels: nn.BatchNorm2d(channels, track_running_stats=False),
    # Over [c, h, w] of a sample, with a weight and a bias a channel, as in the code of Gulrajani et al. 2017.
    "layer": lambda channels: nn.GroupNorm(1, channels),
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
}
UNLAYERED = ("none", "spectral")  # norms without a layer: a critic's spectral norm is one of its weights
CENTRED = ("batch", "instance")  # norms that subtract each channel's mean, and with it a bias before them
