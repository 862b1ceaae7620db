"""What a critic says, beside what is so: its estimate of the distance, its slopes, and where its gradients point.

Pure functions of a snapshot's arrays (`harness.engine.critic_view` names them), of the generated samples and of the
reference, on as many of either as W1 is measured on: by the duality of Kantorovich and Rubinstein the difference of a
critic's mean scores is then at most its Lipschitz constant times that W1. What is solved and what was learned never
share a column.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from harness.metrics import divergence, transport
from harness.metrics.columns import Column
from harness.metrics.reference import Reference
from harness.metrics.transport import MAX_DIMENSION, Points
from harness.papers import PAPERS

Arrays = Mapping[str, np.ndarray]

GRID = 20  # cells along each coordinate, in which points of either side are counted
GRID_DIMENSIONS = 2  # up to which a thousand points fill such a grid
SPLITS = 5  # of both sides' points into two that are alike, whose mean TV and JS are the floors
POT = (PAPERS["flamary2021"],)
OPTIMAL = (PAPERS["gulrajani2017"].at("proposition 1"),)
CLEAR = 2  # floors of W1, below which the two sides may be one distribution
AT_REST = 1e-6  # data units: pairs that are closer have no direction


@dataclass(frozen=True)
class CriticMetric:
    """How some columns are computed from what a snapshot keeps of the critic.

    version    0 as long as it is as it was added: folders scored before it keep their address
    columns    their facts
    compute    (arrays of a snapshot, generated [N, *shape], reference) -> columns; NaN where undefined
    needs      the arrays that it is computed from: there are no columns where a snapshot lacks one
    distances  whether it speaks of single samples' distances, so that a packed critic has none; in units of the data
    exact      whether W1 is solved for it: up to 8 dimensions
    """

    version: int
    columns: tuple[Column, ...]
    compute: Callable[[Arrays, Points, Reference], dict[str, float]]
    needs: tuple[str, ...]
    summary: str
    distances: bool = False
    exact: bool = False

    def applies(self, shot: Arrays, reference: Reference) -> bool:
        """Whether a snapshot has its columns, against a reference: that at whose points the critic was looked at."""
        if not {*SCORES, *self.needs} <= shot.keys():
            return False
        pack, n = int(shot["critic_pack"]), len(reference.points)
        is_low = reference.points.ndim == 2 and reference.points.shape[1] <= MAX_DIMENSION
        is_same = len(shot["critic_real"]) == n // pack
        return is_same and (pack == 1 or not self.distances) and (is_low or not self.exact)


SCORES = ("critic_real", "critic_fake", "critic_pack")


def critic_columns(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    """Return the columns of every critic metric that applies; none of snapshots of an earlier version."""
    columns: dict[str, float] = {}
    for metric in CRITIC_METRICS.values():
        if metric.applies(shot, reference):
            columns |= metric.compute(shot, generated, reference)
    return columns


def dual(shot: Arrays) -> float:
    """Return the critic's estimate of the distance, in its own units: mean score of real less that of generated."""
    return float(shot["critic_real"].mean(dtype=np.float64) - shot["critic_fake"].mean(dtype=np.float64))


def over_slope(shot: Arrays) -> float:
    """Return the estimate divided by the largest slope at the sampled places; NaN where the critic is flat there."""
    slope = float(shot["critic_slopes"][:, 0].max())
    return dual(shot) / slope if slope > 0 else math.nan


def _js_bound(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    if not shot["critic_logistic"]:
        return {}
    real, fake = (shot[name].astype(np.float64) for name in ("critic_real", "critic_fake"))
    loss = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    return {"js_bound": float(math.log(4) - loss) / 2}


def _slope(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    largest, mean = shot["critic_slopes"].T
    return {"slope_max": float(largest.max()), "slope_mean": float(mean.mean())}


def _certified(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    bound = float(shot["critic_lipschitz"])
    return {"dual_certified": dual(shot) / bound if bound > 0 else math.nan}


def _gap(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    w1 = transport.wasserstein_1(generated[: len(reference.points)], reference.points)
    return {"dual_gap": w1 - over_slope(shot)}


def _direction(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    y, x = generated[: len(reference.points)].astype(np.float64), reference.points.astype(np.float64)
    rows, columns, mass = transport.optimal_pairs(y, x)
    towards, gradients = x[columns] - y[rows], shot["critic_gradient"][rows].astype(np.float64)
    distance, slope = np.linalg.norm(towards, axis=1), np.linalg.norm(gradients, axis=1)
    moved = distance > AT_REST
    if not moved.any() or not np.isfinite(slope).all():
        return {"direction": math.nan}
    product = (towards * gradients).sum(1)[moved]
    length = (distance * slope)[moved]
    cosine = np.divide(product, length, out=np.zeros_like(product), where=length > 0)  # a flat critic points nowhere
    return {"direction": float(np.average(cosine, weights=mass[moved]))}


def _pair(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    """Compare the two sides that a critic alone is trained on; in the plane or on a line by counts in cells, too."""
    y, x = generated[: len(reference.points)], reference.points
    if not shot["critic_alone"]:
        return {}
    w1 = transport.wasserstein_1(y, x)
    columns = {"kappa": dual(shot) / w1 if w1 > CLEAR * reference.floors["w1"] else math.nan}
    if x.shape[1] > GRID_DIMENSIONS:
        return columns
    p, q = divergence.counts(x, y, GRID)
    kl = divergence.kl(p, q)
    columns |= {"tv": divergence.total_variation(p, q), "js": divergence.js(p, q)}
    columns |= _floors(p, q)
    return columns | {"kl": kl, "kl_infinite": float(math.isinf(kl))}


def _floors(p: divergence.Masses, q: divergence.Masses) -> dict[str, float]:
    """Return TV and JS of as many points of either side, dealt out at random: what counts of one distribution give.

    `p` and `q` are counts in the cells of one grid.
    """
    both, n = (p + q).astype(np.int64), int(p.sum())
    halves = np.random.default_rng(0).multivariate_hypergeometric(both, n, size=SPLITS)
    functions = {"tv_floor": divergence.total_variation, "js_floor": divergence.js}
    return {name: float(np.mean([f(half, both - half) for half in halves])) for name, f in functions.items()}


def _layers(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    return {
        f"{player}_grad[{k}]": float(norm)
        for player in ("critic", "generator")
        for k, norm in enumerate(shot.get(f"{player}_layers", ()), 1)
    }


def _activations(shot: Arrays, generated: Points, reference: Reference) -> dict[str, float]:
    return {f"activation_grad[{k}]": float(norm) for k, norm in enumerate(shot["critic_activations"], 1)}


CRITIC_METRICS: dict[str, CriticMetric] = {
    "dual": CriticMetric(
        version=0,
        columns=(Column("dual", label="dual (score units)", papers=(PAPERS["arjovsky2017"].at("eq. 3"),)),),
        compute=lambda shot, generated, reference: {"dual": dual(shot)},
        needs=(),
        summary="the critic's own estimate: mean score of the reference less that of generated samples",
    ),
    "js_bound": CriticMetric(
        version=0,
        columns=(Column("js_bound", label="JS bound (nats)", papers=(PAPERS["goodfellow2014"].at("theorem 1"),)),),
        compute=_js_bound,
        needs=("critic_logistic",),
        distances=True,
        summary="(log 4 - logistic loss of the critic) / 2, at most log 2; of objectives with that loss",
    ),
    "slope": CriticMetric(
        version=0,
        columns=tuple(
            Column(name, label=f"{word} slope (score a data unit)", papers=OPTIMAL)
            for name, word in (("slope_max", "largest"), ("slope_mean", "mean"))
        ),
        compute=_slope,
        needs=("critic_slopes",),
        summary="norm of the critic's gradient at real and generated samples and between: the largest, the mean",
    ),
    "dual_over_slope": CriticMetric(
        version=0,
        columns=(Column("dual_over_slope", label="dual / slope_max (data units)"),),
        compute=lambda shot, generated, reference: {"dual_over_slope": over_slope(shot)},
        needs=("critic_slopes",),
        distances=True,
        summary="dual / slope_max: an estimate of W1 and no bound, as a slope between the samples may be larger",
    ),
    "dual_certified": CriticMetric(
        version=0,
        columns=(
            Column("dual_certified", label="certified bound (data units)", papers=(PAPERS["miyato2018"].at("eq. 7"),)),
        ),
        compute=_certified,
        needs=("critic_lipschitz",),
        distances=True,
        summary="dual / product of the layers' spectral norms: at most W1; of MLPs without norm",
    ),
    "dual_gap": CriticMetric(
        version=0,
        columns=(Column("dual_gap", "lower", "w1 - dual_over_slope (data units)", papers=POT),),
        compute=_gap,
        needs=("critic_slopes",),
        distances=True,
        exact=True,
        summary="w1 - dual_over_slope: how far the estimate falls short of the exact distance",
    ),
    "direction": CriticMetric(
        version=0,
        columns=(Column("direction", "higher", "direction (mean cosine)", papers=(*OPTIMAL, *POT)),),
        compute=_direction,
        needs=("critic_gradient",),
        distances=True,
        exact=True,
        summary="mean cosine between the critic's gradient at a generated point and the way to its optimal partner",
    ),
    "pair": CriticMetric(
        version=0,
        columns=(
            Column("kappa", label="kappa (score a data unit)"),
            Column("tv", label="TV", beside="floor"),
            Column("js", label="JS (nats)", beside="floor", papers=(PAPERS["arjovsky2017"].at("example 1"),)),
            Column("kl", label="KL (nats)"),
            Column("kl_infinite"),
        ),
        compute=_pair,
        needs=("critic_alone",),
        distances=True,
        exact=True,
        summary="of a critic alone: dual / w1, above two floors; TV, JS, KL of counts in 20 cells a coordinate, to 2-D",
    ),
    "layers": CriticMetric(
        version=0,
        columns=tuple(
            Column(
                f"{player}_grad",
                form="[k]",
                label=f"{player}'s gradient norm",
            )
            for player in ("critic", "generator")
        ),
        compute=_layers,
        needs=(),
        summary="norm of the gradient of a player's loss in the weights and bias of its layer k, 1 next to the input",
    ),
    "activations": CriticMetric(
        version=0,
        columns=(
            Column(
                "activation_grad",
                form="[k]",
                label="norm of the critic's gradient in activations",
                papers=(PAPERS["gulrajani2017"].at("figure 1b"),),
            ),
        ),
        compute=_activations,
        needs=("critic_activations",),
        summary="norm of the gradient of the critic's loss, less its penalty, in the input of layer k (1: samples)",
    ),
}
