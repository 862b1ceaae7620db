"""Metrics of samples themselves, points or pixels, beside those of an extractor's features (`image_metrics`)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.metrics import coverage, transport
from harness.metrics.collapse import collapsed
from harness.metrics.columns import Column
from harness.metrics.fidelity import BY_NEIGHBOURS, NEIGHBOURS
from harness.metrics.neighbours import manifold_scores
from harness.metrics.reference import Reference
from harness.metrics.transport import MAX_DIMENSION, Points
from harness.papers import PAPERS

POT = (PAPERS["flamary2021"],)
MODES_SAMPLES = 2500  # the count of found modes grows with n, so that n is part of its name


@dataclass(frozen=True)
class Metric:
    """How some columns are computed.

    columns    their facts, floors aside
    compute    (generated [N, *shape], reference) -> columns; NaN where undefined
    applies    reference -> whether its data set has these columns
    floored    whether a floor stands beside each: the mean of `compute` over real samples of the reference's n
    last_only  whether the last scored step alone is worth its cost
    file       the content hash of the plug-in that defines it; 0 of a built-in one, which scores every run
    """

    version: int
    columns: tuple[Column, ...]
    compute: Callable[[Points, Reference], dict[str, float]]
    applies: Callable[[Reference], bool]
    summary: str
    floored: bool = False
    last_only: bool = False
    file: int = 0


def flat(samples: Points) -> Points:
    """Return samples [n, *shape] as points [n, d]: images as values from 0 to 1."""
    rows = samples.reshape(len(samples), -1)
    return rows / np.float32(255) if samples.dtype == np.uint8 else rows


def _same_n(generated: Points, reference: Reference) -> Points:
    """As many generated points as there are real ones."""
    return generated[: len(reference.points)]


def _w1(generated: Points, reference: Reference) -> dict[str, float]:
    return {"w1": transport.wasserstein_1(_same_n(generated, reference), reference.points)}


def _w1_train(generated: Points, reference: Reference) -> dict[str, float]:
    assert reference.train is not None
    return {"w1_train": transport.wasserstein_1(generated[: len(reference.train)], reference.train)}


def _w2(generated: Points, reference: Reference) -> dict[str, float]:
    return {"w2": transport.wasserstein_2(_same_n(generated, reference), reference.points)}


def _sliced(generated: Points, reference: Reference) -> dict[str, float]:
    return {"sliced_w": transport.sliced_wasserstein(flat(_same_n(generated, reference)), flat(reference.points))}


def _coverage(generated: Points, reference: Reference) -> dict[str, float]:
    assert reference.modes is not None
    counts = coverage.mode_counts(generated, reference.modes, reference.sd)
    counts_at_n = counts
    if len(generated) > MODES_SAMPLES:
        counts_at_n = coverage.mode_counts(generated[:MODES_SAMPLES], reference.modes, reference.sd)
    kl, floor = coverage.reverse_kl(counts)
    return {
        "hq": float(counts.sum() / len(generated)),
        "hq_ceiling": coverage.hq_ceiling(reference.modes, reference.sd),
        f"modes@{MODES_SAMPLES}": float((counts_at_n > 0).sum()),
        "modes_half": float(coverage.modes_half(counts, len(generated))),
        "reverse_kl": kl,
        "reverse_kl_floor": floor,
        "reverse_kl_undefined": float(counts.sum() == 0),
    }


def _manifold(generated: Points, reference: Reference) -> dict[str, float]:
    n = len(reference.points)
    scores = manifold_scores(_same_n(generated, reference), reference.points, NEIGHBOURS)
    return {f"{name}[k{NEIGHBOURS}]@{n}": value for name, value in scores.items()}


def _collapse(generated: Points, reference: Reference) -> dict[str, float]:
    return {"collapsed": collapsed(flat(generated), flat(reference.points), reference.modes)}


def _low_dimensional(reference: Reference) -> bool:
    return reference.points.ndim == 2 and reference.points.shape[1] <= MAX_DIMENSION


def null_columns(points: Points, reference: Reference) -> dict[str, float]:
    """Return the columns by which a sampler of points stands beside the runs: distance, excess, quality, coverage."""
    columns = _w1(points, reference) | (_manifold(points, reference) if METRICS["manifold"].applies(reference) else {})
    if reference.modes is not None:
        names = ("hq", f"modes@{MODES_SAMPLES}")
        columns |= {name: value for name, value in _coverage(points, reference).items() if name in names}
    return columns | {"w1_excess": columns["w1"] - reference.floors["w1"]}


METRICS: dict[str, Metric] = {
    "w1": Metric(
        version=2,
        columns=(
            Column("w1", "lower", "W1 (data units)", beside="floor", papers=POT),
            Column("w1_excess", "lower", "W1 excess (data units)", papers=POT),
            Column("score", "higher"),
            Column("score_undefined"),
        ),
        compute=_w1,
        applies=_low_dimensional,
        floored=True,
        summary="exact W1 to the reference, that of real data, the excess; score: 1 at the floor, 0 as the best null",
    ),
    "w1_train": Metric(
        version=1,
        columns=(Column("w1_train", beside="floor", papers=POT),),
        compute=_w1_train,
        applies=lambda reference: reference.train is not None and _low_dimensional(reference),
        floored=True,
        summary="exact W1 to the fixed set that runs are trained on, where there is one",
    ),
    "w2": Metric(
        version=1,
        columns=(Column("w2", "lower", "W2 (data units)", beside="floor", papers=POT),),
        compute=_w2,
        applies=_low_dimensional,
        floored=True,
        last_only=True,
        summary="exact W2 to the reference, at the last step",
    ),
    "sliced": Metric(
        version=1,
        columns=(Column("sliced_w", "lower", "sliced W1", beside="floor", papers=(PAPERS["bonneel2015"],)),),
        compute=_sliced,
        applies=lambda reference: True,
        floored=True,
        last_only=True,
        summary="mean W1 over 256 fixed directions, at the last step",
    ),
    "coverage": Metric(
        version=2,
        columns=(
            Column("hq", "higher", "high-quality share", beside="ceiling"),
            Column("modes", "higher", form=f"@{MODES_SAMPLES}"),
            Column("modes_half", "higher"),
            Column("reverse_kl", "lower", "reverse KL (nats)", beside="floor", ranked=False),
            Column("reverse_kl_undefined"),
        ),
        compute=_coverage,
        applies=lambda reference: reference.modes is not None,
        summary="share of samples within 3 sd of a mode, modes found, modes with half their mass, KL of mode shares",
    ),
    "manifold": Metric(
        version=1,
        columns=tuple(
            Column(name, "higher", form=f"[k{NEIGHBOURS}]@n", beside="floor", papers=(PAPERS[paper],), ranked=False)
            for name, paper in BY_NEIGHBOURS.items()
        ),
        compute=_manifold,
        applies=lambda reference: _low_dimensional(reference) and len(reference.points) > NEIGHBOURS,
        floored=True,
        last_only=True,
        summary="precision, recall, density and coverage by 5 nearest neighbours, at the last step, with floors",
    ),
    "collapse": Metric(
        version=2,
        columns=(Column("collapsed"),),
        compute=_collapse,
        applies=lambda reference: True,
        summary="1 where samples lie within 5 % of real samples' mean distance of each other, or one mode has the mass",
    ),
}
