"""What a suite can have wrong in its data: files, sizes, and metrics that cannot rank them."""

import itertools
from collections.abc import Iterable, Iterator
from math import prod

from harness.datasets import DATASETS
from harness.datasets.cache import lacks_room
from harness.errors import DataError, HarnessError, Problem
from harness.hints import quoted, suggestion
from harness.metrics import METRICS, rankable
from harness.metrics.columns import MetricColumn
from harness.metrics.extractors import EXTRACTORS, TORCHVISION, kind_of, why_not
from harness.metrics.transport import MAX_DIMENSION
from harness.plugins.components import file_of, plugged, tables
from harness.plugins.extractor_trial import extractor_fault
from harness.plugins.guard import guarded
from harness.suite.checks.image_ranking import why_unranked
from harness.suite.format.models import Suite
from harness.suite.format.values import Plain, Values, is_whole
from harness.suite.resolve import data_of, data_path
from harness.suite.settings import Triple
from harness.text import counted

EXACT = {column.name for name in ("w1", "w1_train", "w2") for column in METRICS[name].columns}
LEAST, MOST = 1e-3, 1e3  # of the spread of a user's points: initial weights and rates are made for values near 1
NO_MODEL = " Torchvision has no such classifier, or no such weights of it; write torchvision-MODEL-WEIGHTS."
EXAMPLES = {"file": "data/mine.csv", "folder": "data/faces", "fakes": "data/generated.csv"}


def data_problems(suite: Suite, triples: Iterable[Triple]) -> list[Problem]:
    """Return the mistakes of every data set that the matrix names, each told once."""
    named = {triple.dataset.label: triple for triple in triples}
    problems = [*_unknown_extractors(suite), *(one for triple in named.values() for one in _wrong_data(suite, triple))]
    return list(dict.fromkeys(problems))


def _unknown_extractors(suite: Suite) -> Iterator[Problem]:
    known = _extractors(suite)
    for i, name in enumerate(suite.score.extractors or ()):
        if name not in known and (name in EXTRACTORS or kind_of(name) is None):
            hint = NO_MODEL if name.startswith(TORCHVISION) else suggestion(name, known)
            text = f"unknown extractor {quoted(name)}.{hint}"
            yield Problem("unknown-name", ("score", "extractors", i), text)


def _extractors(suite: Suite) -> set[str]:
    """Return the extractors that a suite can name: the built-in ones, and those of its plug-ins."""
    return {name for name, kind in EXTRACTORS.items() if not kind.file} | plugged("extractor", suite.plugins).keys()


def lacks_file(triple: Triple) -> bool:
    """Whether the data set of a triple reads a file or folder and the suite names none."""
    entry = triple.dataset.entry
    return any(f"dataset.{key}" not in triple.sources for key in entry.files)


def _wrong_data(suite: Suite, triple: Triple) -> Iterator[Problem]:
    label, base, entry = triple.dataset.label, triple.dataset.base, triple.dataset.entry
    if lacks_file(triple):
        path = ("datasets", label) if label in suite.datasets else triple.places["dataset"]
        named = ", ".join(f"{key}: {EXAMPLES[key]}" for key in entry.files)
        missing = " and a ".join([key for key in entry.files if f"dataset.{key}" not in triple.sources])
        text = f"'{base}' reads a {missing}, and none is named; write datasets: {{mine: {{base: {base}, {named}}}}}."
        yield Problem("no-file", path, text)
        return
    try:
        every = list(_data(triple))
    except HarnessError:
        return  # told where the file is named, or the value stands
    if entry.pictures is None:
        yield from _wrong_points(suite, triple, every[0])
    for data in every if entry.pictures is not None else ():
        yield from _wrong_images(suite, triple, data)


def _data(triple: Triple) -> Iterator[Plain]:
    """Yield what Setups hold of the data set, for each combination of the values that a suite sweeps of it."""
    entry = triple.dataset.entry
    sources = {t: s for t, s in triple.sources.items() if t.partition(".")[0] == "dataset" and s.value != []}
    fixed = {t: s.values for t, s in sources.items() if t.partition(".")[2] not in entry.hyper}
    for chosen in itertools.product(*fixed.values()):
        yield data_of(triple, dict(zip(fixed, chosen, strict=True)))


def _wrong_points(suite: Suite, triple: Triple, data: Values) -> Iterator[Problem]:
    """Yield why points cannot be ranked or scored as the suite says, and scales at which no network learns."""
    label, entry, samples = triple.dataset.label, triple.dataset.entry, suite.score.samples
    metric, known = getattr(suite.primary, entry.kind), rankable(entry, data, plugged("metric", suite.plugins))
    if metric not in known:
        size, is_exact = prod(entry.shape(data)), MetricColumn.parse(metric).name in EXACT
        why = f": these have {size} dimensions, exact transport takes {MAX_DIMENSION}"
        text = f"runs of '{label}' cannot be ranked on {metric!r}{why if is_exact and size > MAX_DIMENSION else ''}"
        yield Problem("not-rankable", ("primary", entry.kind), f"{text}.{suggestion(metric, known)}")
    sides = [data["dimensions"], data["fakes_dimensions"]] if "fakes" in data else []
    if len(set(sides)) > 1:
        text = f"'{label}' has points of {sides[0]} and fakes of {counted(sides[1], 'dimension')}; both need as many."
        yield Problem("not-together", ("datasets", label, "fakes"), text)
    if samples > (n := min(data.get("points", samples), data.get("fakes_points", samples))):
        text = f"'{label}' has {n:,} points, and {samples:,} are asked for in each score; "
        text += f"set score.samples to {n} or fewer."
        yield Problem("too-few-points", ("score", "samples"), text)
    source = triple.sources.get("dataset.scale")
    scales = [] if entry.points is None else source.values if source else [entry.hyper["scale"]]
    for scale in (value for value in scales if value > 0):  # any other is told as such
        spread = float(entry.points({**data, "scale": scale}).double().std(0).max())
        if not LEAST <= spread <= MOST:  # not a number, too
            text = f"divided by {scale:g} the points of '{label}' have a spread of {spread:.2g}, and one of about 1 is "
            text += "needed; set `scale` to their standard deviation."
            yield Problem("bad-scale", source.path if source else ("datasets", label), text)


def _wrong_images(suite: Suite, triple: Triple, data: Values) -> Iterator[Problem]:
    """Yield why images cannot be trained on or ranked: they are not there, fewer than asked for, or not to be seen by
    what is to compare them.
    """
    label, entry, score = triple.dataset.label, triple.dataset.entry, suite.score
    place = data_path(triple)
    try:
        sizes = entry.sizes(data)
    except DataError as error:
        yield Problem("no-data", place, str(error))
        return
    if why := lacks_room((sizes.train + sizes.held_out, *entry.shape(data))):
        yield Problem("no-room", place, f"'{label}': {why}; ask for fewer or smaller ones.")
        return
    if is_whole(data.get("fixed")) and data["fixed"] > sizes.train:  # any other value is told as such
        text = f"{data['fixed']} given, and '{label}' has {sizes.train:,} training images; name fewer."
        yield Problem("bad-value", triple.sources["dataset.fixed"].path, text)
        return
    # What extractors need must be there before training.
    wrong = {problem.path[-1] for problem in _unknown_extractors(suite)}
    named = [(i, name) for i, name in enumerate(score.extractors or ()) if i not in wrong]
    unfit = {(i, name): why for i, name in named if (why := why_unfit(name, triple.dataset.base, data))}
    for (i, name), why in unfit.items():
        yield Problem("unfit-extractor", ("score", "extractors", i), f"'{name}' cannot look at '{label}': {why}.")
    if not unfit:
        asked_for, plugin_metrics = (score.samples, score.extractors), plugged("metric", suite.plugins)
        if why := why_unranked(suite.primary.images, label, entry, data, asked_for, plugin_metrics):
            yield Problem("not-rankable", ("primary", "images"), why)


def why_unfit(name: str, dataset: str, data: Values) -> str:
    """Return why an extractor cannot look at a data set; one of a plug-in is tried on it. "" where it can."""
    pictures = DATASETS[dataset].pictures
    assert pictures is not None, "of a data set of images"
    if name not in EXTRACTORS or not EXTRACTORS[name].file:
        return why_not(name, pictures(dict(data)))
    with guarded(file_of("extractor", name), f"its extractor '{name}' is tried", tables()):
        return why_not(name, pictures(dict(data))) or extractor_fault(name, dataset, dict(data))
