"""`--only objective=wgan-gp,dataset=ring`: which of the planned runs to execute."""

from collections.abc import Iterable
from typing import Any

from harness.errors import HarnessError
from harness.hints import QUOTED, quoted, shortened, suggestion
from harness.store.plan_file import Plan, PlannedRun
from harness.suite.format.yaml_file import scalar

LABELS = ("dataset", "architecture", "objective", "objective.base", "seed")


def run_filter(texts: Iterable[str], plan: Plan) -> set[str]:
    """Return the planned runs that are asked for: every key must match, a repeated key by one of its values.

    Keys are dataset, architecture, objective, seed, swept names and hyperparameters. Raises HarnessError where a key is
    unknown or a value matches no run.
    """
    wanted: dict[str, list[str]] = {}
    for pair in (pair.strip() for text in texts for pair in text.split(",")):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            raise HarnessError(f"--only: {quoted(pair)} given, KEY=VALUE needed, such as objective=wgan-gp.")
        wanted.setdefault(key, []).append(value)
    for key, values in wanted.items():
        _check(plan, key, values)

    def is_asked_for(row: PlannedRun) -> bool:
        return all(
            any(_is(own, value) for own in _values_of(plan, row, key) for value in values)
            for key, values in wanted.items()
        )

    return {row.run_id for row in plan.runs if is_asked_for(row)}


def _check(plan: Plan, key: str, values: list[str]) -> None:
    planned = [value for row in plan.runs for value in _values_of(plan, row, key)]
    if not planned:
        known = {name for row in plan.runs for name in (*row.sweep, *plan.specs[row.run_id]["hyper"], *LABELS)}
        raise HarnessError(f"--only: unknown name {quoted(key)}.{suggestion(key, known)}")
    for value in values:
        if not any(_is(item, value) for item in planned):
            known = {f"{item:g}" if isinstance(item, float) else str(item) for item in planned}
            raise HarnessError(
                f"--only: no planned run has {shortened(f'{key}={value}', QUOTED)}.{suggestion(value, known)}"
            )


def _values_of(plan: Plan, row: PlannedRun, key: str) -> list[Any]:
    """Return the values that a row has under a key: its label, its swept value as written, its number."""
    if key in LABELS:
        return [row.base if key == "objective.base" else getattr(row, key)]
    sweep, hyper = row.sweep, plan.specs[row.run_id]["hyper"]
    values = [value for axis, value in sweep.items() if key in (axis, axis.rpartition(".")[2])]
    if key == "lr" and hyper["critic_lr"] == hyper["generator_lr"]:
        values.append(hyper["critic_lr"])
    return values + [value for name, value in hyper.items() if key.removeprefix("hyper.") == name]


def _is(planned: Any, text: str) -> bool:
    value = scalar(text)
    return str(planned) == text or (planned == value and isinstance(planned, bool) == isinstance(value, bool))
