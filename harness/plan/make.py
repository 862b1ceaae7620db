"""The plan of a suite: which runs, in which stacks, what is left of them, and what they can show."""

from collections.abc import Collection, Mapping
from typing import Any

from harness.plan.stacks import Device, Plan, Row, Stack, new_stacks, work
from harness.spec import RunSpec
from harness.suite.expand import Expansion, PlannedRun, expand
from harness.suite.format.models import Suite


def make_plan(
    suite: Suite, previous: Mapping[str, Any] | None, device: Device, expansion: Expansion | None = None
) -> Plan:
    """Return the plan of a suite as it stands, keeping every stack and spec of `previous`, the plan.json there was.

    Its runs are those of `expansion`, where given, as of a study so far. Runs that no stack of this device class holds
    are appended in new stacks. Raises SuiteError from the expansion, StoreError where `previous` is no plan.
    """
    runs, merged = expansion or expand(suite)
    old = Plan.from_json(previous) if previous is not None else Plan(suite.folder, [], {}, [])
    specs = {run.run_id: run.plain for run in runs} | old.specs
    stacks = old.stacks + list(new_stacks(runs, old.stacks, device))
    return Plan(suite.folder, [_row(run) for run in runs], specs, stacks, merged)


def unfinished(plan: Plan, finished: Collection[str], device: Device, selected: Collection[str]) -> list[Stack]:
    """Return {"id", "runs"} of every stack of a device class that has something left: its selected runs, planned now
    and not finished.

    Long stacks come first, so that no core waits for one at the end. `selected` is what `run_filter` returns.
    """
    left = ({row["run_id"] for row in plan.runs} & set(selected)) - set(finished)
    replaced = {stack.get("replaces") for stack in plan.stacks}
    ours = [stack for stack in plan.stacks if stack["device"] == device and stack["id"] not in replaced]
    stacks = [stack for stack in ours if not left.isdisjoint(stack["runs"])]
    stacks.sort(key=lambda stack: -stack_work(plan, stack))
    return [{"id": stack["id"], "runs": [run_id for run_id in stack["runs"] if run_id in left]} for stack in stacks]


def stack_work(plan: Plan, stack: Stack) -> float:
    """Return how long a stack trains relative to others: all of its runs, finished ones among them."""
    return len(stack["runs"]) * work(RunSpec.from_json(plan.specs[stack["runs"][0]]).setup)


def _row(run: PlannedRun) -> Row:
    return {
        "run_id": run.run_id,
        "dataset": run.dataset,
        "architecture": run.architecture,
        "objective": run.objective,
        "objective.base": run.base,
        "seed": run.plain["seed"],
        "sweep": dict(run.sweep),
    }
