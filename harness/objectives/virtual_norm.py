"""Virtual batch norm: statistics of a reference batch, and of a sample itself (Salimans et al. 2016, section 3.5).

The paper has it in the generator alone, with a reference that stays as it was drawn at the start; here it is in both
players, and `every` renews the reference.

A network is run on the reference and the samples together. Each norm takes the statistics of the first rows, to which
a sample adds its own with a weight of 1 / (m + 1), of m rows: samples do not depend on one another.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from harness.lanes import Stackable

BEFORE, AFTER = "reference", "apart"  # names of the layers that put the reference in front, and take it away
ROWS = f"{BEFORE}.rows"


class WithReference(Stackable):
    """Put the reference batch, [m, *shape], in front of the samples."""

    def __init__(self, batch: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("rows", torch.empty(batch))

    def run(self, own: Mapping[str, Tensor], x: Tensor, lead: int) -> Tensor:
        return torch.cat([own["rows"], x], lead)


class WithoutReference(Stackable):
    """Take the first m rows away."""

    def __init__(self, m: int) -> None:
        super().__init__()
        self.m = m

    def run(self, own: Mapping[str, Tensor], x: Tensor, lead: int) -> Tensor:
        return x.narrow(lead, self.m, x.shape[lead] - self.m)


class VirtualNorm(Stackable):
    """Normalise each channel of m reference rows by their statistics, of any further row by these and its own."""

    def __init__(self, norm: _BatchNorm, m: int) -> None:
        super().__init__()
        self.m, self.eps = m, norm.eps
        self.weight, self.bias = norm.weight, norm.bias

    def run(self, own: Mapping[str, Tensor], x: Tensor, lead: int) -> Tensor:
        """Return what is normalised, then scaled by weight and bias [c]; x is [m + n, c, *places]."""
        # Rows of one channel lie together: their sums have the same order in every stack.
        rows = x[..., None] if x.ndim == lead + 2 else x.flatten(lead + 2)
        rows = rows.transpose(lead, lead + 1).contiguous()  # [c, m + n, places]
        normed = normalise(rows, self.m, self.eps).transpose(lead, lead + 1).reshape(x.shape)
        shape = (*x.shape[:lead], 1, -1, *[1] * (x.ndim - lead - 2))
        return torch.addcmul(own["bias"].reshape(shape), normed, own["weight"].reshape(shape))


def normalise(rows: Tensor, m: int, eps: float) -> Tensor:
    """Return rows [..., m + n, places], the first m by their statistics, each other one by these and its own.

    The statistics of a mixture: of means a and b with shares 1 - w and w, variances add up to the mean variance and
    w (1 - w) (a - b)^2.
    """
    reference, rest = rows[..., :m, :], rows[..., m:, :]
    flat = reference.flatten(-2)
    mean = flat.mean(-1)[..., None, None]
    variance = (flat - mean[..., 0]).square().mean(-1)[..., None, None]
    own = rest.mean(-1, keepdim=True)
    own_variance = (rest - own).square().mean(-1, keepdim=True)
    share = 1 / (m + 1)
    mixed = mean + share * (own - mean)
    spread = variance + share * (own_variance - variance) + share * (1 - share) * (own - mean).square()
    of_reference = (reference - mean) / (variance + eps).sqrt()
    return torch.cat([of_reference, (rest - mixed) / (spread + eps).sqrt()], -2)


def with_reference(network: nn.Module, batch: tuple[int, ...]) -> nn.Module:
    """Return the network with every batch norm made virtual, run on a reference batch of that shape as well."""
    children = []
    last = -1
    for place, (name, child) in enumerate(network.named_children()):
        is_normed = any(isinstance(layer, _BatchNorm) for layer in child.modules())
        last = place if is_normed else last
        children.append((name, _made_virtual(child, batch[0])))
    children.insert(last + 1, (AFTER, WithoutReference(batch[0])))
    return nn.Sequential(OrderedDict([(BEFORE, WithReference(batch)), *children]))


def _made_virtual(layer: nn.Module, m: int) -> nn.Module:
    if isinstance(layer, _BatchNorm):
        return VirtualNorm(layer, m)
    for name, child in layer.named_children():
        setattr(layer, name, _made_virtual(child, m))
    return layer
