"""The command with training that takes no torch, and without a report.

    python -m faults.fake run planned.json ..      as `harness run suite.yaml ..`, with fake training
    python -m faults.fake run suite.yaml ..        that command itself, with flushes as slow as is asked for

A run of fake training is a chain of hashes, kept in checkpoints like a real one. `planned.json` is what the real
planning gave once. In the environment:

FAKE_STEP_S   seconds a step takes                    FAKE_FLUSH_S  seconds that every flush takes longer
FAKE_BYTES    size of a run's samples                 FAKE_STALE_S  after how many a claim of another host is stale
FAKE_KEEPS    0 for no checkpoints
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.execution import runner, tasks
from harness.execution.runner import run as run_with
from harness.execution.scheduler import Tasks, ignore
from harness.spec import content_id
from harness.store import LOST, STATUSES, Record, Store, claims, mend, missing

STEPS = 5
SUITE = """\
version: 1
name: fake
question: What survives?
seeds: 2
train: {steps: 20, batch: 8, lr: [1e-3, 2e-3]}
score: {at: [1], samples: 60}
architectures: {mlp: {width: 4, depth: 1}}
matrix:
  - {dataset: 8gaussians, architecture: mlp, objective: [gan, nsgan, lsgan, hinge]}
"""


def planned(folder: Path, text: str = SUITE) -> str:
    """Plan a suite for real, once, into folder/planned.json, and return that name."""
    (folder / "fake.yaml").write_text(text)
    todo = tasks.plan_suite(str(folder / "fake.yaml"), str(folder / "planning"), None, [], [], "cpu", True)
    store = Store(todo["folder"])
    made = {"plan": store.plan, "text": (store.folder / "suite.yaml").read_text(), "todo": todo}
    (folder / "planned.json").write_text(json.dumps(made))
    return "planned.json"


def plan(file: str, root: str) -> dict[str, Any]:
    """Return what is left of a plan that was made before, as `tasks.plan_suite` does; write plan.json."""
    made = json.loads(Path(file).read_text())
    store, todo = Store(Path(root) / made["plan"]["suite"]), made["todo"]
    ids = [row["run_id"] for row in made["plan"]["runs"]]
    damage = mend(store, ids)
    with store.locked():
        store.write_plan(made["plan"], made["text"])
    finished = store.finished()
    lost = {run_id for run_id in ids if store.status(run_id) in LOST}

    def left(stacks: list[dict[str, Any]], runs: set[str]) -> list[dict[str, Any]]:
        cut = [{**stack, "runs": [run_id for run_id in stack["runs"] if run_id in runs]} for stack in stacks]
        return [stack for stack in cut if stack["runs"]]

    unscored = {*store.unscored(ids, todo["score_id"])}
    return {
        **todo,
        "folder": str(store.folder),
        "stacks": left(todo["stacks"], {*ids} - finished - lost),
        "unscored": left([{"id": s["id"], "runs": s["runs"]} for s in todo["stacks"]], unscored),
        "waiting": len(lost),
        "finished": len(finished),
        "damage": damage,
    }


def prepare() -> None:
    """Make flushes slow where that is asked for."""
    slow, flush = float(os.environ.get("FAKE_FLUSH_S", 0)), os.fsync
    if slow:
        os.fsync = lambda descriptor: (time.sleep(slow), flush(descriptor))[1]  # type: ignore[assignment]


def train(folder: str, stack_id: str, runs: Sequence[str], device: str, members: Sequence[str]) -> dict[str, Any]:
    """As `tasks.train_stack`."""
    store, plan = opened(folder)
    name = members[0] if len(members) == 1 else stack_id
    state = store.read_checkpoint(name) or {"step": b"0", **{run_id: run_id.encode() for run_id in members}}
    for step in range(int(state["step"]), STEPS):
        time.sleep(float(os.environ.get("FAKE_STEP_S", 0.01)))
        chain = {run_id: hashlib.sha256(state[run_id]).hexdigest().encode() for run_id in members}
        state = {"step": b"%d" % (step + 1), **chain}
        if os.environ.get("FAKE_KEEPS") != "0":
            store.write_checkpoint(name, state)
    done = [_commit(store, plan["specs"][run_id], stack_id, state[run_id]) for run_id in runs]
    store.drop_checkpoint(name)
    return {"runs": done, "failure": None}


def opened(folder: str) -> tuple[Store, dict[str, Any]]:
    """Return a results folder and its plan, which is read once."""
    stat = (Path(folder) / "plan.json").stat()
    return Store(folder), _plan(folder, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=1)
def _plan(folder: str, *stamp: int) -> dict[str, Any]:
    return Store(folder).plan


def _commit(store: Store, spec: dict[str, Any], stack_id: str, state: bytes) -> dict[str, Any]:
    run_id = content_id(spec)
    facts: dict[str, Any] = {"train_s": 0.0, "step_ms": 0.0, "peak_mb": 0.0, "state": state.decode()}
    record = Record(run_id, "ok", spec, facts=facts, provenance={"device": "cpu", "stack": stack_id})
    size = int(os.environ.get("FAKE_BYTES", 2000))
    files = {"curves.parquet": state[:8], "snapshots/20.npz": state, "samples.npz": state * (size // len(state))}
    won = store.commit(record, files)
    ledger = os.open(Path(os.environ["HARNESS_CACHE"]) / "ledger", os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(ledger, f"{run_id} {won}\n".encode())
    os.close(ledger)
    return {"run_id": run_id, "status": "ok", "train_s": 0.01, "task_s": 0.01, "bytes": size}


def score(folder: str, runs: Sequence[str]) -> list[dict[str, Any]]:
    """As `tasks.score_runs`."""
    store, plan = opened(folder)
    todo = store.unscored(runs, plan["score_id"])
    for run_id in todo:
        w1 = int(store.artefact(run_id, "samples.npz")[:8], 16) / 16**8
        store.commit_scores(run_id, plan["score_id"], {20: {"w1": w1}}, 0.0)
    return [{"run_id": run_id, "score_s": 0.001, "reference_s": None} for run_id in todo]


def finish(folder: str, report: str) -> dict[str, Any]:
    """As `tasks.finish`, but for the table and the report."""
    store = Store(folder)
    found = [store.status(row["run_id"]) for row in store.plan["runs"]]
    counts = {status: found.count(status) for status in STATUSES}
    unscored = store.unscored([row["run_id"] for row in store.plan["runs"]], store.plan["score_id"])
    return {"counts": counts, "report": report, "unscored": len(unscored), "damage": missing(store), "weak": []}


class Request(runner.Request):
    """A call whose suite may be a planned.json."""

    @property
    def is_fake(self) -> bool:
        return self.suite.endswith(".json")

    @property
    def plan(self) -> Any:
        return (plan, (self.suite, self.root)) if self.is_fake else super().plan


def prepare_all() -> None:
    """The real preparing, and flushes that are slow where that is asked for."""
    tasks.prepare()
    prepare()


FAKES = Tasks(prepare, train, score, finish)
REAL = Tasks(prepare=prepare_all)
NO_REPORT = Tasks(finish=finish)


def run(request: Any, progress: Any = ignore) -> runner.RunResult:
    """As `runner.run`, with the tasks that the suite asks for."""
    return run_with(request, progress, FAKES if isinstance(request, Request) and request.is_fake else REAL)


def main() -> None:
    """Run the command line with these tasks."""
    from harness.__main__ import main

    runner.Request, runner.run = Request, run  # type: ignore[misc,assignment]
    claims.STALE_S = float(os.environ.get("FAKE_STALE_S", claims.STALE_S))
    main()


if __name__ == "__main__":
    # The tasks are those of the module that workers import, and not of this one, whose name is __main__ here.
    from faults.fake import main

    sys.exit(main())
