"""Whether what a plug-in puts into a table is a record whose fields are what their annotations say."""

import builtins
import collections.abc
import dataclasses
import re
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness.hints import quoted
from harness.spec import MAX_NUMBER, WIDEST
from harness.text import NAME

STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True, revalidate_instances="always")


def wrong_entry(name: object, entry: object, record: type[Any]) -> str:
    """Return what is wrong with an entry of a table of `record`s, in a sentence; "" where nothing is."""
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        return f"{quoted(name)} is not a valid name; use up to 64 letters, digits, '.', '_' and '-'."
    if type(entry) is not record:
        return f"'{name}' is {_a(type(entry))}, where {_a(record)} record is needed."
    field = wrong_field(entry) or _wrong_value(entry)
    return f"'{name}': {field}" if field else ""


def wrong_field(record: Any) -> str:
    """Return the first field of a record that is not of its type, in a sentence; "" where there is none."""
    hints = typing.get_type_hints(type(record), localns=_Names(vars(sys.modules[type(record).__module__])))
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if not fits(value, hints[field.name]):
            given, needed = f"{_a(type(value))}, {quoted(value)}", _expected(hints[field.name])
            return f"its {field.name} is {given}; {needed} is needed."
    return ""


def _wrong_value(entry: Any) -> str:
    """Return the first value of the right type that a run could not have, in a sentence; "" where there is none."""
    if not 0 <= entry.version < WIDEST:
        return f"its version is {quoted(entry.version)}; a whole number from 0 on, of 64 bits, is needed."
    recipes = [value for recipe in getattr(entry, "recipe", {}).values() for value in vars(recipe).items()]
    for key, value in getattr(entry, "hyper", {}).items():
        low, high = getattr(entry, "ranges", {}).get(key, (-MAX_NUMBER, MAX_NUMBER))
        if not re.fullmatch(NAME, key) or key in ("lr", *(name for name, _ in recipes)):
            return f"its hyper names {quoted(key)}, which is no name of its own; use another."
        if not max(low, -MAX_NUMBER) <= value <= min(high, MAX_NUMBER):
            return f"its hyper has {key}: {value}; a number from {low:g} to {high:g} is needed."
    wrong = [name for name, value in recipes if isinstance(value, float) and not abs(value) <= MAX_NUMBER]
    return f"its recipe has {wrong[0]}: {dict(recipes)[wrong[0]]}; a finite number is needed." if wrong else ""


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type, all that it holds included. What a function takes is not known."""
    try:
        TypeAdapter(hint, config=STRICT).validate_python(value)
    except ValidationError:
        return False
    return True


class _Names(dict[str, object]):
    """The names of a module; those that are imported for type checkers alone stand for anything."""

    def __missing__(self, name: str) -> object:
        return getattr(builtins, name, Any)


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[:1].lower() in 'aeiou' else 'a'} {kind.__name__}"


def _expected(hint: Any) -> str:
    """Return a type as a user reads it: a function, an int, a mapping of str to float."""
    kind, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind is collections.abc.Callable:
        return "a function"
    if kind in (typing.Union, types.UnionType):
        return " or ".join("None" if each is type(None) else _expected(each) for each in inner)
    if isinstance(kind, type) and issubclass(kind, Mapping) and inner:
        return f"a mapping of {' to '.join(each.__name__ if isinstance(each, type) else 'values' for each in inner)}"
    return _a(kind) if isinstance(kind, type) else str(hint)
