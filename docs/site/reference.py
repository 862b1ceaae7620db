"""The pages of the reference that follow from the code, each as the text of a page."""

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

import harness
from harness.commands.cli import app
from harness.commands.list import TABLES, catalogue

SCHEMA = Path(__file__).parents[2] / "harness" / "suite.schema.json"

FUNCTIONS = ("run", "load", "load_run", "distance", "train")
FIGURES = ("scores", "steps", "losses", "samples")
RECORDS = ("Objective", "Recipe", "Trick", "Architecture", "Dataset", "Metric", "Column", "Paper", "Setup", "RunSpec")
RETURNED = {"harness.execution.runner": ("RunResult",), "harness.loaded_run": ("KeptRun",)}
READ = {"harness.report.reading": ("Reading",)}
ERRORS = ("HarnessError", "SuiteError", "Problem", "UnknownName", "ShapeError", "DataError", "StoreError", "Damaged")


def python() -> str:
    """Return the page of what Python can call and extend."""
    from harness.report import _Report

    parts = [
        heading("Python", "="),
        "Names of the package are imported when first used: `import harness` needs no torch.",
    ]
    parts.append(heading("Functions", "-"))
    parts += [f".. autofunction:: harness.{name}" for name in FUNCTIONS]
    signature = str(inspect.signature(_Report.__call__)).replace("self, ", "", 1)
    text = inspect.getdoc(_Report.__call__) or ""
    parts.append(f".. py:function:: harness.report{signature}\n\n" + indented(text))
    parts.append(heading("Figures", "-"))
    parts += [f".. autofunction:: harness.plot.{name}" for name in FIGURES]
    parts.append(heading("What functions return", "-"))
    parts += [members(module, name) for module, names in {**RETURNED, **READ}.items() for name in names]
    parts.append(heading("Records of components", "-"))
    parts.append("What a plug-in file defines: :doc:`/docs/own-objective`, :doc:`/docs/own-metric`.")
    parts += [f".. autoclass:: harness.{name}({fields(name)})" for name in RECORDS]
    parts.append(heading("Errors", "-"))
    parts += [f".. autoclass:: harness.errors.{name}\n   :show-inheritance:" for name in ERRORS]
    return "\n\n".join(parts) + "\n"


def fields(name: str) -> str:
    """Return the fields of a record as arguments: its docstring says their types, and few defaults are short."""
    given = inspect.signature(getattr(harness, name)).parameters.values()
    return ", ".join(f"{one.name}{default(one.default)}" for one in given)


def default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return ""
    return f"={value!r}" if isinstance(value, int | float | str | tuple | None) else "=..."


def members(module: str, name: str) -> str:
    return f".. autoclass:: {module}.{name}\n   :members:"


def heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def indented(text: str) -> str:
    return "\n".join(f"   {line}" if line else "" for line in text.splitlines())


def commands() -> str:
    """Return the page of the verbs, by the panels of `harness --help`."""
    group = typer.main.get_command(app)
    panels: dict[str, list[str]] = {}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        panels.setdefault(str(command.rich_help_panel), []).append(verb(name, command))
    parts = [f"# Commands\n\n{group.help} {plain(group.epilog or '')}"]
    parts += [f"## {panel}\n\n" + "\n".join(verbs) for panel, verbs in panels.items()]
    return "\n\n".join(parts) + "\n"


def verb(name: str, command: Any) -> str:
    """Return the section of a verb: its usage, help, arguments and options, and an example."""
    context = typer.Context(command, info_name=f"harness {name}")
    usage = " ".join([f"harness {name}", *command.collect_usage_pieces(context)])
    rows = [row for parameter in command.params if (row := parameter.get_help_record(context))]
    table = markdown(("argument or option", "is"), [(code(given), plain(text)) for given, text in rows])
    return (
        f"### {name}\n\n    {usage}\n\n{plain(command.help or '')}\n\n{table}\n\n{plain(command.epilog or '', True)}\n"
    )


def plain(text: str, example: bool = False) -> str:
    """Return help text for Markdown: its signs as themselves; of an example its command as code."""
    text = " ".join(text.split())
    if example and text.startswith("Example: "):
        return f"Example: `{text.removeprefix('Example: ')}`"
    parts = text.split("`")  # every second one is code, in which only a bar would end a cell
    signs = ("*_<>[]|$", "|")
    return "`".join("".join(f"\\{s}" if s in signs[i % 2] else s for s in part) for i, part in enumerate(parts))


def code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def markdown(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, ("---",) * len(heads), *rows)]
    return "\n".join(lines)


PARTS = {  # the order in which a reader meets them, with where each stands
    "Body": "at the top of the file, and of each of `scales`",
    "SuiteTrain": "`train` of the suite and of a scale",
    "Train": "`train` of a block of the matrix",
    "Score": "`score`",
    "Primary": "`primary`",
    "Block": "an entry of `matrix`",
    "ObjectiveVariant": "a value of `objectives`",
    "ArchitectureVariant": "a value of `architectures`",
    "DatasetVariant": "a value of `datasets`",
    "Limits": "`train: {limits: ...}`",
    "Study": "`study`",
    "StudyChange": "`study` of a scale",
    "Range": "a value of the `space` of a study",
}


def suite_keys() -> str:
    """Return the page of every key of a suite, from its JSON schema."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    defined = schema["$defs"]
    assert set(PARTS) == set(defined), "docs/site/reference.py: PARTS must name the parts of the schema"
    own = {key: value for key, value in schema["properties"].items() if key not in defined["Body"]["properties"]}
    parts = ["# Keys of a suite\n\nWhat `harness schema` says, as tables. [Suites](../suites.md) explains them."]
    parts.append("## The file alone\n\n" + keys(own, schema.get("required", ())))
    for name, where in PARTS.items():
        part = defined[name]
        text = f"## {name}\n\nWhere: {where}. {plain(part.get('description', ''))}"
        parts.append(f"{text}\n\n{keys(part.get('properties', {}), part.get('required', ()))}")
    return "\n\n".join(parts) + "\n"


def keys(properties: dict[str, Any], required: Any) -> str:
    """Return a table of keys: what each takes, its default, and what it is."""
    rows = [
        (
            f"`{key}`" + (" (required)" if key in required else ""),
            code(" or ".join(dict.fromkeys(kinds(value)))),
            code(json.dumps(value["default"])) if value.get("default") is not None else "",
            plain(value.get("description", "")),
        )
        for key, value in properties.items()
    ]
    return markdown(("key", "takes", "default", "is"), rows) if rows else ""


def kinds(value: dict[str, Any]) -> Iterator[str]:
    """Yield in words what a value of the schema may be."""
    if "$ref" in value:
        yield value["$ref"].rpartition("/")[2]
    elif "anyOf" in value:
        for one in value["anyOf"]:
            yield from kinds(one)
    elif "enum" in value:
        yield " ".join(map(str, value["enum"]))
    elif "const" in value:
        yield str(value["const"])
    elif value.get("type") == "array":
        yield "list of " + " or ".join(dict.fromkeys(kinds(value.get("items", {}))))
    elif isinstance(value.get("additionalProperties"), dict) and not value.get("properties"):
        yield "names with " + " or ".join(dict.fromkeys(kinds(value["additionalProperties"])))
    else:
        given = value.get("type", "anything")
        yield given if isinstance(given, str) else " or ".join(given)


def names() -> str:
    """Return the page of all that a suite can name, as `harness list` has it."""
    parts = ["# Names\n\nAll that a suite can name, as `harness list` prints it."]
    for what in TABLES:
        rows = [
            (code(entry.name), plain(entry.summary), code(", ".join(f"{k}: {v}" for k, v in entry.settings.items())))
            for entry in catalogue(what)
        ]
        rows = [(name, text, "" if settings == "``" else settings) for name, text, settings in rows]
        has = any(settings for *_, settings in rows)
        heads = ("name", "is", "settings, with defaults") if has else ("name", "is")
        parts.append(f"## {what}\n\n" + markdown(heads, [row if has else row[:2] for row in rows]))
    return "\n\n".join(parts) + "\n"


REFERENCE: dict[str, tuple[str, Callable[[], str]]] = {
    "commands.md": ("Commands", commands),
    "suite-keys.md": ("Keys of a suite", suite_keys),
    "names.md": ("Names that a suite can use", names),
    "python.rst": ("Python", python),
}
