"""Metrics: pure functions of a run's samples and its data set's reference, to flat dicts of floats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.metrics import coverage
from harness.metrics.transport import MAX_DIMENSION, Points, best_point_distance, wasserstein_1

__all__ = ["METRICS", "Metric", "Reference", "make_reference", "samples_drawn", "score", "score_id"]

FLOOR_DRAWS = 5
MODES_SAMPLES = 2500  # the count of found modes grows with n, so that n is part of its name


@dataclass(frozen=True)
class Reference:
    """What every run of one data set is scored against.

    points    [n, *shape], stratified and fixed: one draw for all runs, so that comparisons are paired
    floors    what real samples reach against `points` at the same n, by column, and other constants of the data set
    modes, sd centres [K, d] and spread in data units, where the data set has modes
    spread    total variance of the data
    """

    points: Points
    floors: Mapping[str, float]
    spread: float
    modes: Points | None = None
    sd: float = 0.0


@dataclass(frozen=True)
class Metric:
    """`compute` takes (generated [N, *shape], reference) and returns the named columns; NaN where undefined."""

    version: int
    columns: tuple[str, ...]
    compute: Callable[[Points, Reference], dict[str, float]]
    applies: Callable[[Reference], bool]
    summary: str


def make_reference(spec: Any, samples: int) -> Reference:
    """Build the reference of a run's data set at its data settings: `samples` points, and their floors."""
    from harness.datasets import DATASETS
    from harness.engine import noise
    from harness.engine.data import data_settings

    dataset, settings = DATASETS[spec.setup.dataset], data_settings(spec)
    points = dataset.reference(samples, noise.generator(0, "reference"), settings).double().numpy()
    draws = [
        dataset.sample(samples, noise.generator(k, "floor"), settings).double().numpy() for k in range(FLOOR_DRAWS)
    ]
    floors = {}
    if points.shape[1] <= MAX_DIMENSION:
        floors["w1_floor"] = float(np.mean([wasserstein_1(draw, points) for draw in draws]))
        floors["w1_constant"] = best_point_distance(points)
    modes = dataset.modes(settings).double().numpy() if dataset.modes else None
    sd = settings["sd"] / settings["scale"] if modes is not None else 0.0
    return Reference(points, floors, float(points.var(0).sum()), modes, sd)


def samples_drawn(samples: int) -> int:
    """Return how many points a snapshot holds so that one draw serves every metric of a suite's `samples`."""
    return max(samples, MODES_SAMPLES)


def score(generated: Points, reference: Reference) -> dict[str, float | None]:
    """Return every metric that applies, by column; None stands for what is undefined or not finite."""
    columns: dict[str, float] = {}
    for metric in METRICS.values():
        if metric.applies(reference):
            columns |= metric.compute(generated, reference)
    return {name: value if np.isfinite(value) else None for name, value in columns.items()}


def score_id(at: list[float], samples: int) -> str:
    """Return the address of a way of scoring: when, how many samples, which versions of which metrics."""
    from harness.spec import content_id

    return content_id({"at": at, "samples": samples, "metrics": {k: m.version for k, m in METRICS.items()}})


def _transport(generated: Points, reference: Reference) -> dict[str, float]:
    w1 = wasserstein_1(generated[: len(reference.points)], reference.points)
    floor, constant = reference.floors["w1_floor"], reference.floors["w1_constant"]
    excess = w1 - floor
    relative = 1 - excess / (constant - floor)
    return {"w1": w1, "w1_floor": floor, "w1_excess": excess, "score": float(np.clip(relative, 0, 1))}


def _coverage(generated: Points, reference: Reference) -> dict[str, float]:
    assert reference.modes is not None
    counts = coverage.mode_counts(generated, reference.modes, reference.sd)
    found = coverage.mode_counts(generated[:MODES_SAMPLES], reference.modes, reference.sd)
    kl, floor = coverage.reverse_kl(counts)
    return {
        "hq": float(counts.sum() / len(generated)),
        "hq_ceiling": coverage.hq_ceiling(generated.shape[1]),
        f"modes@{MODES_SAMPLES}": float((found > 0).sum()),
        "modes_half": float(coverage.modes_half(counts, len(generated))),
        "reverse_kl": kl,
        "reverse_kl_floor": floor,
        "reverse_kl_undefined": float(counts.sum() == 0),
    }


def _collapse(generated: Points, reference: Reference) -> dict[str, float]:
    """Declared rule: at most one mode holds half its mass, or the variance is under 1 % of the data's.

    Every sample counts for its nearest mode here, near or far: blurred samples of all modes are poor, not collapsed.
    """
    flat = generated.reshape(len(generated), -1)
    collapsed = flat.var(0).sum() < 0.01 * reference.spread
    if reference.modes is not None:
        counts = coverage.mode_counts(generated, reference.modes, np.inf)
        collapsed = collapsed or coverage.modes_half(counts, len(generated)) <= 1
    return {"collapsed": float(collapsed)}


def _low_dimensional(reference: Reference) -> bool:
    return "w1_floor" in reference.floors


METRICS: dict[str, Metric] = {
    "transport": Metric(
        version=1,
        columns=("w1", "w1_floor", "w1_excess", "score"),
        compute=_transport,
        applies=_low_dimensional,
        summary="exact W1 to the reference, that of real data (floor), their difference; score: 1 perfect, 0 constant",
    ),
    "coverage": Metric(
        version=1,
        columns=(
            "hq",
            "hq_ceiling",
            f"modes@{MODES_SAMPLES}",
            "modes_half",
            "reverse_kl",
            "reverse_kl_floor",
            "reverse_kl_undefined",
        ),
        compute=_coverage,
        applies=lambda reference: reference.modes is not None,
        summary="share of samples within 3 sd of a mode, modes found, modes with half their mass, KL of mode shares",
    ),
    "collapse": Metric(
        version=1,
        columns=("collapsed",),
        compute=_collapse,
        applies=lambda reference: True,
        summary="1 where at most one mode holds half its mass or the variance is under 1 % of the data's",
    ),
}
