"""Compiled updates equal eager ones up to rounding; what cannot be compiled runs as it is written, and says why."""

from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch
from oracles import DOUBLE, make_spec

from harness.engine import compiled, train
from harness.engine.compiled import Compiled
from harness.engine.process import own_state
from harness.engine.stack import Stack
from harness.engine.step import RunState
from harness.objectives import OBJECTIVES, TRICKS

STEPS = 4
DIGITS = {"dataset": "digits", "architecture": "dcgan"}
GAMES = [
    *[{"objective": name} for name in OBJECTIVES],
    *[{"objective": "nsgan", "tricks": (name,)} for name in TRICKS],
    *[{"objective": name, **DIGITS} for name in ("gan", "r1r2", "dragan")],
    {"objective": "wgan-gp", "dataset": "digits", "architecture": "resnet"},
    {"objective": "wgan-gp", "critic": {"norm": "spectral"}},
    {"objective": "wgan-gp", "schedule": {"critic_lr": "linear"}, "n_critic": {"base": 1, "every": [3, 4]}},
]


def check(game, mode="stacked", backend="inductor"):
    """Two routes in float64, from the same start, on the same batches."""
    specs = [make_spec(**game, seed=seed, steps=STEPS) for seed in range(3 if mode == "stacked" else 1)]
    with own_state():
        eager, ours = (Stack(specs, DOUBLE) for _ in range(2))
        ours.updates = {player: Compiled(update, backend) for player, update in ours.updates.items()}
        torch.compiler.reset()
        ours.compile(0)
        for step in range(STEPS):
            np.testing.assert_allclose(ours.step(step), eager.step(step), rtol=1e-9, atol=1e-12)
    assert ours.engine == "compiled", ours.eager_because


@pytest.mark.slow
def test_a_gradient_that_is_differentiated_again_is_not_lost():
    """Traced but not compiled. PyTorch loses the second derivative of a Function of our own, without a word."""
    check({"objective": "wgan-gp", "critic": {"norm": "layer"}, **DIGITS}, backend="aot_eager")


@pytest.mark.bench
@pytest.mark.parametrize("game", GAMES, ids=str)
def test_every_update(game):
    check(game)


@pytest.mark.bench
def test_a_run_without_a_stack():
    check({"objective": "wgan-gp", **DIGITS}, mode="single")


@pytest.mark.slow
def test_a_worker_compiles_any_number_of_stacks():
    """Their updates share code, of which Dynamo compiles eight functions."""

    def update_of(number):
        return lambda state, batch, hyper: (state._replace(step=state.step + number), batch["x"])

    state, x = RunState({}, {}, {}, torch.zeros(1)), torch.ones(1)
    for number in range(10):
        update = Compiled(update_of(number), "eager")
        moved, values = update(state, {"x": x}, {})
        assert (moved.step.item(), values.item(), update.reason) == (number, 1, "")


def broken(*_, **__):
    def raising(*_):
        raise torch._dynamo.exc.Unsupported("no such operation\nand more")

    return raising


def test_what_cannot_be_compiled_runs_as_written_and_says_why(monkeypatch):
    monkeypatch.setattr(compiled.torch, "compile", broken)
    runs = [train([make_spec(seed=seed, **more) for seed in range(2)]) for more in ({"compile": True}, {})]
    assert [(run.engine, run.eager_because) for run in runs[0]] == [("eager", "no such operation and more")] * 2
    assert [(run.engine, run.eager_because) for run in runs[1]] == [("eager", "")] * 2
    np.testing.assert_array_equal(runs[0][0].curves["critic_loss"], runs[1][0].curves["critic_loss"])


@pytest.mark.parametrize(("error", "goes_on"), [(RuntimeError, True), (OSError, True), (torch.OutOfMemoryError, False)])
def test_what_fails_at_its_first_launch_runs_as_written_but_for_want_of_memory(monkeypatch, error, goes_on):
    def launch(*_):
        raise error("no compiler of kernels")

    monkeypatch.setattr(compiled.torch, "compile", lambda *_, **__: launch)
    spec = make_spec(steps=1, compile=True)
    with nullcontext() if goes_on else pytest.raises(torch.OutOfMemoryError):
        (run,) = train([spec])
        assert (run.engine, run.eager_because) == ("eager", "no compiler of kernels")


def test_what_fails_once_it_has_run_is_no_fault_of_the_compiler(monkeypatch):
    """The capture of a graph, say: the update stays compiled."""
    calls = iter(range(9))

    def launch(state, batch, hyper):
        if next(calls) == 1:
            raise RuntimeError("operation not permitted when stream is capturing")
        return state, torch.zeros(1)

    monkeypatch.setattr(compiled.torch, "compile", lambda *_, **__: launch)
    update, given = Compiled(lambda *_: pytest.fail("eager")), (RunState({}, {}, {}, torch.zeros(1)), {}, {})
    update(*given)
    with pytest.raises(RuntimeError, match="capturing"):
        update(*given)
    update(*given)
    assert update.reason == ""


def test_training_seconds_leave_out_compilation(monkeypatch):
    monkeypatch.setattr(compiled.torch, "compile", lambda update, **_: update)
    monkeypatch.setattr(Stack, "compile", lambda stack, step: 100.0)
    compiled_run, plain = (
        train([make_spec(seed=seed, **more) for seed in range(2)])[0].facts for more in ({"compile": True}, {})
    )
    assert compiled_run["compile_s"] == 50  # its share
    assert compiled_run["train_s"] < 50
    assert "compile_s" not in plain


SETTINGS = {  # that a process may have made before, by either of PyTorch's two ways
    "none": lambda: None,
    "older": lambda: torch.set_float32_matmul_precision("medium"),
    **{
        f"{name} {value}": partial(setattr, of, "fp32_precision", value)
        for name, of in {
            "all": torch.backends,
            "matmul": torch.backends.cuda.matmul,
            "cudnn": torch.backends.cudnn,
            "conv": torch.backends.cudnn.conv,
        }.items()
        for value in ("ieee", "tf32")
    },
    "mkldnn": partial(setattr, torch.backends.mkldnn.matmul, "fp32_precision", "bf16"),
}


@pytest.mark.parametrize("tf32", [False, True])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_gpu_computes_as_the_suite_says_whatever_was_set(setting, tf32):
    backends = torch.backends
    newer = [backends, backends.cudnn, backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn]
    newer += [backends.mkldnn.matmul, backends.mkldnn.conv]

    def state():
        cudnn = backends.cudnn
        return torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark

    def both():
        values = [each.fp32_precision for each in newer]
        try:
            return values, state()
        except RuntimeError as error:  # PyTorch's word on a process that used both ways
            return values, str(error)

    untouched = both()
    try:
        SETTINGS[setting]()
        before = both()
        with own_state(tf32):
            assert state() == ("high" if tf32 else "highest", tf32, True, False)
            assert [each.fp32_precision == "tf32" for each in (backends.cuda.matmul, backends.cudnn.conv)] == [tf32] * 2
        assert both() == before
    finally:
        torch.set_float32_matmul_precision("highest")
        for each, value in zip(newer, untouched[0], strict=True):
            each.fp32_precision = value
    assert both() == untouched
