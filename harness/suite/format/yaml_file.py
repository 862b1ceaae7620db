"""Suite files as plain data: YAML 1.2 without tags, and the line on which every key and item stands.

Scalars follow the core schema of YAML 1.2 (section 10.3.2): `1e-4` is a number, `012` is 12, `yes` is text. Keys are
text as written.
"""

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from harness.errors import KeyPath, Problem, SuiteError
from harness.hints import LISTED, QUOTED, quoted, shortened
from harness.spec import WIDEST
from harness.suite.format.values import Plain
from harness.text import printable, reason

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_ALIASED = 1_000
MAX_ALIASES = 5_000
MAX_DIGITS = 1_000  # of a number: what is longer is text

_HINTS = {  # what the parser's words mean where people write a suite
    "mapping values are not allowed": "; a ':' is missing on this line or the one above, or the indent is uneven",
    "could not find expected ':'": "; a ':' is missing on the line above",
    r"'\t' that cannot start": "; indent with spaces",
    "found another document": "; keep one, without `---` between parts",
    "unknown escape character": "; in double quotes a backslash begins an escape: put a path in single quotes",
    "expected escape sequence": "; in double quotes a backslash begins an escape: put a path in single quotes",
}
_HALF = re.compile("[\ud800-\udfff]")
_ALIAS = re.compile(r"^[ ]*-[ ]+[*]\w|[\[,:][ ]*[*]\w", re.MULTILINE)
_TAG = re.compile(r"(?:&\S+\s+)?(!\S*)")
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
        source = shortened(printable(self.source), LISTED)
        return f"{source}:{self.line}" if self.line else source


@dataclass
class Document:
    """A mapping read from a file, and the place of every key and item by its path: ("matrix", 0, "objective")."""

    data: Plain
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
        what = "nothing" if data is None else quoted(data)
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
    if len(text) > MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        number = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        return float(number) if WIDEST <= abs(number) < 10**300 else number  # as 1e22 would be read
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
        place = Place(shortened(label, QUOTED))  # what is too long for a name says nothing to its end
        _refuse("no-file", place, f"cannot be read: {reason(error)}.")

    if len(raw) > MAX_BYTES:
        _refuse("too-large", Place(label, 1), "the file is larger than 1 MB; a suite file is at most that.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        _refuse("not-utf8", Place(label, 1), "the file is written in UTF-16; save it as UTF-8.")
    if b"\0" in raw:
        _refuse("not-utf8", _place(label, raw, raw.index(0)), "the file holds a NUL byte; a suite is text in UTF-8.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse("not-utf8", _place(label, raw, error.start), "the file is not UTF-8 text.")


def _compose(text: str, label: str) -> tuple[Any, dict[KeyPath, Place]]:
    """Return the value of the only document in `text`, and the place of its every part."""
    _refuse_nesting(text, label)
    if directive := re.match(r"(?:[ \t]*(?:#.*)?\n)*%", text):  # a later line may be a part of a value
        place = _place(label, text, directive.end())
        _refuse("not-yaml", place, "directives are not read; a suite is YAML 1.2 without tags.")
    try:
        reader = _Reader(label, text)
        node = YAML(typ="safe", pure=True).compose(text)
        return reader.value(node, ()) if node is not None else None, reader.places
    except SuiteError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(str(error.problem or error.context).split())
        hint = next((hint for part, hint in _HINTS.items() if part in words), "")
        _refuse("not-yaml", Place(label, mark.line + 1 if mark else 1), f"not YAML: {words}{hint}.")
    except YAMLError as error:
        _refuse("not-yaml", Place(label, 1), f"not YAML: {' '.join(str(error).split())}")
    except Exception as error:  # on malformed text the parser fails in many ways: OverflowError, IndexError, ...
        _refuse("not-yaml", Place(label, 1), f"not YAML: {type(error).__name__}.")


def _refuse_nesting(text: str, label: str) -> None:
    """Refuse what the parser would take seconds for: 20,000 brackets, or dashes, on one line; of 1,000 indents; 100,000
    aliases."""
    if len(_ALIAS.findall(text)) > MAX_ALIASES:
        _refuse("alias", Place(label, 1), f"more than {MAX_ALIASES:,} aliases; write fewer or use `extends`.")
    indents: list[int] = []
    for line in re.finditer(r"^( *)\S", text, re.MULTILINE):
        indent = len(line[1])
        while indents and indents[-1] >= indent:
            indents.pop()
        indents.append(indent)
        if len(indents) > MAX_DEPTH + 1:
            _refuse("too-deep", _place(label, text, line.start(1)), f"nested deeper than {MAX_DEPTH} levels.")
    depth = 0
    for mark in re.finditer(rf"[\[\]{{}}]|^ *(?:[-?] +){{{MAX_DEPTH + 1}}}", text, re.MULTILINE):
        depth = depth + 1 if mark[0] in "[{" else max(0, depth - 1)
        if depth > MAX_DEPTH or len(mark[0]) > 1:
            _refuse("too-deep", _place(label, text, mark.start()), f"nested deeper than {MAX_DEPTH} levels.")


def _place(label: str, text: str | bytes, position: int) -> Place:
    newline: Any = "\n" if isinstance(text, str) else b"\n"
    return Place(label, text.count(newline, 0, position) + 1)


class _Reader:
    """Turns composed nodes into plain data, refusing what a suite has no use for."""

    def __init__(self, label: str, text: str) -> None:
        self.label, self.text = label, text
        self.left = len(text) + MAX_ALIASED  # nodes that may still be read: an alias repeats those of its value
        self.places: dict[KeyPath, Place] = {(): Place(label, 1)}

    def place(self, node: Node) -> Place:
        return Place(self.label, node.start_mark.line + 1)

    def value(self, node: Node, path: KeyPath) -> Any:
        self.left -= 1
        self.places.setdefault(path, self.place(node))
        if self.left < 0:
            text = f"aliases repeat more than {MAX_ALIASED:,} values; write fewer or use `extends`."
            _refuse("alias", self.place(node), text)
        if len(path) > MAX_DEPTH:
            _refuse("too-deep", self.place(node), f"nested deeper than {MAX_DEPTH} levels.")
        if tag := _TAG.match(self.text, node.start_mark.index):
            _refuse("tag", self.place(node), f"the tag {tag[1]} is not read; a suite holds plain values only.")
        if isinstance(node, ScalarNode):
            self.refuse_halves(node)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        return scalar(node.value) if isinstance(node, ScalarNode) and node.style is None else node.value

    def refuse_halves(self, node: ScalarNode) -> None:
        r"""Refuse text that no file can hold: "\ud83d", which an escape makes."""
        if half := _HALF.search(node.value):
            _refuse("not-utf8", self.place(node), f"{quoted(half[0])} is half of a surrogate pair and no character.")

    def mapping(self, node: MappingNode, path: KeyPath) -> Plain:
        values: Plain = {}
        end = node.start_mark.index  # of what was read so far: an alias has the place of its value, which lies before
        for name, item in node.value:
            start = name.start_mark.index
            if not isinstance(name, ScalarNode) or start < end or _TAG.match(self.text, start):
                _refuse("bad-key", self.place(name), "a key must be plain text, without tag or alias.")
            self.refuse_halves(name)
            end = max(start, item.end_mark.index)
            key, place = str(name.value), self.place(name)
            if name.style is None and key in ("", "~", "<<"):
                why = "merge keys are not part of YAML 1.2, use `base` or `extends`" if key == "<<" else "it is empty"
                _refuse("bad-key", place, f"the key '{key}' is not read: {why}.")
            if key in values:
                first = self.places[*path, key].line
                _refuse("duplicate-key", place, f"the key {quoted(key)} stands twice, first on line {first}.")
            self.places[*path, key] = place
            values[key] = self.value(item, (*path, key))
        return values
