"""Layers, parameters and multiply-adds of an architecture's two networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from harness.architectures import ARCHITECTURES, Builder, Shape
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
        large = taken if isinstance(layer, nn.Conv2d) else given
        assert not isinstance(layer.padding, str)
        taps = _taps(large.shape[2:], layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        return layer.in_channels * layer.out_channels // layer.groups * taps
    return 0


@lru_cache(maxsize=1024)
def _taps(large: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> int:
    """Return how many pairs (place, tap) meet a number of the larger map: a convolution of ones by ones counts them.

    A transposed convolution pairs the same places, the other way round.
    """
    ones, taps = (torch.ones(1, 1, *size, dtype=torch.float64) for size in (large, kernel))
    return int(F.conv2d(ones, taps, None, stride, padding, dilation).sum())


def network_summary(player: str, build: Builder, settings: BaseModel, shape: Shape) -> NetworkSummary:
    """Return the summary of a player for samples of `shape`, built on the meta device, where tensors have no memory.

    A small one of points is built in memory after that: operations on the meta device import torch's compiler, which
    takes longer than all else that a plan of toys does.
    """
    takes = (settings.latent,) if player == "generator" else shape  # type: ignore[attr-defined]  # as any generator
    with torch.device("meta"):
        network = build(settings, shape)
    device = "meta"
    if len(shape) == 1 and sum(p.numel() for p in network.parameters()) < SMALL:
        device = "cpu"
        with torch.random.fork_rng(devices=[]), torch.device(device):
            network = build(settings, shape)
    layers: list[LayerSummary] = []

    def note(name: str, layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        parameters, work = sum(p.numel() for p in layer.parameters()), multiply_adds(layer, inputs[0], output)
        layers.append(LayerSummary(name, type(layer).__name__, list(output.shape[1:]), parameters, work))

    for name, layer in network.named_modules():
        if not list(layer.children()) and not isinstance(layer, nn.Sequential):  # an empty one passes its input on
            layer.register_forward_hook(partial(note, name))
    with torch.no_grad():
        network(torch.zeros(2, *takes, device=device))  # two samples: batch norm refuses one
    matrices = [name for name, weight in network.named_parameters() if weight.ndim > 1]
    parameters = sum(layer.parameters for layer in layers)
    return NetworkSummary(
        depth=sum("shortcut" not in name.split(".") for name in matrices),
        parameters=parameters,
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        megabytes=parameters * BYTES / 1e6,
        layers=layers,
    )
