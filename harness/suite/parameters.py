"""What a suite may set of each component: every key, the targets that its value ends up in, and the values they take.

A target is one place of a run: "train.steps", "objective.gp_weight", "trick.ema.decay", "dataset.sd",
"generator.width", "critic.norm". A key may set two: `lr`, or the `width` of an architecture, which both players have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, get_origin

from pydantic import BaseModel, ValidationError

from harness.errors import DataError, HarnessError
from harness.hints import quoted
from harness.spec import canonical_json
from harness.suite.format.models import DatasetVariant, Train
from harness.suite.format.values import (
    COUNT,
    INIT,
    NUMBER,
    POSITIVE,
    JsonSchema,
    Kind,
    or_recipe,
    swept,
    within,
    words,
)

if TYPE_CHECKING:
    from harness.architectures import Architecture
    from harness.datasets import Dataset
    from harness.objectives import Objective, Trick

PLAYERS = ("generator", "critic")

Parameters = Mapping[str, Mapping[str, Kind]]  # key -> target -> the values that it takes there


@dataclass(frozen=True, kw_only=True)
class Field(Kind):
    """The values that a field takes in the settings of a player or data set, as its pydantic model says."""

    model: type[BaseModel]
    name: str
    needed: str = ""
    json: JsonSchema = field(default_factory=dict)

    def sweeps(self, value: Any) -> bool:
        """Whether a list sweeps: for a field that is a list itself, a list of lists does."""
        annotation = self.model.model_fields[self.name].annotation
        options = [annotation, *getattr(annotation, "__args__", ())]
        is_list = any(get_origin(option) in (list, tuple) or option in (list, tuple) for option in options)
        if not isinstance(value, list):
            return False
        return not (is_list and value) or any(isinstance(item, list) for item in value)

    def mistake(self, value: Any) -> str:
        try:
            text = canonical_json({self.name: value})  # strict JSON: "8" is no number, and 8.0 is 8
            self.model.model_validate_json(text, strict=True)
        except ValidationError as error:
            messages = [item["msg"] for item in error.errors(include_url=False) if item["loc"][:1] == (self.name,)]
            needed = " or ".join(dict.fromkeys(text.removeprefix("Input should be ") for text in messages))
            hint = replace(self, json={"enum": _words_of(self.model, self.name)}).hint(value)
            return f"{quoted(value)} given, {needed} needed.{hint}" if messages else ""
        except HarnessError:
            return NUMBER.mistake(value)
        return ""


@cache  # a list may hold many wrong values, and pydantic takes milliseconds for a schema
def _words_of(model: type[BaseModel], name: str) -> list[str]:
    """Return the words that a field of a model takes."""
    return words(model.model_json_schema()["properties"][name])


@dataclass(frozen=True, kw_only=True)
class File(Kind):
    """The path of a file or folder that a data set can read."""

    read: Callable[[Any], Any]

    def mistake(self, value: Any) -> str:
        if wrong := super().mistake(value):
            return wrong
        try:
            self.read(value)
        except DataError as error:
            return str(error)
        return ""


def _train() -> Parameters:
    targets = {
        "lr": ("train.critic_lr", "train.generator_lr"),
        "critic_init": ("critic.init",),
        "generator_init": ("generator.init",),
    }
    kinds = {key: field.metadata[0] for key, field in Train.model_fields.items()}
    return {key: dict.fromkeys(targets.get(key, (f"train.{key}",)), kind) for key, kind in kinds.items()}


TRAIN = _train()


def parameters(kind: str, entry: Any, tricks: Mapping[str, "Trick"]) -> Parameters:
    """Return what a suite may set of an entry of the table of this kind; of an objective, of its tricks as well."""
    if kind == "objective":
        return _of_objective(entry, tricks)
    return _of_dataset(entry) if kind == "dataset" else _of_architecture(entry)


def _of_objective(entry: "Objective", tricks: Mapping[str, "Trick"]) -> Parameters:
    keys = {
        key: {f"objective.{key}": swept(or_recipe(within(entry.ranges[key]) if key in entry.ranges else NUMBER))}
        for key in entry.hyper
    }
    for name, trick in tricks.items():
        kinds = {key: within(trick.ranges[key]) if key in trick.ranges else NUMBER for key in trick.hyper}
        for key, kind in {**kinds, **dict.fromkeys(trick.setup, COUNT)}.items():
            keys[f"{name}.{key}"] = {f"trick.{name}.{key}": swept(kind)}
    return keys


def _of_dataset(entry: "Dataset") -> Parameters:
    kinds: dict[str, Kind] = {key: swept(POSITIVE if key in entry.positive else NUMBER) for key in entry.hyper}
    kinds |= {key: Field(model=entry.model, name=key) for key in entry.model.model_fields}
    if entry.points is None:  # one that holds its points has just so many
        kinds["fixed"] = swept(COUNT)
    kinds |= {key: _file(key, read) for key, read in entry.files.items()}
    return {key: {f"dataset.{key}": kind} for key, kind in kinds.items()}


def _file(key: str, read: Callable[[Any], Any]) -> File:
    kind: Kind = DatasetVariant.model_fields[key].metadata[0]
    return File(needed=kind.needed, json=kind.json, read=read)


def _of_architecture(entry: "Architecture") -> Parameters:
    keys: dict[str, dict[str, Kind]] = {}
    for player in PLAYERS:
        model = player_model(entry, player)
        for name in model.model_fields:
            kind = swept(INIT) if name == "init" else Field(model=model, name=name)
            keys.setdefault(name, {})[f"{player}.{name}"] = kind
            keys[f"{player}.{name}"] = {f"{player}.{name}": kind}
    return keys


def player_model(entry: "Architecture", player: str) -> type[BaseModel]:
    """Return the settings model of one player of an architecture."""
    return entry.generator_model if player == "generator" else entry.critic_model
