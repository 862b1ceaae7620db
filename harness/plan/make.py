"""The plan of a suite: which runs, in which stacks, what is left of them, and what they can show."""

from collections.abc import Collection
from typing import NamedTuple

from harness.plan.stacks import new_stacks, works
from harness.store.plan_file import Device, Plan, PlannedRun, Stack
from harness.suite.expand import ExpandedRun, Expansion, expand
from harness.suite.format.models import Suite


class Unfinished(NamedTuple):
    """A pinned stack, and those of its runs that are left."""

    stack: Stack
    runs: list[str]


def make_plan(suite: Suite, previous: Plan | None, device: Device, expansion: Expansion | None = None) -> Plan:
    """Return the plan of a suite as it stands, keeping every stack and spec of `previous`, the plan there was.

    Its runs are those of `expansion`, where given, as of a study so far. Runs that no stack of this device class holds
    are appended in new stacks. Raises SuiteError from the expansion.
    """
    runs, merged = expansion or expand(suite)
    old = previous or Plan(suite.folder, (), {}, ())
    specs = {run.run_id: run.plain for run in runs} | dict(old.specs)
    stacks = (*old.stacks, *new_stacks(runs, old.stacks, device))
    return Plan(suite.folder, tuple(map(_planned, runs)), specs, stacks, merged, device=device)


def unfinished(plan: Plan, finished: Collection[str], device: Device, selected: Collection[str]) -> list[Unfinished]:
    """Return every stack of a device class with those of its runs that are selected, planned now and not finished.

    Stacks with none are left out. Long ones come first, so that no core waits for one at the end. `selected` is what
    `run_filter` returns.
    """
    left = ({*plan.run_ids} & set(selected)) - set(finished)
    replaced = {stack.replaces for stack in plan.stacks}
    ours = [stack for stack in plan.stacks if stack.device == device and stack.id not in replaced]
    stacks = [Unfinished(stack, [run_id for run_id in stack.runs if run_id in left]) for stack in ours]
    work = works(plan)
    return sorted((each for each in stacks if each.runs), key=lambda each: -len(each.stack.runs) * work(each.stack))


def _planned(run: ExpandedRun) -> PlannedRun:
    labels = run.dataset, run.architecture, run.objective
    return PlannedRun(run.run_id, *labels, run.base, run.plain["seed"], dict(run.sweep))
