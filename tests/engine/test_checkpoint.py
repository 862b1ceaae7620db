"""What a checkpoint's files are taken for: the training that they were made for, and nothing else."""

import io

import numpy as np
import pytest
import torch
from oracles import alike, arrays, make_spec, same

from harness.engine import Checkpoints, checkpoint, train
from harness.engine.checkpoint import FILE, Trail, pack, training_id, unpack
from harness.engine.stack import Placement, Stack


def some_stack(**changes):
    made = {"seeds": (0, 1), "mode": "stacked", "dtype": torch.float32, "steps": 6, **changes}
    specs = [make_spec(seed=seed, steps=made["steps"]) for seed in made["seeds"]]
    return Stack(specs, Placement(made["mode"], dtype=made["dtype"]))


@pytest.fixture(scope="module")
def kept():
    """The checkpoint after the third of six steps."""
    found = []
    train(
        [make_spec(seed=seed, steps=6) for seed in (0, 1)], [1, 6], 20, checkpoints=Checkpoints(found.append, every_s=0)
    )
    return found[2]


def test_seconds_are_carried_over():
    stack = some_stack()
    stack.step(0)
    trail = Trail.begin(stack)
    trail.step, trail.seconds = 1, 1000.0
    files = pack(stack, trail, training_id(stack, 1000, [], [], []))
    resumed = train(stack.specs, checkpoints=Checkpoints(lambda files: None, files))
    assert resumed[0].facts["train_s"] == pytest.approx(500, abs=10)


OTHERS = [
    {"seeds": (1, 0)},
    {"seeds": (0, 2)},
    {"seeds": (0, 1, 2)},
    {"dtype": torch.float64},
    {"steps": 7},
    {"seeds": (0,), "mode": "single"},
]


@pytest.mark.parametrize("changes", OTHERS)
def test_a_checkpoint_of_other_runs_is_none_of_ours(kept, changes):
    stack = some_stack(**changes)
    assert unpack(kept, stack, training_id(stack, 20, [1, 6], [], [])) is None


def test_nor_is_one_of_other_snapshots_or_another_version(kept, monkeypatch):
    def is_ours(at=(1, 6), samples=20):
        stack = some_stack()
        return unpack(kept, stack, training_id(stack, samples, at, [], [])) is not None

    assert is_ours()
    assert is_ours(at=[6, 1, 1])  # the same steps
    assert not is_ours(at=[6])
    assert not is_ours(samples=21)
    for module, name, other in (
        (checkpoint, "ENGINE_VERSION", -1),
        (torch, "__version__", "0"),
        (checkpoint, "VERSION", -1),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, other)
            assert not is_ours()


@pytest.mark.slow
def test_damaged_files_are_never_believed(kept):
    """Cut or flipped anywhere, they are refused, and the stack is left as it was, or what they hold is unharmed."""
    whole = kept[FILE]
    expected = arrays(kept)
    stack = some_stack()
    address = training_id(stack, 20, [1, 6], [], [])
    places = range(0, len(whole), max(1, len(whole) // 150))
    damaged = [whole[:at] for at in places]
    damaged += [
        whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        for at in [*places, *range(len(whole) - 60, len(whole))]
    ]
    refused = 0
    for content in damaged:
        before = stack.state
        trail = unpack({FILE: content}, stack, address)
        if trail is None:
            refused += 1
            assert stack.state is before
            continue
        assert same({name: leaf.numpy() for name, leaf in checkpoint._named(stack.state).items()},
                    {name: array for name, array in expected.items() if name.startswith("state.")})  # fmt: skip
        assert trail.step == 3
        assert np.array_equal(trail.curves[:, :3].numpy(), expected["curves"])
    assert refused > 0.9 * len(damaged)


@pytest.mark.slow
def test_foreign_files_begin_anew_and_run_no_code(kept, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    trapped = io.BytesIO()
    np.savez(trapped, address=np.array(Trap(), dtype=object), allow_pickle=True)
    lone = io.BytesIO()
    np.save(lone, np.zeros(3))
    specs = some_stack().specs
    whole = train(specs, [1, 6], 20)
    with np.load(io.BytesIO(kept[FILE])) as file:
        held = {name: file[name] for name in file.files}
    lacking = {name: array for name, array in held.items() if name != "state.params['critic']"}
    foreign = [
        {},
        {"other": kept[FILE]},
        *({FILE: content} for content in (b"", b"PK", trapped.getvalue(), lone.getvalue())),
    ]
    for content in (lacking, {**held, "state.more": np.zeros(2)}, {**held, "curves": held["curves"][:1]}):
        wrong = io.BytesIO()
        np.savez(wrong, **content)
        foreign.append({FILE: wrong.getvalue()})
    for files in foreign:
        later = []
        assert alike(train(specs, [1, 6], 20, checkpoints=Checkpoints(later.append, files, every_s=0)), whole)
        assert len(later) == 6
    assert not tmp_path.joinpath("sprung").exists()
