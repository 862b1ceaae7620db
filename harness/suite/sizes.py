"""How large the networks of a Setup are, found by building them without storage."""

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel
from torch import nn

from harness.architectures.summary import network_summary
from harness.spec import Setup, canonical_json
from harness.suite.plugins import tables
from harness.suite.settings import player_model


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
    """Build on the meta device, where tensors have shapes and no memory."""
    settings: Any = model.model_validate_json(text)
    with torch.device("meta"):
        network = build(settings, shape)
    summary = network_summary(network, shape if takes_samples else (settings.latent,))
    return PlayerSize(summary["parameters"], sum(prod(layer["output_shape"]) for layer in summary["layers"]))
