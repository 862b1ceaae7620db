"""The real side of a run's data: its settings, its fixed set, and what every update reads of it."""

from collections.abc import Sequence
from typing import Any

import torch
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

    They are all that the data set has, or a fixed set of n, the same for every seed. Images are no points.
    """
    dataset, settings = DATASETS[spec.setup.dataset], data_settings(spec)
    if dataset.points is not None:
        return dataset.points(settings)
    if dataset.pictures is not None or "fixed" not in spec.setup.data:
        return None
    rng = noise.generator(0, f"fixed.{spec.setup.dataset}")
    return dataset.sample(int(spec.setup.data["fixed"]), rng, settings)


def training_pictures(spec: RunSpec) -> Tensor:
    """Return the images that a run is trained on: uint8 [n, c, h, w], all of the training part or the first of it."""
    load = DATASETS[spec.setup.dataset].pictures
    assert load is not None, "of a data set of images"
    return load(data_settings(spec)).train[: spec.setup.data.get("fixed")]


def gathering(specs: Sequence[RunSpec], device: torch.device) -> noise.Gather | None:
    """Return how a stack turns places in its training images into values; None where it trains on no images.

    The images lie on the device once, as uint8, for all runs and streams of the stack.
    """
    dataset, settings = DATASETS[specs[0].setup.dataset], data_settings(specs[0])
    if dataset.pictures is None:
        return None
    pictures = training_pictures(specs[0]).to(device)

    def gather(places: Tensor) -> Tensor:
        # index_select copies whole images: ten times faster than pictures[places].
        return dataset.to_values(pictures.index_select(0, places.flatten()), settings).unflatten(0, places.shape)

    return gather


def real_draw(specs: Sequence[RunSpec], purpose: str, n: int) -> noise.Draw:
    """Return draws of n real samples an update: fresh ones, or a fixed set in shuffled passes (of images, places).

    Which of them it is depends on the Setup alone, which the runs of a stack share.
    """
    seeds, order = [spec.seed for spec in specs], f"{purpose}.order"
    if DATASETS[specs[0].setup.dataset].pictures is not None:
        return noise.shuffled(seeds, order, n, [len(training_pictures(spec)) for spec in specs])
    points = [fixed for fixed in map(fixed_points, specs) if fixed is not None]
    if points:
        return noise.passes(seeds, order, n, points)
    return fresh_draw(specs, purpose, n, DATASETS[specs[0].setup.dataset].sample)


def fresh_draw(specs: Sequence[RunSpec], purpose: str, n: int, sample: Sampler) -> noise.Draw:
    """Return draws of n new samples an update, each run with its own settings."""
    settings = [data_settings(spec) for spec in specs]
    seeds = [spec.seed for spec in specs]
    return noise.fresh(seeds, purpose, n, lambda run, count, rng: sample(count, rng, settings[run]))
