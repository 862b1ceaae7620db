"""Read a suite: one YAML file becomes a frozen, checked Suite, or every mistake in it a sentence with file and line."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import KeyPath, Problem, SuiteError
from harness.hints import quoted, suggestion
from harness.plugins.components import load_plugins, tables
from harness.plugins.installed import is_file
from harness.suite.format.models import PATHS, Suite
from harness.suite.format.problems import located, parse
from harness.suite.format.values import Plain, Values
from harness.suite.format.yaml_file import MAX_DEPTH, Document, Place, parse_document, read_yaml
from harness.suite.overrides import laid_over, set_overrides
from harness.suite.own_data import left_out, with_own_data

Given = str | Path | Values  # a path, YAML text of several lines, or what that says
MAX_PLUGINS = 100
LENGTHS = {"steps": "epochs", "epochs": "steps"}  # one replaces the other


def load_suite(suite: Given, scale: str | None = None, sets: Sequence[str] = ()) -> Suite:
    """Return the suite in a file, at one of its scales, with `sets` (KEY=VALUE) above everything it says.

    In place of a path stands its YAML (text of several lines), or what that says as a mapping; paths in it are then
    relative to the working directory. Runs the plug-ins that it names. Raises SuiteError with all mistakes at once, of
    which those that can be told without it where a plug-in cannot be loaded.
    """
    document, problems = _written(suite, scale, sets)
    unloaded = _load_plugins(document)
    _find_files(document)
    problems += _put_own_data(document)
    _apply_overrides(document)
    parsed, mistakes = parse(document.data)
    parsed = parsed.model_copy(update={"scales": {}, "extends": None})
    # Here, as it imports torch: a file that is missing or no YAML is refused without.
    from harness.suite.checks.suite_check import suite_problems

    left_out = frozenset(str(part) for problem in mistakes for part in problem.path[-2:])
    problems += unloaded + mistakes
    if not unloaded:  # names that a plug-in would have defined are no mistakes of the suite
        problems += suite_problems(parsed, left_out)
    if problems:
        raise SuiteError(located(problems, document))
    return parsed


@contextmanager
def with_places(suite: Given, scale: str | None, sets: Sequence[str]) -> Iterator[None]:
    """Give the problems of a SuiteError about a suite that `load_suite` took their file and line."""
    try:
        yield
    except SuiteError as error:
        raise SuiteError(located(error.problems, _written(suite, scale, sets)[0])) from None


def _written(suite: Given, scale: str | None, sets: Sequence[str]) -> tuple[Document, list[Problem]]:
    """Return what a suite says with what it extends, at a scale, and with further settings."""
    if isinstance(suite, Mapping):
        try:
            _refuse_nesting(suite)
            text = json.dumps(suite, ensure_ascii=False)
            text.encode()  # half of a surrogate pair is no character
            document = Document(json.loads(text))
        except (TypeError, ValueError, RecursionError) as error:
            text = f"a mapping that YAML could not hold ({error})."
            raise SuiteError(Problem("not-yaml", (), text, "suite")) from None
        document = _merged_into_base(document, "", ())
    elif "\n" in str(suite):
        document = _merged_into_base(parse_document(str(suite), "suite"), "", ())
    else:
        document = read_extended(str(suite), ())
    problems = _scale(document, scale)
    before = document.data.get("set", [])
    if sets and isinstance(before, list):
        document.data["set"] = [*before, *sets]
        document.places |= {
            ("set", i): Place(f"--set {' '.join(text[:60].split())}") for i, text in enumerate(sets, len(before))
        }
    return document, problems


def _refuse_nesting(suite: Values) -> None:
    """Raise SuiteError for a mapping that is nested as no file may be."""
    level: list[Any] = [suite]
    for _ in range(MAX_DEPTH + 1):
        inside = [each.values() if isinstance(each, Mapping) else each for each in level]
        level = [value for values in inside for value in values if isinstance(value, Mapping | list | tuple)]
    if level:
        raise SuiteError(Problem("too-deep", (), f"nested deeper than {MAX_DEPTH} levels.", "suite"))


def read_extended(path: str, chain: tuple[str, ...]) -> Document:
    """Read a file merged into the one it extends, and that into the one it extends. Raises SuiteError for a cycle."""
    document = read_yaml(path)
    here = os.path.realpath(path)
    if here in chain:
        text = f"extends itself, by way of {len(chain)} file(s); leave one `extends` out."
        raise SuiteError(Problem("extends-itself", (), text, path))
    return _merged_into_base(document, os.path.dirname(path), (*chain, here))


def _merged_into_base(document: Document, folder: str, chain: tuple[str, ...]) -> Document:
    base, place = document.data.get("extends"), str(document.place(("extends",)))
    if not isinstance(base, str):
        return document
    try:
        below = read_extended(os.path.join(folder, base), chain)
    except SuiteError as error:
        problems = [Problem(problem.code, ("extends",), str(problem), place) for problem in error.problems]
        raise SuiteError(problems) from None
    del document.data["extends"]
    return _merge(below, document.data, document, ())


def _merge(below: Document, data: Plain, above: Document, at: KeyPath) -> Document:
    """Return `below` with `data`, which is at the path `at` of `above`, laid over it: mappings key by key."""
    places = dict(below.places)

    def merged(old: Plain, new: Plain, target: KeyPath) -> Plain:
        both = dict(old)
        for key, value in new.items():
            path = (*target, key)
            is_range = path[-3:-1] == ("study", "space")  # low and high beside choices would say two things
            if isinstance(value, dict) and isinstance(both.get(key), dict) and not is_range:
                both[key] = merged(both[key], value, path)
                continue
            if key in LENGTHS and LENGTHS[key] not in new:
                both.pop(LENGTHS[key], None)
            for inside in _paths(both.get(key)):
                places.pop(path + inside, None)
            places.update({path + inside: above.place((*at, *path, *inside)) for inside in _paths(value)})
            both[key] = value
        return both

    return Document(merged(below.data, data, ()), places)


def _paths(value: Any) -> Iterator[KeyPath]:
    """Yield the path of a value in itself, (), and of everything in it."""
    yield ()
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from ((key, *path) for path in _paths(item))


def _scale(document: Document, name: str | None) -> list[Problem]:
    """Merge a scale into the document: the one asked for, else the one that the file names."""
    scales, written = document.data.get("scales", {}), document.data.get("scale")
    if name is None:
        if not isinstance(written, str) or not scales:
            return []  # a file that names a scale and holds none is one that was resolved already
        name = written
    if not isinstance(scales, dict) or name not in scales:
        known = list(scales) if isinstance(scales, dict) else []
        hint = suggestion(name, known) if known else " This suite has no scales."
        return [Problem("unknown-name", ("scales",), f"there is no scale {quoted(name)}.{hint}")]
    if not isinstance(scales[name], dict):
        return []
    before = document.data
    scaled = _merge(document, {**scales[name], "scale": name}, document, ("scales", name))
    document.data, document.places = scaled.data, scaled.places
    # A copy of a suite that names its own data in one place would silently train on another's in a scale's matrix.
    text = "the suite trains on '{}', data of your own, and the matrix of scale '{}' does not; name it in a block "
    text += "there, or leave that matrix out."
    return [
        Problem("own-data-left-out", ("matrix",), text.format(label, name)) for label in left_out(before, document.data)
    ]


def _load_plugins(document: Document) -> list[Problem]:
    """Run the plug-ins named. A file is named by a path relative to the file that names it; the suite keeps absolute
    paths.
    """
    problems = []
    names = document.data.get("plugins", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return []  # told as a mistake of form
    if len(names) > MAX_PLUGINS:
        return [Problem("too-many-plugins", ("plugins",), f"{len(names):,} given, at most {MAX_PLUGINS} are imported.")]
    for i, name in enumerate(names):
        names[i] = _absolute(document, ("plugins", i), name) if is_file(name) else name
        try:
            load_plugins([names[i]])
        except SuiteError as error:
            problems += [replace(problem, path=("plugins", i)) for problem in error.problems]
    return problems


def _find_files(document: Document) -> None:
    """Make the paths of data absolute, relative to the files that name them; their content is checked later."""
    variants = document.data.get("datasets", {})
    for label, variant in variants.items() if isinstance(variants, dict) else ():
        for key in PATHS:
            if isinstance(variant, dict) and key in variant:
                variant[key] = _absolute(document, ("datasets", label, key), variant[key])


def _put_own_data(document: Document) -> list[Problem]:
    """Put the files and folders that --set names in place of the suite's data sets.

    What takes no data set's place stays, and is told as a setting that nothing has.
    """
    texts = document.data.get("set", [])
    if not texts or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return []
    problems, left = list[Problem](), {i: (text, document.place(("set", i))) for i, text in enumerate(texts)}
    for override in set_overrides(texts, tables())[0]:
        if override.group != "dataset" or override.key not in PATHS:
            continue
        value = _absolute(document, override.path, override.value)
        try:
            document.data, label = with_own_data(document.data, override.key, value, tables())
        except ValueError as error:
            label = f"own-{override.key}"
            problems.append(Problem("not-together", ("datasets", label, override.key), str(error)))
        if label:
            document.places["datasets", label, override.key] = document.place(override.path)
            del left[int(override.path[-1])]
    document.data = {**document.data, "set": [text for text, _ in left.values()]}
    document.places |= {("set", i): place for i, (_, place) in enumerate(left.values())}
    return problems


def _absolute(document: Document, path: KeyPath, name: Any) -> Any:
    """Return the absolute form of a file name given at `path`, taken as relative to the file that gives it; of --set to
    the working directory. A list of names is one of theirs; anything else is told as a mistake later.
    """
    if isinstance(name, list):
        return [_absolute(document, path, item) for item in name]
    if not isinstance(name, str):
        return name
    place = document.place(path)
    folder = os.path.dirname(place.source) if place.line else ""
    return os.path.abspath(os.path.join(folder, os.path.expanduser(name)))


def _apply_overrides(document: Document) -> None:
    """Put what --set says of the suite itself into the document. The rest is applied as the suite expands."""
    texts = document.data.get("set", [])
    if not texts or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return
    overrides, _ = set_overrides(texts, tables())  # its mistakes are told with those of the suite
    document.data = laid_over(document.data, overrides)
    for override in overrides:
        if override.is_of_suite:
            document.places[override.target] = document.place(override.path)
