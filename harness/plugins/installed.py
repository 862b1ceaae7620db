"""Plug-ins that are installed packages: entry points of the group `harness.plugins`, which a suite names as files.

An entry point names a module that defines what a plug-in file defines. Its identity is the version of its distribution
and the source of its package.
"""

import importlib
import importlib.util
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from harness.hints import quoted, suggestion
from harness.plugins.guard import PACKAGES, plugin_error

GROUP = "harness.plugins"
MOST_FILES = 1_000  # of a package's source


@dataclass(frozen=True)
class Located:
    """The module of an installed plug-in: its file, its package, which relative imports in it start from, and what
    identifies the plug-in beside the file's content."""

    path: Path
    package: str
    identity: bytes


def is_file(plugin: str) -> bool:
    """Whether `plugins` names a Python file rather than an installed plug-in."""
    return plugin.endswith((".py", ".")) or "/" in plugin


def installed() -> dict[str, EntryPoint]:
    """Return the entry points of this environment's plug-ins by name; nothing is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def version_of(point: EntryPoint) -> str:
    """Return the version of the distribution that an entry point belongs to."""
    return point.dist.version if point.dist is not None else ""


def locate(name: str) -> Located:
    """Return where an installed plug-in is. Raises SuiteError where there is none of that name, or it has no source."""
    known = installed()
    if name not in known:
        hint = suggestion(name, known) if known else " None is installed."
        text = f"no plug-in {quoted(name)} is installed, and a Python file's name ends in .py.{hint}"
        raise plugin_error(text)
    module = known[name].module
    importlib.invalidate_caches()
    top = module.partition(".")[0]
    PACKAGES.add(top)
    spec, root = importlib.util.find_spec(module), importlib.util.find_spec(top)
    if spec is None or root is None or not (spec.origin or "").endswith(".py"):
        raise plugin_error(f"the plug-in {name}: its module {module} is not there as Python source; install it again.")
    folders = [Path(folder) for folder in root.submodule_search_locations or ()]
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))[:MOST_FILES]
    parts = [f"{name} {version_of(known[name])}\n".encode()]
    for file in files:
        source = file.read_bytes()
        near = next(file.relative_to(folder) for folder in folders if file.is_relative_to(folder))
        parts.append(f"\n{near.as_posix()} {len(source)}\n".encode() + source)
    is_package = spec.submodule_search_locations is not None
    return Located(Path(str(spec.origin)), module if is_package else module.rpartition(".")[0], b"".join(parts))
