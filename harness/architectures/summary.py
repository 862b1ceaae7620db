"""Layers, parameters and multiply-adds of an architecture's two networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from harness.architectures import ARCHITECTURES, Builder, Shape
from harness.architectures.layers import ToShape
from harness.errors import ShapeError, lookup
from harness.text import counted

BYTES = 4  # of a float32 parameter
SMALL = 1_000_000  # parameters


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
    """One network.

    depth          layers with a matrix of weights one after the other: no norms, none of a shortcut
    multiply_adds  of one sample; `every_tap` as torchinfo counts them (`_every_tap`)
    megabytes      of parameters; `activation_megabytes` of what all layers put out for one sample, which training keeps
    """

    depth: int
    parameters: int
    multiply_adds: int
    every_tap: int
    megabytes: float
    activation_megabytes: float
    layers: list[LayerSummary]


@dataclass(frozen=True)
class ArchitectureSummary:
    """Both networks for samples of one shape."""

    architecture: str
    shape: Shape
    generator: NetworkSummary
    critic: NetworkSummary


def summarise(architecture: str, settings: Mapping[str, BaseModel], shape: Shape | None) -> ArchitectureSummary:
    """Return the summary of both players, whose models `settings` holds by "generator" and "critic".

    `shape` is that of one sample, the architecture's own by default. Raises ShapeError for one that it does not take.
    """
    entry = lookup(ARCHITECTURES, architecture, "architecture")
    shape = shape or entry.shape
    try:
        generator = network_summary("generator", entry.build_generator, settings["generator"], shape)
        critic = network_summary("critic", entry.build_critic, settings["critic"], shape)
    except ShapeError as error:
        raise ShapeError(f"'{architecture}' cannot be built: {error}") from None
    return ArchitectureSummary(architecture, shape, generator, critic)


def render(summary: ArchitectureSummary, batch: int = 1) -> str:
    """Return the summary as two tables for a terminal, and what a batch takes."""
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
        lines += [
            f"  a batch of {batch:,}: {batch * part.multiply_adds / 1e6:,.2f}M multiply-adds, "
            f"{batch * part.activation_megabytes:,.2f} MB of activations; torchinfo prints "
            f"{batch * part.every_tap / 1e6:,.2f}M"
        ]
    lines += [
        "",
        "Multiply-adds that meet a number are counted. torchinfo takes every parameter at every place of an output:",
        "taps on padding count there, biases and norms, and a transposed convolution at every place that it makes.",
    ]
    return "\n".join(lines)


def multiply_adds(layer: nn.Module, taken: Tensor, given: Tensor) -> int:
    """Return the multiply-adds of one sample through one layer, which made `given` [n, ...] of `taken` [n, ...].

    Of a convolution those are counted that meet a number: its taps on the padding are none. Norms and activations
    count as none.
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features * int(given[0].numel())
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        large = taken if isinstance(layer, nn.Conv2d) else given
        assert not isinstance(layer.padding, str)
        taps = _taps(large.shape[2:], layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        return layer.in_channels * layer.out_channels // layer.groups * taps
    return 0


def _every_tap(layer: nn.Module, given: Tensor, after: nn.Module | None) -> int:
    """Return what torchinfo counts for one sample through one layer: its parameters at every place of its output.

    A linear layer that a ToShape follows is a transposed convolution of one place, and is counted as such.
    """
    parameters = sum(p.numel() for p in layer.parameters())
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return parameters * int(given[0, 0].numel())
    if isinstance(after, ToShape):
        return parameters * prod(after.shape[1:])
    return parameters


@lru_cache(maxsize=1024)
def _taps(large: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> int:
    """Return how many pairs (place, tap) meet a number of the larger map: a convolution of ones by ones counts them.

    A transposed convolution pairs the same places, the other way round.
    """
    ones, taps = (torch.ones(1, 1, *size, dtype=torch.float64) for size in (large, kernel))
    return int(F.conv2d(ones, taps, None, stride, padding, dilation).sum())


def network_summary(player: str, build: Builder, settings: BaseModel, shape: Shape) -> NetworkSummary:
    """Return the summary of a player for samples of `shape`, built on the meta device, where tensors have no memory.

    A small one is built in memory after that: operations on the meta device import torch's compiler, which takes longer
    than all else that a plan does.
    """
    takes = (settings.latent,) if player == "generator" else shape  # type: ignore[attr-defined]  # as any generator
    with torch.device("meta"):
        network = build(settings, shape)
    device = "meta"
    if sum(p.numel() for p in network.parameters()) < SMALL:
        device = "cpu"
        with torch.random.fork_rng(devices=[]), torch.device(device):
            network = build(settings, shape)
    layers: list[LayerSummary] = []
    every_tap: list[int] = []

    def note(name: str, after: nn.Module | None, layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        parameters, work = sum(p.numel() for p in layer.parameters()), multiply_adds(layer, inputs[0], output)
        layers.append(LayerSummary(name, type(layer).__name__, list(output.shape[1:]), parameters, work))
        every_tap.append(_every_tap(layer, output, after))

    leaves = [  # an empty Sequential passes its input on
        (name, layer)
        for name, layer in network.named_modules()
        if not list(layer.children()) and not isinstance(layer, nn.Sequential)
    ]
    for (name, layer), after in zip(leaves, [*(layer for _, layer in leaves[1:]), None], strict=True):
        layer.register_forward_hook(partial(note, name, after))
    with torch.no_grad():
        network(torch.zeros(2, *takes, device=device))  # two samples: batch norm refuses one
    matrices = [name for name, weight in network.named_parameters() if weight.ndim > 1]
    parameters = sum(layer.parameters for layer in layers)
    return NetworkSummary(
        depth=sum("shortcut" not in name.split(".") for name in matrices),
        parameters=parameters,
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        every_tap=sum(every_tap),
        megabytes=parameters * BYTES / 1e6,
        activation_megabytes=sum(prod(layer.output_shape) for layer in layers) * BYTES / 1e6,
        layers=layers,
    )
