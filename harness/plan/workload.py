"""A plan as what is left to do, in plain data: each task with the address and the size that its timings have.

    {"runs", "samples", "extractors", "stacks": [STACK], "scores": [SCORE], "made"}
    STACK   {"id", "name", "key", "size", "members", "steps", "points", "scores": [SCORE]}
    SCORE   {"run_id", "name", "key", "size", "reference"}; `reference` is the address of what it is scored against
The outer `scores` are of runs that were trained before. `made` lists references that exist already.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from harness.metrics import score_id
from harness.plan.stacks import Plan, Row, Stack, work
from harness.spec import RunSpec, content_id
from harness.store import reference_settings
from harness.suite.format.models import scored_steps

LAST = 2  # a run's last scored step takes all metrics: about two steps more than one of the others


def workload(
    plan: Plan, score: Mapping[str, Any], left: list[Stack], trained: list[str], scored: Iterable[str]
) -> dict[str, Any]:
    """Return what is left of a plan: stacks as `unfinished` gives them, and runs trained but not scored.

    `score` is the suite's {"at", "samples", "extractors"}; `scored` lists runs that are done, whose references exist.
    """
    pinned = {stack["id"]: stack for stack in plan.stacks}
    rows = {row["run_id"]: row for row in plan.runs}
    names = {
        run_id: " ".join(row[key] for key in ("dataset", "architecture", "objective")) for run_id, row in rows.items()
    }
    return {
        "runs": len(rows),
        "samples": score["samples"],
        "extractors": score.get("extractors"),
        "stacks": [
            {
                "id": stack["id"],
                "name": names[stack["runs"][0]],
                **_training(
                    plan, {**pinned[stack["id"]], "runs": stack.get("members", pinned[stack["id"]]["runs"])}, score
                ),
                "scores": [_scoring(plan, rows[run_id], score) for run_id in stack["runs"]],
            }
            for stack in left
        ],
        "scores": [_scoring(plan, rows[run_id], score) for run_id in trained],
        "made": sorted({reference_address(plan.specs[run_id]) for run_id in scored if run_id in rows}),
    }


def trials(plan: Plan, load: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a trial of a stack needs, by the stack's id, for one stack of each key and size of a workload."""
    kinds: dict[tuple[str, float], Mapping[str, Any]] = {}
    for stack in load["stacks"]:
        kinds.setdefault((stack["key"], stack["size"]), stack)
    pinned = {stack["id"]: stack for stack in plan.stacks}
    return {
        stack["id"]: {
            **{name: stack[name] for name in ("name", "key", "size", "members", "points")},
            "extractors": load["extractors"],
            "score": stack["scores"][0],
            "mode": pinned[stack["id"]]["mode"],
            "specs": [plan.specs[run_id] for run_id in pinned[stack["id"]]["runs"]],
        }
        for stack in kinds.values()
    }


def trained_runs(stack: Stack) -> int:
    """Return how many runs train where a stack does: all of it, and a lone run of a stacked Setup twice."""
    return max(len(stack["runs"]), 2 if stack["mode"] == "stacked" else 1)


def reference_address(spec: Mapping[str, Any]) -> str:
    """Return the address of what a run is scored against."""
    return content_id(reference_settings(spec))


def _training(plan: Plan, stack: Stack, score: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a whole stack's training is timed: by its Setup but for the number of steps, and its work a step."""
    plain = plan.specs[stack["runs"][0]]["setup"]
    setup, members = RunSpec.from_json(plan.specs[stack["runs"][0]]).setup, trained_runs(stack)
    steps = setup.train["steps"]
    train = {name: value for name, value in setup.train.items() if name != "steps"}
    return {
        "key": content_id(plain | {"train": train}),
        "size": members * work(setup) / steps,
        "members": members,
        "steps": steps,
        "points": len(scored_steps(score["at"], steps)),
    }


def _scoring(plan: Plan, row: Row, score: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the scoring of a run is timed: by its data set and the metrics, its scored steps and their samples."""
    spec = plan.specs[row["run_id"]]
    setup = spec["setup"]
    points = len(scored_steps(score["at"], setup["train"]["steps"]))
    data = {"dataset": setup["dataset"], "version": setup["versions"]["dataset"], **setup["data"]}
    return {
        "run_id": row["run_id"],
        "name": f"scoring on {row['dataset']}",
        "key": content_id({**data, "score": score_id([], 0, score.get("extractors"), score.get("metrics", {}))}),
        "size": (points + LAST) * score["samples"] ** 2,
        "reference": reference_address(spec),
    }
