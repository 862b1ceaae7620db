"""Layers, parameters and multiply-adds of an architecture's two networks."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from harness.architectures import ARCHITECTURES
from harness.errors import ShapeError, lookup
from harness.text import counted

Shape = tuple[int, ...]
Builder = Callable[[Any, Shape], nn.Module]  # (settings, shape of one sample) -> network

BYTES = 4  # of a float32 parameter


def summarise(architecture: str, settings: Any, shape: Shape | None) -> dict[str, Any]:
    """Return the summary of both players: depth, parameters, multiply_adds of one sample, megabytes, layers.

    `settings` holds the player models by "generator" and "critic"; `shape` is that of one sample, the architecture's
    own by default. Raises ShapeError for a shape that it does not take.
    """
    entry = lookup(ARCHITECTURES, architecture, "architecture")
    shape = shape or entry.shape
    try:
        generator = generator_summary(entry.build_generator, settings["generator"], shape)
        critic = critic_summary(entry.build_critic, settings["critic"], shape)
    except ShapeError as error:
        raise ShapeError(f"'{architecture}' cannot be built: {error}") from None
    return {"architecture": architecture, "shape": list(shape), "generator": generator, "critic": critic}


def generator_summary(build: Builder, settings: Any, shape: Shape) -> dict[str, Any]:
    """Return the summary of a generator of samples of `shape`."""
    return _summary(build, settings, shape, (settings.latent,))


def critic_summary(build: Builder, settings: Any, shape: Shape) -> dict[str, Any]:
    """Return the summary of a critic of samples of `shape`."""
    return _summary(build, settings, shape, shape)


def render(summary: dict[str, Any]) -> str:
    """Return the summary as two tables for a terminal."""
    lines = [f"{summary['architecture']} for samples of shape {'x'.join(map(str, summary['shape']))}"]
    for player in ("generator", "critic"):
        part = summary[player]
        width = max(10, *(len(layer["name"]) for layer in part["layers"]))
        lines += [
            "",
            f"{player}: {counted(part['depth'], 'layer')} deep, {part['parameters']:,} parameters, "
            f"{part['multiply_adds']:,} multiply-adds a sample, {part['megabytes']:.3f} MB",
            f"  {'layer':<{width}} {'type':<16} {'output':<16} {'parameters':>12} {'multiply-adds':>14}",
        ]
        for layer in part["layers"]:
            output = "x".join(map(str, layer["output_shape"]))
            row = f"  {layer['name']:<{width}} {layer['type']:<16} {output:<16}"
            lines.append(f"{row} {layer['parameters']:>12,} {layer['multiply_adds']:>14,}")
    return "\n".join(lines)


def multiply_adds(layer: nn.Module, taken: Tensor, given: Tensor) -> int:
    """Return the multiply-adds of one sample through one layer, which made `given` [n, ...] of `taken` [n, ...].

    Of a convolution those are counted that meet a number: its taps on the padding are none. Norms and activations
    count as none.
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features * int(given[0].numel())
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        wide, narrow = (taken, given) if isinstance(layer, nn.Conv2d) else (given, taken)
        taps = [_taps(layer, axis, wide.shape[2 + axis], narrow.shape[2 + axis]) for axis in (0, 1)]
        return layer.in_channels * layer.out_channels // layer.groups * taps[0] * taps[1]
    return 0


def _taps(layer: nn.Conv2d | nn.ConvTranspose2d, axis: int, wide: int, narrow: int) -> int:
    """Return how many pairs (place on the strided side, tap) fall on one of `wide` places, along one axis.

    A transposed convolution pairs the same places, the other way round.
    """
    stride, padding, dilation = layer.stride[axis], int(layer.padding[axis]), layer.dilation[axis]
    places = (i * stride - padding + k * dilation for i in range(narrow) for k in range(layer.kernel_size[axis]))
    return sum(0 <= place < wide for place in places)


def _depth(network: nn.Module) -> int:
    """Return how many layers with a matrix of weights stand one after the other: no norms, none of a shortcut."""
    layers = [name for name, weight in network.named_parameters() if weight.ndim > 1]
    return sum("shortcut" not in name.split(".") for name in layers)


def _summary(build: Builder, settings: Any, shape: Shape, takes: Shape) -> dict[str, Any]:
    """Return the depth, parameters and so on of the network built for `shape`, with its layers, given what it `takes`.

    It is built on the meta device, where tensors have shapes and no memory.
    """
    with torch.device("meta"):
        network = build(settings, shape)
    layers: list[dict[str, Any]] = []

    def watch(name: str, layer: nn.Module) -> None:
        def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
            layers.append(
                {
                    "name": name,
                    "type": type(module).__name__,
                    "output_shape": list(output.shape[1:]),
                    "parameters": sum(p.numel() for p in module.parameters()),
                    "multiply_adds": multiply_adds(module, inputs[0], output),
                }
            )

        layer.register_forward_hook(note)

    for name, layer in network.named_modules():
        if not list(layer.children()) and not isinstance(layer, nn.Sequential):  # an empty one passes its input on
            watch(name, layer)
    with torch.no_grad():
        network(torch.empty(2, *takes, device="meta"))  # two samples: batch norm refuses one
    parameters = sum(layer["parameters"] for layer in layers)
    return {
        "depth": _depth(network),
        "parameters": parameters,
        "multiply_adds": sum(layer["multiply_adds"] for layer in layers),
        "megabytes": parameters * BYTES / 1e6,
        "layers": layers,
    }
