"""Convolutions of a whole stack at once: one group of channels a run, the same bits however many runs there are.

A convolution relates large maps x, weights w and small maps y, and is linear in each of the three: `Across` gives y of
x and w, `Back` x of y and w (a transposed convolution), `Weigh` w of x and y. Each one's derivatives are the other two,
to any order. PyTorch's own second derivative cuts groups apart and lets oneDNN choose another kernel by how many there
are, and its transposed convolution takes kernels several times slower than `Back`.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, autograd, nn

from harness.lanes import dense

_derived = torch.ops.aten.convolution_backward
NO_OUTPUT_PADDING = (0, 0)
# Channels of x in all for which oneDNN without AVX-512 derives weights by another kernel, as of one coloured picture.
COLOURS = 3
Pair = tuple[int, ...]


class How(NamedTuple):
    """What a convolution is beside its three tensors."""

    stride: Pair
    padding: Pair
    dilation: Pair
    side: Pair  # of x
    kernel: Pair
    runs: int


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, layer: nn.Conv2d, runs: int) -> Tensor:
    """Run `layer` with weight and bias of all runs, one after the other, on maps x [n, runs * c, h, w]."""
    return _applied(Across, x, weight, bias, _how(layer, x.shape[2:], runs))


def conv_transpose(x: Tensor, weight: Tensor, bias: Tensor | None, layer: nn.ConvTranspose2d, runs: int) -> Tensor:
    """Likewise for a transposed convolution."""
    (stride, pad, kernel, dilation), more = _geometry(layer), layer.output_padding
    side = tuple(
        (length - 1) * stride[i] - 2 * pad[i] + dilation[i] * (kernel[i] - 1) + more[i] + 1
        for i, length in enumerate(x.shape[2:])
    )
    return _applied(Back, x, weight, bias, _how(layer, side, runs))


def as_last(x: Tensor) -> Tensor:
    """Return x with its channels last in memory, on a CPU."""
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


class Across(autograd.Function):
    """y = x * w + b."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, how: How) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.how = how
        return torch.convolution(x, w, b, how.stride, how.padding, how.dilation, False, NO_OUTPUT_PADDING, how.runs)

    @staticmethod
    def backward(ctx: Any, y: Tensor) -> tuple[Tensor | None, ...]:
        (x, w), how, (of_x, of_w, of_b, _) = ctx.saved_tensors, ctx.how, ctx.needs_input_grad
        y = as_last(y)
        return (
            _applied(Back, y, w, None, how) if of_x else None,
            _applied(Weigh, x, y, how) if of_w else None,
            _sums(y, how.runs) if of_b else None,
            None,
        )


class Back(autograd.Function):
    """x = y * w' + b."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, w: Tensor, b: Tensor | None, how: How) -> Tensor:
        ctx.save_for_backward(y, w)
        ctx.how = how
        like = as_last(y.new_empty(len(y), how.runs * w.shape[1], *how.side))
        rest = (how.stride, how.padding, how.dilation, False, NO_OUTPUT_PADDING, how.runs)
        x: Tensor = _derived(y, like, w, None, *rest, (True, False, False))[0]
        return x if b is None else x.add_(b.view(-1, 1, 1))

    @staticmethod
    def backward(ctx: Any, x: Tensor) -> tuple[Tensor | None, ...]:
        (y, w), how, (of_y, of_w, of_b, _) = ctx.saved_tensors, ctx.how, ctx.needs_input_grad
        x = as_last(x)
        return (
            _applied(Across, x, w, None, how) if of_y else None,
            _applied(Weigh, x, y, how) if of_w else None,
            _sums(x, how.runs) if of_b else None,
            None,
        )


class Weigh(autograd.Function):
    """w = sum over samples and places of x times y."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, how: How) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.how = how
        runs, rows = how.runs, y.shape[1]
        if x.shape[1] == runs == COLOURS:
            x, y, runs = _one_more(x, runs), _one_more(y, runs), runs + 1
        like = x.new_empty(y.shape[1], x.shape[1] // runs, *how.kernel)
        rest = (how.stride, how.padding, how.dilation, False, NO_OUTPUT_PADDING, runs)
        w: Tensor = _derived(y, x, like, None, *rest, (False, True, False))[1]
        return w[:rows]

    @staticmethod
    def backward(ctx: Any, w: Tensor) -> tuple[Tensor | None, ...]:
        (x, y), how, (of_x, of_y, _) = ctx.saved_tensors, ctx.how, ctx.needs_input_grad
        return (
            _applied(Back, y, w, None, how) if of_x else None,
            _applied(Across, x, w, None, how) if of_y else None,
            None,
        )


def _how(layer: nn.Conv2d | nn.ConvTranspose2d, side: Pair, runs: int) -> How:
    stride, padding, kernel, dilation = _geometry(layer)
    return How(stride, padding, dilation, side, kernel, runs)


def _geometry(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[Pair, Pair, Pair, Pair]:
    assert not isinstance(layer.padding, str)
    return layer.stride, layer.padding, layer.kernel_size, layer.dilation


def _applied(function: type[autograd.Function], *given: Any) -> Tensor:
    applied: Tensor = function.apply(*given)
    return applied


def _one_more(x: Tensor, runs: int) -> Tensor:
    """Return maps [n, runs * c, h, w] with a run of zeros behind them."""
    return as_last(torch.cat([x, x.new_zeros(len(x), x.shape[1] // runs, *x.shape[2:])], 1))


def _sums(x: Tensor, runs: int) -> Tensor:
    """Return the sum of each channel, in an order that is the same in every stack: one row after the other."""
    return dense(x.unflatten(1, (runs, -1)).permute(1, 2, 0, 3, 4)).sum((2, 3, 4)).flatten()
