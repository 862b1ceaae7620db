"""Longer trainings that go on from finished runs, from suite to scores, against the same suite in an empty folder."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

import harness
from harness import engine
from harness.execution import tasks
from harness.execution.provenance import provenance
from harness.execution.requests import Request
from harness.plan.origins import Origin, origins
from harness.plan.screen import render
from harness.store import Store

pytestmark = pytest.mark.slow

SUITE = """
version: 1
name: kept
seeds: 2
train: {steps: 20, batch: 8, lr: 1e-3, keep: [.5, 1], checkpoint_s: 1e-9}
score: {at: [0, .25, .5, .75, 1], samples: 20, frames: 5}
architectures: {mlp: {width: 4, depth: 1}}
objectives:
  averaged: {base: nsgan, tricks: {ema: {decay: .9}}}
  falling: {base: nsgan, schedule: {lr: linear}}
matrix: [{dataset: 8gaussians, architecture: mlp, objective: [wgan-gp, averaged, falling]}]
"""


def planned(root, *sets, write=True):
    return tasks.plan_suite(Request(SUITE, str(root), sets=sets, device="cpu"), write)


def trained(root, *sets):
    """Plan, train and score; return what was there to do, and the store."""
    todo = planned(root, *sets)
    for stack in todo.stacks:
        assert tasks.train_stack(todo.folder, stack.id, stack.runs, "cpu", stack.members).failure is None
    store = Store(todo.folder)
    tasks.score_runs(todo.folder, store.plan.run_ids)
    return todo, store


def kept_of(store, run_id):
    """All that is kept of a run, timings aside."""
    record = store.record(run_id)
    files = {name: digest for name, digest in record.files.items() if not name.startswith("states/")}
    states = {step: store.state(run_id, step) for step in store.states(run_id)}
    for state in states.values():
        state.pop("seconds")
    facts = {name: value for name, value in record.facts.items() if name not in ("train_s", "step_ms", "peak_mb")}
    scores = store.scores(run_id, store.plan.score_id)
    return record.status, files, facts, scores.steps, states


def assert_same(store, other):
    assert store.plan.run_ids == other.plan.run_ids
    for run_id in store.plan.run_ids:
        *one, states = kept_of(store, run_id)
        *two, expected = kept_of(other, run_id)
        assert one == two
        assert states.keys() == expected.keys()
        for step, state in states.items():
            assert state.keys() == expected[step].keys()
            assert all(np.array_equal(state[name], expected[step][name]) for name in state)


def continued(store):
    """The runs that went on from step 20 of another."""
    return [run_id for run_id in store.plan.run_ids if store.record(run_id).provenance.get("begun") == "20"]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("scratch"), "train.steps=40", "seeds=3")[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    trained(folder)
    return folder


@pytest.fixture
def short(finished, tmp_path):
    """A folder of its own in which the short runs have finished."""
    return shutil.copytree(finished, tmp_path / "short")


def test_a_longer_training_equals_one_from_scratch(short, scratch):
    """With a seed more, which trains from scratch in the same stack, and a schedule, which depends on the steps."""
    left = planned(short, "train.steps=40", "seeds=3", write=False)
    description = left.description
    assert [(row.runs, row.length, row.step) for row in description.continued] == [(4, 20, 20)]
    assert [*description.anew.values()] == [2]
    assert "4 runs from step 20 of a finished one of 20" in render(description)
    assert sorted(stack.left for stack in left.workload.stacks) == pytest.approx([2 / 3, 2 / 3, 1])
    store = trained(short, "train.steps=40", "seeds=3")[1]
    assert_same(store, scratch)
    assert len(continued(store)) == 4


def test_one_that_dies_on_its_way_goes_on_from_there(short, scratch, monkeypatch):
    todo, train, steps = planned(short, "train.steps=40", "seeds=3"), engine.train, []

    def dying(*given, checkpoints, **more):
        def keep(files):
            checkpoints.keep(files)
            steps.append(files)
            if checkpoints.donors and len(steps) > 50:
                raise SystemExit

        return train(*given, checkpoints=replace(checkpoints, keep=keep), **more)

    begun = next(stack.id for stack in todo.workload.stacks if stack.left < 1)
    stack = next(stack for stack in todo.stacks if stack.id == begun)
    monkeypatch.setattr(engine, "train", dying)
    with pytest.raises(SystemExit):
        tasks.train_stack(todo.folder, stack.id, stack.runs, "cpu", stack.members)
    assert Store(todo.folder).read_checkpoint(stack.id) is not None
    monkeypatch.setattr(engine, "train", train)
    assert_same(trained(short, "train.steps=40", "seeds=3")[1], scratch)


def test_a_damaged_state_is_set_aside_and_its_run_trains_from_scratch(short, scratch):
    store = Store(short / "kept")
    donor = next(run.run_id for run in store.plan.runs if run.objective == "wgan-gp")
    path = store.run_folder(donor) / "states" / "20.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    todo, store = trained(short, "train.steps=40", "seeds=3")
    assert [donor in line for line in todo.damage] == [True]
    assert not store.run_folder(donor).exists()
    assert_same(store, scratch)
    assert len(continued(store)) == 3


def test_damage_that_comes_after_planning_is_met_by_the_worker(short, scratch):
    todo, store = planned(short, "train.steps=40", "seeds=3"), Store(short / "kept")
    for path in store.folder.glob("runs/*/states/20.safetensors"):
        path.write_bytes(b"")
    for stack in todo.stacks:
        assert tasks.train_stack(todo.folder, stack.id, stack.runs, "cpu", stack.members).failure is None
        tasks.score_runs(todo.folder, stack.runs)
    assert_same(store, scratch)
    assert continued(store) == []


def test_why_a_run_trains_from_scratch(short):
    """Each reason by a change of what has finished, of this machine, or of the suite."""

    def replies(*sets, **where):
        todo = planned(short, *sets, write=False)
        runs, length = todo.description.continued, todo.description.anew
        if where:
            store, plan = Store(todo.folder), planned(short, *sets) and Store(todo.folder).plan
            here = provenance("cpu") | where
            return {type(reply) for reply in origins(store, plan, plan.run_ids, here).values()}
        return sum(row.runs for row in runs), sum(length.values())

    assert replies("train.steps=40") == (4, 2)
    assert replies("train.steps=50") == (4, 2)  # from step 10: at 13 nothing was scored
    assert replies("train.steps=30") == (0, 6)  # nor at step 8
    assert replies("train.steps=50", "score.at=1", "score.frames=0", "train.keep=[1]") == (4, 2)
    assert replies("train.steps=15", "score.at=1", "score.frames=0", "train.keep=[]") == (4, 2)  # from step 10
    assert replies("train.steps=40", "score.samples=21") == (0, 6)
    assert replies("train.steps=40", "train.batch=16") == (0, 0)  # another run altogether
    assert replies("train.steps=40", cpu_isa="another") == {str}
    assert replies("train.steps=40", device="an H200") == {str}
    assert replies("train.steps=40", python="another") == {Origin, str}


def test_networks_of_a_kept_step(short, call):
    """What is drawn of step 20 is what the run of 20 steps draws; a step that is not kept is a sentence with those."""
    store = Store(short / "kept")
    run_id = next(run.run_id for run in store.plan.runs if run.objective == "averaged" and run.seed == 0)
    last = harness.load_run(run_id, root=short)
    kept = harness.load_run(run_id, root=short, step=20)
    middle = harness.load_run(run_id, root=short, step=10)
    assert np.array_equal(last.draw(9), kept.draw(9))
    assert not np.array_equal(last.draw(9), middle.draw(9))
    assert middle.weights[0] == "ema"
    shot = store.snapshot(run_id, 10)
    flat = np.concatenate([x.detach().numpy().ravel() for x in middle.critic.parameters()])
    assert np.array_equal(np.sort(flat), np.sort(shot["critic"]))
    assert call("sample", run_id, "--root", str(short), "--step", "10", "-n", "9", "-o", str(short / "a.npz"))[0] == 0
    with np.load(short / "a.npz") as file:
        assert np.array_equal(file["samples"], middle.draw(9))
    code, _, error = call("sample", run_id, "--root", str(short), "--step", "11", "-o", str(short / "a.npz"))
    assert (code, "10 and 20" in error) == (2, True)
