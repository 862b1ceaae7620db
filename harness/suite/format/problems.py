"""Mistakes of a suite: what is wrong at which key, and the sentence that says so with file and line."""

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from harness.errors import HarnessError, suggestion
from harness.suite.format.models import Suite, SuiteTrain, Train
from harness.suite.format.values import shown
from harness.suite.format.yaml_file import Document, KeyPath, Place

SUITE_WIDE = frozenset(SuiteTrain.model_fields) - frozenset(Train.model_fields)
WHOLE_SUITE = "this is said of the whole suite, not of a part of it; move it to the `train` of the suite or of a scale."
_NEEDED = {
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
}


class Problem(NamedTuple):
    """A mistake at a key or item of the suite."""

    path: KeyPath
    text: str


class Refused(HarnessError):
    """Mistakes of a suite that show as its runs are planned; `harness.suite.load.with_places` adds file and line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return " ".join(f"{'.'.join(map(str, path))}: {text}" for path, text in self.problems)


def parse(data: dict[str, Any]) -> tuple[Suite, list[Problem]]:
    """Return the suite that `data` says and its mistakes of form.

    Parts with a mistake are left out of the suite, so that the rest can be checked as well and all mistakes be told at
    once; a matrix with a malformed block is left out whole.
    """
    try:
        return Suite.model_validate(data), []
    except ValidationError as error:
        problems = translated(error, Suite)
        return Suite.model_validate(_sound_part(data, error)), problems


def translated(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return pydantic's errors about `model` in plain words."""
    problems: list[Problem] = []
    for item in error.errors(include_url=False):
        path, kind = tuple(item["loc"]), item["type"]
        if _is_suite_wide(path):
            problems.append(Problem(path, WHOLE_SUITE))
        elif kind == "needed_items":
            problems += [Problem(path if i < 0 else (*path, i), text) for i, text in item["ctx"]["wrong"]]
        elif kind == "extra_forbidden":
            problems.append(Problem(path, _unknown_key(model, path)))
        elif kind == "missing":
            problems.append(Problem(path, "this key is needed, and is not there."))
        elif kind in _NEEDED:
            problems.append(Problem(path, f"{shown(item['input'])} given, {_NEEDED[kind]} needed."))
        else:
            problems.append(Problem(path, item["msg"]))
    return problems


def sentences(problems: Iterable[Problem], document: Document) -> list[str]:
    """Return `file:line: key: what is wrong` for each problem once, in the order of the file."""
    placed: dict[tuple[Place, str, str], None] = {}
    for path, text in problems:
        label = next((part for part in reversed(path) if isinstance(part, str)), "suite")
        placed[document.place(path), label, text] = None
    ordered = sorted(placed, key=lambda item: item[0])
    return [f"{place}: {shown(label)[1:-1]}: {text}" for place, label, text in ordered]


def _unknown_key(model: Any, path: KeyPath) -> str:
    key = str(path[-1])
    return f"unknown key.{suggestion(key, _keys_at(model, path[:-1]))}"


def _is_suite_wide(path: KeyPath) -> bool:
    """Whether a mistake is a key of the suite's `train` in an objective's variant or in a block."""
    in_variant, in_block = path[-3:-2] == ("objectives",), path[:1] == ("matrix",) and path[2:3] == ("train",)
    return (in_variant or in_block) and path[-1] in SUITE_WIDE


def _keys_at(model: Any, path: KeyPath) -> list[str]:
    """Return the keys that the format has at `path`."""
    for part in path:
        model = model.model_fields[part].annotation if hasattr(model, "model_fields") else get_args(model)[-1]
    return list(model.model_fields)


def _sound_part(data: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """Return a copy of `data` without the parts in error; required keys are filled in."""
    sound = copy.deepcopy(data)
    for item in error.errors(include_url=False):
        path = item["loc"]
        names = path[0] == "matrix" and len(path) == 3 and path[2] in ("dataset", "architecture", "objective")
        whole = _whole(path)
        _drop(sound, ("matrix",) if names else whole or (path[:-1] if item["type"] == "missing" else path))
    return {"version": 1, "name": "unnamed", "matrix": [], **sound}


def _whole(path: KeyPath) -> KeyPath:
    """Return the path of the study that an error lies in: without a part of it, it is another; () elsewhere."""
    depth = {"study": 1, "scales": 3}.get(str(path[0]), 0)
    return path[:depth] if depth and path[depth - 1 : depth] == ("study",) else ()


def _drop(data: Any, path: KeyPath) -> None:
    """Remove the value at `path`; of a list, the whole list, so that other places still hold."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    for part in path[:-1]:
        if isinstance(data, dict) and part not in data:
            return  # a part around it is gone already
        data = data[part]
    if path:
        data.pop(path[-1], None)
