"""What the samplers of a data set are called with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Generator, Tensor

from harness.datasets import DATASETS
from harness.plugins import invented
from harness.plugins.calls import Called, Setting
from harness.spec import Setup

SAMPLES = 16
HINTS = {
    "random": "random numbers come from the torch.Generator that it is given, and nothing is remembered between calls",
    "shape": "it gives n samples of the data set's `shape`",
}


def called(name: str, setup: Setup, setting: Setting) -> Iterator[Called]:
    """Yield the samplers of a data set. Each serves one run at a time: there is nothing to stack."""
    entry, shape = DATASETS[name], tuple(DATASETS[name].shape(setup.data))
    floats = {key: setting.hyper.get(f"data.{key}", default) for key, default in entry.hyper.items()}
    settings = {**setup.data, **floats}
    for role in ("sample", "reference", "fake"):
        if (sampler := getattr(entry, role)) is not None:
            yield _sampler(role, sampler, settings, shape)
    if entry.points is not None:
        yield _fixed("points", entry.points, settings)
    if entry.modes is not None:
        yield _fixed("modes", entry.modes, settings)


def _sampler(
    role: str, sampler: Callable[[int, Generator, Mapping[str, Any]], Tensor], settings: Mapping[str, Any],
    shape: tuple[int, ...],
) -> Called:  # fmt: skip
    def drawn(inputs: Mapping[str, Any], how: str) -> Tensor:
        return sampler(SAMPLES, invented.generator(role), dict(settings))

    return _of_one(role, sampler, drawn, ((SAMPLES, *shape),))


def _fixed(role: str, function: Callable[[Mapping[str, Any]], Tensor], settings: Mapping[str, Any]) -> Called:
    return _of_one(role, function, lambda inputs, how: function(dict(settings)), None)


def _of_one(role: str, function: Any, call: Any, shapes: Any) -> Called:
    return Called(role, function, call, {}, shapes=shapes, needed="samples", hints=HINTS, stacks=False)
