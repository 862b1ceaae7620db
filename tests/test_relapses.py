"""What was rebuilt stays rebuilt: structured values, one parser of labels and columns, codes in place of prose."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "harness"
SOURCES = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}

VAGUE = {
    "found",
    "said",
    "told",
    "made",
    "held",
    "seen",
    "asked",
    "kept",
    "shown",
}  # they say nothing of what is in them
# Folders, or loose modules, in which some are left: no other has any.
VAGUE_LEFT = {"statistics": 1}  # told: a column of importances.csv
MOST_PARAMETERS = 6
ERRORS = {"error", "exc", "exception", "e", "err"}  # names of errors, beside those of handlers
OPEN_DICTIONARIES = 60  # lines on which JSON, YAML or a table row enters or leaves
NO_CODE = {"datasets/point_file.py"}  # numpy refuses pickles by a text alone
SEARCHES = {
    "count",
    "endswith",
    "find",
    "index",
    "partition",
    "removeprefix",
    "removesuffix",
    "rpartition",
    "split",
    "startswith",
}


@cache
def nodes() -> dict[str, list[ast.AST]]:
    """Return the syntax of every module: not before a test needs it, as parsing takes a second."""
    return {name: list(ast.walk(ast.parse(source))) for name, source in SOURCES.items()}


def lines_with(pattern: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """Return the lines that match a pattern, "module:line"."""
    return [
        f"{name}:{number}"
        for name, source in SOURCES.items()
        if name not in allowed
        for number, line in enumerate(source.splitlines(), 1)
        if re.search(pattern, line)
    ]


@pytest.mark.parametrize(
    ("what", "pattern", "allowed"),
    [
        ("a label is parsed back", r"""(split|partition)\(f?["'] / ["']""", ()),
        ("a column is taken apart", r"""(split|partition)\(["'][\[@]["']|removesuffix\(["']_floor["']\)""",
         ("metrics/columns.py", "report/analysis/tables.py")),  # there a folder's name: suite@scale
    ],
)  # fmt: skip
def test_no_text_is_taken_apart_that_was_put_together_from_a_value(what, pattern, allowed):
    assert not lines_with(pattern, allowed), what


def test_no_branch_hangs_on_the_text_of_an_error():
    branches = [f"{name}:{node.lineno}" for name, tree_nodes in nodes().items() for node in searched_texts(tree_nodes)]
    assert {branch.partition(":")[0] for branch in branches} <= NO_CODE


def searched_texts(tree_nodes: list[ast.AST]) -> Iterator[ast.expr]:
    """Yield every comparison with, search in, or cut of `str(error)` and `error.args`."""
    errors = {node.name for node in tree_nodes if isinstance(node, ast.ExceptHandler) and node.name} | ERRORS
    for node in tree_nodes:
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            operands = [node.func.value] if node.func.attr in SEARCHES and node.args else []
            operands += node.args if isinstance(node.func.value, ast.Name) and node.func.value.id == "re" else []
        else:
            continue
        if any(is_text_of(operand, errors) for operand in operands):
            yield node


def is_text_of(node: ast.expr, errors: set[str]) -> bool:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr == "args" and isinstance(node.value, ast.Name) and node.value.id in errors
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"str", "repr"}
    return called and any(isinstance(argument, ast.Name) and argument.id in errors for argument in node.args)


def test_the_search_for_branches_finds_them():
    sources = [
        "'x' in str(error)",
        "str(error) == why",
        "str(error).startswith('no')",
        "re.search('x', str(error))",
        "error.args[0] == 'x'",
    ]
    sources.append("try:\n    f()\nexcept OSError as why:\n    'x' in str(why)")
    sources.append("str(error).rstrip('.'); ' '.join(str(error).split())")
    searched = [len(list(searched_texts(list(ast.walk(ast.parse(source)))))) for source in sources]
    assert searched == [1, 1, 1, 1, 1, 1, 0]


def test_names_say_what_is_in_them():
    counts: dict[str, int] = {}
    for name, tree_nodes in nodes().items():
        folder = name.rpartition("/")[0] or name
        for node in tree_nodes:
            stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VAGUE
            if stored or (isinstance(node, ast.arg) and node.arg in VAGUE):
                counts[folder] = counts.get(folder, 0) + 1
    assert {folder: n for folder, n in counts.items() if n > VAGUE_LEFT.get(folder, 0)} == {}


def test_no_function_outside_of_commands_has_more_than_six_parameters():
    long = []
    for name, tree_nodes in nodes().items():
        for node in tree_nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not name.startswith("commands/"):
                arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                names = {argument.arg for argument in arguments} - {"self", "cls"}
                long += [f"{name}:{node.name}"] if len(names) > MOST_PARAMETERS else []
    assert not long


def test_open_dictionaries_stand_where_json_yaml_or_a_row_enters_or_leaves_alone():
    assert len(lines_with(r"(dict|Mapping)\[str, Any\]")) <= OPEN_DICTIONARIES
