"""Layers, parameters and multiply-adds of an architecture's two networks."""

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from harness.architectures import ARCHITECTURES
from harness.errors import HarnessError, lookup, suggestion
from harness.suite.yamlfile import parse_value

BYTES = 4  # of a float32 parameter


def summarise(architecture: str, settings: Any, shape: tuple[int, ...] | None) -> dict[str, Any]:
    """Return the summary of both players: parameters, multiply_adds of one sample, megabytes, layers.

    `settings` holds the player models by "generator" and "critic"; `shape` is that of one sample, the architecture's
    own by default. Nothing is allocated: the networks live on the meta device.
    """
    entry = lookup(ARCHITECTURES, architecture, "architecture")
    shape = shape or entry.shape
    with torch.device("meta"):
        generator = entry.build_generator(settings["generator"], shape)
        critic = entry.build_critic(settings["critic"], shape)
    latent = (settings["generator"].latent,)
    return {
        "architecture": architecture,
        "shape": list(shape),
        "generator": network_summary(generator, latent),
        "critic": network_summary(critic, shape),
    }


def parse_settings(architecture: str, sets: Sequence[str]) -> dict[str, Any]:
    """Return both players' models with KEY=VALUE settings: `width` for those that have it, `critic.width` for one.

    Raises HarnessError for an unknown key or a value that does not fit.
    """
    entry = lookup(ARCHITECTURES, architecture, "architecture")
    models = {"generator": entry.generator_model, "critic": entry.critic_model}
    given: dict[str, dict[str, Any]] = {player: dict(getattr(entry, player)) for player in models}
    for text in sets:
        key, _, value = text.partition("=")
        player, _, name = key.strip().rpartition(".")
        takers = [p for p in models if player in ("", p) and name in models[p].model_fields]
        if not takers:
            known = {field for model in models.values() for field in model.model_fields}
            raise HarnessError(f"--set {text}: unknown name {key.strip()!r}.{suggestion(name, known)}")
        for taker in takers:
            given[taker][name] = parse_value(value, f"--set {text}")
    try:
        players: dict[str, Any] = {player: model(**given[player]) for player, model in models.items()}
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise HarnessError(f"--set: {name}: {first['input']!r} given; {first['msg'].lower()}") from None
    if getattr(players["critic"], "norm", None) == "auto":  # the objective's choice; most choose layer norm
        players["critic"] = players["critic"].model_copy(update={"norm": "layer"})
    return players


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """Read "2" or "3x64x64". Raises HarnessError for anything else."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if not all(part.isdigit() and 0 < int(part) <= 4096 for part in parts):
        raise HarnessError(f"--shape: {text!r} given; sizes joined by x are needed, such as 2 or 3x64x64")
    return tuple(int(part) for part in parts)


def render(summary: dict[str, Any]) -> str:
    """Return the summary as two tables for a terminal."""
    lines = [f"{summary['architecture']} for samples of shape {'x'.join(map(str, summary['shape']))}"]
    for player in ("generator", "critic"):
        part = summary[player]
        lines += [
            "",
            f"{player}: {part['parameters']:,} parameters, {part['multiply_adds']:,} multiply-adds a sample, "
            f"{part['megabytes']:.3f} MB",
            f"  {'layer':<10} {'type':<16} {'output':<16} {'parameters':>12} {'multiply-adds':>14}",
        ]
        for layer in part["layers"]:
            output = "x".join(map(str, layer["output_shape"]))
            row = f"  {layer['name']:<10} {layer['type']:<16} {output:<16}"
            lines.append(f"{row} {layer['parameters']:>12,} {layer['multiply_adds']:>14,}")
    return "\n".join(lines)


def multiply_adds(layer: nn.Module, output: Tensor) -> int:
    """Return the multiply-adds of one sample through one layer; norms and activations count as none."""
    if isinstance(layer, nn.Linear):
        return layer.in_features * int(output[0].numel())
    return 0


def network_summary(network: nn.Module, shape: Sequence[int]) -> dict[str, Any]:
    """Return parameters, multiply_adds, megabytes and layers of a network on the meta device, for inputs of `shape`."""
    layers: list[dict[str, Any]] = []

    def watch(name: str, layer: nn.Module) -> None:
        def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
            layers.append(
                {
                    "name": name,
                    "type": type(module).__name__,
                    "output_shape": list(output.shape[1:]),
                    "parameters": sum(p.numel() for p in module.parameters()),
                    "multiply_adds": multiply_adds(module, output),
                }
            )

        layer.register_forward_hook(note)

    for name, layer in network.named_modules():
        if not list(layer.children()):
            watch(name, layer)
    with torch.no_grad():
        network(torch.empty(2, *shape, device="meta"))  # two samples: batch norm refuses one
    parameters = sum(layer["parameters"] for layer in layers)
    return {
        "parameters": parameters,
        "multiply_adds": sum(layer["multiply_adds"] for layer in layers),
        "megabytes": parameters * BYTES / 1e6,
        "layers": layers,
    }
