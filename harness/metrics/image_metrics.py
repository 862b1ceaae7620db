"""Metrics of images: what an extractor sees in generated images, beside what it sees in real ones."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from harness.metrics import classes, coverage, fidelity, kernels
from harness.metrics.columns import Column, MetricColumn
from harness.metrics.fidelity import NEIGHBOURS as K
from harness.metrics.kernels import Features
from harness.metrics.neighbours import authpct, nearest_other
from harness.papers import PAPERS
from harness.spec import RunSpec

if TYPE_CHECKING:
    from harness.datasets import Pictures
    from harness.metrics.extractors import Extractor

LOOKED_AT = 10_000  # training images that the floors are taken from; as many as `samples` at least
KEPT = 2**23  # values of features of training images that a reference keeps: 32 MB
NOISE = "fid_sd"  # the standard deviation of the floor's draws
SHOWN = 10  # classes up to which each has a column of its own
WEAK_ERROR = 0.25  # share of held-out images that an extractor takes for others, above which it is weak
WEAK_MODES = 0.9  # of the classes that real images show, those that it must find among held-out ones

Columns = dict[str, float]


@dataclass(frozen=True)
class RealFeatures:
    """What an extractor sees in a data set.

    extractor  itself, so that all runs are scored by one network, wherever and whenever that is done
    held_out   features [n, k] of the held-out images of the reference
    train      features [m, k] of images that runs are trained on: of 10,000, or of `samples`, where there are so many
    expected   of a classifier, the share of each class in the training part [c]
    reached    what real images reach, by column
    apart      the distance of each of `train` to the nearest other one [m]; None in a reference of an earlier harness
    """

    extractor: "Extractor"
    held_out: Features
    train: Features
    expected: NDArray[np.float64] | None = None
    reached: Mapping[str, float] = field(default_factory=dict)
    apart: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class FeatureMetric:
    """How some columns are computed from what an extractor sees.

    columns    their facts, what real images reach aside
    compute    (features [n, k], scores [n, c] of classes or None, real, name) -> columns
    needs      features, scores of whatever classes, or those of the classes of the data
    last_only  whether the last scored step alone is worth its cost
    """

    version: int
    columns: tuple[Column, ...]
    compute: "Callable[[Features, Features | None, RealFeatures, str], Columns]"
    summary: str
    needs: Literal["features", "scores", "classes"] = "features"
    last_only: bool = False


def see(name: str, spec: RunSpec, points: NDArray[np.uint8], samples: int) -> RealFeatures:
    """Look at a data set with an extractor: at the held-out images `points` [n, c, h, w] and at its training part.

    Raises DataError where the extractor cannot be had.
    """
    from harness.datasets import DATASETS
    from harness.engine.real_data import data_settings, training_pictures
    from harness.metrics.extractors import extractor_of
    from harness.metrics.extractors.kept_features import look_at_real

    settings, load = data_settings(spec), DATASETS[spec.setup.dataset].pictures
    assert load is not None, "of a data set of images"
    extractor, pictures = extractor_of(name, spec.setup.dataset, settings), load(settings)
    whole, used = pictures.train.numpy(), training_pictures(spec).numpy()
    of = name, spec.setup.dataset, settings
    pool = look_at_real(*of, whole[_some(len(whole), max(samples, LOOKED_AT))]).features
    looks, n = look_at_real(*of, points), max(samples, min(LOOKED_AT, KEPT // pool.shape[1]))
    train = pool[:n] if len(used) == len(whole) else look_at_real(*of, used[_some(len(used), n)]).features
    expected = _shares(pictures) if extractor.classes else None
    real = RealFeatures(extractor, looks.features, train, expected, apart=nearest_other(train))
    return replace(real, reached=_reached(real, looks.scores, pool, name))


def _shares(pictures: "Pictures") -> NDArray[np.float64]:
    """Return the share of each class in the training part; of one that it lacks that of a single image."""
    assert pictures.train_labels is not None
    counts = np.bincount(pictures.train_labels.numpy(), minlength=len(pictures.classes)) + 1
    return np.asarray(counts / counts.sum())


def columns_of(points: NDArray[np.uint8], by_extractor: Mapping[str, RealFeatures], last: bool) -> Columns:
    """Return the columns of images [n, c, h, w] by every extractor, each beside what real images reach."""
    columns: Columns = {}
    for name, real in by_extractor.items():
        looks = real.extractor.look(points)
        there = {"features": True, "scores": looks.scores is not None, "classes": real.expected is not None}
        weak, error = is_weak(real), real.extractor.error
        for metric in FEATURE_METRICS.values():
            if there[metric.needs] and (last or not metric.last_only):
                values = metric.compute(looks.features, looks.scores, real, name)
                columns |= dict.fromkeys(values, math.nan) if weak and metric.needs == "classes" else values
        columns |= {beside(column): value for column, value in real.reached.items() if column in columns}
        if not math.isnan(error):
            columns |= {f"extractor_error[{name}]": error, f"extractor_weak[{name}]": float(weak)}
    return columns | _excess(columns, *next(iter(by_extractor.items())))


def is_weak(real: RealFeatures) -> bool:
    """Whether what an extractor says of classes counts for nothing: it is wrong too often on held-out images, or does
    not find the classes of real ones among them. Its features are compared all the same.
    """
    if real.expected is None:
        return too_weak(real.extractor.error)
    n, k = len(real.held_out), len(real.expected)
    return too_weak(
        real.extractor.error,
        real.reached[_modes(k, n)],
        classes.modes_possible(real.expected, n),
    )


def too_weak(error: float, modes: float = math.nan, possible: float = math.nan) -> bool:
    """Whether so many mistakes are too many, or the classes found in real images too few of those possible."""
    return error > WEAK_ERROR or modes < WEAK_MODES * possible


@dataclass(frozen=True)
class Reliability:
    """How far an extractor is right on held-out images.

    error   share of them that it gets wrong
    weak    whether that is too weak for metrics of classes
    modes   how many classes it finds in them, of `modes_possible`; None of an extractor without classes
    """

    error: float
    weak: bool
    modes: float | None = None
    modes_possible: float | None = None


def reliability(extractor: "Extractor", pictures: "Pictures") -> Reliability:
    """Return how far an extractor is right on all held-out images."""
    if not extractor.classes:
        return Reliability(extractor.error, too_weak(extractor.error))
    scores = extractor.look(pictures.held_out.numpy()).scores
    assert scores is not None
    modes, possible = classes.modes(scores), classes.modes_possible(_shares(pictures), len(pictures.held_out))
    return Reliability(extractor.error, too_weak(extractor.error, modes, possible), modes, possible)


def _excess(columns: Columns, name: str, real: RealFeatures) -> Columns:
    """Return the FID beyond that of real images, by the first extractor."""
    column = frechet(name, real)
    return {"fid_excess": columns[column] - real.reached[column]}


def frechet(name: str, real: RealFeatures) -> str:
    """Return the column of the Frechet distance in an extractor's features to all held-out images."""
    return f"{real.extractor.distance}[{name}]@{len(real.held_out)}"


def null_columns(points: NDArray[np.uint8], name: str, real: RealFeatures) -> Columns:
    """Return the columns by which a null sampler stands in a ranking: FID and its excess, those by neighbours, and
    where there are many classes those that count them."""
    looks, n = real.extractor.look(points), len(real.held_out)
    columns = _fid(looks.features, None, real, name) | _neighbours(looks.features, None, real, name)
    named = {column for column, _ in _named(name, n, real.extractor.distance)}
    if real.expected is not None and len(real.expected) > classes.FEW and not is_weak(real):
        columns |= _classes(looks.features, looks.scores, real, name)
        columns |= _many_classes(looks.features, looks.scores, real, name)
        named |= {_modes(len(real.expected), n), f"reverse_kl@{n}"}
    return {column: value for column, value in columns.items() if column in named} | _excess(columns, name, real)


def columns_seen(name: str, n: int, trained: int, of: int = 0) -> list[str]:
    """Return the columns that n images can be ranked on: `trained` images are trained on, of that many classes.

    Those are left out that take more images to have a value.
    """
    from harness.metrics.extractors import kind_of

    half, used, kind = n // 2, min(n, trained), kind_of(name)
    distance = kind.distance if kind else "fd"
    columns = [(plain, column, n) for column, plain in [*_named(name, n, distance), *_further(name, n)]]
    columns += [("fid_excess", "fid_excess", n), ("score", "score", n)]
    columns += [("isc", f"isc[{name}]@{n}", n)] if kind and kind.gives_scores else []
    columns += [(distance, f"{distance}[{name}]@{half}", half)]
    columns += [(f"{distance}_train", f"{distance}_train[{name}]@{used}", used)]
    of_classes = ["class_kl", _modes(of, n)] if of else []
    of_classes += [f"reverse_kl@{n}"] if of > classes.FEW else []
    return [column for plain, column, pictures in columns if pictures >= FEATURE_COLUMNS[plain].least] + of_classes


def beside(column: str) -> str:
    """Return the name of the column of what real images reach."""
    parsed = MetricColumn.parse(column)
    return str(replace(parsed, suffix=FEATURE_COLUMNS[parsed.name].beside))


def _some(n: int, most: int) -> NDArray[np.intp]:
    """Return the places of at most so many of n images, in a fixed random order."""
    return np.random.default_rng(0).permutation(n)[:most]


def _reached(real: RealFeatures, scores: Features | None, pool: Features, name: str) -> Columns:
    """Return what real images reach: of training images against held-out ones the mean over draws; of the half
    held-out part that of its halves; of classes the held-out part's."""
    n, half = len(real.held_out), len(real.held_out) // 2
    mean, distance = fidelity.floors(real.held_out, pool), real.extractor.distance
    compared = [*_named(name, n, distance), *_further(name, n)]
    reached = {column: mean[key] for column, key in compared if key in mean} | {NOISE: mean[NOISE]}
    reached[f"{distance}[{name}]@{half}"] = fidelity.floor_of_halves(real.held_out)
    reached |= _vendi(real.held_out, None, real, name) | _authpct(real.held_out, None, real, name)
    reached |= {} if scores is None else _isc(real.held_out, scores, real, name)
    if real.expected is not None:
        columns = _classes(real.held_out, scores, real, name)
        reached |= {column: columns[column] for column in ("class_kl", _modes(len(real.expected), n))}
    return reached


def _further(name: str, n: int) -> Iterator[tuple[str, str]]:
    """Yield each column of n images by which no null sampler stands in a ranking, and its plain name."""
    yield f"cmmd[{name}]@{min(n, kernels.MOST)}", "cmmd"
    for plain in ("vendi", "fd_infinity", "authpct"):
        yield f"{plain}[{name}]@{n}", plain


def _named(name: str, n: int, distance: str) -> Iterator[tuple[str, str]]:
    """Yield each column of n images against the held-out ones, and its plain name; `distance` is fid or fd."""
    yield f"{distance}[{name}]@{n}", "fid"
    yield f"kid[{name}]@{n}", "kid"
    for plain in fidelity.BY_NEIGHBOURS:
        yield f"{plain}[{name},k{fidelity.NEIGHBOURS}]@{min(n, fidelity.MOST_NEIGHBOURS)}", plain


def _fid(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    n = len(real.held_out)
    m = min(n, len(real.train))  # as many as held-out ones, so that the two can be set side by side
    distance = real.extractor.distance
    return {
        f"{distance}[{name}]@{n}": fidelity.fid(features[:n], real.held_out),
        f"{distance}[{name}]@{n // 2}": fidelity.fid(features[: n // 2], real.held_out[: n // 2]),
        f"{distance}_train[{name}]@{m}": fidelity.fid(features[:m], real.train[:m]),
        f"fid_singular[{name}]": float(n <= features.shape[1]),
    }


def _kid(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    n = len(real.held_out)
    return {f"kid[{name}]@{n}": fidelity.kid(features[:n], real.held_out)}


def _isc(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    assert scores is not None
    n = len(real.held_out)
    return {f"isc[{name}]@{n}": fidelity.isc(scores[:n])}


def _neighbours(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    n = len(real.held_out)
    scores_of = fidelity.neighbours(features[:n], real.held_out)
    columns = _named(name, n, real.extractor.distance)
    return {column: scores_of[plain] for column, plain in columns if plain in scores_of}


def _cmmd(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    n = min(len(real.held_out), kernels.MOST)
    return {f"cmmd[{name}]@{n}": kernels.cmmd(features[:n], real.held_out[:n])}


def _vendi(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    n = len(real.held_out)
    return {f"vendi[{name}]@{n}": kernels.vendi(features[:n])}


def _fd_infinity(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    n = len(real.held_out)
    return {f"fd_infinity[{name}]@{n}": fidelity.fd_infinity(features[:n], real.held_out)}


def _authpct(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    n = len(real.held_out)
    return {} if real.apart is None else {f"authpct[{name}]@{n}": authpct(features[:n], real.train, real.apart)}


def _classes(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    assert scores is not None
    assert real.expected is not None
    scores = scores[: len(real.held_out)]  # as many as the held-out ones, which the floor and the ceiling are of
    n, k = scores.shape
    columns = {
        "class_kl": classes.class_kl(scores, real.expected),
        "class_kl_plugin": coverage.expected_kl(n, real.expected),
        _modes(k, n): classes.modes(scores),
    }
    shares = zip(real.extractor.classes, classes.shares(scores), strict=True)
    return columns | ({f"share[{label}]": float(share) for label, share in shares} if k <= SHOWN else {})


def _many_classes(features: Features, scores: Features | None, real: RealFeatures, name: str) -> Columns:
    assert scores is not None
    scores = scores[: len(real.held_out)]
    n, k = scores.shape
    if k <= classes.FEW:
        return {}
    kl, floor = coverage.reverse_kl(classes.counts(scores))
    return {f"reverse_kl@{n}": kl, f"reverse_kl@{n}_floor": floor}


def _modes(k: int, n: int) -> str:
    return "modes" if k <= classes.FEW else f"modes@{n}"  # where one image finds a class, more of them find more


FEATURE_METRICS: dict[str, FeatureMetric] = {
    "fid": FeatureMetric(
        version=2,
        columns=(
            Column("fid", "lower", form="[x]@n", beside="floor", least=2, papers=(PAPERS["heusel2017"],)),
            Column("fid", "lower", form="[x]@n/2", beside="floor", least=2, papers=(PAPERS["heusel2017"],)),
            Column("fid_train", "lower", form="[x]@n", least=2, papers=(PAPERS["heusel2017"],)),
            Column("fd", "lower", form="[x]@n", beside="floor", least=2, papers=(PAPERS["stein2023"],)),
            Column("fd", "lower", form="[x]@n/2", beside="floor", least=2, papers=(PAPERS["stein2023"],)),
            Column("fd_train", "lower", form="[x]@n", least=2, papers=(PAPERS["stein2023"],)),
            Column("fid_singular", form="[x]"),
            Column("fid_excess", "lower", least=2, papers=(PAPERS["heusel2017"],)),
            Column("score", "higher", least=2),
            Column("score_undefined"),
        ),
        compute=_fid,
        summary="FID in features of extractor x against the held-out images, against half of them, and against "
        "the images trained on (fd is the same of extractors other than inception and our own); 1 where there are no "
        "more images than features; by the first "
        "extractor FID over its floor, and score: 1 as real images, 0 as the best null sampler",
    ),
    "kid": FeatureMetric(
        version=1,
        columns=(Column("kid", "lower", form="[x]@n", beside="floor", least=4, papers=(PAPERS["binkowski2018"],)),),
        compute=_kid,
        last_only=True,
        summary="kernel distance in the same features, unbiased, at the last step",
    ),
    "isc": FeatureMetric(
        version=1,
        columns=(
            Column(
                "isc",
                "higher",
                form="[x]@n",
                beside="ceiling",
                least=fidelity.ISC_SPLITS,
                papers=(PAPERS["salimans2016"],),
            ),
        ),
        compute=_isc,
        needs="scores",
        last_only=True,
        summary="Inception score by extractor x, where it tells classes, at the last step, with that of real ones",
    ),
    "neighbours": FeatureMetric(
        version=1,
        columns=tuple(
            Column(name, "higher", form=f"[x,k{K}]@n", beside="floor", least=K + 1, papers=(PAPERS[paper],))
            for name, paper in fidelity.BY_NEIGHBOURS.items()
        ),
        compute=_neighbours,
        last_only=True,
        summary="the same four in features of extractor x, at the last step, with floors",
    ),
    "cmmd": FeatureMetric(
        version=0,
        columns=(Column("cmmd", "lower", form="[x]@n", beside="floor", papers=(PAPERS["jayasumana2024"],)),),
        compute=_cmmd,
        last_only=True,
        summary="1,000 times the squared MMD of features of unit length, at the last step: CMMD where x is CLIP",
    ),
    "vendi": FeatureMetric(
        version=0,
        columns=(
            Column("vendi", "higher", "Vendi score", form="[x]@n", beside="ceiling", papers=(PAPERS["friedman2023"],)),
        ),
        compute=_vendi,
        last_only=True,
        summary="Vendi score, how many unlike images there are by the cosines of their features, at the last step",
    ),
    "fd_infinity": FeatureMetric(
        version=0,
        columns=(
            Column(
                "fd_infinity",
                "lower",
                "FD-infinity",
                form="[x]@n",
                beside="floor",
                least=4,
                papers=(PAPERS["chong2020"],),
            ),
        ),
        compute=_fd_infinity,
        last_only=True,
        summary="FID or FD extrapolated to infinitely many images, at the last step; of 4 times the features or more",
    ),
    "authpct": FeatureMetric(
        version=0,
        columns=(
            Column(
                "authpct",
                "higher",
                "AuthPct (%)",
                form="[x]@n",
                beside="ceiling",
                papers=(PAPERS["alaa2022"], PAPERS["stein2023"]),
            ),
        ),
        compute=_authpct,
        last_only=True,
        summary="percentage of images farther from the nearest training one than that from another, at the last",
    ),
    "classes": FeatureMetric(
        version=3,
        columns=(
            Column("class_kl", "lower", beside="floor"),
            Column("class_kl_plugin"),
            Column("modes", "higher", beside="ceiling"),
            Column("share", form="[class]"),
        ),
        compute=_classes,
        needs="classes",
        summary="what the classifier sees: KL of class shares to the data's, classes found, the share of each of ten",
    ),
    "many_classes": FeatureMetric(
        version=0,
        columns=(Column("reverse_kl", "lower", "reverse KL (nats)", form="@n", beside="floor"),),
        compute=_many_classes,
        needs="classes",
        summary="of more than a hundred classes the KL of their shares to even ones",
    ),
}

FEATURE_COLUMNS = {column.name: column for metric in FEATURE_METRICS.values() for column in metric.columns}
