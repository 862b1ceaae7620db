"""Convolutional networks over a whole stack of runs at once.

Inside, a stack's maps [runs, n, c, h, w] are [n, runs * c, h, w]: its runs are groups of channels, so that one grouped
convolution serves them all (`grouped`). On a CPU they lie in memory as [n, h, w, runs * c]: oneDNN's grouped kernels
are faster there than for [n, runs * c, h, w], and take the same code however many runs there are, which those do not
for images of two or three channels.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.architectures import mlp
from harness.architectures.grouped import as_last, conv, conv_transpose
from harness.architectures.layers import CURVED, Gated, Residual, ToShape, ToVector
from harness.lanes import Stackable, dense, lanewise_map

Params = Mapping[str, Tensor]


def forward(network: nn.Module, params: Params, x: Tensor) -> Tensor:
    """Run `network` with `params` on x: for one run (x [n, *shape]) the module itself, or for a stack of runs.

    In a stack every parameter and x have an axis [runs] in front. The network is made of what `_apply` knows.
    """
    template, given = next(network.parameters()), next(iter(params.values()))
    if given.ndim == template.ndim:
        return torch.func.functional_call(network, dict(params), (x,))
    runs = len(given)
    x = _apply(network, "", params, _grouped(x) if x.ndim == 5 else x, runs)
    return _apart(x, runs) if x.ndim == 4 else x


def _apply(layer: nn.Module, name: str, params: Params, x: Tensor, runs: int) -> Tensor:
    """Run one layer, or a sequence of them, on vectors [runs, n, k] or maps [n, runs * c, h, w]."""
    if isinstance(layer, nn.Sequential):
        for child, inner in layer.named_children():
            x = _apply(inner, f"{name}.{child}" if name else child, params, x, runs)
        return x
    if isinstance(layer, Stackable):
        own = mlp.owned(layer, name, params)
        return _grouped(layer.run(own, _apart(x, runs), 1)) if x.ndim == 4 else layer.run(own, x, 1)
    if isinstance(layer, Residual):
        shortcut = _apply(layer.shortcut, f"{name}.shortcut", params, x, runs)
        return torch.add(shortcut, _apply(layer.body, f"{name}.body", params, x, runs), alpha=layer.scale)
    if isinstance(layer, ToVector) and x.ndim == 4:
        return _apart(x, runs).flatten(2)
    if isinstance(layer, ToShape) and len(layer.shape) == 3:
        return _grouped(layer(x))
    if x.ndim == 3:
        return mlp.apply(layer, name, params, x)
    if isinstance(layer, Gated):
        a, b = (as_last(half.flatten(1, 2)) for half in x.unflatten(1, (runs, 2, -1)).unbind(2))
        return lanewise_map(torch.sigmoid, a) * lanewise_map(torch.tanh, b)
    if isinstance(layer, CURVED):
        return lanewise_map(layer, x)
    own = {key: params[f"{name}.{key}"].flatten(0, 1) for key, _ in layer.named_parameters(recurse=False)}
    return _with_weights(layer, own.get("weight"), own.get("bias"), x, runs)


def _with_weights(layer: nn.Module, weight: Tensor | None, bias: Tensor | None, x: Tensor, runs: int) -> Tensor:
    """Run a convolution or a norm on maps; its parameters are those of all runs, one after the other."""
    if isinstance(layer, nn.Conv2d):
        assert weight is not None
        return conv(x, weight, bias, layer, runs)
    if isinstance(layer, nn.ConvTranspose2d):
        assert weight is not None
        return conv_transpose(x, weight, bias, layer, runs)
    if isinstance(layer, nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d):
        assert weight is not None
        assert bias is not None
        return _normed(layer, x, weight.unflatten(0, (runs, -1)), bias.unflatten(0, (runs, -1)))
    return as_last(layer(x)) if isinstance(layer, nn.PixelShuffle) else layer(x)


def _normed(
    layer: nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d, x: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    """Normalise maps [n, runs * c, h, w] over what the layer takes together, then scale by weight and bias [runs, c].

    All three norms are one of rows, once what they take together lies at the end: [n, h, w] in batch norm, [c, h, w] in
    a group norm of one group, [h, w] in instance norm. Rows are summed one by one, and each run's lie together: its
    sums have the same order in every stack, as those of PyTorch's kernels for these norms have not.
    """
    runs, is_batch = len(weight), isinstance(layer, nn.BatchNorm2d)
    order, back = ((1, 2, 0, 3, 4), (2, 0, 1, 3, 4)) if is_batch else ((1, 0, 2, 3, 4), (1, 0, 2, 3, 4))
    rows = dense(x.unflatten(1, (runs, -1)).permute(order))
    together = rows.shape[3:] if isinstance(layer, nn.InstanceNorm2d) else rows.shape[2:]
    normed = F.layer_norm(rows, together, eps=layer.eps)
    each = (runs, -1, 1, 1, 1) if is_batch else (runs, 1, -1, 1, 1)
    affine = torch.addcmul(bias.view(each), normed, weight.view(each))
    return as_last(dense(affine).permute(back).flatten(1, 2))


def _grouped(x: Tensor) -> Tensor:
    """[runs, n, c, h, w] -> [n, runs * c, h, w]."""
    return as_last(x.transpose(0, 1).flatten(1, 2))


def _apart(x: Tensor, runs: int) -> Tensor:
    """Invert `_grouped`."""
    return x.unflatten(1, (runs, -1)).transpose(0, 1)
