"""Metrics: pure functions of a run's samples and its data set's reference, to flat dicts of floats.

reference      what runs are scored against         transport      exact optimal transport
columns        their grammar and facts              coverage       of modes whose centres are known
neighbours     precision, recall, density, coverage collapse       one sample, or one mode, again and again
image_metrics  what an extractor sees in images     fidelity       FID, KID, FD-infinity and their floors
kernels        CMMD and the Vendi score of features
classes        what a classifier sees in them       null_samplers  samplers that have learned nothing
sample_metrics of points or pixels themselves       extractors/    what turns images into features
divergence     KL, JS, TV, EMD of histograms        distances      all of them, of what a user names
critic         what a critic says, beside what is so    nearest_images  training images beside samples
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import HarnessError, PluginFailed, lookup
from harness.metrics import image_metrics, null_samplers, sample_metrics
from harness.metrics.columns import OF_RUNS, Column, MetricColumn
from harness.metrics.critic import CRITIC_METRICS, CriticMetric, critic_columns
from harness.metrics.fidelity import FLOOR_DRAWS
from harness.metrics.image_metrics import FEATURE_METRICS, FeatureMetric, columns_of, frechet, see
from harness.metrics.image_metrics import NOISE as FLOOR_NOISE
from harness.metrics.reference import Reference
from harness.metrics.sample_metrics import METRICS, MODES_SAMPLES, Metric
from harness.metrics.transport import MAX_DIMENSION, Points
from harness.spec import RunSpec, content_id
from harness.text import listed

if TYPE_CHECKING:
    from torch import Tensor

    from harness.datasets import Dataset
    from harness.datasets.images import Settings

NONE: Mapping[str, int] = {}
NO_ARRAYS: Mapping[str, np.ndarray] = {}

__all__ = [
    "CRITIC_METRICS",
    "FEATURE_METRICS",
    "METRICS",
    "Column",
    "FeatureMetric",
    "Metric",
    "Reference",
    "bytes_needed",
    "column_facts",
    "label",
    "lower_is_better",
    "make_reference",
    "null_row",
    "rankable",
    "real_pool",
    "samples_drawn",
    "score",
    "score_id",
    "untrained",
]


def make_reference(spec: RunSpec, samples: int, extractors: Iterable[str] | None = None) -> Reference:
    """Build the reference of a run's data set at its data settings: `samples` points, and their floors.

    Of images, it has as many as are held out where these are fewer, in uint8, and what `extractors` see in them: the
    data set's own where None are named. Raises DataError where one cannot be had.
    """
    from harness.engine import noise
    from harness.engine.real_data import fixed_points

    dataset, settings = _data(spec)

    def plain(x: "Tensor") -> Points:
        return dataset.to_uint8(x, settings).numpy() if dataset.kind == "images" else x.double().numpy()

    points = plain(dataset.reference(samples, noise.generator(0, "reference"), settings))
    modes = dataset.modes(settings).double().numpy() if dataset.modes else None
    sd = settings["sd"] / settings["scale"] if modes is not None else 0.0
    fixed = fixed_points(spec) if dataset.points is None else None  # else the reference itself is drawn from them
    train = plain(fixed[: len(points)]) if fixed is not None else None
    bare = Reference(points, {}, modes, sd, train)
    draws = [plain(dataset.sample(len(points), noise.generator(k, "floor"), settings)) for k in range(FLOOR_DRAWS)]
    floors: dict[str, float] = {}
    for metric in METRICS.values():
        if metric.floored and not metric.file and metric.applies(bare):
            values = [metric.compute(draw, bare) for draw in draws]
            floors |= {name: float(np.mean([value[name] for value in values])) for name in values[0]}
            floors |= {f"{name}_sd": float(np.std([value[name] for value in values], ddof=1)) for name in values[0]}
    names: list[str] = []
    if dataset.pictures is not None:
        from harness.metrics.extractors import defaults

        names = defaults(dataset.pictures(settings)) if extractors is None else list(dict.fromkeys(extractors))
    reference = replace(bare, floors=floors, real_features={name: see(name, spec, points, samples) for name in names})
    return replace(reference, nulls=_nulls(spec, reference)) if has_score(reference) else reference


def _data(spec: RunSpec) -> tuple["Dataset", "Settings"]:
    """Return the data set of a run, and its settings."""
    from harness.datasets import DATASETS
    from harness.engine.real_data import data_settings

    return DATASETS[spec.setup.dataset], data_settings(spec)


def _nulls(spec: RunSpec, reference: Reference) -> dict[str, dict[str, float]]:
    """Return the columns of the null samplers that need no generator."""
    real, n = real_pool(spec), samples_drawn(len(reference.points), spec)
    drawn = {name: null.draw for name, null in null_samplers.NULLS.items() if null.draw is not None}
    return {name: null_row(draw(real, n, np.random.default_rng(0)), reference) for name, draw in drawn.items()}


def real_pool(spec: RunSpec) -> Points:
    """Return real samples that null samplers learn from: of those trained on, at most 10,000; [m, *shape]."""
    from harness.engine import noise
    from harness.engine.real_data import fixed_points, training_pictures

    dataset, settings = _data(spec)
    if dataset.kind == "images":
        real = training_pictures(spec)
    elif (fixed := fixed_points(spec)) is not None:
        real = fixed.double()
    else:
        real = dataset.sample(null_samplers.POOL, noise.generator(0, "nulls"), settings).double()
    return real.numpy()[np.random.default_rng(0).permutation(len(real))[: null_samplers.POOL]]


def untrained(spec: RunSpec, reference: Reference) -> dict[str, float] | None:
    """Return the columns of a run's generator with fresh weights, in the mean over three fixed seeds.

    None where nothing is generated, or there is no score.
    """
    from harness.engine.sampling import draw_untrained

    if not has_score(reference) or not spec.setup.generator:
        return None
    n = samples_drawn(len(reference.points), spec)
    rows = [null_row(draw_untrained(spec.setup, seed, n), reference) for seed in null_samplers.SEEDS]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def null_row(points: Points, reference: Reference) -> dict[str, float]:
    """Return the columns by which a sampler stands beside the runs: its distance and excess, quality and coverage."""
    if reference.real_features:
        return image_metrics.null_columns(points, *next(iter(reference.real_features.items())))
    return sample_metrics.null_columns(points, reference)


def has_score(reference: Reference) -> bool:
    """Whether runs have a score against a reference: of points by W1, of images by the first extractor's FID."""
    return bool(reference.real_features) or METRICS["w1"].applies(reference)


def _floor(reference: Reference) -> null_samplers.Floor:
    """Return the distance between real samples, over the draws of the floor."""
    if not reference.real_features:
        return null_samplers.Floor(reference.floors["w1"], reference.floors["w1_sd"])
    name, first = next(iter(reference.real_features.items()))
    return null_samplers.Floor(first.reached[frechet(name, first)], first.reached[FLOOR_NOISE])


def samples_drawn(samples: int, spec: RunSpec) -> int:
    """Return how many samples a snapshot of a run holds so that one draw serves every metric of a suite's `samples`."""
    return samples if _data(spec)[0].kind == "images" else max(samples, MODES_SAMPLES)


def bytes_needed(shape: tuple[int, ...], samples: int) -> int:
    """Return what scoring samples of that shape holds at least: for exact transport, of every pair of points its
    distance, its cost and its flow, in float64."""
    pairs = samples**2 if len(shape) == 1 and shape[0] <= MAX_DIMENSION else 0
    return 3 * 8 * pairs


def score(
    generated: Points,
    reference: Reference,
    last: bool = True,
    plugin_metrics: Mapping[str, int] = NONE,
    shot: Mapping[str, np.ndarray] = NO_ARRAYS,
) -> dict[str, float | None]:
    """Return every metric that applies, by column, with its floor; None for what is undefined or not finite.

    `last` says that this is the last scored step, at which costly metrics are taken too; `plugin_metrics` names those
    of plug-ins that are taken, with the hashes of their files; `shot` is the snapshot of `generated`, with what its
    critic says. Raises HarnessError where one is another, or fails.
    """
    columns: dict[str, float] = {}
    for name, metric in _taken(plugin_metrics).items():
        # Of images there is no distance but these, so that a curve of them needs every step.
        if metric.applies(reference) and (last or not metric.last_only or reference.points.ndim > 2):
            values = _computed(name, metric, generated, reference)
            columns |= values
            if metric.floored and not metric.file:
                columns |= {f"{column}_floor": reference.floors[column] for column in values}
    if "w1" in columns:
        columns["w1_excess"] = columns["w1"] - reference.floors["w1"]
    if reference.real_features:
        columns |= columns_of(generated, reference.real_features, last)
    if columns.keys() & null_samplers.POWER.keys():
        columns |= null_samplers.score_of(columns, reference.nulls, _floor(reference))
        columns |= null_samplers.columns_of_nulls(reference.nulls, _floor(reference)) if last else {}
    columns |= critic_columns(shot, generated, reference)
    return {name: value if np.isfinite(value) else None for name, value in columns.items()}


def _taken(plugin_metrics: Mapping[str, int]) -> dict[str, Metric]:
    """Return the built-in metrics, and those of plug-ins. Raises HarnessError where one of these is another."""
    for name, mark in plugin_metrics.items():
        if name not in METRICS or METRICS[name].file != mark:
            raise HarnessError(
                f"the plug-in that defines the metric '{name}' has changed since the suite was planned, or cannot be "
                "loaded; `harness run` plans it anew"
            )
    return {name: metric for name, metric in METRICS.items() if not metric.file or name in plugin_metrics}


def _computed(name: str, metric: Metric, generated: Points, reference: Reference) -> dict[str, float]:
    """Return what a metric gives. Raises PluginFailed where one of a plug-in fails, or gives other columns."""
    if not metric.file:
        return metric.compute(generated, reference)
    try:
        values = {str(column): float(value) for column, value in metric.compute(generated, reference).items()}
    except Exception as error:  # of whatever the plug-in does
        raise PluginFailed(f"the metric '{name}' of a plug-in fails: {type(error).__name__}: {error}") from error
    if values.keys() != {str(column) for column in metric.columns}:
        declared = listed([str(column) for column in metric.columns])
        raise PluginFailed(f"the metric '{name}' of a plug-in gives {listed(list(values))}, and declares {declared}")
    return values


def rankable(dataset: "Dataset", data: "Settings", plugin_metrics: Collection[str] = ()) -> list[str]:
    """Return the columns that runs of a data set can be ranked on: one end is better, and each has a value.

    `data` is what a Setup holds of its settings, `plugin_metrics` names metrics of plug-ins that are taken. Of
    metrics of what an extractor sees there is the name without extractor and number.
    """
    some = np.zeros((1, *dataset.shape(data)))
    bare = Reference(some, {}, some if dataset.modes else None)
    metrics = [metric for name, metric in METRICS.items() if not metric.file or name in plugin_metrics]
    columns = [column for metric in metrics if metric.applies(bare) for column in metric.columns]
    names = [str(column) for column in columns if column.better and column.ranked]
    if dataset.kind == "images":
        names += [column.name for column in image_metrics.FEATURE_COLUMNS.values() if column.better]
    return list(dict.fromkeys(names))


def column_facts() -> dict[str, Column]:
    """Return the facts about every column of a metric, and of what a run took, by its name."""
    metrics: list[Metric | FeatureMetric | CriticMetric] = [
        *METRICS.values(),
        *FEATURE_METRICS.values(),
        *CRITIC_METRICS.values(),
    ]
    return {column.name: column for column in (*(c for m in metrics for c in m.columns), *OF_RUNS)}


def lower_is_better(column: str) -> bool:
    """Return the direction of a metric column, such as `w1_excess`, `modes@2500` or `fid[classifier]@540`.

    Raises UnknownName where the metric has none.
    """
    directions = {name: facts.better for name, facts in column_facts().items() if facts.better}
    return lookup(directions, MetricColumn.parse(column).name, "metric to rank on") == "lower"


def label(column: str) -> str:
    """Return the axis label of a metric column, with its unit."""
    parsed, by_name = MetricColumn.parse(column), column_facts()
    of_layer = by_name.get(parsed.name)
    if of_layer and of_layer.form == "[k]" and parsed.extractor:
        return f"{of_layer.label}, layer {parsed.extractor}"
    facts = by_name.get(column)
    return (facts and facts.label) or column


def score_id(
    at: list[float], samples: int, extractors: Sequence[str] | None = None, plugin_metrics: Mapping[str, int] = NONE
) -> str:
    """Return the address of a way of scoring: when, how many samples, which versions of which metrics, extractors.

    `plugin_metrics` names metrics of plug-ins, with the hashes of their files. A metric that is added later begins at
    version 0, which has no part in the address: what was scored before stays comparable in the columns that it has.
    """
    versions = (
        {"nulls": null_samplers.VERSION}
        | {name: metric.version for name, metric in METRICS.items() if not metric.file}
        | {f"seen.{name}": metric.version for name, metric in FEATURE_METRICS.items()}
        | {f"critic.{name}": metric.version for name, metric in CRITIC_METRICS.items()}
        | {f"{name}.file": mark for name, mark in plugin_metrics.items()}
    )
    versions = {name: version for name, version in versions.items() if version}
    return content_id({"at": at, "samples": samples, "metrics": versions, "extractors": extractors_id(extractors)})


def extractors_id(named: Sequence[str] | None) -> dict[str, object]:
    """Return what the features depend on, beside the data: which extractors a suite asks for, the versions of all that
    are built in, and the content hashes of the plug-ins that define others.
    """
    from harness.metrics.extractors import EXTRACTORS

    built_in = {name: kind.version for name, kind in EXTRACTORS.items() if kind.version and not kind.file}
    files = {f"{name}.file": EXTRACTORS[name].file for name in named or () if name in EXTRACTORS}
    versions = built_in | {name: mark for name, mark in files.items() if mark}
    return {"asked": named and list(named), "versions": versions}
