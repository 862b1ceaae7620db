"""What keeps a run's last bits apart from its place in a stack.

PyTorch's elementwise kernels take LANES numbers at once and the remainder of a tensor one by one, through code that
rounds `exp` or `tanh` differently. Where the remainder begins depends on how many runs lie before it, unless every
run's share of the tensor is a whole number of lanes. Additions, products and roots are rounded alike by both.
"""

from collections.abc import Callable

from torch import Tensor
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
