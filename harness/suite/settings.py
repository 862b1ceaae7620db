"""What each level of a suite sets: sources by target, and the precedence between them.

A target is the one place that a value ends up in: "train.steps", "objective.gp_weight", "trick.ema.decay",
"dataset.sd", "generator.width", "critic.norm". A level maps targets to sources; a higher level's source replaces a
lower one's. A key that sets two targets (`lr`, an architecture's `width`) is one source of both, hence one axis.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel

from harness.errors import suggestion
from harness.plugins.components import Tables
from harness.suite.format.models import ArchitectureVariant, Block, DatasetVariant, ObjectiveVariant, Suite, Train
from harness.suite.format.problems import SUITE_WIDE, WHOLE_SUITE, Problem
from harness.suite.format.yaml_file import KeyPath
from harness.suite.overrides import Override

PLAYERS = ("generator", "critic")


class Source(NamedTuple):
    """A value that a suite sets, or the list of values it sweeps, under the name of its axis."""

    axis: str
    value: Any
    swept: bool
    path: KeyPath


Level = dict[str, Source]


@dataclass(frozen=True)
class Component:
    """A data set, architecture or objective as a suite uses it: its label, its table's entry, what is set of it."""

    kind: str
    label: str
    base: str
    entry: Any
    level: Level
    allow: frozenset[str] = frozenset()
    tricks: tuple[str, ...] = ()


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

    @property
    def labels(self) -> dict[str, str]:
        return {kind: getattr(self, kind).label for kind in ("dataset", "architecture", "objective")}


def train_level(train: Train, path: KeyPath) -> Level:
    """Return the targets of training settings; critic_lr and generator_lr beat the `lr` beside them."""
    said = {key: getattr(train, key) for key in Train.model_fields if getattr(train, key) is not None}
    level: Level = {}
    for key in sorted(said, key=lambda key: key != "lr"):  # `lr` first, so that the others replace it
        source = Source(key, said[key], isinstance(said[key], list), (*path, key))
        for target in _TRAIN_TARGETS.get(key, (f"train.{key}",)):
            level[target] = source
    return level


_TRAIN_TARGETS = {
    "lr": ("train.critic_lr", "train.generator_lr"),
    "critic_init": ("critic.init",),
    "generator_init": ("generator.init",),
}


def component(suite: Suite, tables: Tables, kind: str, label: str) -> tuple[Component | None, list[Problem]]:
    """Return what the suite means by `label`, and the mistakes of its variant.

    None with no problem: neither the suite nor the table knows the name.
    """
    table, path = getattr(tables, kind), (f"{kind}s", label)
    variant = getattr(suite, f"{kind}s").get(label)
    base = variant.base if variant is not None and variant.base is not None else label
    if base not in table:
        if variant is None:
            return None, []
        if variant.base is None:
            text = f"'{label}' is no {kind} of the table; `base` must name the one it varies."
            return None, [Problem(path, f"{text}{suggestion(label, table)}")]
        return None, [Problem((*path, "base"), f"unknown name {base!r}.{suggestion(base, table)}")]
    if label in table and base != label:
        text = f"'{label}' is in the table of {kind}s itself; give the variant of '{base}' another name."
        return None, [Problem((*path, "base"), text)]
    if variant is None:
        return Component(kind, label, base, table[base], {}), []
    if isinstance(variant, ObjectiveVariant):
        level, problems = _objective_level(variant, table[base], tables, path)
        allow, tricks = frozenset(variant.allow), tuple(sorted(set(variant.tricks) & set(tables.trick)))
        return Component(kind, label, base, table[base], level, allow, tricks), problems
    if isinstance(variant, ArchitectureVariant):
        level, problems = _architecture_level(variant, table[base], path)
        return Component(kind, label, base, table[base], level, frozenset(variant.allow)), problems
    level, problems = _dataset_level(variant, table[base], path)
    return Component(kind, label, base, table[base], level), problems


def set_level(
    overrides: Iterable[Override], dataset: Component, architecture: Component, objective: Component
) -> Level:
    """Return what --set sets of these components: each has the keys that its entry has."""
    level: Level = {}
    ordered = sorted(overrides, key=lambda item: "." in item.key or (item.group == "train" and item.key != "lr"))
    for group, key, value, path in ordered:  # what sets both players first, so that what sets one replaces it
        if group == "train" and key in Train.model_fields:
            said = train_level(Train.model_validate({key: value}), path)
            level |= {target: source._replace(path=path) for target, source in said.items()}
        elif group == "objective" and key in objective.entry.hyper:
            level[f"objective.{key}"] = Source(key, value, isinstance(value, list), path)
        elif group == "objective" and key.partition(".")[0] in objective.tricks:
            level[f"trick.{key}"] = Source(key, value, isinstance(value, list), path)
        elif group == "architecture":
            level |= architecture_sources(architecture.entry, key, value, path)
        elif group == "dataset" and key in dataset_keys(dataset.entry):
            level[f"dataset.{key}"] = dataset_source(dataset.entry, key, value, path)
    return level


def merged(suite: Suite, block: Block, index: int, parts: tuple[Component, Component, Component], top: Level) -> Level:
    """Return every setting of a triple: suite train < matrix train < variant < --set."""
    dataset, architecture, objective = parts
    train = (train_level(suite.train, ("train",)), train_level(block.train, ("matrix", index, "train")))
    levels = (dataset.level, architecture.level, *train, objective.level, top)
    sources = {target: source for level in levels for target, source in level.items()}
    families: dict[str, set[str]] = {}
    for target, source in sources.items():
        families.setdefault(source.axis, set()).add(_FAMILY.get(target.partition(".")[0], ""))
    for target, source in sources.items():
        family = _FAMILY.get(target.partition(".")[0], "")
        if family and len(families[source.axis]) > 1:  # two components have a parameter of this name
            sources[target] = source._replace(axis=f"{family}.{source.axis}")
    return sources


_FAMILY = {"dataset": "data", "generator": "architecture", "critic": "architecture"}


def player_model(entry: Any, player: str) -> type[BaseModel]:
    """Return the settings model of one player of an architecture."""
    model: type[BaseModel] = getattr(entry, f"{player}_model")
    return model


def _objective_level(
    variant: ObjectiveVariant, entry: Any, tables: Tables, path: KeyPath
) -> tuple[Level, list[Problem]]:
    level, problems = train_level(variant, path), list[Problem]()
    for key, value in (variant.__pydantic_extra__ or {}).items():
        if key in entry.hyper:
            level[f"objective.{key}"] = Source(key, value, isinstance(value, list), (*path, key))
        elif key in SUITE_WIDE:
            problems.append(Problem((*path, key), WHOLE_SUITE))
        else:
            has = f"It has {', '.join(entry.hyper)}." if entry.hyper else "It has none of its own."
            near = suggestion(key, {*entry.hyper, *ObjectiveVariant.model_fields})
            near = near if "Did you mean" in near else ""
            text = f"the objective '{variant.base or path[-1]}' has no such hyperparameter. {has}{near}"
            problems.append(Problem((*path, key), text))
    for name, parameters in variant.tricks.items():
        at = (*path, "tricks", name)
        if name not in tables.trick:
            problems.append(Problem(at, f"unknown trick {name!r}.{suggestion(name, tables.trick)}"))
            continue
        trick = tables.trick[name]
        for other in sorted(set(trick.refuses) & set(variant.tricks)):
            problems.append(Problem(at, f"cannot stand beside '{other}'; leave one of the two out."))
        for key, value in parameters.items():
            if key in trick.hyper or key in trick.setup:
                level[f"trick.{name}.{key}"] = Source(f"{name}.{key}", value, isinstance(value, list), (*at, key))
            else:
                near = suggestion(key, {*trick.hyper, *trick.setup})
                problems.append(Problem((*at, key), f"the trick '{name}' has no such parameter.{near}"))
    return level, problems


def _dataset_level(variant: DatasetVariant, entry: Any, path: KeyPath) -> tuple[Level, list[Problem]]:
    level: Level = {}
    problems: list[Problem] = []
    known = dataset_keys(entry)
    said = dict(variant.__pydantic_extra__ or {})
    fields = ("fixed", "file", "folder")
    said |= {key: getattr(variant, key) for key in fields if getattr(variant, key) is not None}
    for key, value in said.items():
        if key in known:
            level[f"dataset.{key}"] = dataset_source(entry, key, value, (*path, key))
        elif key == "fixed":
            text = f"'{path[-1]}' is a fixed set already: all the points of its file; leave this out."
            problems.append(Problem((*path, key), text))
        else:
            text = f"the data set '{variant.base or path[-1]}' has no such parameter.{suggestion(key, known)}"
            problems.append(Problem((*path, key), text))
    return level, problems


def dataset_keys(entry: Any) -> set[str]:
    """Return what a suite may say of a data set: one that holds its points has just so many."""
    fixed, file = "fixed" if entry.points is None else "", entry.file_key if entry.file else ""
    return {*entry.hyper, *entry.model.model_fields, fixed, file} - {""}


def dataset_source(entry: Any, key: str, value: Any, path: KeyPath) -> Source:
    """Return the source of a data set's parameter; a list sweeps it, unless it is a list itself."""
    field = entry.model.model_fields.get(key)
    swept = isinstance(value, list) if field is None else _is_swept(field.annotation, value)
    return Source(key, value, swept, path)


def _architecture_level(variant: ArchitectureVariant, entry: Any, path: KeyPath) -> tuple[Level, list[Problem]]:
    level: Level = {}
    problems: list[Problem] = []
    said = [(key, (*path, key), value) for key, value in (variant.__pydantic_extra__ or {}).items()]
    for player in PLAYERS:
        said += [(f"{player}.{key}", (*path, player, key), value) for key, value in getattr(variant, player).items()]
    for key, at, value in said:
        sources = architecture_sources(entry, key, value, at)
        level |= sources
        if not sources:
            fields = {field for player in PLAYERS for field in player_model(entry, player).model_fields}
            text = f"the architecture '{variant.base or path[-1]}' has no such parameter."
            problems.append(Problem(at, text + suggestion(key.rpartition(".")[2], fields)))
        elif value == []:
            problems.append(Problem(at, "an empty list given, at least one value needed."))
    return level, problems


def architecture_sources(entry: Any, key: str, value: Any, path: KeyPath) -> Level:
    """Return the source of an architecture's parameter, for the players that have it; {} where none has."""
    head, _, rest = key.rpartition(".")
    level: Level = {}
    for player in PLAYERS:
        field = player_model(entry, player).model_fields.get(rest)
        if field is not None and head in ("", player):
            level[f"{player}.{rest}"] = Source(key, value, _is_swept(field.annotation, value), path)
    return level


def _is_swept(annotation: Any, value: Any) -> bool:
    """Whether a list sweeps: for a parameter that is a list itself, a list of lists does."""
    options = [annotation, *getattr(annotation, "__args__", ())]
    takes_list = any(get_origin(option) in (list, tuple) or option in (list, tuple) for option in options)
    return isinstance(value, list) and (not takes_list or any(isinstance(item, list) for item in value))
