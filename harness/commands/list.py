"""What a suite can name, as `harness list` prints it."""

from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import lookup
from harness.papers import Paper, cited
from harness.suite.shipped import suites_folder


def catalogue(what: str) -> list[dict[str, Any]]:
    """Return one entry a name: name, summary and settings, of objectives their recipes too.

    Raises UnknownName for a table that is not there.
    """
    makers = {
        "suites": _suites,
        "objectives": _objectives,
        "architectures": _architectures,
        "datasets": _datasets,
        "tricks": _tricks,
        "metrics": _metrics,
        "extractors": _extractors,
    }
    return list(lookup(makers, what, "list")())


def render(entries: list[dict[str, Any]]) -> str:
    """Return the entries as aligned lines, settings below each."""
    width = max(len(entry["name"]) for entry in entries)
    lines = []
    for entry in entries:
        lines.append(f"{entry['name']:<{width}}  {entry['summary']}")
        settings = ", ".join(f"{k} {'all' if v is None else v}" for k, v in entry["settings"].items())
        if settings:
            lines.append(f"{'':<{width}}    {settings}")
        recipe: dict[str, str] = entry.get("recipe", {})
        shared = len(set(recipe.values())) == 1
        for kind, text in list(recipe.items())[: 1 if shared else None]:
            lines.append(f"{'':<{width}}    recipe{'' if shared else f' on {kind}'}: {text}")
    return "\n".join(lines)


def _suites() -> list[dict[str, Any]]:
    from harness.suite.load import load_suite

    suites = [load_suite(str(path)) for path in sorted(suites_folder().glob("*.yaml"))]
    return [{"name": suite.name, "summary": suite.question, "settings": {}} for suite in suites]


def _objectives() -> list[dict[str, Any]]:
    from harness.objectives import OBJECTIVES

    entries = []
    for name, entry in OBJECTIVES.items():
        settings = {key: entry.recipe["toys"].hyper.get(key, value) for key, value in entry.hyper.items()}
        recipe = {kind: str(recipe) for kind, recipe in entry.recipe.items()}
        entries.append(_entry(name, entry.summary, entry.papers, settings) | {"recipe": recipe})
    return entries


def _entry(name: str, summary: str, papers: Iterable[Paper], settings: Mapping[str, Any]) -> dict[str, Any]:
    sources = cited({paper.key: paper for paper in papers}.values())
    return {"name": name, "summary": f"{summary} ({sources})" if sources else summary, "settings": dict(settings)}


def _architectures() -> list[dict[str, Any]]:
    from harness.architectures import ARCHITECTURES

    entries = []
    for name, entry in ARCHITECTURES.items():
        settings = entry.generator_model(**entry.generator).model_dump(mode="json", exclude_none=True)
        entries.append(_entry(name, entry.summary, entry.papers, settings))
    return entries


def _datasets() -> list[dict[str, Any]]:
    from harness.datasets import DATASETS

    return [_entry(name, d.summary, d.papers, {**d.setup, **d.hyper}) for name, d in DATASETS.items()]


def _tricks() -> list[dict[str, Any]]:
    from harness.objectives import TRICKS

    return [_entry(name, t.summary, t.papers, {**t.setup, **t.hyper}) for name, t in TRICKS.items()]


def _metrics() -> list[dict[str, Any]]:
    from harness.metrics import FEATURE_METRICS, METRICS, FeatureMetric, Metric

    metrics: list[Metric | FeatureMetric] = [*METRICS.values(), *FEATURE_METRICS.values()]
    papers = [[paper for column in metric.columns for paper in column.papers] for metric in metrics]
    return [
        _entry(", ".join(map(str, metric.columns)), metric.summary, papers_of, {})
        for metric, papers_of in zip(metrics, papers, strict=True)
    ]


def _extractors() -> list[dict[str, Any]]:
    from harness.metrics.extractors import EXTRACTORS

    return [{"name": name, "summary": kind.summary, "settings": {}} for name, kind in EXTRACTORS.items()]
