"""Suite files as plain data: YAML 1.2 without tags, and the line on which every key and item stands.

Scalars follow the core schema of YAML 1.2 (section 10.3.2): `1e-4` is a number, `012` is 12, `yes` is text. Keys are
text as written. The parser's events are read here, and not the nodes of a loader, so that hostile files are refused
before they are built.
"""

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from harness.errors import KeyPath, Problem, SuiteError

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_ALIASED = 1_000

_HINTS = {  # what the parser's words mean where people write a suite
    "mapping values are not allowed": "; a ':' is missing on this line or the one above, or the indent is uneven",
    "could not find expected ':'": "; a ':' is missing on the line above",
    r"'\t' that cannot start": "; indent with spaces",
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], float("inf")),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], float("-inf")),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], float("nan")),
}


class Place(NamedTuple):
    """Where a value was written: a file and its line (0: not a file, but what `source` says)."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass
class Document:
    """A mapping read from a file, and the place of every key and item by its path: ("matrix", 0, "objective")."""

    data: dict[str, Any]
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """Return where `path` was written, or the nearest thing around it."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places.get(path, Place("suite"))


def read_yaml(path: str | Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises SuiteError, in one sentence with file and line, for a file that cannot be read or is not such YAML.
    """
    return parse_document(_read_text(Path(path), str(path)), str(path))


def parse_document(text: str, label: str) -> Document:
    """Return what YAML text says whose top level is a mapping; `label` names it in errors, as a file is named."""
    data, places = _compose(text, label)
    if not isinstance(data, dict):
        what = "nothing" if data is None else f"a {type(data).__name__}"
        _refuse("not-a-mapping", Place(label, 1), f"the file holds {what}; a mapping of keys to values is needed.")
    return Document(data, places)


def parse_value(text: str, source: str) -> Any:
    """Return the value that `text` has as YAML: `[1e-4, recipe]` is a list. Raises SuiteError, naming `source`."""
    if len(text) > 10_000:
        place = Place(f"{source[:60]}...")
        _refuse("too-large", place, f"the value has {len(text)} characters; at most 10,000 are read.")
    return _compose(text, source)[0]


def scalar(text: str) -> bool | float | str | None:
    """Return the number, truth value, null or text that a plain scalar stands for (YAML 1.2, section 10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) <= 4000:  # Python itself refuses to read longer integers
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text


def _refuse(code: str, place: Place, text: str) -> NoReturn:
    raise SuiteError(Problem(code, (), text, str(place))) from None


def _read_text(path: Path, label: str) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            example = f", such as {label}/suite.yaml" if (path / "suite.yaml").is_file() else ""  # of a results folder
            _refuse("no-file", Place(label), f"not a file; the path of a suite file (YAML) is needed{example}.")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        _refuse("no-file", Place(label), "there is no such file.")
    except (OSError, ValueError) as error:
        _refuse("no-file", Place(label), f"cannot be read: {error}.")

    def place(position: int) -> Place:
        return Place(label, raw.count(b"\n", 0, position) + 1)

    if len(raw) > MAX_BYTES:
        _refuse("too-large", place(0), "the file is larger than 1 MB; a suite file is at most that.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        _refuse("not-utf8", place(0), "the file is written in UTF-16; save it as UTF-8.")
    if b"\0" in raw:
        _refuse("not-utf8", place(raw.index(0)), "the file holds a NUL byte; a suite is text in UTF-8.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse("not-utf8", place(error.start), "the file is not UTF-8 text.")


def _compose(text: str, label: str) -> tuple[Any, dict[KeyPath, Place]]:
    """Return the value of the only document in `text`, and the place of its every part."""
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):  # the parser itself takes a second for 20,000 of them on one line
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        if depth > MAX_DEPTH:
            line = text.count("\n", 0, bracket.start()) + 1
            _refuse("too-deep", Place(label, line), f"nested deeper than {MAX_DEPTH} levels.")
    composer = _Composer(label, YAML(typ="safe", pure=True).parse(text))
    try:
        return composer.document(), composer.places
    except SuiteError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(str(error.problem or error.context).split())
        hint = next((hint for part, hint in _HINTS.items() if part in words), "")
        _refuse("not-yaml", Place(label, mark.line + 1 if mark else 1), f"not YAML: {words}{hint}.")
    except YAMLError as error:
        _refuse("not-yaml", composer.place, f"not YAML: {' '.join(str(error).split())}")
    except Exception as error:  # on malformed text the parser fails in many ways: OverflowError, IndexError, ...
        _refuse("not-yaml", composer.place, f"not YAML: {type(error).__name__}.")


class _Composer:
    """Builds plain data from parser events, refusing what a suite has no use for."""

    def __init__(self, label: str, events: Iterator[Event]) -> None:
        self.place, self.events = Place(label, 1), events
        self.places: dict[KeyPath, Place] = {(): self.place}
        self.anchors: dict[str, tuple[Any, int]] = {}  # the value, and of how many nodes it is made
        self.nodes, self.aliased = 0, 0

    def next(self) -> Any:
        event = next(self.events)
        self.place = self.place._replace(line=event.start_mark.line + 1)
        return event

    def refuse(self, code: str, text: str) -> NoReturn:
        _refuse(code, self.place, text)

    def document(self) -> Any:
        value, documents = None, 0
        for event in iter(self.next, None):
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.refuse("not-yaml", "the file holds more than one document; keep one, without `---` between.")
                if event.version not in (None, (1, 2)) or event.tags:
                    self.refuse("not-yaml", "directives are not read; a suite is YAML 1.2 without tags.")
                value = self.node((), self.next())
        return value

    def node(self, path: KeyPath, event: Any) -> Any:
        self.places.setdefault(path, self.place)
        if isinstance(event, AliasEvent):
            return self.alias(event.anchor)
        if event.tag is not None:
            self.refuse("tag", f"the tag {event.tag} is not read; a suite holds plain values only.")
        if len(path) > MAX_DEPTH:
            self.refuse("too-deep", f"nested deeper than {MAX_DEPTH} levels.")
        before = self.nodes
        self.nodes += 1
        if isinstance(event, ScalarEvent):
            value = scalar(event.value) if event.implicit[0] else event.value
        else:
            value = self.sequence(path) if isinstance(event, SequenceStartEvent) else self.mapping(path)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.nodes - before)
        return value

    def alias(self, name: str) -> Any:
        if name not in self.anchors:
            self.refuse("alias", f"the alias *{name} stands for nothing that ends before it.")
        value, size = self.anchors[name]
        self.aliased += size
        self.nodes += size
        if self.aliased > MAX_ALIASED:
            self.refuse("alias", f"aliases repeat more than {MAX_ALIASED:,} values; write fewer or use `extends`.")
        return value

    def sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self.next(), SequenceEndEvent):
            items.append(self.node((*path, len(items)), event))
        return items

    def mapping(self, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := self.next(), MappingEndEvent):
            if not isinstance(event, ScalarEvent) or event.tag is not None:
                self.refuse("bad-key", "a key must be plain text.")
            key = str(event.value)
            if event.implicit[0] and key in ("", "~", "<<"):
                why = "merge keys are not part of YAML 1.2, use `base` or `extends`" if key == "<<" else "it is empty"
                self.refuse("bad-key", f"the key '{key}' is not read: {why}.")
            if key in values:
                first = self.places[*path, key].line
                self.refuse("duplicate-key", f"the key '{key}' stands twice in one mapping, first on line {first}.")
            self.places[*path, key] = self.place
            values[key] = self.node((*path, key), self.next())
        return values
