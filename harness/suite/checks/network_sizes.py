"""How large the networks of a Setup are, found by building them without storage."""

from functools import lru_cache
from math import prod
from typing import NamedTuple

from pydantic import BaseModel

from harness.architectures import Builder, Shape
from harness.architectures.summary import network_summary
from harness.plugins.components import tables
from harness.spec import Setup, canonical_json
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
    text = canonical_json(setup.critic)
    sizes = {"critic": _size("critic", entry.build_critic, player_model(entry, "critic"), text, packed)}
    if setup.generator:
        model, text = player_model(entry, "generator"), canonical_json(setup.generator)
        sizes["generator"] = _size("generator", entry.build_generator, model, text, shape)
    return sizes


@lru_cache(maxsize=1024)
def _size(player: str, build: Builder, model: type[BaseModel], text: str, shape: Shape) -> PlayerSize:
    summary = network_summary(player, build, model.model_validate_json(text), shape)
    units = sum(prod(layer.output_shape) for layer in summary.layers)
    return PlayerSize(summary.parameters, units, summary.multiply_adds)
