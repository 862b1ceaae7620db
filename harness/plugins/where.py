"""Where a function of a plug-in stands: its name, file and line."""

import functools
import os
import traceback
from typing import Any


def place(function: Any) -> str:
    """Return `name` (file:line) of a function; of one typed into a notebook the name alone."""
    code = _code(function)
    if code is None:
        return f"`{getattr(function, '__qualname__', type(function).__name__)}`"
    named = f"`{code.co_qualname.rpartition('.<locals>.')[2]}`"
    return f"{named} ({_shown(code.co_filename)}:{code.co_firstlineno})" if _is_file(code.co_filename) else named


def where_raised(function: Any, error: BaseException) -> str:
    """Return the line of the function's own file at which an error was raised, as ` at file:line`; "" if none."""
    code = _code(function)
    if code is None or not _is_file(code.co_filename):
        return ""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == code.co_filename]
    return f" at {_shown(code.co_filename)}:{frames[-1].lineno}" if frames else ""


def _code(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    of_object = getattr(type(function), "__call__", None)  # noqa: B004  # its method, not whether it has one
    return getattr(function, "__code__", None) or getattr(of_object, "__code__", None)


def _is_file(name: str) -> bool:
    return not name.startswith("<") and os.path.isfile(name)


def _shown(path: str) -> str:
    """Return a path relative to the working folder where it lies in it."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near
