"""Suite -> runs: every data set x architecture x objective x swept values x seed that it asks for."""

import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.errors import Problem, SuiteError
from harness.spec import RunSpec, canonical_json
from harness.suite.format.models import Block, Suite
from harness.suite.format.values import MAX_RUNS, Plain, Values
from harness.suite.matrix import matrix_of, too_many_runs
from harness.suite.overrides import SPACE
from harness.suite.resolve import Resolved
from harness.suite.settings import Level, Triple

Axes = dict[str, list[Any]]
LENGTHS = ("steps", "epochs")


@dataclass(frozen=True)
class ExpandedRun:
    """A run and its labels: variant names, the objective's table name (`base`), swept values as the suite has them.

    `plain` is what `RunSpec.to_json` gives; runs share the part that is their Setup, and its canonical JSON `setup`.
    """

    dataset: str
    architecture: str
    objective: str
    base: str
    sweep: Values
    run_id: str
    plain: Plain
    setup: str

    @property
    def spec(self) -> RunSpec:
        return RunSpec.from_json(self.plain)


class Expansion(NamedTuple):
    """The runs of a suite, and how many further ones were the same run under the same labels."""

    runs: list[ExpandedRun]
    merged: int


class Choice(NamedTuple):
    """One value for every axis (`sweep`), and with them one for every target that the suite sets (`values`)."""

    sweep: Values
    values: Values


def expand(suite: Suite) -> Expansion:
    """Return the planned runs in the order of the matrix; swept names in alphabetical order, seeds innermost.

    Of a study these have the first value of all that it draws: its trials are in `harness.study.trial_runs`.

    Raises SuiteError for a suite that `load_suite` refuses for its names and values.
    """
    matrix = matrix_of(suite)
    if problems := [*matrix.problems, *too_many(suite, matrix.triples)]:
        raise SuiteError(problems)
    runs: dict[tuple[tuple[str, ...], str], ExpandedRun] = {}
    setups: dict[str, Resolved] = {}
    total = 0
    for triple in matrix.triples:
        block, labels = suite.matrix[triple.block], tuple(triple.labels.values())
        seeds = suite.seeds_of(block)
        for choice in choices(block, triple):
            resolved = matrix.resolved(triple, choice.values)
            if isinstance(resolved, Problem):
                raise SuiteError(resolved)
            shared = setups.setdefault(resolved.text, resolved)
            for run in seeded(triple, choice, shared, resolved.hyper, seeds):
                total += 1
                key = (labels, run.run_id)
                if key not in runs or _autos(run) > _autos(runs[key]):
                    runs[key] = run
    return Expansion(list(runs.values()), total - len(runs))


def _autos(run: ExpandedRun) -> int:
    """Return how many swept values are `auto`: of two labels of one run the one with more says what is usual."""
    return sum(value == "auto" for value in run.sweep.values())


def seeded(
    triple: Triple, choice: Choice, shared: Resolved, hyper: Mapping[str, float], seeds: Iterable[int]
) -> Iterator[ExpandedRun]:
    """Yield one run a seed. The canonical JSON of a run is put together from parts that its seeds share."""
    floats, labels = canonical_json(hyper), triple.labels
    for seed in seeds:
        text = f'{{"hyper":{floats},"seed":{seed},"setup":{shared.text}}}'
        run_id = hashlib.sha256(text.encode()).hexdigest()[:16]
        plain = {"setup": shared.plain, "hyper": hyper, "seed": seed}
        yield ExpandedRun(
            **labels,
            base=triple.objective.base,
            sweep=choice.sweep,
            run_id=run_id,
            plain=plain,
            setup=shared.text,
        )


def axes_of(sources: Level) -> Axes:
    """Return the swept names and their values, by name: the order of keys in the file does not matter."""
    return {s.axis: s.value for _, s in sorted(sources.items(), key=lambda item: item[1].axis) if s.swept}


def axis_named(name: str, axes: Iterable[str]) -> str | None:
    """Return the axis that `name` means: its whole name, or the last part of it where only one axis ends so.

    `steps` and `epochs` both mean how long a run trains: one stands for the other.
    """
    axes = list(axes)
    if name in LENGTHS and name not in axes:
        return next((axis for axis in axes if axis in LENGTHS), None)
    ends = [axis for axis in axes if axis.rpartition(".")[2] == name]
    return name if name in axes else ends[0] if len(ends) == 1 else None


def zipped(block: Block, axes: Axes) -> list[list[str]]:
    """Return the groups of axes that advance together; an axis beside no other of its group goes on its own."""
    groups = [[axis for name in group if (axis := axis_named(name, axes)) is not None] for group in block.zip]
    grouped = {axis for group in groups for axis in group}
    return [group for group in groups if group] + [[axis] for axis in axes if axis not in grouped]


def choices(block: Block, triple: Triple) -> Iterator[Choice]:
    """Yield every combination of a triple's swept values that the block does not exclude."""
    axes, labels = axes_of(triple.sources), triple.labels
    groups = sorted(zipped(block, axes))
    names = [axis for group in groups for axis in group]
    settings = {target: source.value for target, source in triple.sources.items()}
    swept = [(target, source.axis) for target, source in triple.sources.items() if source.swept]
    for rows in itertools.product(*(zip(*(axes[axis] for axis in group), strict=True) for group in groups)):
        picked = dict(zip(names, itertools.chain.from_iterable(rows), strict=True))
        sweep = {axis: picked[axis] for axis in axes}
        if not any(excludes(entry, labels, sweep) for entry in block.exclude):
            yield Choice(sweep, {**settings, **{target: sweep[axis] for target, axis in swept}})


def drawn_names(triple: Triple) -> set[str]:
    """Return the names of the settings that a study draws for a triple."""
    return {str(source.path[-1]) for source in triple.sources.values() if source.path[:-1] == SPACE}


def drawn(triple: Triple, values: Values) -> Choice:
    """Return the combination that a trial stands for: its `values` in place of those that stand for the space."""
    names, sources = drawn_names(triple), triple.sources.items()
    settings = {target: values[str(s.path[-1])] if s.path[:-1] == SPACE else s.value for target, s in sources}
    return Choice({name: value for name, value in values.items() if name in names}, settings)


def excludes(entry: Values, labels: Mapping[str, str], sweep: Values) -> bool:
    """Whether every key of `entry` has the value it names; a list names several. 1 and 1.0 are one value."""
    for key, wanted in entry.items():
        axis = key if key in labels else axis_named(key, sweep)
        if axis is None:
            return False
        value = labels[key] if key in labels else sweep[axis]
        if value != wanted and not (isinstance(wanted, list) and value in wanted):
            return False
    return True


def too_many(suite: Suite, triples: Iterable[Triple]) -> list[Problem]:
    """Return the mistake of a suite of more than MAX_RUNS, counted without expanding it."""
    total = 0
    for triple in triples:
        block = suite.matrix[triple.block]
        total += combinations_of(block, triple.sources) * len(suite.seeds_of(block))
    return [too_many_runs(total)] if total > MAX_RUNS else []


def combinations_of(block: Block, sources: Level) -> int:
    """Return how many combinations of swept values these sources have in a block, those it excludes among them."""
    axes = axes_of(sources)
    return math.prod(min(len(axes[axis]) for axis in group) for group in zipped(block, axes))
