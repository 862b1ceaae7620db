"""Maps of the critic's parameters that keep it inside a set."""

from collections.abc import Callable

import torch
from torch import Tensor

from harness.objectives.losses import Hyper

Constraint = Callable[[Tensor, Hyper], Tensor]


def keep(params: Tensor, hyper: Hyper) -> Tensor:
    """Leave the parameters as they are."""
    return params


def clip_weights(params: Tensor, hyper: Hyper) -> Tensor:
    """Clamp every parameter [..., P], biases too, to [-clip, clip] (Arjovsky et al. 2017, algorithm 1, line 7)."""
    limit = hyper["clip"][..., None]
    return torch.clamp(params, -limit, limit)
