"""What a suite can have wrong in its data: files, sizes, and metrics that cannot rank them."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

from harness.datasets.cache import lacks_room
from harness.datasets.pictures import Sizes
from harness.errors import DataError, HarnessError, suggestion
from harness.extractors import EXTRACTORS, defaults, why_not
from harness.metrics import FEATURE_METRICS, rankable
from harness.metrics.directions import bare_name, named_by
from harness.metrics.seen import columns_seen
from harness.metrics.transport import MAX_DIMENSION
from harness.suite.format import Suite
from harness.suite.problems import Problem
from harness.suite.resolve import data_of
from harness.suite.settings import Triple
from harness.suite.values import is_whole
from harness.suite.yamlfile import KeyPath
from harness.wording import listed

LEAST, MOST = 1e-3, 1e3  # of the spread of a user's points: initial weights and rates are made for values near 1
OF_FEATURES = {bare_name(name) for metric in FEATURE_METRICS.values() for name in metric.columns}
OF_EVERY = OF_FEATURES - {bare_name(name) for name in FEATURE_METRICS["classes"].columns}
EXAMPLES = {"file": "data/mine.csv", "folder": "data/faces"}


def data_problems(suite: Suite, triples: Iterable[Triple]) -> list[Problem]:
    """Return the mistakes of every data set that the matrix names, each told once."""
    named = {triple.dataset.label: triple for triple in triples}
    return [problem for triple in named.values() for problem in _wrong_data(suite, triple)]


def lacks_file(triple: Triple) -> bool:
    """Whether the data set of a triple reads a file or folder and the suite names none."""
    entry = triple.dataset.entry
    return entry.file is not None and f"dataset.{entry.file_key}" not in triple.sources


def wrong_file(entry: Any, path: str) -> str:
    """Return what is wrong with the file or folder that a data set is to read, "" where it can be used."""
    try:
        entry.file(path)
    except DataError as error:
        return str(error)
    return ""


def _wrong_data(suite: Suite, triple: Triple) -> list[Problem]:
    label, entry = triple.dataset.label, triple.dataset.entry
    if lacks_file(triple):
        path = ("datasets", label) if label in suite.datasets else triple.places["dataset"]
        text = f"'{triple.dataset.base}' reads a {entry.file_key}, and none is named; write datasets: {{mine: {{base: "
        example = f"{entry.file_key}: {EXAMPLES[entry.file_key]}"
        return [Problem(path, f"{text}{triple.dataset.base}, {example}}}}}.")]
    try:
        every = list(_data(triple))
    except HarnessError:
        return []  # told where the file is named, or the value stands
    if entry.pictures is not None:
        return list(dict.fromkeys(problem for data in every for problem in _wrong_pictures(suite, triple, data)))
    return _wrong_metric(suite, triple, every[0]) + _wrong_points(suite, triple, every[0])


def _data(triple: Triple) -> Iterator[dict[str, Any]]:
    """Yield what Setups hold of the data set, for each combination of the values that a suite sweeps of it."""
    entry = triple.dataset.entry
    said = {t: s for t, s in triple.sources.items() if t.partition(".")[0] == "dataset" and s.value != []}
    held = {t: s for t, s in said.items() if t.partition(".")[2] not in entry.hyper}
    values = [source.value if source.swept else [source.value] for source in held.values()]
    for chosen in itertools.product(*values):
        yield data_of(triple, dict(zip(held, chosen, strict=True)))


def _wrong_metric(suite: Suite, triple: Triple, data: Mapping[str, Any]) -> list[Problem]:
    label, entry = triple.dataset.label, triple.dataset.entry
    metric, known = getattr(suite.primary, entry.kind), rankable(entry, data)
    if metric in known:
        return []
    size = prod(entry.shape(data))
    is_exact = metric.partition("_")[0] in ("w1", "w2", "score")
    why = f": these have {size} dimensions, exact transport takes {MAX_DIMENSION}"
    text = f"cannot be ranked on {metric!r}{why if is_exact and size > MAX_DIMENSION else ''}"
    return [Problem(("primary", entry.kind), f"runs of '{label}' {text}.{suggestion(metric, known)}")]


def _wrong_points(suite: Suite, triple: Triple, data: Mapping[str, Any]) -> list[Problem]:
    label, problems = triple.dataset.label, []
    if suite.score.samples > data.get("points", suite.score.samples):
        text = f"'{label}' has {data['points']:,} points, and {suite.score.samples:,} are asked for in each score; "
        problems.append(Problem(("score", "samples"), f"{text}set score.samples to {data['points']} or fewer."))
    return problems + _wrong_scale(triple, data)


def _wrong_pictures(suite: Suite, triple: Triple, data: Mapping[str, Any]) -> list[Problem]:
    """Return why pictures cannot be trained on or ranked: they are not there, fewer than asked for, or not to be seen
    by what is to compare them."""
    label, entry = triple.dataset.label, triple.dataset.entry
    try:
        sizes = entry.sizes(data)
    except DataError as error:
        return [Problem(_place(triple), str(error))]
    if why := lacks_room((sizes.train + sizes.held_out, *entry.shape(data))):
        return [Problem(_place(triple), f"'{label}': {why}; ask for fewer or smaller ones.")]
    if is_whole(data.get("fixed")) and data["fixed"] > sizes.train:  # any other value is told as such
        text = f"{data['fixed']} given, and '{label}' has {sizes.train:,} training pictures; name fewer."
        return [Problem(triple.sources["dataset.fixed"].path, text)]
    return _wrong_extractors(suite, triple, data) or _wrong_rank(suite, triple, data, sizes)


def _wrong_extractors(suite: Suite, triple: Triple, data: Mapping[str, Any]) -> list[Problem]:
    """Return which of the extractors that a suite names cannot be had: what they need must be there before training."""
    problems = []
    for i, name in enumerate(suite.score.extractors or ()):
        if name not in EXTRACTORS:
            text = f"unknown extractor {name!r}.{suggestion(name, EXTRACTORS)}"
        elif why := why_not(name, triple.dataset.entry.pictures(data)):
            text = f"'{name}' cannot look at '{triple.dataset.label}': {why}."
        else:
            continue
        problems.append(Problem(("score", "extractors", i), text))
    return problems


def _wrong_rank(suite: Suite, triple: Triple, data: Mapping[str, Any], sizes: Sizes) -> list[Problem]:
    """Return why pictures cannot be ranked on what the suite says."""
    metric, known = suite.primary.images, rankable(triple.dataset.entry, data)
    plain, label = bare_name(metric), triple.dataset.label
    if plain not in known or (plain not in OF_FEATURES and plain != metric):
        return [Problem(("primary", "images"), f"pictures cannot be ranked on {metric!r}.{suggestion(metric, known)}")]
    n, text = min(suite.score.samples, sizes.held_out), ""
    if plain not in OF_FEATURES or (n > 1 and _is_seen(suite, triple, data, metric)):
        return []
    asked = _asked(suite, triple, data)
    columns = _columns(asked, triple, data, n, sizes.train)
    there = [column for column in columns if named_by(plain, [column])]
    if n < 2:
        text = f"{metric!r} compares with more than the single picture that '{label}' is scored on; use sliced_w."
    elif not there:
        seen = f"{listed(asked)} alone" if asked else "no extractor"
        text = f"{metric!r} given, and '{label}' is looked at by {seen}; name score.extractors that fit, or rank on "
        text += "sliced_w."
    elif not named_by(metric, there):
        text = f"{metric!r} given, and '{label}' has {listed(there)}; name one of these, or score.extractors that fit."
    return [Problem(("primary", "images"), text)] if text else []


def _is_seen(suite: Suite, triple: Triple, data: Mapping[str, Any], metric: str) -> bool:
    """Return whether every extractor has the metric and there is one: then no picture need be made to see that."""
    _, height, width = triple.dataset.entry.shape(data)
    asked = suite.score.extractors
    return metric in OF_EVERY and (bool(asked) if asked is not None else height == width)


def _asked(suite: Suite, triple: Triple, data: Mapping[str, Any]) -> list[str]:
    """Return which extractors look at a data set: those that the suite names, else its own."""
    asked = suite.score.extractors
    return defaults(triple.dataset.entry.pictures(data)) if asked is None else list(asked)


def _columns(asked: list[str], triple: Triple, data: Mapping[str, Any], n: int, trained: int) -> list[str]:
    """Return the columns by extractors that runs on a data set of pictures will have."""
    used, classes = data.get("fixed") or trained, len(triple.dataset.entry.pictures(data).classes)
    return [c for name in asked for c in columns_seen(name, n, used, classes if name == "classifier" else 0)]


def _place(triple: Triple) -> KeyPath:
    """Return where a suite names the folder of a data set, or the data set where it reads none."""
    entry = triple.dataset.entry
    named = triple.sources.get(f"dataset.{entry.file_key}") if entry.file is not None else None
    return named.path if named is not None else triple.places["dataset"]


def _wrong_scale(triple: Triple, data: Mapping[str, Any]) -> list[Problem]:
    """Return the values of `scale` that bring a user's points far from 1, where no network learns."""
    entry, said = triple.dataset.entry, triple.sources.get("dataset.scale")
    if entry.points is None:
        return []
    values = [entry.hyper["scale"]] if said is None else said.value if said.swept else [said.value]
    problems = []
    for scale in (value for value in values if value > 0):  # any other is told as such
        spread = float(entry.points({**data, "scale": scale}).double().std(0).max())
        if not LEAST <= spread <= MOST:  # not a number, too
            text = (
                f"divided by {scale:g} the points of '{triple.dataset.label}' have a spread of {spread:.2g}, and one of"
            )
            path = said.path if said else ("datasets", triple.dataset.label)
            problems.append(Problem(path, f"{text} about 1 is needed; set `scale` to their standard deviation."))
    return problems
