"""What a data set's runs are scored against, in memory and as arrays for a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.metrics.image_metrics import RealFeatures
from harness.metrics.transport import Points

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Reference:
    """What every run of one data set is scored against.

    points    [n, *shape], stratified and fixed: one draw for all runs, so that comparisons are paired
    floors    what real samples reach against `points` at the same n, by column, and other constants of the data set
    modes, sd centres [K, d] and standard deviation in data units, where the data set has modes
    train     at most n points of the fixed set that runs are trained on, where there is one
    real_features  of images, what each extractor makes of real ones
    nulls     by null sampler its columns: the excess that the score's zero is made of, quality and coverage
    """

    points: Points
    floors: Mapping[str, float]
    modes: Points | None = None
    sd: float = 0.0
    train: Points | None = None
    real_features: Mapping[str, RealFeatures] = field(default_factory=dict)
    nulls: Mapping[str, dict[str, float]] = field(default_factory=dict)


def reference_arrays(reference: Reference) -> Arrays:
    """Return a reference as arrays for an npz file, what extractors see and their weights included."""
    arrays = {"reference": reference.points, "sd": np.array(reference.sd)}
    arrays |= {name: x for name, x in (("modes", reference.modes), ("train", reference.train)) if x is not None}
    for name, real in reference.real_features.items():
        parts = {
            "held": real.held_out,
            "train": real.train,
            "classes": np.array(real.extractor.classes, dtype=str),
        }
        further = {"expected": real.expected, "apart": real.apart}
        parts |= {name: x for name, x in further.items() if x is not None}
        parts |= {f"real.{column}": np.array(value) for column, value in real.reached.items()}
        parts |= {f"weights.{key}": array for key, array in real.extractor.ready.weights.items()}
        arrays |= {f"seen.{name}.{part}": array for part, array in parts.items()}
    arrays |= null_arrays(reference.nulls)
    return arrays | {f"floor.{name}": np.array(value) for name, value in reference.floors.items()}


def reference_from(arrays: Arrays) -> Reference:
    """Invert `reference_arrays`. Raises DataError where an extractor cannot be had."""
    real_features = {name: _real_features(name, parts) for name, parts in _groups("seen", arrays).items()}
    return Reference(
        arrays["reference"],
        _floats("floor.", arrays),
        arrays.get("modes"),
        float(arrays["sd"]),
        arrays.get("train"),
        real_features,
        nulls_from(arrays),
    )


def _real_features(name: str, parts: Arrays) -> RealFeatures:
    from harness.metrics.extractors import restored

    extractor = restored(name, _below("weights.", parts), tuple(map(str, parts["classes"])))
    known = parts["held"], parts["train"], parts.get("expected"), _floats("real.", parts)
    return RealFeatures(extractor, *known, apart=parts.get("apart"))


def null_arrays(nulls: Mapping[str, Mapping[str, float]]) -> Arrays:
    """Return the columns of null samplers as arrays for an npz file; `nulls_from` inverts it."""
    return {f"null.{name}.{column}": np.array(v) for name, columns in nulls.items() for column, v in columns.items()}


def nulls_from(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Invert `null_arrays`; other arrays are left out."""
    return {name: _floats("", columns) for name, columns in _groups("null", arrays).items()}


def _groups(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, Arrays]:
    """Return the arrays `kind.name.rest` by name and rest."""
    names = dict.fromkeys(key.split(".")[1] for key in arrays if key.startswith(f"{kind}."))
    return {name: _below(f"{kind}.{name}.", arrays) for name in names}


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}


def _floats(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {key: float(value) for key, value in _below(prefix, arrays).items()}
