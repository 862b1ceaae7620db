"""Initial weights, drawn from an explicit generator into a flat vector."""

import math

import torch
from torch import Generator, Tensor, nn


def draw_weights(network: nn.Module, init: str | dict[str, float], generator: Generator) -> dict[str, Tensor]:
    """Return fresh parameters of `network` by name, in float32.

    he       weights N(0, 2 / fan_in), biases 0 (He et al. 2015, eq. 10)
    default  weights and biases U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)), as PyTorch's layers draw them
    {normal: sd}  weights N(0, sd^2), biases 0
    Norm layers start at weight 1, bias 0.
    """
    params = {}
    for path, module in network.named_modules():
        own = dict(module.named_parameters(recurse=False))
        prefix = f"{path}." if path else ""
        fan_in = own["weight"][0].numel() if "weight" in own and own["weight"].ndim > 1 else None
        for name, old in own.items():
            params[prefix + name] = _draw(name, old.shape, fan_in, init, generator)
    return params


def _draw(name: str, shape: torch.Size, fan_in: int | None, init: str | dict[str, float], rng: Generator) -> Tensor:
    if fan_in is None:  # a norm layer
        return torch.ones(shape) if name == "weight" else torch.zeros(shape)
    if init == "default":
        bound = 1 / math.sqrt(fan_in)
        return torch.empty(shape).uniform_(-bound, bound, generator=rng)
    if name == "bias":
        return torch.zeros(shape)
    sd = init["normal"] if isinstance(init, dict) else math.sqrt(2 / fan_in)
    return torch.randn(shape, generator=rng) * sd
