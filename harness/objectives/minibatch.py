"""Layers by which a critic sees how alike the samples of a batch are, put before its last layer."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from harness.errors import ShapeError
from harness.lanes import Stackable, lanewise

HELD = 64  # samples that others are compared with where the batch is fixed: each pair costs as much as in training
EPS = 1e-8  # under the root, whose derivative at 0 is infinite


class MinibatchStd(Stackable):
    """Append the standard deviation over the batch, averaged over features (Karras et al. 2018, section 3)."""

    couples = True
    more = 1

    def __init__(self) -> None:
        super().__init__()
        self.held: Tensor | None = None

    def run(self, own: Mapping[str, Tensor], x: Tensor, lead: int) -> Tensor:
        spread = spread_of(x) if self.held is None else self.held
        return torch.cat([x, spread[..., None, None].expand(*x.shape[:-1], 1)], -1)

    def fix(self, x: Tensor) -> None:
        self.held = spread_of(x)


def spread_of(x: Tensor) -> Tensor:
    """Return the mean over features of their standard deviations over a batch: [..., n, k] -> [...]."""
    rows = x.mT.contiguous()
    return ((rows - rows.mean(-1, keepdim=True)).square().mean(-1) + EPS).sqrt().mean(-1)


class MinibatchDiscrimination(Stackable):
    """Append how near each sample is to the others of its batch (Salimans et al. 2016, section 3.2).

    Each kernel b has a matrix [dims, k] of weights; of M = W_b f(x), o(x_i)_b is the mean over j of
    exp(-|M_i - M_j|_1). The paper has the sum: the mean does not grow with the batch.
    """

    couples = True

    def __init__(self, features: int, kernels: int, dims: int) -> None:
        super().__init__()
        self.more, self.dims = kernels, dims
        self.weight = nn.Parameter(torch.empty(kernels * dims, features))
        self.held: Tensor | None = None

    def run(self, own: Mapping[str, Tensor], x: Tensor, lead: int) -> Tensor:
        projected = torch.matmul(x, own["weight"].mT).unflatten(-1, (self.more, self.dims))
        others = projected if self.held is None else self.held
        apart = torch.cdist(projected.movedim(-3, -2), others.movedim(-3, -2), p=1).movedim(-3, -2)
        return torch.cat([x, lanewise(torch.exp, -apart).mean(-1)], -1)

    def fix(self, x: Tensor) -> None:
        self.held = torch.matmul(x[:HELD], self.weight.mT).unflatten(-1, (self.more, self.dims))


def with_std(player: str, network: nn.Module) -> nn.Module:
    """Return a critic with MinibatchStd before its last layer."""
    return network if player == "generator" else _before_last(network, "minibatch_std", lambda k: MinibatchStd())


def with_discrimination(player: str, network: nn.Module, setup: Mapping[str, int]) -> nn.Module:
    """Return a critic with MinibatchDiscrimination before its last layer."""
    if player == "generator":
        return network
    kernels, dims = setup["kernels"], setup["dims"]
    return _before_last(network, "minibatch", lambda k: MinibatchDiscrimination(k, kernels, dims))


def _before_last(
    network: nn.Module, name: str, layer_for: Callable[[int], MinibatchStd | MinibatchDiscrimination]
) -> nn.Module:
    """Put a layer before the last one, which is made as much wider. Raises ShapeError where that is not linear."""
    *below, (last, linear) = network.named_children()
    if not isinstance(network, nn.Sequential) or not isinstance(linear, nn.Linear):
        raise ShapeError("its critic does not end in a linear layer, which a layer over the batch stands before")
    layer = layer_for(linear.in_features)
    wider = nn.Linear(linear.in_features + layer.more, linear.out_features, bias=linear.bias is not None)
    return nn.Sequential(OrderedDict([*below, (name, layer), (last, wider)]))
