"""What a suite can have wrong in its data: files, sizes, and metrics that cannot rank them."""

import itertools
from collections.abc import Iterable, Iterator
from math import prod

from harness.datasets.cache import lacks_room
from harness.errors import DataError, HarnessError, KeyPath, Problem, suggestion
from harness.metrics import METRICS, rankable
from harness.metrics.columns import MetricColumn
from harness.metrics.extractors import EXTRACTORS, why_not
from harness.metrics.transport import MAX_DIMENSION
from harness.plugins.components import plugged_metrics
from harness.suite.checks.image_ranking import why_unranked
from harness.suite.format.models import Suite
from harness.suite.format.values import Plain, Values, is_whole
from harness.suite.resolve import data_of
from harness.suite.settings import Triple

EXACT = {column.name for name in ("w1", "w1_train", "w2") for column in METRICS[name].columns}
LEAST, MOST = 1e-3, 1e3  # of the spread of a user's points: initial weights and rates are made for values near 1
EXAMPLES = {"file": "data/mine.csv", "folder": "data/faces"}


def data_problems(suite: Suite, triples: Iterable[Triple]) -> list[Problem]:
    """Return the mistakes of every data set that the matrix names, each told once."""
    named = {triple.dataset.label: triple for triple in triples}
    unknown = [
        Problem(
            "unknown-name", ("score", "extractors", i), f"unknown extractor {name!r}.{suggestion(name, EXTRACTORS)}"
        )
        for i, name in enumerate(suite.score.extractors or ())
        if name not in EXTRACTORS
    ]
    return unknown + [problem for triple in named.values() for problem in _wrong_data(suite, triple)]


def lacks_file(triple: Triple) -> bool:
    """Whether the data set of a triple reads a file or folder and the suite names none."""
    entry = triple.dataset.entry
    return entry.file is not None and f"dataset.{entry.file_key}" not in triple.sources


def _wrong_data(suite: Suite, triple: Triple) -> list[Problem]:
    label, entry = triple.dataset.label, triple.dataset.entry
    if lacks_file(triple):
        path = ("datasets", label) if label in suite.datasets else triple.places["dataset"]
        text = f"'{triple.dataset.base}' reads a {entry.file_key}, and none is named; write datasets: {{mine: {{base: "
        example = f"{entry.file_key}: {EXAMPLES[entry.file_key]}"
        return [Problem("no-file", path, f"{text}{triple.dataset.base}, {example}}}}}.")]
    try:
        every = list(_data(triple))
    except HarnessError:
        return []  # told where the file is named, or the value stands
    if entry.pictures is not None:
        return list(dict.fromkeys(problem for data in every for problem in _wrong_pictures(suite, triple, data)))
    return _wrong_metric(suite, triple, every[0]) + _wrong_points(suite, triple, every[0])


def _data(triple: Triple) -> Iterator[Plain]:
    """Yield what Setups hold of the data set, for each combination of the values that a suite sweeps of it."""
    entry = triple.dataset.entry
    sources = {t: s for t, s in triple.sources.items() if t.partition(".")[0] == "dataset" and s.value != []}
    fixed = {t: s for t, s in sources.items() if t.partition(".")[2] not in entry.hyper}
    values = [source.value if source.swept else [source.value] for source in fixed.values()]
    for chosen in itertools.product(*values):
        yield data_of(triple, dict(zip(fixed, chosen, strict=True)))


def _wrong_metric(suite: Suite, triple: Triple, data: Values) -> list[Problem]:
    label, entry = triple.dataset.label, triple.dataset.entry
    metric, known = getattr(suite.primary, entry.kind), rankable(entry, data, plugged_metrics(suite.plugins))
    if metric in known:
        return []
    size = prod(entry.shape(data))
    is_exact = MetricColumn.parse(metric).name in EXACT
    why = f": these have {size} dimensions, exact transport takes {MAX_DIMENSION}"
    text = f"cannot be ranked on {metric!r}{why if is_exact and size > MAX_DIMENSION else ''}"
    return [Problem("not-rankable", ("primary", entry.kind), f"runs of '{label}' {text}.{suggestion(metric, known)}")]


def _wrong_points(suite: Suite, triple: Triple, data: Values) -> list[Problem]:
    label, problems = triple.dataset.label, []
    if suite.score.samples > data.get("points", suite.score.samples):
        text = f"'{label}' has {data['points']:,} points, and {suite.score.samples:,} are asked for in each score; "
        problems.append(
            Problem("too-few-points", ("score", "samples"), f"{text}set score.samples to {data['points']} or fewer.")
        )
    return problems + _wrong_scale(triple, data)


def _wrong_pictures(suite: Suite, triple: Triple, data: Values) -> list[Problem]:
    """Return why pictures cannot be trained on or ranked: they are not there, fewer than asked for, or not to be seen
    by what is to compare them."""
    label, entry = triple.dataset.label, triple.dataset.entry
    try:
        sizes = entry.sizes(data)
    except DataError as error:
        return [Problem("no-data", _place(triple), str(error))]
    if why := lacks_room((sizes.train + sizes.held_out, *entry.shape(data))):
        return [Problem("no-room", _place(triple), f"'{label}': {why}; ask for fewer or smaller ones.")]
    if is_whole(data.get("fixed")) and data["fixed"] > sizes.train:  # any other value is told as such
        text = f"{data['fixed']} given, and '{label}' has {sizes.train:,} training pictures; name fewer."
        return [Problem("bad-value", triple.sources["dataset.fixed"].path, text)]
    if problems := _wrong_extractors(suite, triple, data):
        return problems
    why = why_unranked(
        suite.primary.images,
        label,
        entry,
        data,
        (suite.score.samples, suite.score.extractors),
        plugged_metrics(suite.plugins),
    )
    return [Problem("not-rankable", ("primary", "images"), why)] if why else []


def _wrong_extractors(suite: Suite, triple: Triple, data: Values) -> list[Problem]:
    """Return which of the extractors that a suite names cannot be had: what they need must be there before training."""
    label, pictures = triple.dataset.label, triple.dataset.entry.pictures
    return [
        Problem("unfit-extractor", ("score", "extractors", i), f"'{name}' cannot look at '{label}': {why}.")
        for i, name in enumerate(suite.score.extractors or ())
        if name in EXTRACTORS and (why := why_not(name, pictures(data)))
    ]


def _place(triple: Triple) -> KeyPath:
    """Return where a suite names the folder of a data set, or the data set where it reads none."""
    entry = triple.dataset.entry
    named = triple.sources.get(f"dataset.{entry.file_key}") if entry.file is not None else None
    return named.path if named is not None else triple.places["dataset"]


def _wrong_scale(triple: Triple, data: Values) -> list[Problem]:
    """Return the values of `scale` that bring a user's points far from 1, where no network learns."""
    entry, source = triple.dataset.entry, triple.sources.get("dataset.scale")
    if entry.points is None:
        return []
    values = [entry.hyper["scale"]] if source is None else source.value if source.swept else [source.value]
    problems = []
    for scale in (value for value in values if value > 0):  # any other is told as such
        spread = float(entry.points({**data, "scale": scale}).double().std(0).max())
        if not LEAST <= spread <= MOST:  # not a number, too
            text = (
                f"divided by {scale:g} the points of '{triple.dataset.label}' have a spread of {spread:.2g}, and one of"
            )
            path = source.path if source else ("datasets", triple.dataset.label)
            problems.append(
                Problem("bad-scale", path, f"{text} about 1 is needed; set `scale` to their standard deviation.")
            )
    return problems
