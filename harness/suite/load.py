"""Read a suite: one YAML file becomes a frozen, checked Suite, or every mistake in it a sentence with file and line."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import SuiteError, suggestion
from harness.plugins.components import load_plugins, tables
from harness.suite.format.models import Suite
from harness.suite.format.problems import Problem, Refused, parse, sentences
from harness.suite.format.yaml_file import Document, KeyPath, Place, parse_document, read_yaml
from harness.suite.overrides import applied, key_path, parse_overrides, settles


def load_suite(suite: str | Path | Mapping[str, Any], scale: str | None = None, sets: Sequence[str] = ()) -> Suite:
    """Return the suite in a file, at one of its scales, with `sets` (KEY=VALUE) above everything it says.

    In place of a path stands its YAML (text of several lines), or what that says as a mapping; paths in it are then
    relative to the working directory. Raises SuiteError with all mistakes at once. Runs the plug-ins that it names.
    """
    document = _read(suite)
    problems = _scaled(document, scale)
    _add_sets(document, sets)
    problems += _load_plugins(document)
    _find_files(document)
    _apply_overrides(document)
    parsed, mistakes = parse(document.data)
    problems += mistakes
    if document.data.get("matrix") == []:
        problems.append(Problem(("matrix",), "an empty list given, at least one block needed."))
    from harness.suite.checks.suite_check import (
        suite_problems,  # imports torch, which a suite of the wrong form need not wait for
    )

    problems += suite_problems(parsed, frozenset(str(part) for path, _ in mistakes for part in path[-2:]))
    if problems:
        raise SuiteError(sentences(problems, document))
    return parsed.model_copy(update={"scales": {}, "extends": None})


@contextmanager
def with_places(suite: str | Path | Mapping[str, Any], scale: str | None, sets: Sequence[str]) -> Iterator[None]:
    """Tell what is refused (`Refused`) of a suite that `load_suite` took as that tells mistakes, with file and line."""
    try:
        yield
    except Refused as refused:
        document = _read(suite)
        _scaled(document, scale)
        _add_sets(document, sets)
        raise SuiteError(sentences(refused.problems, document)) from None


def _read(suite: str | Path | Mapping[str, Any]) -> Document:
    """Return what a file, YAML text or a mapping says, merged into the suite that it extends."""
    if isinstance(suite, Mapping):
        try:
            plain = json.loads(json.dumps(suite))
        except (TypeError, ValueError) as error:
            raise SuiteError(f"suite: a mapping that YAML could not hold ({error}).") from None
        return _merged_into_base(Document(plain), "", ())
    if "\n" in str(suite):
        return _merged_into_base(parse_document(str(suite), "suite"), "", ())
    return read_extended(str(suite), ())


def read_extended(path: str, chain: tuple[str, ...]) -> Document:
    """Read a file merged into the one it extends, and that into the one it extends. Raises SuiteError for a cycle."""
    document = read_yaml(path)
    here = os.path.realpath(path)
    if here in chain:
        raise SuiteError(f"{path}: extends itself, by way of {len(chain)} file(s); leave one `extends` out.")
    return _merged_into_base(document, os.path.dirname(path), (*chain, here))


def _merged_into_base(document: Document, folder: str, chain: tuple[str, ...]) -> Document:
    base = document.data.get("extends")
    if not isinstance(base, str):
        return document
    try:
        below = read_extended(os.path.join(folder, base), chain)
    except SuiteError as error:
        if error.problems[0].startswith(f"{document.place(('extends',))}: "):
            raise
        raise SuiteError([f"{document.place(('extends',))}: extends: {text}" for text in error.problems]) from None
    del document.data["extends"]
    return merge(below, document.data, document, ())


def merge(below: Document, data: dict[str, Any], above: Document, at: KeyPath) -> Document:
    """Return `below` with `data`, which stands in `above` at the path `at`, laid over it: mappings key by key."""
    places = dict(below.places)
    merged = _merged(below.data, data, places, above, (at, ()))
    return Document(merged, places)


def _merged(
    old: dict[str, Any], new: dict[str, Any], places: dict[KeyPath, Place], above: Document, at: tuple[KeyPath, KeyPath]
) -> dict[str, Any]:
    """Merge `new` into `old`; `at` is where they stand in the document above and in the merged one."""
    merged = dict(old)
    for key, value in new.items():
        source, target = (*at[0], key), (*at[1], key)
        is_range = target[-3:-1] == ("study", "space")  # low and high beside choices would say two things
        if isinstance(value, dict) and isinstance(merged.get(key), dict) and not is_range:
            merged[key] = _merged(merged[key], value, places, above, (source, target))
            continue
        for inside in _paths(merged.get(key)):
            places.pop(target + inside, None)
        places |= {target + inside: above.place(source + inside) for inside in _paths(value)}
        merged[key] = value
    return merged


def _paths(value: Any) -> Iterator[KeyPath]:
    """Yield the path of a value in itself, (), and of everything in it."""
    yield ()
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from ((key, *path) for path in _paths(item))


def _scaled(document: Document, asked: str | None) -> list[Problem]:
    """Merge a scale into the document: the one asked for, else the one that the file names."""
    scales = document.data.get("scales", {})
    name = asked if asked is not None else document.data.get("scale")
    if not isinstance(name, str) or (asked is None and not scales):
        return []  # a file that names a scale and holds none is one that was resolved already
    if not isinstance(scales, dict) or name not in scales:
        known = list(scales) if isinstance(scales, dict) else []
        hint = suggestion(str(name), known) if known else " This suite has no scales."
        return [Problem(("scales",), f"there is no scale {name!r}.{hint}")]
    if isinstance(scales[name], dict):
        scaled = merge(document, {**scales[name], "scale": name}, document, ("scales", name))
        document.data, document.places = scaled.data, scaled.places
    return []


def _add_sets(document: Document, sets: Sequence[str]) -> None:
    held = document.data.get("set", [])
    if sets and isinstance(held, list):
        document.data["set"] = [*held, *sets]
        for i, text in enumerate(sets, len(held)):
            document.places["set", i] = Place(f"--set {text[:60]}")


def _load_plugins(document: Document) -> list[Problem]:
    """Run the plug-ins named, each by a path relative to the file that names it; the suite keeps absolute paths."""
    problems = []
    names = document.data.get("plugins", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return []  # told as a mistake of form
    found = []
    for i, name in enumerate(names):
        found.append(_absolute(document, ("plugins", i), name))
        try:
            load_plugins([found[-1]])
        except SuiteError as error:
            problems.append(Problem(("plugins", i), str(error)))
    if found:
        document.data["plugins"] = found
    return problems


def _find_files(document: Document) -> None:
    """Make the paths of data absolute, relative to the files that name them; their content is checked later."""
    variants = document.data.get("datasets", {})
    for label, variant in variants.items() if isinstance(variants, dict) else ():
        for key in ("file", "folder"):
            if isinstance(variant, dict) and isinstance(variant.get(key), str):
                variant[key] = _absolute(document, ("datasets", label, key), variant[key])


def _absolute(document: Document, path: KeyPath, name: str) -> str:
    """Return the absolute form of a path that stands at `path`, taken as relative to the file it stands in."""
    return os.path.abspath(os.path.join(os.path.dirname(document.place(path).source), os.path.expanduser(name)))


def _apply_overrides(document: Document) -> None:
    """Put what --set says of the suite itself into the document. The rest is applied as the suite expands."""
    texts = document.data.get("set", [])
    if not texts or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return
    overrides, _ = parse_overrides(texts, tables())  # its mistakes are told with those of the suite
    document.data = applied(document.data, overrides)
    for override in filter(settles, overrides):
        document.places[key_path(override)] = document.place(override.path)
