"""Objectives given as objects, as a notebook's: what identifies one is the source of its functions.

A plug-in file is known by its content. An objective without a file is known by the text of its functions, of all that
these call in their own module, and by the plain values that they take from around them: the same cell gives the same
runs in the next session, and a changed one new runs.
"""

import hashlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from harness.errors import SuiteError
from harness.plugins import components
from harness.plugins.guard import plugin_error
from harness.plugins.local_modules import local_modules
from harness.spec import canonical_json

ROLES = ("critic_loss", "generator_loss", "penalty", "constrain")
BY_NAME = {"harness", "torch", "numpy", *sys.stdlib_module_names}  # packages whose functions their names stand for


def add_objectives(objectives: Mapping[str, Any]) -> None:
    """Add objectives to this process's table, under the content hash of their source; one given before is replaced.

    Raises SuiteError where a name is taken by another, or where it cannot be said what an objective's functions are.
    """
    from harness.objectives import OBJECTIVES, Objective

    for name, objective in objectives.items():
        if not isinstance(objective, Objective):
            raise _refused(name, f"a {type(objective).__name__} given; an Objective is needed.")
        place = f"objectives={name}"
        if name in OBJECTIVES and not components.is_loaded(place):
            raise _refused(name, "a name that is taken already; give it another.")
        described = _Description(name)
        roles = {role: getattr(objective, role) for role in ROLES}
        for role, function in roles.items():
            home = getattr(function, "__module__", None) or ""  # None where `exec` was given no name
            described.texts.append([role, described.of(function, f"its {role}", home)])
        # All that trains and that a RunSpec does not hold.
        text = canonical_json([name, *described.texts, objective.relative, dict(objective.draws)])
        mark = int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)
        components.define(place, mark, {"objective": {name: objective}})


def _refused(name: str, text: str) -> SuiteError:
    return plugin_error(f"objectives: {name!r}: {text}")


class _Description:
    """What the functions of one objective are, as text: each function once, in the order in which they are met."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[Any] = []
        self.numbers: dict[CodeType, str] = {}

    def of(self, value: Any, what: str, home: str) -> Any:
        """Return what stands for a value that a function of the module `home` uses."""
        if isinstance(value, FunctionType) and value.__module__ == home and not _by_name(home):
            return self.function(value, what, home)
        if isinstance(value, ModuleType):
            return self.module(value, what)
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if callable(value) and isinstance(name, str) and (inspect.isbuiltin(value) or _by_name(str(module))):
            return [str(module), name]
        if callable(value) and isinstance(name, str) and module in sys.modules and module != home:
            return [self.module(sys.modules[module], what), name]
        if value is None or isinstance(value, bool | int | float | str | list | tuple | dict):
            try:
                return canonical_json(value)
            except TypeError:
                pass  # something else lies within it
        text = "which no source says; a number, a text, a function or a module can be used there."
        raise _refused(self.name, f"{what} is a {type(value).__name__}, {text}")

    def function(self, value: FunctionType, what: str, home: str) -> str:
        """Return a function's number; its source, and what it uses, is among the texts."""
        code = value.__code__
        if code not in self.numbers:
            self.numbers[code] = f"function {len(self.numbers)}"
            try:
                source = textwrap.dedent(inspect.getsource(code))
            except (OSError, TypeError):
                text = "and a run's id holds it; define it in a notebook's cell or in a file."
                raise _refused(self.name, f"the source of {what} cannot be found, {text}") from None
            used = {name: self.of(part, f"'{name}', which {what} uses,", home) for name, part in _used(value, source)}
            used |= {f"import {name}": text.decode() for name, text in local_modules(source).items()}
            self.texts.append([self.numbers[code], source, used])
        return self.numbers[code]

    def module(self, value: ModuleType, what: str) -> list[str]:
        """Return a module's name; of one that is nobody's package, its source as well, and that of the user's own
        modules that it imports.
        """
        file = getattr(value, "__file__", None) or ""
        if _by_name(value.__name__) or not file.endswith(".py"):
            return [value.__name__]
        try:
            source, package = inspect.getsource(value), getattr(value, "__package__", None) or ""
        except (OSError, TypeError):
            raise _refused(self.name, f"{what} comes from {file}, which cannot be read.") from None
        further = local_modules(source, package).items()
        return [value.__name__, source, *(f"{name}\n{text.decode()}" for name, text in further)]


def _by_name(module: str) -> bool:
    return module.partition(".")[0] in BY_NAME


def _used(function: FunctionType, source: str) -> list[tuple[str, Any]]:
    """Return what a function takes from outside of its own text, by name: globals, values it closes over, defaults."""
    names = {name for code in _codes(function.__code__) for name in code.co_names}  # of globals, and of attributes
    used = {
        name: function.__globals__[name]
        for name in names & function.__globals__.keys()
        if re.search(rf"(?<![.\w]){re.escape(name)}\b", source)
    }
    used |= inspect.getclosurevars(function).nonlocals
    used |= {f"default {place}": value for place, value in enumerate(function.__defaults__ or ())}
    used |= {f"default {name}": value for name, value in (function.__kwdefaults__ or {}).items()}
    return sorted(used.items())


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code, and that of the functions in it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _codes(part)
