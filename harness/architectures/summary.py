"""Layers, parameters and multiply-adds of an architecture's two networks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from harness.architectures import ARCHITECTURES, Builder, Shape
from harness.errors import ShapeError, lookup
from harness.text import counted

BYTES = 4  # of a float32 parameter


@dataclass(frozen=True)
class LayerSummary:
    """One layer; its output and multiply-adds are those of one sample."""

    name: str
    type: str
    output_shape: list[int]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class NetworkSummary:
    """One network; `depth` counts layers with a matrix of weights one after the other: no norms, none of a shortcut."""

    depth: int
    parameters: int
    multiply_adds: int
    megabytes: float
    layers: list[LayerSummary]


@dataclass(frozen=True)
class ArchitectureSummary:
    """Both networks for samples of one shape."""

    architecture: str
    shape: Shape
    generator: NetworkSummary
    critic: NetworkSummary

    def to_json(self) -> dict[str, object]:
        """Return it as plain data."""
        return asdict(self)


def summarise(architecture: str, settings: Mapping[str, BaseModel], shape: Shape | None) -> ArchitectureSummary:
    """Return the summary of both players, whose models `settings` holds by "generator" and "critic".

    `shape` is that of one sample, the architecture's own by default. Raises ShapeError for one that it does not take.
    """
    entry = lookup(ARCHITECTURES, architecture, "architecture")
    shape = shape or entry.shape
    try:
        generator = generator_summary(entry.build_generator, settings["generator"], shape)
        critic = critic_summary(entry.build_critic, settings["critic"], shape)
    except ShapeError as error:
        raise ShapeError(f"'{architecture}' cannot be built: {error}") from None
    return ArchitectureSummary(architecture, shape, generator, critic)


def generator_summary(build: Builder, settings: BaseModel, shape: Shape) -> NetworkSummary:
    """Return the summary of a generator of samples of `shape`."""
    return _summary(build, settings, shape, (settings.latent,))  # type: ignore[attr-defined]  # as any generator


def critic_summary(build: Builder, settings: BaseModel, shape: Shape) -> NetworkSummary:
    """Return the summary of a critic of samples of `shape`."""
    return _summary(build, settings, shape, shape)


def render(summary: ArchitectureSummary) -> str:
    """Return the summary as two tables for a terminal."""
    lines = [f"{summary.architecture} for samples of shape {'x'.join(map(str, summary.shape))}"]
    for player, part in (("generator", summary.generator), ("critic", summary.critic)):
        width = max(10, *(len(layer.name) for layer in part.layers))
        lines += [
            "",
            f"{player}: {counted(part.depth, 'layer')} deep, {part.parameters:,} parameters, "
            f"{part.multiply_adds:,} multiply-adds a sample, {part.megabytes:.3f} MB",
            f"  {'layer':<{width}} {'type':<16} {'output':<16} {'parameters':>12} {'multiply-adds':>14}",
        ]
        for layer in part.layers:
            output = "x".join(map(str, layer.output_shape))
            row = f"  {layer.name:<{width}} {layer.type:<16} {output:<16}"
            lines.append(f"{row} {layer.parameters:>12,} {layer.multiply_adds:>14,}")
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


def _summary(build: Builder, settings: BaseModel, shape: Shape, takes: Shape) -> NetworkSummary:
    """Summarise the network built for `shape`, on the meta device, where tensors have shapes and no memory."""
    with torch.device("meta"):
        network = build(settings, shape)
    layers: list[LayerSummary] = []

    def note(name: str, layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        parameters, work = sum(p.numel() for p in layer.parameters()), multiply_adds(layer, inputs[0], output)
        layers.append(LayerSummary(name, type(layer).__name__, list(output.shape[1:]), parameters, work))

    for name, layer in network.named_modules():
        if not list(layer.children()) and not isinstance(layer, nn.Sequential):  # an empty one passes its input on
            layer.register_forward_hook(partial(note, name))
    with torch.no_grad():
        network(torch.empty(2, *takes, device="meta"))  # two samples: batch norm refuses one
    matrices = [name for name, weight in network.named_parameters() if weight.ndim > 1]
    parameters = sum(layer.parameters for layer in layers)
    return NetworkSummary(
        depth=sum("shortcut" not in name.split(".") for name in matrices),
        parameters=parameters,
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        megabytes=parameters * BYTES / 1e6,
        layers=layers,
    )
