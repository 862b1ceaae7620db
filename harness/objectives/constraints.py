"""Maps of the critic's parameters that keep it inside a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.objectives.losses import Hyper

if TYPE_CHECKING:
    from torch import Tensor

Constraint = Callable[["Tensor", Hyper], "Tensor"]


def keep(params: Tensor, hyper: Hyper) -> Tensor:
    """Leave the parameters as they are."""
    return params


def clip_weights(params: Tensor, hyper: Hyper) -> Tensor:
    """Clamp every parameter [..., P], biases too, to [-clip, clip] (Arjovsky et al. 2017, algorithm 1, line 7)."""
    limit = hyper["clip"][..., None]
    return params.clamp(-limit, limit)
