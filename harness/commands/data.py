"""`harness data`: a data set fetched or prepared before a suite needs it, and what it holds."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from harness.datasets import Dataset, Pictures
from harness.errors import DataError, lookup
from harness.metrics.extractors import TRAINED, defaults, extractor_of, known, why_not
from harness.metrics.image_metrics import reliability
from harness.plugins.components import tables
from harness.spec import canonical_json
from harness.suite.parameters import parameters
from harness.suite.players import parse_setting
from harness.suite.resolve import plain_settings


def prepare(name: str, sets: Sequence[str], extractors: bool = False) -> dict[str, Any]:
    """Fetch what can be fetched, fill the cache, and return what the data set holds with these KEY=VALUE settings.

    dataset, kind, shape, settings; of pictures also range, classes, train, held_out, labelled, where (None: in memory,
    made anew by each process), megabytes and, with `extractors`, extractors: of each by name what `reliability` says,
    the default one trained where no cache holds it; None of others that no cache holds. Raises HarnessError for
    settings that do not fit, DataError where the data cannot be had.
    """
    entry = lookup(tables().dataset, name, "data set")
    settings = _settings(name, entry, sets)
    said = {"dataset": name, "kind": entry.kind, "shape": list(entry.shape(settings)), "settings": settings}
    if entry.pictures is None:
        return said
    if entry.fetch is not None:
        entry.fetch()
    found = entry.pictures(settings)
    where = entry.where(settings) if entry.where is not None else None
    return said | {
        "range": settings["range"],
        "classes": list(found.classes),
        "train": len(found.train),
        "held_out": len(found.held_out),
        "labelled": found.train_labels is not None,
        "where": str(where) if where is not None and where.exists() else None,
        "megabytes": round((found.train.numel() + found.held_out.numel()) / 1e6, 1),
        "extractors": _extractors(name, settings, found) if extractors else {},
    }


def _extractors(name: str, settings: Mapping[str, Any], pictures: Pictures) -> dict[str, dict[str, Any] | None]:
    default = defaults(pictures)
    others = [x for x in TRAINED if x not in default and not why_not(x, pictures)]
    ready = {x: extractor_of(x, name, settings) for x in default} | {x: known(x, name, settings) for x in others}
    return {x: reliability(extractor, pictures) if extractor is not None else None for x, extractor in ready.items()}


def render(said: Mapping[str, Any]) -> str:
    """Return that as lines."""
    settings = ", ".join(f"{key} {value}" for key, value in said["settings"].items() if value is not None)
    lines = {"samples": " x ".join(map(str, said["shape"])), "settings": settings or "none"}
    if "train" not in said:
        return _lines(said["dataset"], lines | {"drawn": "while a run trains; nothing is to be prepared"})
    classes = said["classes"]
    names = ", ".join(classes) if len(classes) <= 10 else f"{classes[0]} to {classes[-1]}"
    more = {
        "range": "{} to {}".format(*said["range"]),
        "pictures": f"{said['train']:,} to train on, {said['held_out']:,} held out; {said['megabytes']:,} MB",
        "classes": f"{len(classes):,}: {names}" if classes else "not labelled",
        "kept in": said["where"] or "memory, made anew by each process",
    }
    return "\n".join([_lines(said["dataset"], lines | more), *_extractor_lines(said["extractors"])])


def _extractor_lines(said: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    lines = []
    for i, (name, found) in enumerate(said.items()):
        text = "not trained; a suite that names it in score.extractors trains it"
        if found is not None:
            of = "quarter turns of the held-out images" if found["modes"] is None else "the held-out images"
            text = f"wrong on {100 * found['error']:.2f} % of {of}"
            if found["modes"] is not None:
                text += f", sees {found['modes']:.0f} of {found['modes_possible']:.0f} classes in them"
            text += "; too weak for modes and class_kl" if found["weak"] and found["modes"] is not None else ""
        lines.append(f"  {'' if i else 'extractor':<9} {name}: {text}")
    return lines


def _lines(title: str, values: Mapping[str, str]) -> str:
    return "\n".join([title, *(f"  {name:<9} {value}" for name, value in values.items())])


def _settings(name: str, entry: Any, sets: Sequence[str]) -> dict[str, Any]:
    """Return what a Setup would hold of the data set, and its floats."""
    said = dict(_said(entry, text) for text in sets)
    path = said.pop(entry.file_key, None) if entry.file is not None else None
    if entry.file is not None and path is None:
        raise DataError(f"{name} reads a {entry.file_key}: name it with --set {entry.file_key}=PATH.")
    floats = {key: said.pop(key, default) for key, default in entry.hyper.items()}
    settings = plain_settings(entry.model, canonical_json(said))
    return {**settings, **(entry.file(os.path.abspath(os.path.expanduser(path))) if path is not None else {}), **floats}


def _said(entry: Dataset, text: str) -> tuple[str, Any]:
    text = text.removeprefix("dataset.")
    known = {key: kinds for key, kinds in parameters("dataset", entry, {}).items() if key != "fixed"}
    key, equals, written = text.partition("=")
    if entry.file is not None and key == entry.file_key and equals:
        return key, written
    return parse_setting(text, known, "size=32")
