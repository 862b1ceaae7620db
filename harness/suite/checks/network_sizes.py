"""How large the networks of a Setup are, found by building them without storage."""

import json
from functools import lru_cache
from math import prod
from typing import NamedTuple

from pydantic import BaseModel
from torch import nn

from harness.architectures import Builder, Shape
from harness.architectures.summary import network_summary
from harness.engine.networks import tricked
from harness.plugins.components import tables
from harness.spec import Setup, canonical_json
from harness.suite.format.values import MAX_NETWORKS
from harness.suite.parameters import player_model


class PlayerSize(NamedTuple):
    """Parameters of a network; the numbers that its layers put out, and its multiply-adds, for one sample."""

    parameters: int
    units: int
    multiply_adds: int


def player_sizes(setup: Setup) -> dict[str, PlayerSize]:
    """Return the size of each network that a Setup trains; a sampler in the generator's place has none.

    Raises whatever the architecture's builder raises for settings or a shape of sample that it does not take.
    """
    entry = tables().architecture[setup.architecture]
    shape = tables().dataset[setup.dataset].shape(setup.data)
    packed = (shape[0] * setup.train["pack"], *shape[1:])
    n, builders = setup.train["batch"], {"critic": entry.build_critic, "generator": entry.build_generator}
    sizes = {}
    for player in ("critic", "generator") if setup.generator else ("critic",):
        settings = getattr(setup, player)
        takes = (n, *packed) if player == "critic" else (n * setup.train["pack"], settings.get("latent", 1))
        key = canonical_json([settings, setup.tricks, takes if setup.tricks else []])
        sample = packed if player == "critic" else shape
        sizes[player] = _size(player, builders[player], player_model(entry, player), key, sample)
    return sizes


@lru_cache(maxsize=4 * MAX_NETWORKS)
def _size(player: str, build: Builder, model: type[BaseModel], key: str, shape: Shape) -> PlayerSize:
    settings, tricks, takes = json.loads(key)

    def built(settings: BaseModel, shape: Shape) -> nn.Module:
        return tricked(player, build(settings, shape), tuple(takes), tricks)

    summary = network_summary(player, built, model.model_validate_json(canonical_json(settings)), shape)
    units = sum(prod(layer.output_shape) for layer in summary.layers)
    return PlayerSize(summary.parameters, units, summary.multiply_adds)
