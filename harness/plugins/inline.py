"""Objectives given as objects, as a notebook's: what identifies one is the source of its functions.

A plug-in file is known by its content. An objective without a file is known by the text of its functions, of all that
these call in their own module, and by the plain values that they take from around them: the same cell gives the same
runs in the next session, and a changed one new runs.
"""

import dis
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from harness.plugins import components
from harness.plugins.local_modules import local_modules
from harness.spec import canonical_json

if TYPE_CHECKING:
    from harness.objectives import Objective

ROLES = ("critic_loss", "generator_loss", "penalty", "constrain")
BY_NAME = {"harness", "torch", "numpy", *sys.stdlib_module_names}  # packages whose functions their names stand for


def add_objectives(objectives: Mapping[str, "Objective"]) -> None:
    """Add objectives to this process's table, under the content hash of their source; one given before is replaced.

    Raises SuiteError where a name is taken by another, or where it cannot be said what an objective's functions are.
    """
    from harness.objectives import OBJECTIVES, Objective

    for name, objective in objectives.items():
        if not isinstance(objective, Objective):
            raise components.plugin_error(
                f"objectives: {name!r} is a {type(objective).__name__}; an Objective is needed."
            )
        place = f"objectives={name}"
        if name in OBJECTIVES and place not in components._LOADED:
            raise components.plugin_error(f"objectives: {name!r} is a name that is taken already; give it another.")
        text = canonical_json([name, *_Described(name).lines(objective)])
        mark = int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)
        components.define(place, mark, {"objective": {name: objective}})


class _Described:
    """What the functions of one objective are, as text: each function once, in the order in which they are met."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[Any] = []
        self.met: dict[CodeType, str] = {}

    def lines(self, objective: "Objective") -> list[Any]:
        """Return all that trains and that a RunSpec does not hold."""
        for role in ROLES:
            function = getattr(objective, role)
            self.texts.append([role, self.of(function, f"its {role}", getattr(function, "__module__", ""))])
        return [*self.texts, objective.relative, dict(objective.draws)]

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
        raise components.plugin_error(
            f"objectives: {self.name!r}: {what} is a {type(value).__name__}, which no source says; "
            "a number, a text, a function or a module can be used there."
        )

    def function(self, value: FunctionType, what: str, home: str) -> str:
        """Return a function's number; its source, and what it uses, is among the texts."""
        code = value.__code__
        if code in self.met:
            return self.met[code]
        self.met[code] = f"function {len(self.met)}"
        try:
            source = textwrap.dedent(inspect.getsource(code))
        except (OSError, TypeError):
            raise components.plugin_error(
                f"objectives: {self.name!r}: the source of {what} cannot be found, and a run's id holds it; define "
                "it in a notebook's cell or in a file."
            ) from None
        if inner := sorted(name for name in _imported(code) if not _by_name(name)):
            raise components.plugin_error(
                f"objectives: {self.name!r}: {what} imports '{inner[0]}' within itself; import it in the cell instead."
            )
        used = {name: self.of(part, f"'{name}', which {what} uses,", home) for name, part in sorted(_used(value))}
        self.texts.append([self.met[code], source, used])
        return self.met[code]

    def module(self, value: ModuleType, what: str) -> list[str]:
        """Return a module's name; of one that is nobody's package, its source as well, and
        that of the user's own modules that it imports."""
        file = getattr(value, "__file__", None) or ""
        if _by_name(value.__name__) or not file.endswith(".py"):
            return [value.__name__]
        try:
            source, package = inspect.getsource(value), getattr(value, "__package__", None) or ""
            further = local_modules(source, package).items()
            return [value.__name__, source, *(f"{name}\n{text.decode()}" for name, text in further)]
        except (OSError, TypeError):
            raise components.plugin_error(
                f"objectives: {self.name!r}: {what} comes from {file}, which cannot be read."
            ) from None


def _by_name(module: str) -> bool:
    return module.partition(".")[0] in BY_NAME


def _used(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function takes from outside of its own text: globals, values it closes over, defaults."""
    for name in {name for code in _codes(function.__code__) for name in _globals(code)}:
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents
    for place, value in enumerate(function.__defaults__ or ()):
        yield f"default {place}", value
    for name, value in (function.__kwdefaults__ or {}).items():
        yield f"default {name}", value


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _codes(part)


def _globals(code: CodeType) -> set[str]:
    return _named(code, "LOAD_GLOBAL", "LOAD_NAME")


def _imported(code: CodeType) -> set[str]:
    return {name for part in _codes(code) for name in _named(part, "IMPORT_NAME")}


def _named(code: CodeType, *operations: str) -> set[str]:
    return {step.argval for step in dis.get_instructions(code) if step.opname in operations}
