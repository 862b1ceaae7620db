"""What a suite can have wrong in its data: files, sizes, and metrics that cannot rank them."""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from harness.errors import DataError, suggestion
from harness.metrics import rankable
from harness.metrics.transport import MAX_DIMENSION
from harness.suite.format import Suite
from harness.suite.problems import Problem
from harness.suite.resolve import data_of
from harness.suite.settings import Triple

LEAST, MOST = 1e-3, 1e3  # of the spread of a user's points: initial weights and rates are made for values near 1


def data_problems(suite: Suite, triples: Iterable[Triple]) -> list[Problem]:
    """Return the mistakes of every data set that the matrix names, each told once."""
    named = {triple.dataset.label: triple for triple in triples}
    return [problem for triple in named.values() for problem in _wrong_data(suite, triple)]


def lacks_file(triple: Triple) -> bool:
    """Whether the data set of a triple reads a file and the suite names none."""
    return triple.dataset.entry.file is not None and "dataset.file" not in triple.sources


def wrong_file(entry: Any, path: str) -> str:
    """Return what is wrong with the file that a data set is to read, "" where it can be used."""
    try:
        entry.file(path)
    except DataError as error:
        return str(error)
    return ""


def _wrong_data(suite: Suite, triple: Triple) -> list[Problem]:
    label, kind = triple.dataset.label, triple.dataset.entry.kind
    if lacks_file(triple):
        path = ("datasets", label) if label in suite.datasets else triple.places["dataset"]
        text = f"'{triple.dataset.base}' reads a file, and none is named; write datasets: {{mine: {{base: "
        return [Problem(path, f"{text}{triple.dataset.base}, file: data/mine.csv}}}}.")]
    first = {target: s.value[0] if s.swept else s.value for target, s in triple.sources.items() if s.value != []}
    try:
        data = data_of(triple, first)
    except DataError:
        return []  # told where the file is named
    problems = []
    metric, known = getattr(suite.primary, kind), rankable(triple.dataset.entry, data)
    if kind == "toys" and metric not in known:
        size = prod(triple.dataset.entry.shape(data))
        why = f": these have {size} dimensions, exact transport takes {MAX_DIMENSION}" if size > MAX_DIMENSION else ""
        text = f"runs of '{label}' cannot be ranked on {metric!r}{why}.{suggestion(metric, known)}"
        problems.append(Problem(("primary", kind), text))
    if suite.score.samples > data.get("points", suite.score.samples):
        text = f"'{label}' has {data['points']:,} points, and {suite.score.samples:,} are asked for in each score; "
        problems.append(Problem(("score", "samples"), f"{text}set score.samples to {data['points']} or fewer."))
    return problems + _wrong_scale(triple, data)


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
