"""Suite -> runs: every data set x architecture x objective x swept values x seed that it asks for."""

import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.errors import SuiteError, suggestion
from harness.plugins.components import Tables, tables
from harness.spec import RunSpec, canonical_json
from harness.suite.blocks import separated
from harness.suite.format.models import Block, Suite
from harness.suite.format.problems import Problem
from harness.suite.format.yaml_file import KeyPath
from harness.suite.overrides import parse_overrides
from harness.suite.resolve import Resolved, resolve
from harness.suite.settings import Component, Level, Triple, component, merged, set_level
from harness.suite.space import SPACE, space_overrides

MAX_RUNS = 1_000_000
KINDS = ("dataset", "architecture", "objective")

Axes = dict[str, list[Any]]


@dataclass(frozen=True)
class PlannedRun:
    """A run and its labels: variant names, the objective's table name (`base`), swept values as the suite has them.

    `plain` is what `RunSpec.to_json` gives; runs share the part that is their Setup, and its canonical JSON `setup`.
    """

    dataset: str
    architecture: str
    objective: str
    base: str
    sweep: Mapping[str, Any]
    run_id: str
    plain: dict[str, Any]
    setup: str

    @property
    def spec(self) -> RunSpec:
        return RunSpec.from_json(self.plain)


class Expansion(NamedTuple):
    """The runs of a suite, and how many further ones were the same run under the same labels."""

    runs: list[PlannedRun]
    merged: int


class Choice(NamedTuple):
    """One value for every axis (`sweep`), and with them one for every target that the suite sets (`values`)."""

    sweep: dict[str, Any]
    values: dict[str, Any]


def expand(suite: Suite) -> Expansion:
    """Return the planned runs in the order of the matrix; swept names in alphabetical order, seeds innermost.

    Of a study these have the first value of all that it draws: its trials are in `harness.study.trial_runs`.

    Raises SuiteError where a name is unknown or more than a million runs are asked for; `load_suite` has refused both.
    """
    found = tables()
    triples, problems = all_triples(suite, found)
    problems += [problem] if (problem := too_many(suite, triples)) else []
    if problems:
        raise SuiteError([f"{'.'.join(map(str, path))}: {text}" for path, text in problems])
    runs: dict[tuple[tuple[str, ...], str], PlannedRun] = {}
    setups: dict[str, Resolved] = {}
    asked = 0
    for triple in triples:
        block = suite.matrix[triple.block]
        seeds = suite.seeds_of(block)
        for choice in choices(block, triple):
            resolved = resolve(triple, choice.values, found)
            shared = setups.setdefault(resolved.text, resolved)
            for run in seeded(triple, choice, shared, resolved.hyper, seeds):
                asked += 1
                key = (tuple(triple.labels.values()), run.run_id)
                if key not in runs or _autos(run) > _autos(runs[key]):
                    runs[key] = run
    return Expansion(list(runs.values()), asked - len(runs))


def _autos(run: PlannedRun) -> int:
    """Return how many swept values are `auto`: of two labels of one run the one with more says what is usual."""
    return sum(value == "auto" for value in run.sweep.values())


def seeded(
    triple: Triple, choice: Choice, shared: Resolved, hyper: Mapping[str, float], seeds: Iterable[int]
) -> Iterator[PlannedRun]:
    """Yield one run a seed. The canonical JSON of a run is put together from parts that its seeds share."""
    floats = canonical_json(hyper)
    for seed in seeds:
        text = f'{{"hyper":{floats},"seed":{seed},"setup":{shared.text}}}'
        run_id = hashlib.sha256(text.encode()).hexdigest()[:16]
        plain = {"setup": shared.plain, "hyper": hyper, "seed": seed}
        yield PlannedRun(
            **triple.labels,
            base=triple.objective.base,
            sweep=choice.sweep,
            run_id=run_id,
            plain=plain,
            setup=shared.text,
        )


def all_triples(suite: Suite, found: Tables) -> tuple[list[Triple], list[Problem]]:
    """Return the triples of the matrix whose names are known, and mistakes of names, of --set and between blocks."""
    overrides, problems = parse_overrides(suite.set, found)
    space, wrong = space_overrides(suite, found)
    problems += wrong
    known: dict[tuple[str, str], Component | None] = {}
    triples: list[Triple] = []
    for i, block in enumerate(suite.matrix):
        parts: list[list[tuple[Component, KeyPath]]] = []
        for kind in KINDS:
            parts.append([])
            for label, path in named(block, i, kind):
                if (kind, label) not in known:
                    known[kind, label] = component(suite, found, kind, label)[0]
                if (part := known[kind, label]) is not None:
                    parts[-1].append((part, path))
                elif label not in getattr(suite, f"{kind}s"):  # a variant's own mistake is told where it stands
                    names = {*getattr(found, kind), *getattr(suite, f"{kind}s")}
                    problems.append(Problem(path, f"unknown name {label!r}.{suggestion(label, names)}"))
        for chosen in itertools.product(*parts):
            dataset, architecture, objective = (part for part, _ in chosen)
            top = set_level([*overrides, *space], dataset, architecture, objective)
            sources = merged(suite, block, i, (dataset, architecture, objective), top)
            allow = frozenset(suite.allow) | architecture.allow | objective.allow
            places = {kind: path for kind, (_, path) in zip(KINDS, chosen, strict=True)}
            triples.append(Triple(i, dataset, architecture, objective, sources, allow, places))
    triples, wrong = separated(suite, triples)
    return triples, problems + wrong


def named(block: Block, index: int, kind: str) -> list[tuple[str, KeyPath]]:
    """Return the names that a block gives for a kind of component, and where they stand."""
    names = getattr(block, kind)
    path: KeyPath = ("matrix", index, kind)
    return [(name, (*path, j)) for j, name in enumerate(names)] if isinstance(names, list) else [(names, path)]


def axes_of(sources: Level) -> Axes:
    """Return the swept names and their values, by name: the order of keys in the file does not matter."""
    return {s.axis: s.value for _, s in sorted(sources.items(), key=lambda item: item[1].axis) if s.swept}


def axis_named(name: str, axes: Iterable[str]) -> str | None:
    """Return the axis that `name` means: its whole name, or the last part of it where only one axis ends so."""
    axes = list(axes)
    ends = [axis for axis in axes if axis.rpartition(".")[2] == name]
    return name if name in axes else ends[0] if len(ends) == 1 else None


def zipped(block: Block, axes: Axes) -> list[list[str]]:
    """Return the groups of axes that advance together; an axis beside no other of its group goes on its own."""
    groups = [[axis for name in group if (axis := axis_named(name, axes)) is not None] for group in block.zip]
    grouped = {axis for group in groups for axis in group}
    return groups + [[axis] for axis in axes if axis not in grouped]


def choices(block: Block, triple: Triple) -> Iterator[Choice]:
    """Yield every combination of a triple's swept values that the block does not exclude."""
    axes = axes_of(triple.sources)
    groups = sorted(group for group in zipped(block, axes) if group)
    rows = [zip(*(axes[axis] for axis in group), strict=True) for group in groups]
    steps = [[dict(zip(group, row, strict=True)) for row in table] for group, table in zip(groups, rows, strict=True)]
    for chosen in itertools.product(*steps):
        picked = {axis: value for step in chosen for axis, value in step.items()}
        sweep = {axis: picked[axis] for axis in axes}
        if not any(excludes(entry, triple.labels, sweep) for entry in block.exclude):
            sources = triple.sources.items()
            yield Choice(sweep, {target: sweep[s.axis] if s.swept else s.value for target, s in sources})


def drawn_names(triple: Triple) -> set[str]:
    """Return the names of the settings that a study draws for a triple."""
    return {str(source.path[-1]) for source in triple.sources.values() if source.path[:-1] == SPACE}


def drawn(triple: Triple, values: Mapping[str, Any]) -> Choice:
    """Return the combination that a trial stands for: its `values` in place of those that stand for the space."""
    names, sources = drawn_names(triple), triple.sources.items()
    said = {target: values[str(s.path[-1])] if s.path[:-1] == SPACE else s.value for target, s in sources}
    return Choice({name: value for name, value in values.items() if name in names}, said)


def excludes(entry: Mapping[str, Any], labels: Mapping[str, str], sweep: Mapping[str, Any]) -> bool:
    """Whether every key of `entry` has the value it names; a list names several. 1 and 1.0 are one value."""
    for key, wanted in entry.items():
        axis = key if key in labels else axis_named(key, sweep)
        if axis is None:
            return False
        value = labels[key] if key in labels else sweep[axis]
        if value != wanted and not (isinstance(wanted, list) and value in wanted):
            return False
    return True


def too_many(suite: Suite, triples: Iterable[Triple]) -> Problem | None:
    """Return the mistake of a suite of more than a million runs, counted without expanding it."""
    total = 0
    for triple in triples:
        block = suite.matrix[triple.block]
        axes = axes_of(triple.sources)
        lengths = [min(len(axes[axis]) for axis in group) for group in zipped(block, axes) if group]
        total += math.prod(lengths) * len(suite.seeds_of(block))
    if total <= MAX_RUNS:
        return None
    return Problem(("matrix",), f"{total:,} runs asked for, at most {MAX_RUNS:,} can be planned; sweep fewer values.")
