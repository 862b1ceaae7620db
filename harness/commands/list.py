"""What a suite can name, as `harness list` prints it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

from harness.errors import lookup
from harness.papers import Paper, cited
from harness.plugins.components import Tables, load_installed, plugged
from harness.plugins.installed import installed, version_of
from harness.suite.shipped import suites_folder
from harness.text import listed, plain

TABLES = {  # where each table is; suites are files
    "suites": "",
    "objectives": "harness.objectives",
    "architectures": "harness.architectures",
    "datasets": "harness.datasets",
    "penalties": "harness.objectives",
    "tricks": "harness.objectives",
    "metrics": "harness.metrics",
    "extractors": "harness.metrics.extractors",
    "plugins": "",
}


WIDEST = 28  # characters of the column of names; a longer one has a line of its own


@dataclass(frozen=True)
class Entry:
    """A name with its summary and settings; of objectives the `recipe` by kind of data, of metrics their `columns`.

    Of tricks `falls` has the settings that fall to 0 unless a suite says otherwise, `refused` what forbids them.
    """

    name: str
    summary: str
    settings: Mapping[str, object] = field(default_factory=dict)
    recipe: Mapping[str, str] | None = None
    columns: Sequence[Mapping[str, object]] | None = None
    falls: Mapping[str, str] | None = None
    refused: Sequence[str] | None = None

    def to_json(self) -> dict[str, object]:
        """Return the entry of `harness list --json`."""
        return {name: value for name, value in vars(self).items() if value is not None}


def catalogue(what: str) -> list[Entry]:
    """Return one entry a name, those of installed plug-ins included; of a plug-in that cannot be loaded the entry says
    why. Raises UnknownName for a table that is not there.
    """
    home = lookup(TABLES, what, "list")
    if what == "plugins":
        return list(_plugins())
    if what == "suites":
        from harness.suite.load import load_suite

        suites = [load_suite(str(path)) for path in sorted(suites_folder().glob("*.yaml"))]
        return [Entry(suite.name, suite.question) for suite in suites]
    package = import_module(home)
    broken = [Entry(name, error) for name, error in load_installed().items() if error]
    table = dict(getattr(package, what.upper()))
    table |= {**package.FEATURE_METRICS, **package.CRITIC_METRICS} if what == "metrics" else {}
    further = [Entry(f"{package.TORCHVISION}MODEL", package.ANY_MODEL)] if what == "extractors" else []
    return [_entry(what, name, record) for name, record in table.items()] + further + broken


def _plugins() -> Iterator[Entry]:
    """Yield each installed plug-in with its version and what it defines, or why it cannot be loaded."""
    for name, error in load_installed().items():
        entries = [f"{kind} {entry}" for kind in Tables._fields for entry in plugged(kind, [name])]
        yield Entry(f"{name} {version_of(installed()[name])}", error or listed(entries) or "defines nothing")


def render(entries: list[Entry]) -> str:
    """Return the entries as aligned lines, settings below each."""
    width = min(max((len(entry.name) for entry in entries), default=0), WIDEST)
    lines = []
    for entry in entries:
        lines += [f"{entry.name:<{width}}  {entry.summary}"] if len(entry.name) <= width else [entry.name]
        lines += [f"{'':<{width}}  {entry.summary}"] if len(entry.name) > width else []
        below = [", ".join(f"{k} {'all' if v is None else plain(v)}" for k, v in entry.settings.items())]
        recipes = {f" on {kind}": text for kind, text in (entry.recipe or {}).items()}
        if len(set(recipes.values())) == 1:
            recipes = {"": next(iter(recipes.values()))}
        below += [_facts(column) for column in entry.columns or ()]
        below += [f"{key} falls to 0: {kind}" for key, kind in (entry.falls or {}).items()]
        below += [f"refused with: {', '.join(entry.refused)}"] if entry.refused else []
        below += [f"recipe{kind}: {text}" for kind, text in recipes.items()]
        lines += [f"{'':<{width}}    {line}" for line in below if line]
    return "\n".join(lines) or "none is installed"  # of plug-ins: every other table has entries


def _entry(what: str, name: str, record: Any) -> Entry:
    match what:
        case "objectives":
            toys, recipes = record.recipe["toys"].hyper, {kind: str(recipe) for kind, recipe in record.recipe.items()}
            settings = {key: toys.get(key, value) for key, value in record.hyper.items()}
            return Entry(name, _cited(record.summary, record.papers), settings, recipes)
        case "architectures":
            settings = record.generator_model(**record.generator).model_dump(mode="json", exclude_none=True)
            return Entry(name, _cited(record.summary, record.papers), settings)
        case "metrics":
            papers = [paper for column in record.columns for paper in column.papers]
            columns = [column.to_json() for column in record.columns]
            return Entry(", ".join(map(str, record.columns)), _cited(record.summary, papers), columns=columns)
        case "extractors":
            return Entry(name, record.summary)
        case "penalties":
            return Entry(name, _cited(record.summary, record.papers), dict(record.hyper))
        case "tricks":
            settings, falls = {**record.setup, **record.hyper}, dict(record.schedule)
            return Entry(name, _cited(record.summary, record.papers), settings, falls=falls, refused=record.refused)
    return Entry(name, _cited(record.summary, record.papers), {**record.setup, **record.hyper})


def _facts(column: Mapping[str, object]) -> str:
    """Return the facts about a metric column, as `Column.to_json` gives them, in a line."""
    direction = f"{column['better']} is better" if column["better"] else "no direction"
    papers = [str(paper) for paper in cast("list[str]", column["papers"])]
    return "; ".join([f"{column['column']}: {direction}", f"n >= {column['least_n']}", *papers])


def _cited(summary: str, papers: Iterable[Paper]) -> str:
    sources = cited({paper.key: paper for paper in papers}.values())
    return f"{summary} ({sources})" if sources else summary
