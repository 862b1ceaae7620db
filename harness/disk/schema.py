"""What plain data must hold: asked once, where a file is read, so that nothing after it meets a value of another kind.

A kind is one of

    str  int  float  bool  dict  list  of that type: int is no bool, a float may be an int
    None  (kind, kind)                 null; one of these
    [kind]  {str: kind}                a list; a mapping of any keys
    {"a": kind, "b?": kind}            a mapping that holds a, and perhaps b; its other keys may hold anything, or what
                                       a `str` beside them says
    a function                         that returns whether a value is fine
"""

import re
from collections.abc import Callable
from typing import Any

Kind = Any
Keys = tuple[object, ...]
Check = Callable[[Any], Keys | None]  # the keys that lead to the first part that is not of its kind; None without one

LONGEST = 80  # characters that a sentence quotes
DEEPEST = 8  # lists and mappings within one another
SCALARS = frozenset({str, int, float, bool, type(None)})


class Malformed(ValueError):
    """A value that is not what its place says; the text says why."""


def require(value: object, check: Check) -> None:
    """Raise Malformed, naming the first part of a value that is not of its kind."""
    where = check(value)
    if where is not None:
        place = ascii(".".join(map(str, where)))[1:-1][:LONGEST]
        raise Malformed(f"its {place} is missing or malformed" if place else "it is malformed")


def schema(kind: Kind) -> Check:
    """Return what finds the first part of a value that is not of a kind."""
    if isinstance(kind, dict):
        return _mapping(kind)
    if isinstance(kind, list):
        return _list(schema(kind[0]))
    if isinstance(kind, tuple):
        return _either([schema(one) for one in kind])
    if kind is None:
        return lambda value: None if value is None else ()
    if kind is float:
        return lambda value: None if type(value) is float or type(value) is int else ()
    if isinstance(kind, type):
        return lambda value: None if type(value) is kind else ()
    return lambda value: None if kind(value) else ()


def is_plain(value: object, deepest: int = DEEPEST) -> bool:
    """Whether a value is a scalar, or lists and mappings of such that are not too deep to be walked."""
    if type(value) in SCALARS:
        return True
    parts = value.values() if isinstance(value, dict) else value
    return deepest > 0 and all(type(part) in SCALARS or is_plain(part, deepest - 1) for part in parts)  # type: ignore[attr-defined]


def nothing(value: object) -> bool:
    """Return False: of other keys, that a mapping holds none."""
    return False


def whole(least: int, most: int) -> Callable[[Any], bool]:
    """Return whether a value is a whole number between two."""
    return lambda value: type(value) is int and least <= value <= most


def matching(pattern: str) -> Callable[[object], bool]:
    """Return whether a value is text of a form."""
    form = re.compile(pattern)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def one_of(*names: str) -> Callable[[object], bool]:
    """Return whether a value is one of some texts."""
    return lambda value: isinstance(value, str) and value in names


def _mapping(kinds: dict[Any, Kind]) -> Check:
    named = [
        (name.removesuffix("?"), name[-1:] == "?", schema(kind)) for name, kind in kinds.items() if name is not str
    ]
    known, rest = {name for name, _, _ in named}, schema(kinds[str]) if str in kinds else None

    def check(value: Any) -> Keys | None:
        if type(value) is not dict:
            return ()
        for name, is_optional, of in named:
            if name in value:
                if (where := of(value[name])) is not None:
                    return (name, *where)
            elif not is_optional:
                return (name,)
        if rest is not None:
            for name, part in value.items():
                if name not in known and (where := rest(part)) is not None:
                    return (name, *where)
        return None

    return check


def _list(of: Check) -> Check:
    def check(value: Any) -> Keys | None:
        if type(value) is not list:
            return ()
        return next(((place, *where) for place, part in enumerate(value) if (where := of(part)) is not None), None)

    return check


def _either(checks: list[Check]) -> Check:
    def check(value: Any) -> Keys | None:
        misfits: list[Keys] = []
        for of in checks:
            where = of(value)
            if where is None:
                return None
            misfits.append(where)
        return max(misfits, key=len)

    return check
