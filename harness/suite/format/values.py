"""Kinds of values that a suite file holds: what each accepts, in words for people and as JSON schema for editors."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from harness.hints import nearest, quoted
from harness.spec import MAX_COUNT, MAX_NUMBER, WIDEST
from harness.text import NAME

RECIPE = "recipe"
NEVER = "never"
MAX_SEEDS = 10_000
MAX_RUNS = 100_000  # of a suite; a report of them takes minutes
MAX_NETWORKS = 1_000  # of a suite, a pair of players each; to build one takes milliseconds, and `plan` builds all
MAX_FRAMES = 500
MAX_TRIALS = 10_000
MAX_LIMIT = 10**6  # seconds (12 days), or 1e9 bytes
MAX_CHOICES = 1_000
EMPTY = "an empty list given, at least one value needed."

Values = Mapping[str, Any]  # settings by name, as YAML holds them
Plain = dict[str, Any]  # plain data of YAML or JSON
JsonSchema = Values


@dataclass(frozen=True)
class Kind:
    """One kind of value: `needed` completes the sentence "-5 given, ... needed"; `further` narrows the schema.

    `takes_list`: a list sweeps its values.
    """

    needed: str
    json: JsonSchema
    further: Callable[[Any], bool] = lambda value: True
    takes_list: bool = False

    def mistake(self, value: Any) -> str:
        """Return what is wrong with one value in a sentence, "" where nothing is."""
        is_right = fits(value, self.json) and self.further(value)
        return "" if is_right else f"{quoted(value)} given, {self.needed} needed.{self.hint(value)}"

    def hint(self, value: Any) -> str:
        """Return how a value that is not taken may be meant: a list, a word in another case, text without quotes."""
        if isinstance(value, str):
            is_list = "," in value and self.sweeps([value])
            return " Several values stand in brackets: [1e-3, 1e-4]." if is_list else nearest(value, words(self.json))
        if not isinstance(value, int | float):
            return ""
        if not isinstance(value, bool) and abs(value) > MAX_NUMBER:
            return f" Numbers are at most {MAX_NUMBER:g}."
        return " Quotes around it make it text." if fits("text", self.json) else ""

    def mistakes(self, value: Any) -> list[tuple[int, str]]:
        """Return what is wrong with a value, at item -1, or with items of a list that sweeps, by their places in it."""
        if self.sweeps(value) and not value:
            return [(-1, EMPTY)]
        items = enumerate(value) if self.sweeps(value) else [(-1, value)]
        return [(i, text) for i, item in items if (text := self.mistake(item))]

    def sweeps(self, value: Any) -> bool:
        """Whether `value` is a list of values to sweep."""
        return self.takes_list and isinstance(value, list)

    def check(self, value: Any) -> Any:
        """Return `value`; raise pydantic's error, with the mistakes in its context."""
        if mistakes := self.mistakes(value):
            raise PydanticCustomError("needed", "not of this kind", {"mistakes": mistakes})
        return value

    def schema(self) -> Plain:
        one = dict(self.json)
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]} if self.takes_list else one

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> Plain:
        return self.schema()


def swept(kind: Kind) -> Kind:
    """Return the kind that also takes a list of such values: one run each."""
    return replace(kind, takes_list=True)


def is_whole(value: Any) -> bool:
    """Whether `value` is a whole number of at most 64 bits; true and false are not numbers here."""
    return isinstance(value, int) and not isinstance(value, bool) and -WIDEST <= value < WIDEST


def is_number(value: Any) -> bool:
    """Whether `value` is a number that a network computes with: not NaN, not infinite."""
    return (is_whole(value) or isinstance(value, float)) and abs(value) <= MAX_NUMBER


_TYPES: dict[str, Callable[[Any], bool]] = {
    "integer": is_whole,
    "number": is_number,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def fits(value: Any, schema: JsonSchema) -> bool:
    """Whether a JSON schema describes `value`, by the keywords that the kinds below use."""
    if "anyOf" in schema:
        return any(fits(value, option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        options = schema.get("enum", [schema.get("const")])
        return any(type(value) is type(option) and value == option for option in options)
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(_TYPES[name](value) for name in types):
        return False
    if isinstance(value, str):
        return re.fullmatch(schema.get("pattern", ".*"), value, re.DOTALL) is not None
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
            return False
        is_unique = not schema.get("uniqueItems") or len(set(map(repr, value))) == len(value)
        return is_unique and ("items" not in schema or all(fits(item, schema["items"]) for item in value))
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
        parts = [(item, known.get(key, other)) for key, item in value.items()]
        has_required = all(key in value for key in schema.get("required", ()))
        return has_required and all(part if isinstance(part, bool) else fits(item, part) for item, part in parts)
    low, above = schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf)
    high, below = schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf)
    return bool(low <= value <= high and above < value < below)


def words(schema: JsonSchema) -> list[str]:
    """Return the words that a schema takes, itself or as one of its options."""
    options = [schema.get("const"), *schema.get("enum", ())]
    own = [option for option in options if isinstance(option, str)]
    return own + [word for option in schema.get("anyOf", ()) for word in words(option)]


def or_word(kind: Kind, word: str) -> Kind:
    """Return the kind that also takes a word."""
    return Kind(f"{kind.needed} or '{word}'", {"anyOf": [dict(kind.json), {"const": word}]})


def or_recipe(kind: Kind) -> Kind:
    """Return the kind that also takes the word `recipe`: the paper's value."""
    return or_word(kind, RECIPE)


def within(bounds: tuple[float, float]) -> Kind:
    """Return the kind of numbers between two bounds, both allowed."""
    low, high = bounds
    needed = f"a number from {low:g} to {high:g}" if math.isfinite(high) else f"a number of at least {low:g}"
    return Kind(needed, {"type": "number", "minimum": low, "maximum": high})


def whole(low: int, high: int | None = None) -> Kind:
    """Return the kind of whole numbers from `low` on, or to `high`."""
    if high is None:
        return Kind(f"a whole number of at least {low}", {"type": "integer", "minimum": low})
    return Kind(f"a whole number from {low} to {high:,}", {"type": "integer", "minimum": low, "maximum": high})


def one_of(*options: str) -> Kind:
    """Return the kind that takes these words."""
    texts = [f"'{word}'" for word in options]
    return Kind(" or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])), {"enum": list(options)})


def _list_of(kind: Kind, **keywords: int) -> JsonSchema:
    return {"type": "array", "items": dict(kind.json), **keywords}


def _mapping_of(**properties: JsonSchema) -> JsonSchema:
    """Return the schema of a mapping of these keys, of which the first must be there."""
    required = list(properties)[:1]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


COUNT = whole(1, MAX_COUNT)
NUMBER = Kind("a finite number", {"type": "number"})
POSITIVE = Kind("a number above 0", {"type": "number", "exclusiveMinimum": 0})
BETA = Kind("a number from 0 to below 1", {"type": "number", "minimum": 0, "exclusiveMaximum": 1})
FRACTION = Kind("a fraction from 0 to 1", {"type": "number", "minimum": 0, "maximum": 1})
LIMIT = Kind(
    f"a number above 0 and up to {MAX_LIMIT:,}", {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_LIMIT}
)
FRAMES = Kind(
    f"a whole number from 2 to {MAX_FRAMES}, or 0 for none",
    {"anyOf": [{"const": 0}, {"type": "integer", "minimum": 2, "maximum": MAX_FRAMES}]},
)
SEEDS = Kind(
    f"a number of seeds from 1 to {MAX_SEEDS:,}, or a list of different whole numbers of at least 0",
    {
        "anyOf": [
            dict(whole(1, MAX_SEEDS).json),
            _list_of(whole(0), minItems=1, maxItems=MAX_SEEDS, uniqueItems=True),
        ]
    },
    lambda value: not isinstance(value, list) or max(value) < 2**63,
)
_PAIR = _list_of(COUNT, minItems=2, maxItems=2)
_UPDATES = _mapping_of(
    base={**COUNT.json, "description": "critic updates a generator step, where neither of the others applies"},
    first={**_PAIR, "description": "[steps, updates]: critic updates for the first generator steps"},
    every={**_PAIR, "description": "[steps, updates]: critic updates at every so many generator steps"},
)
UPDATES = Kind(
    f"{COUNT.needed} or {{base: n, first: [steps, updates], every: [steps, updates]}}",
    {"anyOf": [dict(COUNT.json), _UPDATES]},
)
_NORMAL = _mapping_of(normal={**POSITIVE.json, "description": "spread of the normal draw of the weights"})
INIT = Kind(
    "'he', 'default', 'dcgan' or {normal: sd} with sd above 0",
    {"anyOf": [{"enum": ["he", "default", "dcgan"]}, _NORMAL]},
)
SCHEDULE = Kind(
    "a mapping such as {lr: linear} of hyperparameters to 'linear', 'cosine' or 'constant'",
    {"type": "object", "additionalProperties": {"enum": ["linear", "cosine", "constant"]}},
)
TRUTH = Kind("true or false", {"type": "boolean"})
TEXT = Kind("text", {"type": "string"})
FOLDERS = Kind(
    "the path of a folder, or a list of such paths",
    {"anyOf": [dict(TEXT.json), _list_of(TEXT, minItems=1)]},
)
NAMED = Kind(
    "a name (a letter or digit, then up to 63 letters, digits, dots, dashes or underscores)",
    {"type": "string", "pattern": f"^{NAME}$"},
)
COLUMN = Kind(
    "the name of a metric's column such as w1_excess",
    {"type": "string"},
    lambda value: re.fullmatch(r"[A-Za-z0-9_.@,\[\]-]{1,100}", value) is not None,
)
CHOICE = Kind("a number, a word, true or false", {"type": ["number", "string", "boolean"]})
PARAMETER = Kind(
    "a number, a word, true or false, a list or a mapping",
    {"type": ["number", "string", "boolean", "array", "object"]},
)
VERSION = Kind("1 (the version of this format)", {"const": 1})


def seed_list(seeds: int | list[int], first: int = 0) -> list[int]:
    """Return the seeds that a list stands for, or a number of them from `first` on."""
    return list(range(first, first + seeds)) if isinstance(seeds, int) else list(seeds)
