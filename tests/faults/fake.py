"""The command with training that takes no torch, and without a report.

    python -m faults.fake run planned.pickle ..      as `harness run suite.yaml ..`, with fake training
    python -m faults.fake run suite.yaml ..        that command itself, with flushes as slow as is asked for

A run of fake training is a chain of hashes, kept in checkpoints like a real one. `planned.pickle` is what the real
planning gave once. In the environment:

FAKE_STEP_S   seconds a step takes                    FAKE_FLUSH_S  seconds that every flush takes longer
FAKE_BYTES    size of a run's samples                 FAKE_STALE_S  after how many a claim of another host is stale
FAKE_KEEPS    0 for no checkpoints
"""

import hashlib
import os
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.execution import runner, tasks
from harness.execution.outcomes import Ending, ScoredRun, StackOutcome, TrainedRun, ignore
from harness.execution.requests import Request, StackTodo, Todo
from harness.execution.runner import run as run_with
from harness.execution.scheduler import Tasks
from harness.spec import content_id
from harness.store import LOST, STATUSES, Record, Store, claims, mend, missing
from harness.store.plan_file import Plan

STEPS = 5
SUFFIX = ".pickle"  # of a plan that was made before
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
    """Plan a suite for real, once, into folder/planned.pickle, and return that name."""
    (folder / "fake.yaml").write_text(text)
    todo = tasks.plan_suite(Request(str(folder / "fake.yaml"), str(folder / "planning"), device="cpu"), True)
    store = Store(todo.folder)
    made = store.plan, (store.folder / "suite.yaml").read_text(), todo
    (folder / "planned.pickle").write_bytes(pickle.dumps(made))
    return "planned.pickle"


def plan(request: Request, write: bool) -> Todo:
    """As `tasks.plan_suite`, of a plan that was made before."""
    pinned, text, todo = pickle.loads(Path(str(request.suite)).read_bytes())
    store, ids = Store(Path(request.root) / pinned.suite), pinned.run_ids
    damage = mend(store, ids)
    with store.locked():
        store.write_plan(pinned, text)
    finished = store.finished()
    lost = {run_id for run_id in ids if store.status(run_id) in LOST}

    def left(stacks: Sequence[StackTodo], runs: set[str]) -> list[StackTodo]:
        cut = [replace(stack, runs=[run_id for run_id in stack.runs if run_id in runs]) for stack in stacks]
        return [stack for stack in cut if stack.runs]

    trained = [StackTodo(stack.id, stack.runs) for stack in todo.stacks]
    return replace(
        todo,
        folder=str(store.folder),
        stacks=left(todo.stacks, {*ids} - finished - lost),
        unscored=left(trained, {*store.unscored(ids, todo.score_id)}),
        waiting=len(lost),
        finished=len(finished),
        damage=damage,
    )


def prepare() -> None:
    """Make flushes slow where that is asked for."""
    slow, flush = float(os.environ.get("FAKE_FLUSH_S", 0)), os.fsync
    if slow:
        os.fsync = lambda descriptor: (time.sleep(slow), flush(descriptor))[1]  # type: ignore[assignment]


def train(folder: str, stack_id: str, runs: Sequence[str], device: str, members: Sequence[str]) -> StackOutcome:
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
    done = [_commit(store, plan.specs[run_id], stack_id, state[run_id]) for run_id in runs]
    store.drop_checkpoint(name)
    return StackOutcome(done)


def opened(folder: str) -> tuple[Store, Plan]:
    """Return a results folder and its plan, which is read once."""
    stat = (Path(folder) / "plan.json").stat()
    return Store(folder), _plan(folder, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=1)
def _plan(folder: str, *stamp: int) -> Plan:
    return Store(folder).plan


def _commit(store: Store, spec: Mapping[str, Any], stack_id: str, state: bytes) -> TrainedRun:
    run_id = content_id(spec)
    facts: dict[str, Any] = {"train_s": 0.0, "step_ms": 0.0, "peak_mb": 0.0}
    record = Record(
        run_id, "ok", spec, facts=facts, provenance={"device": "cpu", "stack": stack_id, "state": state.decode()}
    )
    size = int(os.environ.get("FAKE_BYTES", 2000))
    files = {"curves.parquet": state[:8], "snapshots/20.npz": state, "samples.npz": state * (size // len(state))}
    won = store.commit(record, files)
    ledger = os.open(Path(os.environ["HARNESS_CACHE"]) / "ledger", os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(ledger, f"{run_id} {won}\n".encode())
    os.close(ledger)
    return TrainedRun(run_id, "ok", 0.01, 0.01)


def score(folder: str, runs: Sequence[str]) -> list[ScoredRun]:
    """As `tasks.score_runs`."""
    store, plan = opened(folder)
    todo = store.unscored(runs, plan.score_id)
    for run_id in todo:
        w1 = int(store.artefact(run_id, "samples.npz")[:8], 16) / 16**8
        store.commit_scores(run_id, plan.score_id, {20: {"w1": w1}}, 0.0)
    return [ScoredRun(run_id, 0.001) for run_id in todo]


def finish(folder: str, report: str, workers: int) -> Ending:
    """As `tasks.finish`, but for the table and the report."""
    store = Store(folder)
    found = [store.status(row.run_id) for row in store.plan.runs]
    counts = {status: found.count(status) for status in STATUSES}
    unscored = store.unscored(store.plan.run_ids, store.plan.score_id)
    return Ending(report, counts, len(unscored), missing(store), [])


def prepare_all() -> None:
    """The real preparing, and flushes that are slow where that is asked for."""
    tasks.prepare()
    prepare()


FAKES = Tasks(prepare=prepare, plan=plan, train=train, score=score, finish=finish)
REAL = Tasks(prepare=prepare_all)
NO_REPORT = Tasks(finish=finish)


def run(request: Any, progress: Any = ignore) -> runner.RunResult:
    """As `runner.run`, with the tasks that the suite asks for."""
    is_fake = isinstance(request, Request) and str(request.suite).endswith(SUFFIX)
    return run_with(request, progress, FAKES if is_fake else REAL)


def main() -> None:
    """Run the command line with these tasks."""
    from harness.__main__ import main
    from harness.commands import cli

    runner.run = run  # type: ignore[assignment]
    find = cli.find_suite
    cli.find_suite = lambda name: name if name.endswith(SUFFIX) else find(name)
    claims.STALE_S = float(os.environ.get("FAKE_STALE_S", claims.STALE_S))
    main()


if __name__ == "__main__":
    # The tasks are those of the module that workers import, and not of this one, whose name is __main__ here.
    from faults.fake import main

    sys.exit(main())
