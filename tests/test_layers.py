"""One direction of imports: every module imports what lies below it, and nothing imports itself by way of others."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "harness"

# From the bottom to the top. A module belongs to the longest name that it begins with, and imports nothing of a higher
# line, and of its own line nothing of another name.
LAYERS = (
    ("harness.hints",),
    ("harness.errors", "harness"),  # of the package itself only its version
    ("harness.lanes", "harness.papers", "harness.processes", "harness.spec", "harness.text"),
    ("harness.disk", "harness.workers"),
    ("harness.architectures", "harness.datasets", "harness.objectives"),
    ("harness.engine", "harness.statistics"),
    ("harness.metrics",),
    ("harness.store",),
    ("harness.plugins",),
    ("harness.suite.format",),
    ("harness.suite",),
    ("harness.study",),
    ("harness.plan",),
    ("harness.report.results", "harness.report.styles"),
    ("harness.report.analysis",),
    ("harness.report.studies",),
    ("harness.report.figures",),
    ("harness.report.comparison", "harness.report.text"),
    ("harness.report.findings",),
    ("harness.report",),
    ("harness.execution",),
    ("harness.loaded_run",),
    ("harness.api", "harness.plot"),
    ("harness.commands",),
    ("harness.__main__",),
)
LOOSE = 12  # modules at the top level
FILES = 18  # in a folder; about 15 read well
# Folders whose modules are named as what they hold, and need no map.
PLAIN = [PACKAGE / name for name in ("architectures", "datasets", "objectives", "metrics/extractors")]


def modules_of(root: Path) -> dict[str, str]:
    """Return the source of every module below a package, by its dotted name; of a package that of its __init__."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def imports(module: str, source: str, known: Mapping[str, str]) -> set[str]:
    """Return which known modules a module imports, wherever in it: in functions and under TYPE_CHECKING as well."""
    is_package = any(name.startswith(f"{module}.") for name in known)
    home = module.split(".") if is_package else module.split(".")[:-1]
    found = set()
    for node in import_statements(source):
        if isinstance(node, ast.Import):
            found |= {_known(alias.name, known) for alias in node.names}
        else:
            start = home[: len(home) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            found |= {_known(f"{base}.{alias.name}", known) for alias in node.names}
    return found - {"", module}


@cache
def import_statements(source: str) -> list[ast.Import | ast.ImportFrom]:
    """Return them; to parse all modules takes a second."""
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]


def _known(name: str, known: Mapping[str, str]) -> str:
    """Return the module that a dotted name is, or lies in; "" where it is none of ours."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def layer_of(module: str) -> tuple[int, str]:
    """Return how high a module lies, and the name of LAYERS that it belongs to."""
    fits = [
        (height, name)
        for height, names in enumerate(LAYERS)
        for name in names
        if module == name or (name != "harness" and module.startswith(f"{name}."))
    ]
    assert fits, f"{module}: in no layer"
    return max(fits, key=lambda fit: len(fit[1]))


def upward(sources: Mapping[str, str]) -> list[str]:
    """Return every import that points upwards, or from one name of a layer to another."""
    wrong = []
    for module, source in sources.items():
        height, name = layer_of(module)
        for other in sorted(imports(module, source, sources)):
            above, its = layer_of(other)
            if above > height or (above == height and its != name):
                wrong.append(f"{module} imports {other}")
    return wrong


def cycles(sources: Mapping[str, str]) -> list[str]:
    """Return every round of imports, once each way round: `a -> b -> a`."""
    edges = {module: sorted(imports(module, source, sources)) for module, source in sources.items()}
    done: set[str] = set()
    found = []

    def walk(path: list[str]) -> Iterator[str]:
        for other in edges[path[-1]]:
            if other in path:
                yield " -> ".join([*path[path.index(other) :], other])
            elif other not in done:
                yield from walk([*path, other])
        done.add(path[-1])

    for module in edges:
        if module not in done:
            found += walk([module])
    return found


def too_many(paths: list[Path]) -> list[str]:
    """Return which folders hold too many modules, and which names two modules share. Paths begin with the package."""
    folders = Counter(path.parent for path in paths)
    wrong = [
        f"{folder}: {n} files" for folder, n in folders.items() if n > (LOOSE if len(folder.parts) == 1 else FILES)
    ]
    names = Counter(path.name for path in paths if path.name != "__init__.py")
    return wrong + [f"{name}: {n} modules of this name" for name, n in names.items() if n > 1]


def test_no_import_points_upwards():
    assert upward(modules_of(PACKAGE)) == []


def test_no_module_imports_itself_by_way_of_others():
    assert cycles(modules_of(PACKAGE)) == []


def test_folders_are_small_and_names_are_told_once():
    assert too_many([path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py")]) == []


def test_every_package_says_what_its_modules_are_for():
    maps = [init for init in PACKAGE.rglob("__init__.py") if init.parent not in (PACKAGE, *PLAIN)]
    for init in maps:
        text = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
        folders = [path.parent.name for path in init.parent.glob("*/__init__.py")]
        names = {path.stem for path in init.parent.glob("*.py")} - {"__init__"} | {*folders}
        assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set(), init


@pytest.mark.parametrize(
    "source",
    [
        "from harness.store import Store",
        "import harness.store.folder",
        "from harness import store",
        "from ..store import Store",
        "def f():\n    from harness.store.folder import Store",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from harness.store import Store",
    ],
)
def test_an_upward_import_is_seen_wherever_it_stands(source):
    sources = {
        "harness": "",
        "harness.engine": "",
        "harness.engine.step": source,
        "harness.store": "",
        "harness.store.folder": "",
    }
    (line,) = upward(sources)
    assert line.startswith("harness.engine.step imports harness.store")


def test_two_names_of_one_layer_do_not_know_each_other():
    sources = {"harness.datasets": "", "harness.objectives": "from harness.datasets import DATASETS"}
    assert upward(sources) == ["harness.objectives imports harness.datasets"]
    assert upward({**sources, "harness.objectives": "from harness.errors import lookup", "harness.errors": ""}) == []


def test_a_module_of_no_layer_is_refused():
    with pytest.raises(AssertionError, match=r"harness\.utils: in no layer"):
        upward({"harness.utils": ""})


def test_a_cycle_inside_a_layer_is_seen():
    sources = {
        "harness.plan.a": "from harness.plan.b import x",
        "harness.plan.b": "def f():\n    from harness.plan import c",
        "harness.plan.c": "import harness.plan.a",
        "harness.plan": "from harness.plan.a import x",
    }
    assert cycles(sources) == ["harness.plan.a -> harness.plan.b -> harness.plan.c -> harness.plan.a"]
    assert cycles({**sources, "harness.plan.c": "import json"}) == []


def test_full_folders_and_shared_names_are_seen():
    loose = [Path("harness") / f"m{i}.py" for i in range(LOOSE)]
    inside = [Path("harness/plan") / f"p{i}.py" for i in range(FILES)]
    assert too_many([*loose, *inside, Path("harness/plan/deep/__init__.py"), Path("harness/study/__init__.py")]) == []
    assert too_many([*loose, Path("harness/more.py")]) == ["harness: 13 files"]
    assert too_many([*inside, Path("harness/plan/more.py")]) == ["harness/plan: 19 files"]
    assert too_many([Path("harness/plan/a.py"), Path("harness/study/a.py")]) == ["a.py: 2 modules of this name"]
