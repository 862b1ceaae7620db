"""The plan of a suite: which runs, in which stacks, what is left of them, and what they can show."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from harness.plan.stacks import Device, Plan, Row, Stack, new_stacks, work
from harness.spec import RunSpec
from harness.suite.expand import PlannedRun, expand
from harness.suite.format import Suite


def make_plan(suite: Suite, previous: Mapping[str, Any] | None, device: Device) -> Plan:
    """Return the plan of a suite as it stands, keeping every stack and spec of `previous`, the plan.json there was.

    Runs that no stack of this device class holds are appended in new stacks. Raises SuiteError from the expansion,
    StoreError where `previous` is no plan.
    """
    runs, merged = expand(suite)
    old = Plan.from_json(previous) if previous is not None else Plan(suite.folder, [], {}, [])
    setups: dict[int, dict[str, Any]] = {}  # its plain form once: runs share a Setup, and copying it costs most
    specs = dict(old.specs)
    for run in runs:
        setup = setups.setdefault(id(run.spec.setup), {}) or asdict(run.spec.setup)
        setups[id(run.spec.setup)] = setup
        specs.setdefault(run.run_id, {"setup": setup, "hyper": dict(run.spec.hyper), "seed": run.spec.seed})
    stacks = old.stacks + list(new_stacks(runs, old.stacks, device))
    return Plan(suite.folder, [_row(run) for run in runs], specs, stacks, merged)


def unfinished(
    plan: Plan, finished: Collection[str], device: Device, selected: Collection[str] | None = None
) -> list[Stack]:
    """Return the stacks of a device class that hold a run which is planned now, selected, and not finished.

    `selected` holds run_ids, as `run_filter` returns them; None stands for all.
    """
    wanted = {row["run_id"] for row in plan.runs if selected is None or row["run_id"] in selected} - set(finished)
    return [stack for stack in plan.stacks if stack["device"] == device and not wanted.isdisjoint(stack["runs"])]


def stack_work(plan: Plan, stack: Stack) -> float:
    """Return how long a stack trains relative to others."""
    return len(stack["runs"]) * work(RunSpec.from_json(plan.specs[stack["runs"][0]]).setup)


def _row(run: PlannedRun) -> Row:
    return {
        "run_id": run.run_id,
        "dataset": run.dataset,
        "architecture": run.architecture,
        "objective": run.objective,
        "objective.base": run.base,
        "seed": run.spec.seed,
        "sweep": dict(run.sweep),
    }
