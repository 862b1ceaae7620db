"""The least that plan.json may hold, for tests that train nothing."""

from typing import Any

from harness.store import Store
from harness.store.plan_file import Plan

ROW = {"dataset": "d", "architecture": "a", "objective": "o", "objective.base": "o", "seed": 0, "sweep": {}}


def plan_of(*run_ids: str, **more: Any) -> dict[str, Any]:
    """Return a plan of these runs, each a row with its spec, in no stacks unless told otherwise."""
    rows = [{"run_id": run_id, **ROW} for run_id in run_ids]
    specs = {run_id: {"name": run_id} for run_id in run_ids}
    return {"runs": rows, "specs": specs, "stacks": [], "resolved": {}, "score_id": "s", **more}


def planned(*run_ids: str, **more: Any) -> Plan:
    """Return the same as the plan that a store reads."""
    return Plan.from_json(plan_of(*run_ids, **more))


def rewrite(store: Store, plain: dict[str, Any], text: str | None = None) -> None:
    """Write plan.json from its JSON, and suite.yaml as it stands, or from a text."""
    store.write_plan(Plan.from_json(plain), store.suite_text if text is None else text)


def stack_of(name: str, *run_ids: str) -> dict[str, Any]:
    """Return a stack of a plan."""
    return {"id": name, "device": "cpu", "mode": "stacked", "runs": list(run_ids)}
