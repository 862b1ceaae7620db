"""The least that plan.json may hold, for tests that train nothing."""

from typing import Any

from harness.spec import content_id
from harness.store import Record, Store
from harness.store.plan_file import Plan

RESOLVED = {"name": "s", "primary": {"toys": "w1", "images": "fid"}, "score": {"at": [1], "samples": 9}, "datasets": {}}
SPACE = {"lr": {"low": 1e-4, "high": 1e-2, "log": True, "whole": False}}
STUDY = {"space": SPACE, "trials": 1, "seeds": 1, "seed": 0, "sampler": "random"}
ROW = {"dataset": "d", "architecture": "a", "objective": "o", "objective.base": "o", "seed": 0, "sweep": {}}


def spec_of(seed: int) -> dict[str, Any]:
    """Return the plain form of a RunSpec of components that nobody knows."""
    parts: dict[str, Any] = {name: {} for name in ("data", "generator", "critic", "tricks")}
    train = {"steps": 20, "batch": 8, "pack": 1, "generator": "trained"}
    versions = {"dataset": 1, "architecture": 1, "objective": 1}
    setup = {"dataset": "d", "architecture": "a", "objective": "o", **parts, "train": train, "versions": versions}
    return {"setup": setup, "hyper": {"critic_lr": 0.1, "generator_lr": 0.1}, "seed": seed}


SPECS = {content_id(spec): spec for spec in map(spec_of, range(4))}
A, B, C, D = SPECS  # ids of runs


def record_of(spec: dict[str, Any], **more: Any) -> Record:
    """Return the record of a run that is ok and keeps nothing, unless told otherwise."""
    return Record(content_id(spec), **{"status": "ok", "spec": spec, **more})


def plan_of(*run_ids: str, **more: Any) -> dict[str, Any]:
    """Return a plan of these runs, each a row with its spec, in one stack unless told otherwise."""
    rows = [{"run_id": run_id, **ROW} for run_id in run_ids]
    specs = {run_id: SPECS.get(run_id, spec_of(0)) for run_id in run_ids}
    return {
        "runs": rows,
        "specs": specs,
        "stacks": [stack_of("0001", *run_ids)],
        "resolved": RESOLVED,
        "score_id": "s",
        **more,
    }


def planned(*run_ids: str, **more: Any) -> Plan:
    """Return the same as the plan that a store reads."""
    return Plan.from_json(plan_of(*run_ids, **more))


def rewrite(store: Store, plain: dict[str, Any], text: str | None = None) -> None:
    """Write plan.json from its JSON, with a stack of those that are in none, and suite.yaml as it stands, or a text."""
    alone = {row["run_id"] for row in plain["runs"]} - {run_id for stack in plain["stacks"] for run_id in stack["runs"]}
    plain = {**plain, "stacks": [*plain["stacks"], stack_of("9999", *sorted(alone))]} if alone else plain
    store.write_plan(Plan.from_json(plain), store.suite_text if text is None else text)


def stack_of(name: str, *run_ids: str) -> dict[str, Any]:
    """Return a stack of a plan."""
    return {"id": name, "device": "cpu", "mode": "stacked", "runs": list(run_ids)}
