"""Kinds of values that a suite file holds: what each accepts, in words for people and in JSON schema for editors."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
RECIPE = "recipe"
NEVER = "never"
INITS = ("he", "default", "dcgan")


@dataclass(frozen=True)
class Kind:
    """One kind of value. `needed` completes the sentence "-5 given, ... needed"."""

    needed: str
    accepts: Callable[[Any], bool]
    json: Mapping[str, Any]

    def check(self, value: Any) -> Any:
        """Return `value`; raise pydantic's error with the sentence where it is not of this kind."""
        if not self.accepts(value):
            raise PydanticCustomError("needed", "{sentence}", {"sentence": self.sentence(value)})
        return value

    def sentence(self, value: Any) -> str:
        return f"{shown(value)} given, {self.needed} needed."

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.json)


@dataclass(frozen=True)
class Swept:
    """One value of a kind, or a list of them: one run each."""

    kind: Kind

    def wrong(self, value: Any) -> list[tuple[int, str]]:
        """Return what is wrong with a value (as item -1) or with items of a list, in sentences."""
        if not isinstance(value, list):
            return [] if self.kind.accepts(value) else [(-1, self.kind.sentence(value))]
        if not value:
            return [(-1, "an empty list given, at least one value needed.")]
        return [(i, self.kind.sentence(item)) for i, item in enumerate(value) if not self.kind.accepts(item)]

    def check(self, value: Any) -> Any:
        """Return `value`; raise pydantic's error, with what is wrong in its context."""
        if wrong := self.wrong(value):
            raise PydanticCustomError("needed_items", "not of this kind", {"wrong": wrong})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        one = dict(self.kind.json)
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def shown(value: Any) -> str:
    """Return `value` as a sentence quotes it: short, in one line, without control characters."""
    if value is None:
        return "nothing"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def is_whole(value: Any) -> bool:
    """Whether `value` is a whole number; true and false are not numbers here."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether `value` is a number that a float can hold: not NaN, not infinite."""
    if is_whole(value):
        return bool(abs(value) < 10**300)
    return isinstance(value, float) and math.isfinite(value)


def or_word(kind: Kind, word: str) -> Kind:
    """Return the kind that also takes a word."""
    return Kind(
        f"{kind.needed} or '{word}'",
        lambda value: value == word or kind.accepts(value),
        {"anyOf": [dict(kind.json), {"const": word}]},
    )


def or_recipe(kind: Kind) -> Kind:
    """Return the kind that also takes the word `recipe`: the paper's value."""
    return or_word(kind, RECIPE)


def within(bounds: tuple[float, float]) -> Kind:
    """Return the kind of numbers between two bounds, both allowed."""
    low, high = bounds
    needed = f"a number from {low:g} to {high:g}" if math.isfinite(high) else f"a number of at least {low:g}"
    return Kind(needed, lambda value: is_number(value) and low <= value <= high, {"type": "number", "minimum": low})


def one_of(*words: str) -> Kind:
    """Return the kind that takes these words."""
    quoted = [f"'{word}'" for word in words]
    listed = " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(words) > 1 else quoted)
    return Kind(listed, lambda value: isinstance(value, str) and value in words, {"enum": list(words)})


def _is_count(value: Any) -> bool:
    return is_whole(value) and value >= 1


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))


def _is_updates(value: Any) -> bool:
    if not isinstance(value, dict):
        return _is_count(value)
    pairs = [value[key] for key in ("first", "every") if key in value]
    return _is_count(value.get("base")) and set(value) <= {"base", "first", "every"} and all(map(_is_pair, pairs))


def _is_init(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"normal"} and POSITIVE.accepts(value["normal"])
    return isinstance(value, str) and value in INITS


def _is_schedule(value: Any) -> bool:
    shapes = ("linear", "cosine")
    return isinstance(value, dict) and all(isinstance(v, str) and v in shapes for v in value.values())


_COUNT = {"type": "integer", "minimum": 1}
_PAIR = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}
_UPDATES = {
    "type": "object",
    "properties": {
        "base": {**_COUNT, "description": "critic updates a generator step, where neither of the others applies"},
        "first": {**_PAIR, "description": "[steps, updates]: critic updates for the first generator steps"},
        "every": {**_PAIR, "description": "[steps, updates]: critic updates at every so many generator steps"},
    },
    "required": ["base"],
    "additionalProperties": False,
}
_NORMAL = {
    "type": "object",
    "properties": {
        "normal": {"type": "number", "exclusiveMinimum": 0, "description": "spread of the normal draw of the weights"}
    },
    "required": ["normal"],
    "additionalProperties": False,
}

COUNT = Kind("a whole number of at least 1", _is_count, _COUNT)
NUMBER = Kind("a finite number", is_number, {"type": "number"})
POSITIVE = Kind(
    "a number above 0", lambda value: is_number(value) and value > 0, {"type": "number", "exclusiveMinimum": 0}
)
BETA = Kind(
    "a number from 0 to below 1",
    lambda value: is_number(value) and 0 <= value < 1,
    {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
)
FRACTION = Kind(
    "a fraction from 0 to 1",
    lambda value: is_number(value) and 0 <= value <= 1,
    {"type": "number", "minimum": 0, "maximum": 1},
)
UPDATES = Kind(
    "a whole number of at least 1 or {base: n, first: [steps, updates], every: [steps, updates]}",
    _is_updates,
    {"anyOf": [_COUNT, _UPDATES]},
)
INIT = Kind(
    "'he', 'default', 'dcgan' or {normal: sd} with sd above 0", _is_init, {"anyOf": [{"enum": [*INITS]}, _NORMAL]}
)
SCHEDULE = Kind(
    "a mapping such as {lr: linear} of hyperparameters to 'linear' or 'cosine'",
    _is_schedule,
    {"type": "object", "additionalProperties": {"enum": ["linear", "cosine"]}},
)
TEXT = Kind("text", lambda value: isinstance(value, str), {"type": "string"})
NAMED = Kind(
    "a name (a letter or digit, then up to 63 letters, digits, dots, dashes or underscores)",
    lambda value: isinstance(value, str) and re.fullmatch(NAME, value) is not None,
    {"type": "string", "pattern": f"^{NAME}$"},
)
COLUMN = Kind(
    "the name of a metric's column such as w1_excess",
    lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.@,\[\]-]{1,100}", value) is not None,
    {"type": "string"},
)
PARAMETER = Kind(
    "a number, a word, true or false, a list or a mapping",
    lambda value: value is not None,
    {"type": ["number", "string", "boolean", "array", "object"]},
)
