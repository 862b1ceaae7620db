"""The tables of components, and the Python files that a suite names to extend them."""

import hashlib
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import HarnessError, SuiteError
from harness.plugins.entries import wrong_entry
from harness.plugins.guard import MAX_BYTES, MODULE, guarded, plugin_error
from harness.plugins.installed import Located, installed, is_file, locate
from harness.plugins.local_modules import first_on_path, local_modules, nothing_cached, refresh
from harness.text import reason

if TYPE_CHECKING:
    from harness.architectures import Architecture
    from harness.datasets import Dataset
    from harness.metrics import Metric
    from harness.metrics.extractors import ExtractorKind
    from harness.objectives import Objective, Trick


class Tables(NamedTuple):
    """Every component by name, those of the plug-ins loaded in this process included."""

    dataset: dict[str, "Dataset"]
    architecture: dict[str, "Architecture"]
    objective: dict[str, "Objective"]
    trick: dict[str, "Trick"]
    metric: dict[str, "Metric"]
    extractor: dict[str, "ExtractorKind"]

    def of(self, kind: str) -> dict[str, Any]:
        """Return the table of a kind of component: dataset, architecture, objective, trick, metric or
        extractor."""
        table: dict[str, Any] = getattr(self, kind)
        return table


RERUNS = 3  # of a plug-in whose modules are found elsewhere once it has run: twice, and once more to be certain
_ORIGIN: dict[tuple[str, str], int] = {}  # (kind, name) -> fingerprint of the plug-in that defines it
_LOADED: dict[str, int] = {}  # path, or what else gave entries -> fingerprint
_FILES: dict[str, int] = {}  # path -> fingerprint, of files that hold the same as well


def tables() -> Tables:
    """Return the tables. Imports torch, which takes a second: called only once something is to be looked up."""
    from harness.architectures import ARCHITECTURES
    from harness.datasets import DATASETS
    from harness.metrics import METRICS
    from harness.metrics.extractors import EXTRACTORS
    from harness.objectives import OBJECTIVES, TRICKS

    return Tables(DATASETS, ARCHITECTURES, OBJECTIVES, TRICKS, METRICS, EXTRACTORS)


def load_plugins(plugins: Iterable[str | Path]) -> None:
    """Run Python files and installed plug-ins, and add their DATASETS, ARCHITECTURES, OBJECTIVES, TRICKS, METRICS and
    EXTRACTORS to the tables.

    A file that was loaded already is not run again, unless it has changed, or one of the user's own modules that it
    imports: then its entries are replaced.
    Raises SuiteError in one sentence naming the plug-in that cannot be read, raises, or clashes with a name that is
    taken.
    """
    for name in map(str, plugins):
        with guarded(name, "it is imported", tables()):
            module, mark = _module(name)
            if module is None:
                _FILES[name] = mark
                continue
            additions = {kind: _entries(name, module, kind) for kind in Tables._fields}
        forget(name)
        if floored := [entry for entry, metric in additions["metric"].items() if metric.floored]:
            text = f"the metric '{floored[0]}' is floored, which only built-in metrics can be"
            raise plugin_error(f"the plug-in {name}: {text}; leave `floored` out.")
        if dotted := [entry for entry in additions["extractor"] if "." in entry]:
            text = f"the extractor '{dotted[0]}' has a dot in its name, which references cannot hold"
            raise plugin_error(f"the plug-in {name}: {text}; use a dash.")
        for kind in ("metric", "extractor"):
            additions[kind] = {entry: replace(record, file=mark) for entry, record in additions[kind].items()}
        _refuse_taken(name, additions)
        define(name, mark, additions)
        _FILES[name] = mark


def load_installed() -> dict[str, str]:
    """Load every installed plug-in, and return by name why it cannot be loaded: "" where it is."""
    errors = {}
    for name in installed():
        try:
            load_plugins([name])
            errors[name] = ""
        except SuiteError as error:
            errors[name] = str(error)
    return errors


def _module(name: str) -> tuple[ModuleType | None, int]:
    """Run a plug-in, and return its module and its fingerprint; no module where it was loaded already."""
    if is_file(name):
        path = Path(name)
        with first_on_path(path.absolute().parent):
            return _fresh(path, _source(path))
    located = locate(name)
    return _fresh(located.path, _source(located.path), located)


def _source(path: Path) -> bytes:
    """Read a plug-in. Raises SuiteError for what is no file of source, which might never end."""
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise plugin_error(f"the plug-in {path} is not a regular file; name a Python file.")
        if info.st_size > MAX_BYTES:
            text = f"has {info.st_size:,} bytes, and at most {MAX_BYTES:,} are read"
            raise plugin_error(f"the plug-in {path} {text}; keep data in files of its own.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise plugin_error(f"the plug-in {path} cannot be read: {reason(error)}.") from None


def _refuse_taken(plugin: str, additions: Mapping[str, Mapping[str, Any]]) -> None:
    from harness.metrics import column_facts

    columns = {column.name for metric in additions["metric"].values() for column in metric.columns}
    taken = [(kind, tables().of(kind).keys() & entries) for kind, entries in additions.items()]
    for kind, names in [*taken, ("metric column", column_facts().keys() & columns)]:
        for name in sorted(names):
            raise plugin_error(f"the plug-in {plugin} defines the {kind} '{name}', a name that is taken already.")


def fingerprint(kind: str, name: str) -> int | None:
    """Return the content hash of the plug-in that defines this component, None for a built-in one."""
    return _ORIGIN.get((kind, name))


def file_of(kind: str, name: str) -> str:
    """Return the file of the plug-in that defines this component, or what else gave it."""
    mark = _ORIGIN[kind, name]
    return next(place for place, of in {**_FILES, **_LOADED}.items() if of == mark)


def plugged(kind: str, plugins: Iterable[str | Path]) -> dict[str, int]:
    """Return the components of a kind that plug-ins define, with the content hashes of these."""
    marks = {_FILES.get(str(plugin)) for plugin in plugins}
    return {name: mark for (of, name), mark in _ORIGIN.items() if of == kind and mark in marks}


def know_metrics(resolved: Mapping[str, Any]) -> None:
    """Load the plug-ins that a resolved suite takes metrics from. One that cannot be loaded is passed over."""
    if resolved.get("score", {}).get("metrics"):
        for path in resolved["plugins"]:
            with suppress(SuiteError):
                load_plugins([path])


def require_metric(resolved: Mapping[str, Any], column: str) -> None:
    """Raise HarnessError, naming the file, where runs are ranked on a metric whose plug-in no longer defines it."""
    from harness.metrics import column_facts
    from harness.metrics.columns import MetricColumn

    paths = resolved.get("plugins", [])
    if not paths or MetricColumn.parse(column).name in column_facts():
        return
    reason = f"none of {', '.join(map(str, paths))} defines it any more."
    try:
        load_plugins(paths)
    except SuiteError as error:
        reason = str(error)
    raise HarnessError(f"runs are ranked on '{column}', a metric of a plug-in: {reason}")


def is_loaded(place: str) -> bool:
    """Whether a file, or what else can give entries, has given some."""
    return place in _LOADED or place in _FILES


def define(place: str, mark: int, additions: Mapping[str, Mapping[str, Any]]) -> None:
    """Add entries by kind and name to this process's tables, in place of those that `place` gave before."""
    forget(place)
    for kind, entries in additions.items():
        tables().of(kind).update(entries)
        _ORIGIN.update({(kind, name): mark for name in entries})
    _LOADED[place] = mark


def forget(place: str) -> None:
    """Take the entries that a file, or what else gave some, has given out of the tables."""
    mark = _LOADED.pop(place, None)
    for kind, name in [key for key, origin in _ORIGIN.items() if origin == mark]:
        del _ORIGIN[kind, name]
        tables().of(kind).pop(name, None)


def _fresh(path: Path, source: bytes, located: Located | None = None) -> tuple[ModuleType | None, int]:
    """Run a plug-in, and return its module and its fingerprint; no module where it was loaded already.

    A plug-in may put further folders on the path: which modules it imports is known for certain once it has run, and
    where they are others than before, it runs again with them. `located` is what is known of an installed one.
    """
    package, identity = (located.package, located.identity) if located else ("", b"")
    beside = local_modules(source, package)
    for _ in range(RERUNS):
        framed = [f"\n{name} {len(text)}\n".encode() + text for name, text in beside.items()]
        mark = int(hashlib.sha256(source + b"".join([*framed, identity])).hexdigest()[:12], 16)
        if mark in _LOADED.values():
            return None, mark
        refresh(beside)
        module, before = _run(path, source, mark, package), beside
        beside = local_modules(source, package)
        if beside == before:
            return module, mark
        sys.modules.pop(module.__name__, None)
    raise plugin_error(f"the plug-in {path} changes the modules that it imports whenever it runs.")


def _run(path: Path, source: bytes, mark: int, package: str) -> ModuleType:
    module = ModuleType(f"{MODULE}{mark:012x}")
    module.__file__, module.__package__ = str(path), package
    sys.modules[module.__name__] = module  # dataclasses and pickle look their module up by name
    try:
        with nothing_cached():
            exec(compile(source, str(path), "exec"), module.__dict__)
    except BaseException:
        sys.modules.pop(module.__name__, None)
        raise
    return module


def _entries(plugin: str, module: ModuleType, kind: str) -> dict[str, Any]:
    record = type(next(iter(tables().of(kind).values())))
    title = f"{kind}s".upper()
    entries = getattr(module, title, {})
    if not isinstance(entries, Mapping):
        raise plugin_error(f"the plug-in {plugin}: {title} must be a dictionary of names to {record.__name__} records.")
    entries = {name: entries[name] for name in entries}
    for name, entry in entries.items():
        if text := wrong_entry(name, entry, record):
            raise plugin_error(f"the plug-in {plugin}: {title}: {text}")
    return entries
