"""What a data set's runs are scored against, in memory and as arrays for a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.metrics.image_metrics import Seen, seen_arrays, seen_from
from harness.metrics.transport import Points


@dataclass(frozen=True)
class Reference:
    """What every run of one data set is scored against.

    points    [n, *shape], stratified and fixed: one draw for all runs, so that comparisons are paired
    floors    what real samples reach against `points` at the same n, by column, and other constants of the data set
    modes, sd centres [K, d] and standard deviation in data units, where the data set has modes
    train     at most n points of the fixed set that runs are trained on, where there is one
    seen      of pictures, what each extractor sees in them
    nulls     by null sampler its columns: the excess that the score's zero is made of, quality and coverage
    """

    points: Points
    floors: Mapping[str, float]
    modes: Points | None = None
    sd: float = 0.0
    train: Points | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    nulls: Mapping[str, dict[str, float]] = field(default_factory=dict)


def reference_arrays(reference: Reference) -> dict[str, np.ndarray]:
    """Return a reference as arrays for an npz file."""
    arrays = {"reference": reference.points, "sd": np.array(reference.sd)}
    if reference.modes is not None:
        arrays["modes"] = reference.modes
    if reference.train is not None:
        arrays["train"] = reference.train
    arrays |= seen_arrays(reference.seen) | null_arrays(reference.nulls)
    return arrays | {f"floor.{name}": np.array(value) for name, value in reference.floors.items()}


def reference_from(arrays: dict[str, np.ndarray]) -> Reference:
    """Invert `reference_arrays`. Raises DataError where an extractor cannot be had."""
    floors = {name.removeprefix("floor."): float(value) for name, value in arrays.items() if name.startswith("floor.")}
    modes, sd, train = arrays.get("modes"), float(arrays["sd"]), arrays.get("train")
    return Reference(arrays["reference"], floors, modes, sd, train, seen_from(arrays), nulls_from(arrays))


def null_arrays(nulls: Mapping[str, Mapping[str, float]]) -> dict[str, np.ndarray]:
    """Return the columns of null samplers as arrays for an npz file; `nulls_from` inverts it."""
    return {f"null.{name}.{column}": np.array(v) for name, found in nulls.items() for column, v in found.items()}


def nulls_from(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Invert `null_arrays`; other arrays are left out."""
    nulls: dict[str, dict[str, float]] = {}
    for key, array in arrays.items():
        if key.startswith("null."):
            _, name, column = key.split(".", 2)
            nulls.setdefault(name, {})[column] = float(array)
    return nulls
