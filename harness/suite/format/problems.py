"""Mistakes of form: pydantic's errors as problems, and problems with the file and line where they stand."""

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from harness.errors import KeyPath, Problem
from harness.hints import example, nearest, quoted, suggestion
from harness.spec import KINDS
from harness.suite.format.models import Suite, SuiteTrain, Train
from harness.suite.format.values import NAMED, Plain
from harness.suite.format.yaml_file import Document

SUITE_WIDE = frozenset(SuiteTrain.model_fields) - frozenset(Train.model_fields)
WHOLE_SUITE = "this is said of the whole suite, not of a part of it; move it to the `train` of the suite or of a scale."
_NEEDED = {
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
}


def parse(data: Plain) -> tuple[Suite, list[Problem]]:
    """Return the suite that `data` says and its mistakes of form.

    Parts with a mistake are left out of the suite, so that the rest can be checked as well and all mistakes be told at
    once; a matrix with a malformed block is left out whole.
    """
    try:
        suite, problems = Suite.model_validate(data), list[Problem]()
    except ValidationError as error:
        suite, problems = Suite.model_validate(_sound_part(data, error)), _translated(error)
    problems += [
        Problem("bad-value", (table, name), text)
        for table in ("architectures", "datasets", "objectives", "scales")
        for name in getattr(suite, table)
        for _, text in NAMED.mistakes(name)
    ]
    if data.get("matrix") == []:
        problems.append(Problem("bad-value", ("matrix",), "an empty list given, at least one block needed."))
    return suite, problems


def located(problems: Iterable[Problem], document: Document) -> list[Problem]:
    """Return every problem once, with the file and line of what it is about, in the order of the file."""
    ordered = sorted(problems, key=lambda problem: document.place(problem.path))
    placed = [replace(problem, place=str(document.place(problem.path))) for problem in ordered]
    return list({str(problem): problem for problem in placed}.values())


def _translated(error: ValidationError) -> list[Problem]:
    """Return pydantic's errors in plain words."""
    problems: list[Problem] = []
    for item in error.errors(include_url=False):
        path, kind = tuple(item["loc"]), item["type"]
        if _is_suite_wide(path):
            problems.append(Problem("suite-wide", path, WHOLE_SUITE))
        elif kind == "needed":
            mistakes = item["ctx"]["mistakes"]
            problems += [
                Problem("bad-value", path if i < 0 else (*path, i), text + example(path[-1])) for i, text in mistakes
            ]
        elif kind == "extra_forbidden":
            key = str(path[-1])
            text = f"unknown key.{_misplaced(path) or suggestion(key, _keys_at(Suite, path[:-1]))}"
            problems.append(Problem("unknown-key", path, text))
        elif kind == "missing":
            problems.append(Problem("missing-key", path, "this key is needed, and is not there."))
        else:
            text = f"{quoted(item['input'])} given, {_NEEDED[kind]} needed." if kind in _NEEDED else item["msg"]
            problems.append(Problem("bad-value", path, text + example(path[-1])))
    return problems


def _misplaced(path: KeyPath) -> str:
    """Return where a key at the top of a file or scale belongs that is one of training; "" of any other."""
    key, is_top = str(path[-1]), len(path) == 1 or (len(path) == 3 and path[0] == "scales")
    is_known = key in Train.model_fields
    near = "" if is_known or nearest(key, Suite.model_fields) else nearest(key, Train.model_fields)
    return f"{near} Settings of training stand under `train`." if is_top and (is_known or near) else ""


def _is_suite_wide(path: KeyPath) -> bool:
    """Whether a mistake is a key of the suite's `train` in an objective's variant or in a block."""
    in_variant, in_block = path[-3:-2] == ("objectives",), path[:1] == ("matrix",) and path[2:3] == ("train",)
    return (in_variant or in_block) and path[-1] in SUITE_WIDE


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that the format has at `path`."""
    part: Any = model
    for key in path:
        part = part.model_fields[key].annotation if hasattr(part, "model_fields") else get_args(part)[-1]
    return list(part.model_fields)


def _sound_part(data: Plain, error: ValidationError) -> Plain:
    """Return a copy of `data` without the parts in error; required keys are filled in."""
    sound = copy.deepcopy(data)
    for item in error.errors(include_url=False):
        path = item["loc"]
        names = path[0] == "matrix" and len(path) == 3 and path[2] in KINDS
        whole = _whole(path)
        _drop(sound, ("matrix",) if names else whole or (path[:-1] if item["type"] == "missing" else path))
    return {"version": 1, "name": "unnamed", "matrix": [], **sound}


def _whole(path: KeyPath) -> KeyPath:
    """Return the path of the scale or study that an error lies in: it goes whole; () elsewhere."""
    return path[: {"scales": 2, "study": 1}.get(str(path[0]), 0)]


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
