"""What convolutional architectures share: kinds of settings, sizes of pictures, layers that halve or double a side."""

from collections.abc import Iterator
from typing import Literal

from torch import nn

from harness.errors import ShapeError

Shape = tuple[int, ...]
Named = Iterator[tuple[str, nn.Module]]
Activation = Literal["relu", "leaky_relu", "tanh", "softplus", "elu", "sigmoid", "scaled_softplus", "gated"]
Norm = Literal["none", "batch", "layer", "instance"]
CriticNorm = Literal["none", "batch", "layer", "instance", "auto"]

BASES = (4, 7)  # side of the smallest map: 28 is 7 doubled twice
LARGEST = 512


def halvings(shape: Shape) -> tuple[int, int]:
    """Return the side of the smallest map, and how often a picture's side is halved to reach it.

    Raises ShapeError for samples that are no square pictures of such a side.
    """
    if len(shape) == 3 and shape[1] == shape[2] <= LARGEST:
        for base in BASES:
            count = (shape[1] // base).bit_length() - 1
            if count >= 1 and base << count == shape[1]:
                return base, count
    raise ShapeError(
        f"it makes square pictures whose side is 4 or 7 times a power of two, such as 1x16x16, 1x28x28, 3x32x32 or "
        f"3x64x64, and these samples are {named(shape)}"
    )


def need_side(shape: Shape, side: int) -> None:
    """Raise ShapeError unless samples are square pictures of just this side."""
    if len(shape) != 3 or shape[1:] != (side, side):
        raise ShapeError(f"it makes pictures of {side}x{side} alone, and these samples are {named(shape)}")


def named(shape: Shape) -> str:
    """Write a shape as 3x64x64."""
    return "x".join(map(str, shape))


def halving(n_in: int, n_out: int, kernel: int, bias: bool) -> nn.Conv2d:
    """Return a convolution of stride 2 that halves a side (4-2-1, 5-2-2, 3-2-1 or 1-2-0)."""
    return nn.Conv2d(n_in, n_out, kernel, stride=2, padding=(kernel - 1) // 2, bias=bias)


def doubling(n_in: int, n_out: int, kernel: int, bias: bool) -> nn.ConvTranspose2d:
    """Return a transposed convolution of stride 2 that doubles a side."""
    padding, missing = (kernel - 1) // 2, kernel % 2
    return nn.ConvTranspose2d(n_in, n_out, kernel, stride=2, padding=padding, output_padding=missing, bias=bias)


def keeping(n_in: int, n_out: int, kernel: int, bias: bool) -> nn.Conv2d:
    """Return a convolution of an odd kernel that keeps a side."""
    return nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2, bias=bias)
