"""Convolutions of a whole stack at once: one group of channels a run, the same bits however many runs there are.

A convolution relates large maps x, weights w and small maps y, and is linear in each of the three: y of x and w, x of y
and w (a transposed convolution), w of x and y. Each one's derivatives are the other two, to any order. PyTorch's own
second derivative cuts groups apart and lets oneDNN choose another kernel by how many there are, and its transposed
convolution takes kernels several times slower than `large_maps`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, autograd, nn
from torch.nn import functional as F

from harness.lanes import dense

_derived = torch.ops.aten.convolution_backward
# Channels of x in all for which oneDNN without AVX-512 derives weights by another kernel, as of one coloured image.
COLOURS = 3
Pair = tuple[int, ...]


class Geometry(NamedTuple):
    """What a convolution is beside its three tensors."""

    stride: Pair
    padding: Pair
    dilation: Pair
    side: Pair  # of x
    kernel: Pair
    runs: int

    @property
    def options(self) -> tuple[Pair, Pair, Pair, bool, Pair]:
        """Stride to dilation as PyTorch takes them: not transposed, no output padding."""
        return self.stride, self.padding, self.dilation, False, (0, 0)


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, layer: nn.Conv2d, runs: int) -> Tensor:
    """Run `layer` with weight and bias of all runs, one after the other, on maps x [n, runs * c, h, w]."""
    if torch.compiler.is_compiling():  # which derives `Convolution` once, and silently wrongly twice
        return F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, runs)
    return _applied("y", _geometry(layer, x.shape[2:], runs), x, weight, bias)


def conv_transpose(x: Tensor, weight: Tensor, bias: Tensor | None, layer: nn.ConvTranspose2d, runs: int) -> Tensor:
    """Likewise for a transposed convolution."""
    if torch.compiler.is_compiling():
        pad = cast(Pair, layer.padding)
        return F.conv_transpose2d(x, weight, bias, layer.stride, pad, layer.output_padding, runs, layer.dilation)
    geometry = _geometry(layer, (), runs)
    sizes = zip(x.shape[2:], *geometry[:3], geometry.kernel, layer.output_padding, strict=True)
    side = tuple(
        (n - 1) * stride - 2 * pad + dilation * (k - 1) + more + 1 for n, stride, pad, dilation, k, more in sizes
    )
    return _applied("x", geometry._replace(side=side), x, weight, bias)


def as_last(x: Tensor) -> Tensor:
    """Return x with its channels last in memory, on a CPU."""
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def small_maps(x: Tensor, w: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """y = x * w + b."""
    return torch.convolution(x, w, bias, *geometry.options, geometry.runs)


def large_maps(y: Tensor, w: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """x = y * w' + b."""
    like = as_last(y.new_empty(len(y), geometry.runs * w.shape[1], *geometry.side))
    x: Tensor = _derived(y, like, w, None, *geometry.options, geometry.runs, (True, False, False))[0]
    return x if bias is None else x.add_(bias.view(-1, 1, 1))


def weights(x: Tensor, y: Tensor, bias: None, geometry: Geometry) -> Tensor:
    """w = sum over samples and places of x times y."""
    runs, rows = geometry.runs, y.shape[1]
    if x.shape[1] == runs == COLOURS:
        x, y, runs = _one_more(x, runs), _one_more(y, runs), runs + 1
    like = x.new_empty(y.shape[1], x.shape[1] // runs, *geometry.kernel)
    w: Tensor = _derived(y, x, like, None, *geometry.options, runs, (False, True, False))[1]
    return w[:rows]


FORMULA: dict[str, Callable[..., Tensor]] = {"y": small_maps, "x": large_maps, "w": weights}
GIVEN = {"y": ("x", "w"), "x": ("y", "w"), "w": ("x", "y")}  # the two tensors that each is computed from


class Convolution(autograd.Function):
    """One of x, w and y of the other two; its derivatives are convolutions of the same geometry."""

    @staticmethod
    def forward(ctx: Any, wanted: str, geometry: Geometry, a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.wanted, ctx.geometry = wanted, geometry
        return FORMULA[wanted](a, b, bias, geometry)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad = grad if ctx.wanted == "w" else as_last(grad)
        tensors = {**dict(zip(GIVEN[ctx.wanted], ctx.saved_tensors, strict=True)), ctx.wanted: grad}
        grads = [
            _applied(name, ctx.geometry, *(tensors[other] for other in GIVEN[name]), None) if needed else None
            for name, needed in zip(GIVEN[ctx.wanted], ctx.needs_input_grad[2:4], strict=True)
        ]
        return None, None, *grads, _sums(grad, ctx.geometry.runs) if ctx.needs_input_grad[4] else None


def _applied(wanted: str, geometry: Geometry, *tensors: Tensor | None) -> Tensor:
    convolved: Tensor = Convolution.apply(wanted, geometry, *tensors)  # type: ignore[no-untyped-call]
    return convolved


def _geometry(layer: nn.Conv2d | nn.ConvTranspose2d, side: Pair, runs: int) -> Geometry:
    assert not isinstance(layer.padding, str)
    return Geometry(layer.stride, layer.padding, layer.dilation, side, layer.kernel_size, runs)


def _one_more(x: Tensor, runs: int) -> Tensor:
    """Return maps [n, runs * c, h, w] with a run of zeros behind them."""
    return as_last(torch.cat([x, x.new_zeros(len(x), x.shape[1] // runs, *x.shape[2:])], 1))


def _sums(x: Tensor, runs: int) -> Tensor:
    """Return the sum of each channel, in an order that is the same in every stack: one row after the other."""
    return dense(x.unflatten(1, (runs, -1)).permute(1, 2, 0, 3, 4)).sum((2, 3, 4)).flatten()
