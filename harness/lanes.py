"""What keeps a run's last bits apart from its place in a stack.

PyTorch's elementwise kernels take LANES numbers at once and the remainder of a tensor one by one, through code that
rounds `exp` or `tanh` differently. Where the remainder begins depends on how many runs lie before it, unless every
run's share of the tensor is a whole number of lanes. Additions, products and roots are rounded alike by both.

And a sum over several axes adds in an order that follows from how the tensor lies in memory: made dense, it lies alike
in every stack.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, autograd, nn
from torch.nn import functional as F

LANES = (
    32  # float32 numbers in two AVX-512 registers, the widest that PyTorch 2.13 takes; a multiple of all smaller ones
)


def whole_lanes(x: Tensor) -> Tensor:
    """Return x [..., k] with zeros behind its last axis, up to the next multiple of LANES; x itself where k is one."""
    missing = -x.shape[-1] % LANES
    return F.pad(x, (0, missing)) if missing else x


def lanewise(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return an elementwise `function` of x [..., k], the same bits whatever stands before x in memory."""
    return function(whole_lanes(x))[..., : x.shape[-1]]


def lanewise_map(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return an elementwise `function` of maps x [n, c, h, w], likewise.

    Their rows are short, and would grow many times if padded: all of x is taken as one row, in the order [n, h, w, c].
    """
    n, c, h, w = x.shape
    flat = x.permute(0, 2, 3, 1).flatten()
    done = dense(function(whole_lanes(dense(flat))))
    return done[: len(flat)].view(n, h, w, c).permute(0, 3, 1, 2)


class _Dense(autograd.Function):
    """The same numbers, densely in memory; and so the gradient, whose layout would else follow from what came after."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.contiguous()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return dense(grad)


def dense(x: Tensor) -> Tensor:
    """Return x densely in memory, and let its gradient be so too: layout decides in which order sums are taken.

    Compiled, the gradient is left out: torch.compile (2.13) drops the second derivative of a Function, silently.
    """
    if torch.compiler.is_compiling():
        return x.contiguous()
    return _Dense.apply(x)  # type: ignore[no-untyped-call]


class Stackable(nn.Module):
    """A layer that is written once, for one run and for a stack of runs.

    `run` is given its parameters and buffers by name, and x [n, *shape]; where `lead` is 1, all with an axis [runs] in
    front. `couples` says whether a sample's output depends on the rest of its batch: `fix` makes that x for good.
    """

    couples = False

    def run(self, own: Mapping[str, Tensor], x: Tensor, lead: int) -> Tensor:
        raise NotImplementedError

    def fix(self, x: Tensor) -> None:
        """Let every sample be taken as one among those of x [n, *shape], without a weight of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return self.run(dict(self.owned()), x, 0)

    def owned(self) -> list[tuple[str, Tensor]]:
        """Return its own parameters and buffers by name."""
        return [*self.named_parameters(recurse=False), *self.named_buffers(recurse=False)]
