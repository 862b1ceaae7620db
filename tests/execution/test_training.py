"""A stack in a worker: what it may hold, and what it keeps on its way."""

import sys

import fake_tasks
import pytest

from harness import engine
from harness.execution import tasks
from harness.execution.requests import Request
from harness.processes import memory_limit
from harness.store import Store
from harness.workers import open_executor

SUITE = """
version: 1
name: kept
seeds: 3
train: {steps: 30, batch: 4, lr: 1e-3, checkpoint_s: 1e-9}
score: {at: [1], samples: 20}
architectures: {mlp: {width: 4, depth: 1}}
matrix: [{dataset: 8gaussians, architecture: mlp, objective: gan}]
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")
def test_a_worker_may_hold_so_much_memory_while_it_trains_and_no_more():
    with open_executor(1) as workers:
        assert workers.submit(fake_tasks.hold, 0.1, 0.4).result(30) == 1e8
        with pytest.raises(MemoryError):
            workers.submit(fake_tasks.hold, 0.5, 0.4).result(30)
        assert workers.submit(fake_tasks.hold, 0.5, None).result(30) == 5e8  # the limit is gone with the training


def test_this_process_is_never_limited():
    with memory_limit(1e-3):
        assert len(bytearray(10_000_000)) == 1e7


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "kept.yaml").write_text(SUITE)
    return tasks.plan_suite(Request(str(tmp_path / "kept.yaml"), str(tmp_path / "results"), device="cpu"), True)


@pytest.mark.slow
def test_a_stack_goes_on_from_its_checkpoint_which_goes_when_all_is_committed(plan, monkeypatch):
    store, (stack,), train, resumed = Store(plan.folder), plan.stacks, engine.train, []
    arguments = plan.folder, stack.id, stack.runs, "cpu"

    def ten_steps(*given, checkpoints, **more):
        resumed.append(checkpoints.resume)
        steps = iter(range(10))

        def keep(files):
            checkpoints.keep(files)
            if next(steps) == 9:
                raise SystemExit

        return train(*given, checkpoints=engine.Checkpoints(keep, checkpoints.resume, checkpoints.every_s), **more)

    monkeypatch.setattr(engine, "train", ten_steps)
    kept = [None]
    for _ in range(2):
        with pytest.raises(SystemExit):
            tasks.train_stack(*arguments)
        kept.append(store.read_checkpoint(stack.id))
    monkeypatch.setattr(engine, "train", train)
    assert (resumed, kept[1] != kept[2]) == (kept[:2], True)
    assert tasks.train_stack(*arguments).failure is None
    assert store.read_checkpoint(stack.id) is None
    assert len(store.finished()) == 3


@pytest.mark.slow
def test_a_run_trained_alone_keeps_a_checkpoint_of_its_own_and_is_the_same_run(plan, monkeypatch):
    store, (stack,), names = Store(plan.folder), plan.stacks, []
    alone, *rest = stack.runs
    monkeypatch.setattr(Store, "write_checkpoint", lambda self, name, files: names.append(name))
    tasks.train_stack(plan.folder, stack.id, [alone], "cpu", [alone])
    tasks.train_stack(plan.folder, stack.id, rest, "cpu", stack.runs)
    assert set(names) == {alone, stack.id}
    assert store.finished() == set(stack.runs)


def kept_of(folder):
    """What is kept of each run, timings aside."""
    store, found = Store(folder), {}
    for run_id in store.finished():
        record = store.record(run_id)
        found[run_id] = record.status, record.files
    return found


@pytest.mark.slow
def test_a_stack_of_which_some_runs_are_committed_goes_on_from_its_checkpoint(plan, tmp_path, monkeypatch):
    """It dies in its second commit: the first run stays as it is, the others end as if nothing had happened."""
    whole = tasks.plan_suite(Request(str(tmp_path / "kept.yaml"), str(tmp_path / "whole"), device="cpu"), True)
    (stack,) = plan.stacks
    tasks.train_stack(whole.folder, stack.id, stack.runs, "cpu")
    store, commit, steps, train = Store(plan.folder), Store.commit, [], engine.train

    def dying(self, record, artefacts):
        if store.finished():
            raise SystemExit
        return commit(self, record, artefacts)

    monkeypatch.setattr(Store, "commit", dying)
    with pytest.raises(SystemExit):
        tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu")
    monkeypatch.setattr(Store, "commit", commit)
    (first,) = store.finished()
    before = (store.run_folder(first) / "record.json").read_bytes()
    assert store.read_checkpoint(stack.id) is not None

    def counted(*given, checkpoints, **more):
        keep = lambda files: steps.append(files)  # noqa: E731
        return train(*given, checkpoints=engine.Checkpoints(keep, checkpoints.resume, checkpoints.every_s), **more)

    monkeypatch.setattr(engine, "train", counted)
    left = tasks.plan_suite(Request(str(tmp_path / "kept.yaml"), str(tmp_path / "results"), device="cpu"), True)
    (again,) = left.stacks
    assert (first not in again.runs, [*again.members]) == (True, [*stack.runs])
    done = tasks.train_stack(plan.folder, stack.id, again.runs, "cpu", again.members)
    assert sorted(run.run_id for run in done.runs) == sorted(set(stack.runs) - {first})
    assert steps == []  # its last step was in the checkpoint: nothing was trained twice
    assert (store.run_folder(first) / "record.json").read_bytes() == before
    assert kept_of(plan.folder) == kept_of(whole.folder)
    assert store.read_checkpoint(stack.id) is None
