"""Updates that are replayed in place equal those that run as they are written, bit for bit.

On a CPU a recording runs its body again, which is all that a CUDA graph does; with one, tests/test_gpu.py.
"""

from contextlib import contextmanager, nullcontext

import pytest
import torch
from oracles import make_spec
from torch.utils._pytree import tree_leaves, tree_map

from harness.engine import Placement
from harness.engine.replay import Replay
from harness.engine.stack import Stack
from harness.objectives import OBJECTIVES, TRICKS

STEPS = 6


def again(body):
    return body


def stacks(*specs, mode="stacked"):
    """The same runs twice: as they are, and with updates in place."""
    plain, replayed = (Stack(specs, Placement(mode)) for _ in range(2))
    replayed.replay = Replay(replayed.updates, again)
    return plain, replayed


def check(plain, replayed, steps=STEPS):
    places = []
    for step in range(steps):
        assert torch.equal(plain.step(step), replayed.step(step)), step
        for ours, theirs in zip(tree_leaves(replayed.state), tree_leaves(plain.state), strict=True):
            assert torch.equal(ours, theirs), step
        places.append({id(leaf) for leaf in tree_leaves(replayed.state._replace(step=()))})
    assert places[0] == places[-1]  # it stays where it is
    assert replayed.engine == "graph"
    assert plain.engine == "eager"


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective(objective):
    check(*stacks(*[make_spec(objective, seed=seed, steps=STEPS) for seed in range(3)]))


@pytest.mark.parametrize("trick", TRICKS)
def test_every_trick(trick):
    check(*stacks(*[make_spec("nsgan", seed=seed, tricks=(trick,), steps=STEPS) for seed in range(2)]))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["stacked", "single"])
def test_images_schedules_and_counts_of_updates(mode):
    train = {"schedule": {"critic_lr": "linear", "generator_lr": "cosine"}, "n_critic": {"base": 1, "every": [2, 3]}}
    check(*stacks(make_spec("wgan-gp", "digits", "dcgan", steps=STEPS, **train), mode=mode))


def test_what_was_looked_at_before_does_not_change():
    _, stack = stacks(make_spec(steps=STEPS))
    before = stack.state
    values = tree_map(torch.clone, before)
    for step in range(3):
        stack.step(step)
    assert all(map(torch.equal, tree_leaves(before), tree_leaves(values)))


def test_a_state_that_is_put_in_place_of_the_present_one_is_taken_up():
    plain, replayed = stacks(make_spec(steps=STEPS))
    for stack in (plain, replayed):
        first = tree_map(torch.clone, stack.state)
        stack.step(0)
        stack.state = first
    check(plain, replayed)


def test_a_recording_without_memory_for_it_is_no_reason_to_go_on_without():
    def short(body):
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            raise RuntimeError("the capture was ended")  # what leaving a failed capture raises

    stack = Stack([make_spec(steps=STEPS, seed=seed) for seed in range(2)], Placement())
    stack.replay = Replay(stack.updates, short)
    with pytest.raises(torch.OutOfMemoryError):
        stack.step(0)


def test_new_values_that_lie_in_the_memory_of_old_ones_are_right():
    """Two leaves that change places: each would read what the other has just written."""
    state = {"a": torch.zeros(3), "b": torch.ones(3)}
    swap = Replay({"critic": lambda state, batch, hyper: ({"a": state["b"], "b": state["a"]}, batch["x"])}, again)
    after, _ = swap("critic", state, {"x": torch.zeros(1)}, {})
    assert after["a"].tolist() == [1, 1, 1]
    assert after["b"].tolist() == [0, 0, 0]


def test_a_memory_that_begins_with_the_first_update_is_recorded_from_the_second_on():
    def update(state, batch, hyper):
        return {"count": state.get("count", torch.zeros(1)) + batch["x"]}, batch["x"]

    replay, state = Replay({"critic": update}, again), {}
    for _ in range(3):
        state, _ = replay("critic", state, {"x": torch.ones(1)}, {})
    assert state["count"].tolist() == [3]
    assert len(replay._recordings) == 1


def refuse(body):
    raise RuntimeError("operation not permitted when stream is capturing\nmore")


@contextmanager
def waits():
    yield
    raise RuntimeError("called a synchronizing CUDA operation")


@pytest.mark.parametrize(
    ("record", "checks", "why"),
    [
        (refuse, nullcontext, "operation not permitted when stream is capturing"),
        (refuse, waits, "called a synchronizing CUDA operation"),  # and nothing is recorded
    ],
)
def test_what_cannot_be_recorded_runs_as_it_is_written_and_says_why(record, checks, why):
    plain, replayed = stacks(make_spec(steps=STEPS))
    replayed.replay = Replay(replayed.updates, record, checks)
    for step in range(3):
        assert torch.equal(plain.step(step), replayed.step(step))
    assert replayed.replay.reason == why
    assert replayed.engine == "eager"
