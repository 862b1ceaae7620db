"""Initial weights, drawn from an explicit generator into a flat vector."""

import math

import torch
from torch import Generator, Tensor, nn

DCGAN_SD = 0.02


def draw_weights(network: nn.Module, init: str | dict[str, float], generator: Generator) -> dict[str, Tensor]:
    """Return fresh parameters of `network` by name, in float32.

    he       weights N(0, 2 / fan_in), biases 0 (He et al. 2015, eq. 10)
    default  weights and biases U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)), as PyTorch's layers draw them
    dcgan    weights N(0, .02^2), those of norms N(1, .02^2), biases 0 (Radford et al. 2016, section 4, and their code)
    {normal: sd}  weights N(0, sd^2), biases 0
    Norm layers start at weight 1, bias 0, but for `dcgan`.
    """
    params = {}
    for path, module in network.named_modules():
        prefix = f"{path}." if path else ""
        for name, old in module.named_parameters(recurse=False):
            params[prefix + name] = _draw(module, name, old.shape, init, generator)
    return params


def fan_in(layer: nn.Module) -> float:
    """Return how many inputs an output of a linear or convolutional layer sums, padding aside."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    if isinstance(layer, nn.ConvTranspose2d):  # weight [in, out, k, k]; of its taps a stride leaves one in stride^2
        return weight[:, 0].numel() / (layer.stride[0] * layer.stride[1])
    return weight[0].numel()


def _draw(layer: nn.Module, name: str, shape: torch.Size, init: str | dict[str, float], rng: Generator) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    is_norm = weight.ndim == 1
    if init == "default" and not is_norm:
        # PyTorch takes the first two axes of a weight as out and in, for transposed convolutions too.
        bound = 1 / math.sqrt(weight[0].numel())
        return torch.empty(shape).uniform_(-bound, bound, generator=rng)
    if name == "bias":
        return torch.zeros(shape)
    if init == "dcgan":
        return torch.randn(shape, generator=rng) * DCGAN_SD + is_norm
    if is_norm:
        return torch.ones(shape)
    sd = init["normal"] if isinstance(init, dict) else math.sqrt(2 / fan_in(layer))
    return torch.randn(shape, generator=rng) * sd
