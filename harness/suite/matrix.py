"""A suite against the tables: the triples of its matrix, and each combination of settings resolved, or refused, once.

`matrix_of` keeps the Matrix of the suites that were read last: checks, plan and study share it.
"""

import itertools
import math
from collections import deque
from collections.abc import Iterator

from harness.errors import HarnessError, KeyPath, Problem, SuiteError
from harness.hints import quoted, suggestion
from harness.plugins.components import tables
from harness.spec import KINDS
from harness.suite.blocks import separated
from harness.suite.checks.refusals import refusals
from harness.suite.format.models import Block, Suite
from harness.suite.format.values import MAX_RUNS, Values
from harness.suite.overrides import SPACE, set_overrides, space_overrides
from harness.suite.resolve import Resolved, floats_of, resolve
from harness.suite.settings import TITLES, Component, Triple, component, merged, reached, set_level, train_level


class Matrix:
    """What a suite asks for.

    triples    of the matrix, as far as their names are known     overrides, space   settings that lie over every block
    variants   mistakes of each variant, by kind and label        problems           mistakes of names and values
    """

    def __init__(self, suite: Suite) -> None:
        self.suite, self.tables = suite, tables()
        self.overrides, problems = set_overrides(suite.set, self.tables)
        self.space, wrong = space_overrides(suite, self.tables)
        self._components = {
            (kind, label): component(suite, self.tables, kind, label)
            for kind in KINDS
            for label in getattr(suite, f"{kind}s")
        }
        self.variants = {key: mistakes for key, (_, mistakes) in self._components.items()}
        self.problems = problems + wrong + [problem for mistakes in self.variants.values() for problem in mistakes]
        combinations = sum(math.prod(len(names_of(block, kind)) for kind in KINDS) for block in suite.matrix)
        self.problems += [too_many_runs(combinations)] if combinations > MAX_RUNS else []
        self.triples, wrong = separated(suite, list(self._triples()) if combinations <= MAX_RUNS else [])
        self.problems += wrong + self._unreached()
        self._resolved: dict[tuple[object, ...], Resolved | Problem | str] = {}
        self._settings: dict[int, tuple[Triple, str, list[str]]] = {}  # of each triple, by its id
        self._refused: dict[tuple[object, ...], list[Problem]] = {}

    def _triples(self) -> Iterator[Triple]:
        of_suite, allow = train_level(self.suite.train, ("train",)), frozenset(self.suite.allow)
        for i, block in enumerate(self.suite.matrix):
            train = of_suite, train_level(block.train, ("matrix", i, "train"))
            for chosen in itertools.product(*(list(self._named(block, i, kind)) for kind in KINDS)):
                parts = {part.kind: part for part, _ in chosen}
                top = set_level([*self.overrides, *self.space], parts)
                sources = merged(parts, train, top)
                allowed = allow.union(*(part.allow for part in parts.values()))
                places = {part.kind: path for part, path in chosen}
                yield Triple(i, **parts, sources=sources, allow=allowed, places=places)

    def _named(self, block: Block, index: int, kind: str) -> Iterator[tuple[Component, KeyPath]]:
        """Yield the components that a block names, and where; a name that is not known is a problem."""
        for label, path in named(block, index, kind):
            if (kind, label) not in self._components:
                self._components[kind, label] = component(self.suite, self.tables, kind, label)
            part, wrong = self._components[kind, label]
            if part is not None:
                yield part, path
            elif not wrong:  # a variant's own mistake is told where it stands
                known = {*self.tables.of(kind), *getattr(self.suite, f"{kind}s")}
                text = f"unknown name {quoted(label)}.{suggestion(label, known)}"
                self.problems.append(Problem("unknown-name", path, text))

    def _unreached(self) -> list[Problem]:
        """Return what is wrong with settings that lie over every block, and which of them reach no component."""
        problems = []
        trios = {tuple(triple.labels.values()): triple.parts for triple in self.triples}
        for override in [*self.overrides, *self.space]:
            if override.group in KINDS:
                kinds = [kind for parts in trios.values() for kind in reached(override, parts).values()]
                problems += override.mistakes(kinds)
                if trios and not kinds:
                    text = f"no {TITLES[override.group]} that this suite trains has a setting '{override.key}'."
                    problems.append(Problem("unused-setting", override.path, text))
        return problems

    def resolved(self, triple: Triple, values: Values) -> Resolved | Problem:
        """Return a combination resolved, or how its settings contradict each other; each Setup is tried once."""
        resolved = self._setup(triple, values)
        return resolved.at(values) if isinstance(resolved, Resolved) else resolved

    def refusals(self, triple: Triple, values: Values) -> list[Problem]:
        """Return why a combination cannot be trained, which its Setup decides."""
        resolved = self._setup(triple, values)
        if isinstance(resolved, Problem):
            return [resolved]
        key = (triple.architecture.label, triple.objective.label, resolved.text)
        if key not in self._refused:
            self._refused[key] = refusals(triple, values, resolved, self.tables)
        return self._refused[key]

    def has_one_setup(self, triple: Triple) -> bool:
        """Whether all combinations of a triple have the same Setup, as nothing but floats varies."""
        return not self._parts(triple)[1]

    def _parts(self, triple: Triple) -> tuple[str, list[str]]:
        if id(triple) not in self._settings:
            self._settings[id(triple)] = triple, *self._parted(triple)
        return self._settings[id(triple)][1:]

    def _setup(self, triple: Triple, values: Values) -> Resolved | Problem:
        """Return a combination resolved as far as its Setup goes: the floats beside it may be another's."""
        fixed, varied = self._parts(triple)
        key = fixed, *(repr(values[target]) for target in varied)
        if key not in self._resolved:
            try:
                self._resolved[key] = resolve(triple, values, self.tables)
            except SuiteError as error:
                self._resolved[key] = error.problems[0]
            except HarnessError as error:
                self._resolved[key] = str(error)
        resolved = self._resolved[key]
        if not isinstance(resolved, str):
            return resolved
        return Problem("contradiction", triple.places["architecture"], f"{triple.architecture.label}: {resolved}")

    def _parted(self, triple: Triple) -> tuple[str, list[str]]:
        """Return what decides a triple's Setups: what they share, as text, and the targets that vary."""
        floats = floats_of(triple, self.tables)
        sources = {target: source for target, source in triple.sources.items() if target not in floats}
        varied = [target for target, source in sources.items() if source.swept or source.path[:-1] == SPACE]
        fixed = [(target, source.value) for target, source in sources.items() if target not in varied]
        bases = [part.base for part in triple.parts.values()]
        return repr((bases, triple.objective.tricks, triple.objective.penalty, varied, fixed)), varied


_RECENT: deque[Matrix] = deque(maxlen=2)


def matrix_of(suite: Suite) -> Matrix:
    """Return the Matrix of a suite, made once for each Suite that is read."""
    for matrix in _RECENT:
        if matrix.suite is suite:
            return matrix
    _RECENT.append(Matrix(suite))
    return _RECENT[-1]


def named(block: Block, index: int, kind: str) -> list[tuple[str, KeyPath]]:
    """Return the names that a block gives for a kind of component, and where they stand."""
    path: KeyPath = ("matrix", index, kind)
    is_list = isinstance(getattr(block, kind), list)
    return [(name, (*path, j) if is_list else path) for j, name in enumerate(names_of(block, kind))]


def names_of(block: Block, kind: str) -> list[str]:
    """Return the names that a block gives for a kind of component."""
    names = getattr(block, kind)
    return names if isinstance(names, list) else [names]


def too_many_runs(total: int) -> Problem:
    """Return the mistake of a suite of more than MAX_RUNS."""
    text = f"at least {total:,} runs asked for, at most {MAX_RUNS:,} can be planned; sweep fewer values."
    return Problem("too-many-runs", ("matrix",), text)
