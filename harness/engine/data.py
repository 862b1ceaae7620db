"""The real side of a run's data: its settings, its fixed set, and what every update reads of it."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from harness.datasets import DATASETS, Sampler
from harness.engine import noise
from harness.spec import RunSpec


def data_settings(spec: RunSpec) -> dict[str, Any]:
    """Return the data set's own parameters of a run, floats and integers by their plain names."""
    floats = {name.removeprefix("data."): v for name, v in spec.hyper.items() if name.startswith("data.")}
    return {**spec.setup.data, **floats}


def fixed_points(spec: RunSpec) -> Tensor | None:
    """Return the points that a run is trained on again and again: [n, *shape]; None where it draws fresh ones.

    They are all that the data set has, or a fixed set of n, the same for every seed.
    """
    dataset = DATASETS[spec.setup.dataset]
    if dataset.points is not None:
        return dataset.points(data_settings(spec))
    if "fixed" not in spec.setup.data:
        return None
    rng = noise.generator(0, f"fixed.{spec.setup.dataset}")
    return dataset.sample(int(spec.setup.data["fixed"]), rng, data_settings(spec))


def real_draw(specs: Sequence[RunSpec], purpose: str, n: int) -> noise.Draw:
    """Return draws of n real samples an update: fresh ones, or a fixed set in shuffled passes."""
    points = [held for held in map(fixed_points, specs) if held is not None]
    if points:  # runs of a stack share the Setup that decides it
        return noise.passes([spec.seed for spec in specs], f"{purpose}.order", n, points)
    return fresh_draw(specs, purpose, n, DATASETS[specs[0].setup.dataset].sample)


def fresh_draw(specs: Sequence[RunSpec], purpose: str, n: int, sample: Sampler) -> noise.Draw:
    """Return draws of n new samples an update, each run with its own settings."""
    settings = [data_settings(spec) for spec in specs]
    seeds = [spec.seed for spec in specs]
    return noise.fresh(seeds, purpose, n, lambda run, count, rng: sample(count, rng, settings[run]))
