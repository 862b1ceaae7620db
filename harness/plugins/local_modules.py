"""The user's own modules that a Python file imports, and those that they import: their content identifies it as well.

Modules of the standard library and of installed packages are known by their names, as a run's environment is.
"""

import ast
import importlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]
_OURS = Path(__file__).resolve().parents[1]
_NAMED = {*sys.stdlib_module_names, __name__.partition(".")[0]}  # whatever a folder on the path calls so
_IMPORTED: dict[str, bytes] = {}  # local modules that plug-ins of this process have imported -> source


def local_modules(source: bytes | str, package: str = "") -> dict[str, bytes]:
    """Return the source of every local module that a source imports, wherever in it, directly or by another: by name.

    `package` is what its relative imports are relative to.
    """
    sources: dict[str, bytes] = {}
    importlib.invalidate_caches()
    with nothing_cached():
        _collect(source, package, sources)
    return dict(sorted(sources.items()))


@contextmanager
def nothing_cached() -> Iterator[None]:
    """Let imports write no bytecode: that of a module of the same size and second would be taken for a changed one."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


@contextmanager
def first_on_path(folder: Path) -> Iterator[None]:
    """Find modules of a folder before all others, as a script finds those beside it; afterwards, behind all others.

    They are still found afterwards because a function may import one when it is called.
    """
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def refresh(modules: Mapping[str, bytes]) -> None:
    """See to it that the next import of local modules runs the source that they have now."""
    if any(name in sys.modules and _IMPORTED.get(name) != source for name, source in modules.items()):
        for name in modules:
            sys.modules.pop(name, None)
    importlib.invalidate_caches()
    _IMPORTED.update(modules)


def _collect(source: bytes | str, package: str, sources: dict[str, bytes]) -> None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # told where it is run
    for name in {name for node in ast.walk(tree) for name in _names(node, package)}:
        if name in sources or name.partition(".")[0] in _NAMED:
            continue
        path, inner = _origin(name)
        if path is not None:
            sources[name] = path.read_bytes()
            _collect(sources[name], inner, sources)


def _names(node: ast.AST, package: str) -> Iterator[str]:
    """Yield what an import may load: the module, the packages around it, and names that may be modules in it."""
    wanted: list[str] = []
    if isinstance(node, ast.Import):
        wanted = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*filter(None, parts), *filter(None, [base])])
        wanted = [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
    for name in wanted:
        parts = name.split(".")
        yield from (".".join(parts[: i + 1]) for i in range(len(parts)))


def _origin(name: str) -> tuple[Path | None, str]:
    """Return the file of a local module and the package that it is in; None for any other module."""
    try:
        spec = _spec(name)
    except Exception:  # a package around it that cannot be imported: told where the plug-in is run
        return None, ""
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None, ""
    path = Path(spec.origin).resolve()
    installed = {*path.parts} & {*_INSTALLED} or any(path.is_relative_to(place) for place in [*_STANDARD, _OURS])
    is_package = spec.submodule_search_locations is not None
    return None if installed else path, name if is_package else name.rpartition(".")[0]


def _spec(name: str) -> ModuleSpec | None:
    """Return where a module would be found now. `importlib.util.find_spec` says where an imported one was found."""
    package, folders = name.rpartition(".")[0], None
    if package:
        around = _spec(package)
        if around is None or around.submodule_search_locations is None:
            return None
        folders = list(around.submodule_search_locations)
    try:
        specs = (finder.find_spec(name, folders) for finder in sys.meta_path)
        return next((spec for spec in specs if spec is not None), None)
    except KeyError:  # a folder without __init__.py in another such: known only once the outer one is imported
        return importlib.util.find_spec(name)
