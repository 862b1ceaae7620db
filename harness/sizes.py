"""How large the networks of a Setup are, found by building them without storage."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel
from torch import nn

from harness.plugins import tables
from harness.settings import player_model
from harness.spec import Setup, canonical_json


class PlayerSize(NamedTuple):
    """Parameters of a network, and the numbers that its layers put out for one sample."""

    parameters: int
    units: int


def player_sizes(setup: Setup) -> dict[str, PlayerSize]:
    """Return the size of each network that a Setup trains; a sampler in the generator's place has none.

    Raises whatever the architecture's builder raises for settings or a shape of sample that it does not take.
    """
    entry, shape = tables().architecture[setup.architecture], tables().dataset[setup.dataset].shape
    packed = (shape[0] * setup.train["pack"], *shape[1:])
    critic = _size(entry.build_critic, player_model(entry, "critic"), canonical_json(setup.critic), packed, True)
    if not setup.generator:
        return {"critic": critic}
    text = canonical_json(setup.generator)
    return {
        "generator": _size(entry.build_generator, player_model(entry, "generator"), text, shape, False),
        "critic": critic,
    }


@lru_cache(maxsize=1024)
def _size(
    build: Callable[[Any, tuple[int, ...]], nn.Module],
    model: type[BaseModel],
    text: str,
    shape: tuple[int, ...],
    takes_samples: bool,
) -> PlayerSize:
    """Build on the meta device, where tensors have shapes and no memory, and pass two samples through."""
    settings: Any = model.model_validate_json(text)
    units = 0

    def count(module: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal units
        units += output.numel() // 2

    with torch.device("meta"), torch.no_grad():
        network = build(settings, shape)
        leaves = [module for module in network.modules() if not list(module.children())]
        for module in leaves:
            module.register_forward_hook(count)
        network(torch.empty(2, *(shape if takes_samples else (settings.latent,))))
    return PlayerSize(sum(p.numel() for p in network.parameters()), units)
