"""What a suite can name, as `harness list` prints it."""

from collections.abc import Sequence
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

    return [
        {
            "name": name,
            "summary": _cited(o.summary, o.papers),
            "settings": {k: o.recipe["toys"].hyper.get(k, v) for k, v in o.hyper.items()},
            "recipe": {kind: str(recipe) for kind, recipe in o.recipe.items()},
        }
        for name, o in OBJECTIVES.items()
    ]


def _cited(summary: str, papers: Sequence[Paper]) -> str:
    return f"{summary} ({cited(papers)})" if papers else summary


def _architectures() -> list[dict[str, Any]]:
    from harness.architectures import ARCHITECTURES

    entries = []
    for name, a in ARCHITECTURES.items():
        settings = a.generator_model(**a.generator).model_dump(mode="json", exclude_none=True)
        entries.append({"name": name, "summary": a.summary, "settings": settings})
    return entries


def _datasets() -> list[dict[str, Any]]:
    from harness.datasets import DATASETS

    return [{"name": name, "summary": d.summary, "settings": {**d.setup, **d.hyper}} for name, d in DATASETS.items()]


def _metrics() -> list[dict[str, Any]]:
    from harness.metrics import FEATURE_METRICS, METRICS, FeatureMetric, Metric

    metrics: list[Metric | FeatureMetric] = [*METRICS.values(), *FEATURE_METRICS.values()]
    return [
        {"name": ", ".join(map(str, metric.columns)), "summary": metric.summary, "settings": {}} for metric in metrics
    ]


def _extractors() -> list[dict[str, Any]]:
    from harness.metrics.extractors import EXTRACTORS

    return [{"name": name, "summary": kind.summary, "settings": {}} for name, kind in EXTRACTORS.items()]
