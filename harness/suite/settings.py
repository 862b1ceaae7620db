"""What each level of a suite sets: sources by target, and the precedence between them.

A level maps targets (`harness.suite.parameters`) to sources; a higher level's source replaces a lower one's. A key that
sets two targets is one source of both, hence one axis where it is swept.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from harness.errors import KeyPath, Problem
from harness.hints import example, nearest, quoted, suggestion
from harness.objectives import OBJECTIVES, PENALTIES, no_penalty, objective_of
from harness.plugins.components import Tables
from harness.spec import KINDS
from harness.suite.format.models import PATHS, ArchitectureVariant, DatasetVariant, ObjectiveVariant, Suite, Train
from harness.suite.format.problems import SUITE_WIDE, WHOLE_SUITE
from harness.suite.format.values import Kind
from harness.suite.overrides import Override
from harness.suite.parameters import PLAYERS, TRAIN, Parameters, parameters
from harness.text import listed

TITLES = {"dataset": "data set", "architecture": "architecture", "objective": "objective"}

LENGTHS = frozenset({"train.steps", "train.epochs"})  # a level that says one replaces the other

Variant = ArchitectureVariant | DatasetVariant | ObjectiveVariant


class Source(NamedTuple):
    """A value that a suite sets, or the list of values it sweeps, under the name of its axis."""

    axis: str
    value: Any
    swept: bool
    path: KeyPath

    @property
    def values(self) -> list[Any]:
        return self.value if self.swept else [self.value]


Level = dict[str, Source]


@dataclass(frozen=True)
class Component:
    """A data set, architecture or objective as a suite uses it: its label, its table's entry, what is set of it.

    The entry of an objective has the `penalty` that the suite adds, "" for none.
    """

    kind: str
    label: str
    base: str
    entry: Any
    level: Level
    parameters: Parameters
    allow: frozenset[str] = frozenset()
    tricks: tuple[str, ...] = ()
    penalty: str = ""


@dataclass(frozen=True)
class Triple:
    """One data set with one architecture and one objective in a block of the matrix, and every setting that is said.

    `places` holds, by kind, where the block names the component.
    """

    block: int
    dataset: Component
    architecture: Component
    objective: Component
    sources: Level
    allow: frozenset[str]
    places: Mapping[str, KeyPath]

    @cached_property
    def parts(self) -> dict[str, Component]:
        return {kind: getattr(self, kind) for kind in KINDS}

    @cached_property
    def labels(self) -> dict[str, str]:
        return {kind: part.label for kind, part in self.parts.items()}


def sources_of(key: str, value: Any, targets: Mapping[str, Kind], path: KeyPath) -> Level:
    """Return the sources of a key's value, by target."""
    return {target: Source(key, value, kind.sweeps(value), path) for target, kind in targets.items()}


def train_level(train: Train, path: KeyPath) -> Level:
    """Return the targets of training settings; critic_lr and generator_lr beat the `lr` beside them."""
    level: Level = {}
    for key in sorted(TRAIN, key=lambda key: key != "lr"):  # `lr` first, so that the others replace it
        if (value := getattr(train, key)) is not None:
            level |= sources_of(key, value, TRAIN[key], (*path, key))
    return level


def component(suite: Suite, tables: Tables, kind: str, label: str) -> tuple[Component | None, list[Problem]]:
    """Return what the suite means by `label`, and the mistakes of its variant.

    None with no problem: neither the suite nor the table knows the name.
    """
    table, path = tables.of(kind), (f"{kind}s", label)
    variant: Variant | None = getattr(suite, f"{kind}s").get(label)
    if variant is None:
        if label not in table:
            return None, []
        return Component(kind, label, label, table[label], {}, parameters(kind, table[label], {})), []
    base = label if variant.base is None else variant.base
    if base not in table and variant.base is None:
        text = (
            f"{quoted(label)} is no {kind} of the table; `base` must name the one it varies.{suggestion(label, table)}"
        )
        return None, [Problem("missing-key", path, text)]
    if base not in table:
        return None, [
            Problem("unknown-name", (*path, "base"), f"unknown name {quoted(base)}.{suggestion(base, table)}")
        ]
    if label in table and base != label:
        text = f"{quoted(label)} is in the table of {kind}s itself; give the variant of '{base}' another name."
        return None, [Problem("name-taken", (*path, "base"), text)]
    tricks, problems, penalty, entry = {}, list[Problem](), "", table[base]
    if isinstance(variant, ObjectiveVariant):
        tricks = {name: tables.trick[name] for name in sorted(variant.tricks) if name in tables.trick}
        problems = [*_wrong_tricks(variant, tables, path), *_wrong_penalty(variant.penalty, base, entry, path)]
        if problems and variant.penalty is not None:
            return None, problems
        penalty = variant.penalty or ""
        entry = objective_of(base, penalty) if penalty else entry
    known = parameters(kind, entry, tricks)
    level = train_level(variant, path) if isinstance(variant, ObjectiveVariant) else {}
    for key, at, value in _settings(variant, path, tricks):
        if key in known:
            level |= sources_of(key, value, known[key], at)
            wrong = {target: kind.mistakes(value) for target, kind in known[key].items()}
            hint = _for_one(key, wrong)
            texts = dict(mistake for mistakes in reversed(wrong.values()) for mistake in mistakes)  # once for both
            problems += [Problem("bad-value", at if i < 0 else (*at, i), text + hint) for i, text in texts.items()]
        else:
            problems.append(_unknown(kind, base, key, at, known))
    allow = frozenset(getattr(variant, "allow", ()))
    return Component(kind, label, base, entry, level, known, allow, tuple(tricks), penalty), problems


def _for_one(key: str, wrong: Mapping[str, list[tuple[int, str]]]) -> str:
    """Return that one player alone takes a value that was given to both; "" elsewhere. `wrong`: mistakes by target."""
    takers = [target.partition(".")[0] for target, mistakes in wrong.items() if not mistakes]
    return f" Write {takers[0]}: {{{key}: ...}} for that player alone." if len(wrong) > 1 and len(takers) == 1 else ""


def _settings(variant: Variant, path: KeyPath, tricks: Iterable[str]) -> list[tuple[str, KeyPath, Any]]:
    """Return the parameters that a variant sets, where, and to what."""
    settings = [(key, (*path, key), value) for key, value in (variant.__pydantic_extra__ or {}).items()]
    if isinstance(variant, DatasetVariant):
        fixed = {key: getattr(variant, key) for key in ("fixed", *PATHS)}
        return settings + [(key, (*path, key), value) for key, value in fixed.items() if value is not None]
    if isinstance(variant, ObjectiveVariant):
        inner = [(name, (*path, "tricks", name), variant.tricks[name]) for name in tricks]
    else:
        inner = [(player, (*path, player), getattr(variant, player)) for player in PLAYERS]
    return settings + [
        (f"{name}.{key}", (*at, key), value) for name, at, values in inner for key, value in values.items()
    ]


def _wrong_tricks(variant: ObjectiveVariant, tables: Tables, path: KeyPath) -> list[Problem]:
    problems = []
    for name in variant.tricks:
        at = (*path, "tricks", name)
        if name not in tables.trick:
            text = f"unknown trick {quoted(name)}.{suggestion(name, tables.trick)}"
            problems.append(Problem("unknown-name", at, text))
    return problems


def _wrong_penalty(name: str | None, base: str, entry: Any, path: KeyPath) -> Iterator[Problem]:
    if name is not None and name not in PENALTIES:
        text = f"unknown penalty {quoted(name)}.{suggestion(name, PENALTIES)}{example('penalty')}"
        yield Problem("unknown-name", (*path, "penalty"), text)
    elif name is not None and entry.penalty is not no_penalty:
        text = f"'{base}' has a penalty of its own; vary an objective that has none."
        yield Problem("not-together", (*path, "penalty"), text)


def _unknown(kind: str, base: str, key: str, path: KeyPath, known: Parameters) -> Problem:
    """Return the mistake of a parameter that an entry does not have."""
    if kind == "objective" and key in SUITE_WIDE:
        return Problem("suite-wide", path, WHOLE_SUITE)
    if kind == "dataset" and key == "fixed":
        text = f"'{path[1]}' is a fixed set already: all the points of its file; leave this out."
        return Problem("unknown-key", path, text)
    title, name, own = f"{TITLES[kind]} '{base}'", key, set(known)
    if path[2:3] == ("tricks",):
        title, name = f"trick '{path[3]}'", str(path[-1])
        own = {other.partition(".")[2] for other in known if other.startswith(f"{path[3]}.")}
    elif kind == "architecture":
        name, own = key.rpartition(".")[2], {other for other in known if "." not in other}
    near = {*own, *ObjectiveVariant.model_fields} if kind == "objective" else own
    has = f" It has {', '.join(sorted(own))}." if own else " It has none of its own."
    elsewhere = _having(name) if kind == "objective" and path[2:3] != ("tricks",) else ""
    return Problem("unknown-key", path, f"the {title} has no such parameter.{elsewhere or nearest(name, near) or has}")


def _having(name: str) -> str:
    """Return which penalty, else which objective, has a parameter that another objective is given; "" for none."""
    penalties = [label for label, penalty in PENALTIES.items() if name in penalty.hyper]
    if penalties:
        return f" A penalty has it: {' or '.join(f'penalty: {label}' for label in penalties)}."
    objectives = [label for label, entry in OBJECTIVES.items() if name in entry.hyper]
    return f" {listed(objectives)} has it: name it as `base`." if objectives else ""


def reached(override: Override, parts: Mapping[str, Component]) -> Mapping[str, Kind]:
    """Return the targets that an override sets of these components: each has the keys that its entry has."""
    part = parts.get(override.group)
    known = TRAIN if override.group == "train" else part.parameters if part is not None else {}
    return known.get(override.key, {})


def set_level(overrides: Iterable[Override], parts: Mapping[str, Component]) -> Level:
    """Return what overrides set of these components."""
    level: Level = {}
    # What sets both players comes first, so that what sets one replaces it.
    for override in sorted(overrides, key=lambda one: "." in one.key or (one.group == "train" and one.key != "lr")):
        level |= sources_of(override.key, override.value, reached(override, parts), override.path)
    return level


def merged(parts: Mapping[str, Component], train: Iterable[Level], top: Level) -> Level:
    """Return every setting of a triple: data set, architecture < suite train < matrix train < objective < --set."""
    levels = (parts["dataset"].level, parts["architecture"].level, *train, parts["objective"].level, top)
    sources: Level = {}
    for level in levels:
        if not LENGTHS.isdisjoint(level):
            sources = {target: source for target, source in sources.items() if target not in LENGTHS}
        sources |= level
    families: dict[str, set[str]] = {}
    for target, source in sources.items():
        families.setdefault(source.axis, set()).add(_FAMILY.get(target.partition(".")[0], ""))
    for target, source in sources.items():
        family = _FAMILY.get(target.partition(".")[0], "")
        if family and len(families[source.axis]) > 1:  # two components have a parameter of this name
            sources[target] = source._replace(axis=f"{family}.{source.axis}")
    return sources


_FAMILY = {"dataset": "data", "generator": "architecture", "critic": "architecture"}
