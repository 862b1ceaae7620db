"""`--set KEY=VALUE`: settings that win over every block of a suite."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from harness.errors import SuiteError, suggestion
from harness.plugins.components import Tables
from harness.suite.format.models import Limits, Primary, Score, SuiteTrain, Train
from harness.suite.format.problems import Problem, translated
from harness.suite.format.yaml_file import KeyPath, parse_value


class Override(NamedTuple):
    """One setting. `group` is seeds, train, score, primary, objective, architecture or dataset."""

    group: str
    key: str
    value: Any
    path: KeyPath


def parse_overrides(texts: Iterable[str], tables: Tables) -> tuple[list[Override], list[Problem]]:
    """Return what `texts` set, and the mistakes in them. Item i stands at the path ("set", i)."""
    known = settable(tables)
    overrides, problems = [], []
    for i, text in enumerate(texts):
        found = _parse(text, ("set", i), known)
        wrong = [found] if isinstance(found, Problem) else wrong_setting(found)
        problems += wrong
        if not isinstance(found, Problem) and not wrong:
            overrides.append(found)
    return overrides, problems


def settable(tables: Tables) -> dict[str, set[str]]:
    """Return the keys that can be set, by group."""
    objectives = {name for entry in tables.objective.values() for name in entry.hyper}
    tricks = {f"{trick}.{name}" for trick, entry in tables.trick.items() for name in (*entry.hyper, *entry.setup)}
    architectures: set[str] = set()
    for entry in tables.architecture.values():
        for player, model in (("generator", entry.generator_model), ("critic", entry.critic_model)):
            architectures |= {name for field in model.model_fields for name in (field, f"{player}.{field}")}
    datasets = {name for data in tables.dataset.values() for name in (*data.hyper, *data.model.model_fields)}
    return {
        "train": set(SuiteTrain.model_fields) - {"limits"} | {f"limits.{name}" for name in Limits.model_fields},
        "score": set(Score.model_fields),
        "primary": set(Primary.model_fields),
        "objective": objectives | tricks,
        "architecture": architectures,
        "dataset": datasets | {"fixed"},
    }


def settles(override: Override) -> bool:
    """Whether this is settled in the suite itself; the other settings wait for the expansion."""
    group, key, _, _ = override
    return group in ("seeds", "score", "primary") or (group == "train" and key not in Train.model_fields)


def applied(data: dict[str, Any], overrides: Iterable[Override]) -> dict[str, Any]:
    """Return the suite's data as set by those of `overrides` that are settled in the suite itself."""
    for override in filter(settles, overrides):
        data = _laid(data, key_path(override), override.value)
        if override.group == "seeds" and isinstance(data.get("matrix"), list):
            data = {**data, "matrix": [_without_seeds(block) for block in data["matrix"]]}
    return data


def key_path(override: Override) -> KeyPath:
    """Return the path of what is set, in a suite's data."""
    return (override.group, *filter(None, override.key.split(".")))


def _laid(data: Any, path: KeyPath, value: Any) -> Any:
    """Return `data` with `value` at `path`; what should be a mapping and is none stays, and is told as a mistake."""
    if not path:
        return value
    return {**data, path[0]: _laid(data.get(path[0], {}), path[1:], value)} if isinstance(data, dict) else data


def _without_seeds(block: Any) -> Any:
    return {key: value for key, value in block.items() if key != "seeds"} if isinstance(block, dict) else block


def _parse(text: str, path: KeyPath, known: Mapping[str, set[str]]) -> Override | Problem:
    key, equals, written = text.partition("=")
    key = key.strip()
    if not equals or not key:
        return Problem(path, f"{text[:60]!r} given, KEY=VALUE needed, such as train.lr=1e-4.")
    try:
        value = parse_value(written, "value")
    except SuiteError as error:
        return Problem(path, str(error))
    found = meant(key, known)
    return Problem(path, found) if isinstance(found, str) else Override(*found, value, path)


def meant(key: str, known: Mapping[str, set[str]]) -> tuple[str, str] | str:
    """Return the group and the key in it that a setting's name stands for, or why it stands for none, in a sentence.

    `known` is what `settable` returns.
    """
    head, _, rest = key.partition(".")
    if key == "seeds":
        return "seeds", ""
    if head in known and rest:
        return (head, rest) if rest in known[head] else f"{key}: unknown name {rest!r}.{suggestion(rest, known[head])}"
    groups = [group for group in known if group != "primary" and key in known[group]]
    if "train" in groups:
        groups = ["train"]
    if len(groups) == 1:
        return groups[0], key
    if groups:
        choices = " or ".join(f"{group}.{key}" for group in groups)
        return f"{key}: the name stands for several settings; write {choices}."
    inner = {name.removeprefix(f"{head}.") for names in known.values() for name in names if name.startswith(f"{head}.")}
    if rest and inner:
        return f"{key}: unknown name {rest!r}.{suggestion(rest, inner)}"
    return f"{key}: unknown name.{suggestion(key, {'seeds', *set().union(*known.values())})}"


def wrong_setting(override: Override) -> list[Problem]:
    """Check what needs no table; what is settled in the suite is checked there."""
    if override.group != "train" or settles(override):
        return []
    try:
        Train.model_validate({override.key: override.value})
    except ValidationError as error:
        return [Problem(override.path, f"{override.key}: {text}") for _, text in translated(error, Train)]
    return []
