"""Suites, names and text that mean harm."""

import copy
import csv
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from suite.format.test_yaml_file import HOSTILE
from suite.format.test_yaml_file import test_hostile_files_are_refused_in_a_sentence_and_at_once as is_refused

from faults.commands import call
from faults.failing import PLUGIN, SUITE, with_plugin
from faults.table import Fault, Tries
from harness.errors import KeyPath, SuiteError
from harness.suite.format.yaml_file import read_yaml
from harness.suite.load import load_suite
from harness.suite.shipped import suites_folder

DEEP = {
    "10,000 levels, in brackets": b"a: " + b"[" * 10_000 + b"]" * 10_000,
    "10,000 levels, indented": b"\n".join(b" " * level + b"a:" for level in range(1_300)),  # under 1 MB
    "billion laughs": b"a0: &a0 [x, x]\n"
    + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 60)),
    "5 MB in one line": b"a: " + b"x" * 5_000_000,
    "a NUL": b"name: x\0y\n",
    "UTF-16, big end first": "name: x".encode("utf-16-be"),
}
NAMES = [
    "../x",
    "/etc/x",
    "a" * 300,
    "<script>",
    "=cmd()",
    "\x1b[31mred",
    "..",
    ".",
    "x\n",
    "x/y",
    "x\\y",
    "",
    "%s",
    "_ & %",
]
LEFT_OUT, RENAMED = "left out", "renamed"
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    1e300,
    math.nan,
    int("9" * 350),
    "",
    "9",
    "x" * 300,
    "../" * 200,
    "A\0",
    [],
    {},
    [[1]],
    [None],
    ["a", "a"],
    list(range(1000)),
    {"a": 1},
    {"x" * 300: {"y" * 300: 1}},
]
TEXT = "<script>alert(1)</script><img src=x onerror=alert(1)> =cmd() _ & % \\e[31mred"


def refusal(read: Callable[..., Any], path: Path) -> str:
    """Return what is said against a suite file."""
    try:
        read(str(path))
    except SuiteError as error:
        return str(error)
    raise AssertionError(f"it was read: {path.read_bytes()[:100]!r}")


def files(folder: Path, rounds: int) -> Tries:
    """Suite files that mean harm: refused within 100 ms of reading, in one sentence."""
    for _ in range(rounds):
        for name in HOSTILE:
            is_refused(name, folder)
            yield None
        for content in DEEP.values():
            (folder / "x.yaml").write_bytes(content)
            started = time.process_time()  # another process may have the core
            said = refusal(read_yaml, folder / "x.yaml")
            assert time.process_time() - started < 0.1
            assert "\n" not in said
            yield None


def names(folder: Path, rounds: int) -> Tries:
    """Names of suites and variants that could lead out of the folder, into a page, a table or a terminal: refused."""
    (folder / "inner").mkdir()
    for _ in range(rounds):
        for name in NAMES:
            quoted = '"' + name.replace("\\", "\\\\").replace("\x1b", "\\e").replace("\n", "\\n") + '"'
            variant = f"matrix:\nobjectives: {{{quoted}: {{base: gan}}}}\n".removeprefix("matrix:\n")
            for text in (SUITE.replace("name: small", f"name: {quoted}"), variant + SUITE):
                (folder / "x.yaml").write_text(text)
                assert "\x1b" not in refusal(load_suite, folder / "x.yaml")
            yield None
    (folder / "inner" / "x.yaml").write_text(SUITE.replace("name: small", "name: ../x"))
    said = call(folder / "inner", "run", "x.yaml", code=2)
    assert said.startswith("x.yaml:2: name: ")
    assert sorted(path.name for path in folder.iterdir()) == ["inner", "x.yaml"], "it wrote something"
    yield None


def paths_of(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every key and item in plain data."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*path, key)
        yield from paths_of(item, (*path, key))


def changed(data: dict[str, Any], path: KeyPath, value: Any) -> dict[str, Any]:
    """Return plain data with another value at a path, or without it, or with it under another name."""
    whole = copy.deepcopy(data)
    part: Any = whole
    for key in path[:-1]:
        part = part[key]
    old, part[path[-1]] = part[path[-1]], value
    if value in (LEFT_OUT, RENAMED):
        del part[path[-1]]
    if value == RENAMED and isinstance(part, dict):
        part["z" * 300] = old
    return whole


def refused(suite: dict[str, Any], scale: str | None) -> SuiteError | None:
    try:
        load_suite(suite, scale=scale)
    except SuiteError as error:
        return error
    return None


def changes(folder: Path, rounds: int) -> Tries:
    """Shipped suites with one part left out, renamed, or of a value that means harm, so many of each: read, or refused
    within seconds in short sentences of ours.
    """
    chosen = random.Random(0)
    for suite in sorted(suites_folder().rglob("*.yaml")):
        data = read_yaml(suite).data
        load_suite(suite)  # what is imported once
        every = [(path, value) for path in paths_of(data) for value in (LEFT_OUT, RENAMED, *VALUES)]
        for path, value in chosen.sample(every, min(rounds, len(every))):
            hostile = changed(data, path, value)
            scales = hostile.get("scales")
            scale = (
                path[1] if path[0] == "scales" and isinstance(scales, dict) and path[1:] and path[1] in scales else None
            )
            started = time.process_time()  # another process may have the core
            error = refused(hostile, scale)
            tried = suite.name, path, value, str(error)
            assert error is None or time.process_time() - started < 5, tried  # table2 for a paper takes two
            texts = [str(problem) for problem in error.problems] if error is not None else []
            assert all(len(text) < 450 and text.isprintable() and "pydantic" not in text for text in texts), tried
            yield None


class Tags(HTMLParser):
    """The elements of a page, its text, and the attributes that would run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.handlers: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.handlers |= {name for name, _ in attributes if name.startswith("on")}

    def handle_data(self, data: str) -> None:
        self.text += data


def text(folder: Path, rounds: int) -> Tries:
    """A question, and an error, with markup, formulas and terminal escapes: shown as text everywhere."""
    suite = SUITE.replace("question: What fails alone?", f'question: "{TEXT}"')
    suite = with_plugin(folder, suite, PLUGIN.replace('"boom"', f'"{TEXT}"'.replace("\\e", "\\x1b")))
    (folder / "suite.yaml").write_text(suite.replace("[gan, wgan-gp]", "[raising, wgan-gp]"))
    for _ in range(rounds):
        commands = [
            ("plan", "suite.yaml"),
            ("status", "results"),
            ("export", "results/small", "--to", "csv", "-o", "x.csv"),
        ]
        said = call(folder, "run", "suite.yaml", "--workers", "1", code=1)
        said += "".join(call(folder, *command) for command in commands)
        assert "\x1b" not in said
        assert "<script>" in said
        page = (folder / "reports" / "small" / "index.html").read_text()
        found = Tags()
        found.feed(page)
        assert found.tags["script"] == 1  # the page's own
        assert not found.handlers
        assert "<script>alert(1)</script>" in found.text
        assert "\x1b" not in page
        with (folder / "x.csv").open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert any("onerror" in cell for cell in cells)
        assert not [cell for cell in cells if cell[:1] in "=@\t\r" and cell], "a formula"
        assert not [cell for cell in cells if "\x1b" in cell]
        yield None


FAULTS = [
    Fault("suites with a part left out, renamed, or hostile", changes, 250, 2),
    Fault("hostile YAML, refused within 100 ms", files, 3, 1, slow=False),
    Fault("hostile names", names, 1, 1),
    Fault("hostile text in page, table and terminal", text, 1, 0),
]
