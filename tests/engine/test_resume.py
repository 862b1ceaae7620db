"""A resumed training against one that was never interrupted: bit for bit, wherever and however often it stopped."""

import itertools
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from oracles import DOUBLE, NAN_AT, alike, arrays, make_spec, same
from torch.utils._pytree import tree_leaves

from harness.architectures import ARCHITECTURES
from harness.engine import Checkpoints, train
from harness.engine.stack import Placement, Stack
from harness.objectives import OBJECTIVES, TRICKS, Trick

AT = (0, 3, 8)


def check_resumed(specs, stops=(1, 4, 8), at=AT, **how):
    """Resume from the checkpoint after each of `stops`, and look at every later checkpoint as well."""
    whole = train(specs, at, 20, **how)
    kept = []
    assert alike(train(specs, at, 20, checkpoints=Checkpoints(kept.append, every_s=0), **how), whole)
    steps = specs[0].setup.train["steps"]
    assert len(kept) == steps
    for stop in stops:
        later = []
        resumed = train(specs, at, 20, checkpoints=Checkpoints(later.append, kept[stop - 1], every_s=0), **how)
        assert len(later) == steps - stop  # it went on, and did not begin anew
        assert alike(resumed, whole)
        for one, other in zip(later, kept[stop:], strict=True):
            assert same(arrays(one), arrays(other))
    return whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "architecture"), [*((name, "mlp") for name in OBJECTIVES), ("nsgan", "mlp-bn"), ("wgan-gp", "mlp-bn")]
)
def test_a_resumed_stack_equals_an_uninterrupted_one(objective, architecture):
    specs = [make_spec(objective, architecture=architecture, seed=seed, steps=8, batch=13) for seed in range(3)]
    assert {outcome.status for outcome in check_resumed(specs, stops=(4,))} == {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
@pytest.mark.parametrize("schedule", [{}, {"critic_lr": "linear", "generator_lr": "cosine"}])
def test_with_every_optimiser_and_schedule(optimizer, schedule):
    made = {"optimizer": optimizer, "schedule": schedule, "steps": 8}
    check_resumed([make_spec(seed=s, hyper={"beta1": 0.5, "beta2": 0.9}, **made) for s in range(2)])


CASES = {
    "critic updates by schedule": {"n_critic": {"base": 1, "first": [3, 20], "every": [5, 10]}},
    "a fixed set": {"data": {"fixed": 50}},
    "packing": {"pack": 2},
    "a moving average": {"tricks": ("ema",), "hyper": {"ema.decay": 0.8}},
    "clipped from the start": {"objective": "wgan-clip", "constrain": "after+start"},
    "a data set of files": {"dataset": "points"},
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", ["stacked", "vmap", "single"])
def test_in_every_mode(case, mode, monkeypatch):
    if mode == "vmap":
        monkeypatch.setitem(ARCHITECTURES, "mlp", replace(ARCHITECTURES["mlp"], forward=None, slope=None))
    seeds = range(1 if mode == "single" else 2)
    specs = [make_spec(**{"seed": seed, "steps": 8, **CASES[case]}) for seed in seeds]
    check_resumed(specs, stops=(4,), placement=Placement("single" if mode == "single" else "stacked"))


@pytest.mark.slow
def test_where_the_generator_is_fixed_and_in_float64():
    specs = [
        make_spec("wgan-gp", "parallel-lines", seed=s, steps=8, generator="fixed", hyper={"data.theta": 0.5})
        for s in range(2)
    ]
    specs = [replace(spec, setup=replace(spec.setup, generator={})) for spec in specs]
    check_resumed(specs)
    check_resumed(specs, placement=DOUBLE)


@pytest.mark.slow
def test_with_frames_beside_scored_steps():
    check_resumed([make_spec("nsgan", seed=seed, steps=8) for seed in range(2)], frames=[0, 2, 5, 8])


@pytest.mark.slow
def test_a_lone_run_is_padded_alike():
    check_resumed([make_spec(steps=8)])


@pytest.mark.slow
@pytest.mark.parametrize("data", [{}, {"fixed": 30}])
def test_at_the_edges_of_a_block_of_noise(data):
    specs = [make_spec("nsgan", seed=seed, steps=66, n_critic=1, data=data) for seed in range(2)]
    check_resumed(specs, stops=(1, 63, 64, 65), at=(0, 63, 64, 66))


class Killed(BaseException):
    """Stands for the end of the process."""


def dying(after):
    """A clock of one tick a call that ends the process at call number `after`, between two steps."""
    for tick in range(after):
        yield float(tick)
    raise Killed


@pytest.mark.slow
@pytest.mark.parametrize("lives", [[1] * 3 + [30], [4, 9, 14, 5, 6], [12, 3, 11, 60], [2, 40]])
def test_a_stack_interrupted_again_and_again_ends_alike(lives):
    """A checkpoint every 3 ticks; what was done since the last one is lost each time."""
    specs = [make_spec("wgan-gp", seed=seed, steps=25, tricks=("ema",)) for seed in range(2)]
    whole = train(specs, [0, 3, 4, 24, 25], 20)
    kept, outcomes = [None], None
    for life in itertools.chain(lives, [100]):
        ticks = dying(life)
        try:
            survivor = Checkpoints(kept.append, kept[-1], every_s=3, clock=lambda ticks=ticks: next(ticks))
            outcomes = train(specs, [0, 3, 4, 24, 25], 20, checkpoints=survivor)
            break
        except Killed:
            continue
    assert outcomes is not None
    assert alike(outcomes, whole)


def test_a_checkpoint_is_kept_when_its_time_has_come():
    """Of 10 steps of one second each, the keeping itself taking 5: after steps 4 and 8."""
    now = [0.0]

    def clock():
        now[0] += 1
        return now[0]

    def keep(files):
        steps.append(int(arrays(files)["step"]))
        now[0] += 5

    steps = []
    train([make_spec(steps=10)], checkpoints=Checkpoints(keep, every_s=4, clock=clock))
    assert steps == [4, 8]


PROGRAM = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from oracles import make_spec
from harness.engine import Checkpoints, train

folder = Path({folder!r})

def keep(files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    kept.append(files)
    if len(kept) == 20:
        os.kill(os.getpid(), signal.SIGKILL)

kept = []
specs = [make_spec("wgan-gp", architecture="mlp-bn", seed=seed, steps=40, tricks=("ema",)) for seed in range(3)]
train(specs, [0, 15, 40], 20, checkpoints=Checkpoints(keep, every_s=0))
"""


@pytest.mark.slow
def test_another_process_goes_on_where_a_killed_one_stood(tmp_path):
    code = PROGRAM.format(path=sys.path, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert arrays(files)["step"] == 20
    specs = [make_spec("wgan-gp", architecture="mlp-bn", seed=seed, steps=40, tricks=("ema",)) for seed in range(3)]
    later = []
    resumed = train(specs, [0, 15, 40], 20, checkpoints=Checkpoints(later.append, files, every_s=0))
    assert len(later) == 20
    assert alike(resumed, train(specs, [0, 15, 40], 20))


def remember(player, params, fake, extra, noise, hyper):
    """Keep the last fakes in a buffer, a count of updates, and the norms of the critic so far, which grow."""
    slots, (count, (norms,)) = extra["slots"], extra["more"]
    norm = params.square().sum(-1, keepdim=True)
    return {"slots": torch.cat([slots[..., 1:, :, :], fake[..., None, :, :]], -3), "more": [count + 1, (norms + norm,)]}


def replayed(player, real, fake, extra, noise, hyper):
    """Show the critic the fakes of the buffer's oldest slot, read across its transpose, moved by the count."""
    count, (norms,) = extra["more"]
    shift = (count / 100)[..., None, None] + 1e-3 * norms[..., None]
    return real, fake + 0.1 * torch.tanh(extra["slots"][..., 0, :, :]) + shift


REPLAY = Trick(
    init=lambda params, draw: {
        "slots": torch.randn(3, 16, 2, generator=draw),
        "more": [torch.zeros(()), (torch.zeros(1),)],
    },
    inputs=replayed,
    after=remember,
)

LATE = Trick(  # no `init`: its memory begins with the first update, is of whole numbers, and lies transposed
    inputs=lambda player, real, fake, extra, noise, hyper: (
        real,
        fake if extra is None else fake + 0.01 * torch.matmul(fake, (extra["mixed"] % 7).to(fake.dtype)),
    ),
    after=lambda player, params, fake, extra, noise, hyper: {
        "mixed": (100 * fake[..., :2, :]).long().transpose(-1, -2) + (0 if extra is None else extra["mixed"])
    },
)


@pytest.mark.slow
@pytest.mark.parametrize("trick", [REPLAY, LATE])
@pytest.mark.parametrize("mode", ["stacked", "vmap", "single"])
def test_the_memory_of_tricks_is_kept_whatever_its_tree(trick, mode, monkeypatch):
    monkeypatch.setitem(TRICKS, "test", trick)
    if mode == "vmap":
        monkeypatch.setitem(ARCHITECTURES, "mlp", replace(ARCHITECTURES["mlp"], forward=None, slope=None))
    seeds = range(1 if mode == "single" else 2)
    specs = [make_spec("nsgan", seed=seed, steps=8, tricks=("test",)) for seed in seeds]
    whole = check_resumed(specs, placement=Placement("single" if mode == "single" else "stacked"))
    plain = train([make_spec("nsgan", steps=8)], placement=Placement("single" if mode == "single" else "stacked"))
    assert not same(whole[0].curves, plain[0].curves)  # what it remembers does change the training


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("architecture", ["mlp", "mlp-bn"])
def test_a_state_lies_densely_as_a_checkpoint_restores_it(objective, architecture, monkeypatch):
    """Layout decides which kernel reads a tensor, and so its last bits."""
    monkeypatch.setitem(TRICKS, "late", LATE)
    tricks = ("ema", "late")
    specs = [make_spec(objective, architecture=architecture, seed=s, tricks=tricks) for s in range(2)]
    stack = Stack(specs, Placement())
    for step in range(3):
        stack.step(step)
        assert [leaf for leaf in tree_leaves(stack.state) if not leaf.is_contiguous()] == []


@pytest.mark.slow
def test_a_diverged_run_is_carried_along_and_its_neighbours_are_left_alone(monkeypatch):
    monkeypatch.setitem(TRICKS, "nan", NAN_AT)
    good = [make_spec("wgan-gp", seed=s, steps=25, tricks=("nan",)) for s in (1, 2)]
    bad = make_spec("wgan-gp", seed=3, steps=25, tricks=("nan",), hyper={"nan.at": 12.0})
    left, broken, right = check_resumed([good[0], bad, good[1]], stops=(1, 11, 12, 13, 14, 25), at=(1, 12, 13, 25))
    assert (broken.status, broken.first_bad_step, list(broken.snapshots)) == ("diverged", 13, [1, 12])
    calm = train([good[0], good[1], good[1]], (1, 12, 13, 25), 20)
    assert alike([left, right], calm[:2])
