"""What convolutional architectures share: sizes of images, layers that halve, double or keep a side."""

from torch import nn

from harness.errors import ShapeError

Shape = tuple[int, ...]

BASES = (4, 7)  # side of the smallest map: 28 is 7 doubled twice
LARGEST = 512


def halvings(shape: Shape) -> tuple[int, int]:
    """Return the side of the smallest map, and how often an image's side is halved to reach it.

    Raises ShapeError for samples that are no square images of such a side.
    """
    if len(shape) == 3 and shape[1] == shape[2] <= LARGEST:
        for base in BASES:
            count = (shape[1] // base).bit_length() - 1
            if count >= 1 and base << count == shape[1]:
                return base, count
    raise ShapeError(
        f"it makes square images whose side is 4 or 7 times a power of two, such as 1x16x16, 1x28x28, 3x32x32 or "
        f"3x64x64, and these samples are {named(shape)}"
    )


def named(shape: Shape) -> str:
    """Write a shape as 3x64x64."""
    return "x".join(map(str, shape))


def too_shallow(depth: int, least: int) -> ShapeError:
    """Return the error of a player with fewer layers than the side of an image needs."""
    return ShapeError(f"depth {depth} given, at least {least} needed for images of this side")


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
