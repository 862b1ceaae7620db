"""The user's own images or points in place of a suite's data sets: `--set dataset.folder=PATH`, or `file`."""

import os
from collections.abc import Mapping
from typing import Any

from harness.hints import quoted
from harness.plugins.components import Tables
from harness.suite.format.models import PATHS
from harness.suite.format.values import NAMED, Plain
from harness.text import listed

OWN = {"folder": "folder", "file": "points"}  # what takes the place of data sets of its kind
ALIKE = ("range", "fixed")  # settings of images that own ones keep


def with_own_data(data: Plain, key: str, value: Any, tables: Tables) -> tuple[Plain, str]:
    """Return a suite's data with `value` as the file or folder of every data set that can be replaced by it, and its
    name there: "" where there is none.

    A data set that reads such a file or folder has its path replaced. Others of the same kind, images or points, are
    replaced by it in the matrix and keep their size, channels and range. Raises ValueError, with a sentence, where they
    differ in these.
    """
    datasets = dict(_mapping(data.get("datasets")))
    table, settings, places = tables.dataset, dict[str, Plain](), list[str]()
    for label in dict.fromkeys(name for block in _blocks(data) for name in trained_on(block)):
        variant = _mapping(datasets.get(label))
        entry = table.get(variant.get("base", label))
        if entry is None:
            continue
        if key in entry.files:
            datasets[label] = {**variant, key: value}
            places.append(label)
        elif key in OWN and entry.kind == table[OWN[key]].kind:
            settings[label] = _kept(entry, variant) if key == "folder" else {}
    if settings:
        first, *others = settings.values()
        if any(other != first for other in others):
            text = f"{listed([quoted(label) for label in settings])} differ in size, channels, range or fixed, and one "
            raise ValueError(f"{text}{key} cannot stand for all; copy the suite and name it where it belongs.")
        own = _label(key, value, {*table, *datasets})
        datasets = {label: variant for label, variant in datasets.items() if label not in settings}
        datasets[own] = {"base": OWN[key], **first, key: value}
        data = _renamed(data, dict.fromkeys(settings, own))
        places.append(own)
    return {**data, "datasets": datasets} if places else data, places[-1] if places else ""


def trained_on(block: Plain) -> list[str]:
    """Return the data sets that a block of a matrix names."""
    names = block.get("dataset")
    return [name for name in (names if isinstance(names, list) else [names]) if isinstance(name, str)]


def left_out(before: Plain, after: Plain) -> list[str]:
    """Return the data sets of the user's own files that one version of a suite trains on, and another does not."""
    own = [label for label, variant in _mapping(before.get("datasets")).items() if {*PATHS} & {*_mapping(variant)}]
    trained = [{name for block in _blocks(data) for name in trained_on(block)} for data in (before, after)]
    return [label for label in own if label in trained[0] - trained[1]]


def _kept(entry: Any, variant: Plain) -> Plain:
    channels, _, width = entry.shape(entry.setup)
    settings = {"size": variant.get("size", width), "channels": channels}
    return settings | {name: variant[name] for name in ALIKE if name in variant}


def _label(key: str, value: Any, taken: set[str]) -> str:
    """Return the name of own data: that of their file or folder, where it is a name and nothing else has it."""
    name = os.path.splitext(os.path.basename(value))[0] if isinstance(value, str) else ""
    return name if name and not NAMED.mistake(name) and name not in taken else f"own-{key}"


def _renamed(data: Plain, labels: Mapping[str, str]) -> Plain:
    """Return a suite's data with other names of data sets in its matrix."""

    def renamed(names: Any) -> Any:
        if isinstance(names, list):
            return list(dict.fromkeys(labels.get(name, name) if isinstance(name, str) else name for name in names))
        return labels.get(names, names) if isinstance(names, str) else names

    blocks = []
    for block in data["matrix"]:
        if isinstance(block, dict) and "dataset" in block:
            block = {**block, "dataset": renamed(block["dataset"])}
            if isinstance(block.get("exclude"), list):
                block["exclude"] = [
                    {**entry, "dataset": renamed(entry["dataset"])}
                    if isinstance(entry, dict) and "dataset" in entry
                    else entry
                    for entry in block["exclude"]
                ]
        blocks.append(block)
    return {**data, "matrix": blocks}


def _blocks(data: Plain) -> list[Plain]:
    matrix = data.get("matrix")
    return [block for block in matrix if isinstance(block, dict)] if isinstance(matrix, list) else []


def _mapping(value: Any) -> Plain:
    return value if isinstance(value, dict) else {}
