"""What must hold on a CUDA device; run by `make gpu-check`."""

import os
from dataclasses import replace

import fake_tasks
import numpy as np
import pytest
import torch
from oracles import DOUBLE, alike, make_spec
from torch.nn import functional as F

from harness.engine import Checkpoints, Placement, train
from harness.engine.process import own_state
from harness.execution import tasks
from harness.execution.gpus import visible_gpus
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.objectives import OBJECTIVES, TRICKS
from harness.store import Store
from harness.workers import open_executor

SUITE = """
version: 1
name: few
seeds: 2
train: {steps: 20, batch: 8, lr: 1e-3}
score: {at: [1], samples: 60}
architectures: {mlp: {width: 4, depth: 1}}
matrix: [{dataset: 8gaussians, architecture: mlp, objective: [gan, wgan-gp]}]
"""

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("architecture", ["mlp", "mlp-bn"])
def test_the_same_run_on_gpu_and_cpu(objective, architecture):
    """In float64, where the order of a sum does not show in 15 steps."""
    specs = [make_spec(objective, architecture=architecture, seed=seed) for seed in range(3)]
    here = train(specs, at=[15], samples=50, placement=DOUBLE)
    there = train(specs, at=[15], samples=50, placement=Placement(device="cuda", dtype=torch.float64))
    for cpu, gpu in zip(here, there, strict=True):
        np.testing.assert_allclose(gpu.curves["critic_loss"], cpu.curves["critic_loss"], rtol=1e-5, atol=1e-6)
        generated = [run.snapshots[15]["generated"] for run in (cpu, gpu)]
        np.testing.assert_allclose(generated[1], generated[0], rtol=1e-4, atol=1e-5)


GAMES = [
    *[{"objective": name} for name in OBJECTIVES],
    *[{"objective": "nsgan", "tricks": (name,)} for name in TRICKS],
    *[{"objective": name, "dataset": "digits", "architecture": "dcgan"} for name in ("gan", "wgan-clip", "wgan-gp")],
    {"objective": "wgan-gp", "critic": {"norm": "spectral"}},
    {"objective": "wgan-gp", "schedule": {"critic_lr": "linear"}, "n_critic": {"base": 1, "every": [3, 4]}},
]


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_graphs_give_the_bits_of_eager_updates(game):
    specs = [make_spec(**game, seed=seed) for seed in range(3)]
    graph, eager = (train(specs, [15], 50, Placement(device="cuda", graphs=graphs)) for graphs in (True, False))
    assert [run.engine for run in graph + eager] == ["graph"] * 3 + ["eager"] * 3, graph[0].eager_because
    assert alike([replace(run, engine="eager") for run in graph], eager)


def fetches(real, fake, hyper):
    """Wait for the GPU, as no update that is captured can."""
    return OBJECTIVES["gan"].generator_loss(real, fake, hyper) * (1.0 if fake.mean().item() < 1e9 else 2.0)


def test_an_update_that_waits_for_the_gpu_is_eager_and_the_next_stack_is_replayed(monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "fetches", replace(OBJECTIVES["gan"], generator_loss=fetches))
    stream = torch.cuda.current_stream()
    (first,), (second,) = (
        train([make_spec(name)], [15], 50, Placement("single", "cuda")) for name in ("fetches", "gan")
    )
    assert (first.engine, second.engine) == ("eager", "graph")
    assert "synchronizing" in first.eager_because
    assert torch.cuda.current_stream() == stream
    torch.cuda.empty_cache()  # raises after a capture that failed


def test_after_a_capture_that_fails_a_worker_goes_on_to_the_end_of_its_task():
    with open_executor(1, tasks.prepare) as executor:
        pid, stays, sums = executor.submit(fake_tasks.fail_a_capture).result(120)
        assert (stays, sums) == (True, [2, 2, 2])
        assert executor.submit(os.getpid).result(120) != pid


COMPILED = [  # each takes its minutes of a core: the other games are compiled on a CPU (tests/engine/test_compiled.py)
    {"objective": "wgan-gp", "tricks": ("ema",)},
    {"objective": "wgan-gp", "dataset": "digits", "architecture": "dcgan"},
]


@pytest.mark.parametrize("game", COMPILED, ids=str)
def test_compiled_updates_equal_eager_ones_up_to_rounding(game):
    """In float64; what is compiled is replayed as a graph, too."""
    specs = [[make_spec(**game, seed=seed, **more) for seed in range(3)] for more in ({"compile": True}, {})]
    compiled, eager = (train(runs, placement=Placement(device="cuda", dtype=torch.float64)) for runs in specs)
    for ours, theirs in zip(compiled, eager, strict=True):
        if ours.eager_because and torch.__version__ < (2, 13):
            pytest.skip(f"this PyTorch compiles no such update: {ours.eager_because}")
        assert (ours.engine, ours.eager_because) == ("compiled", "")  # and replayed
        np.testing.assert_allclose(ours.curves["critic_loss"], theirs.curves["critic_loss"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("tf32", [False, True])
def test_products_and_convolutions_are_in_tensorfloat_where_that_is_said_and_nowhere_else(tf32):
    """Its factors keep 10 bits of fraction, those of float32 23."""
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("a card without TensorFloat-32")
    rng = torch.Generator("cuda").manual_seed(0)
    sizes = {torch.mm: [(512, 512), (512, 512)], F.conv2d: [(8, 64, 16, 16), (64, 64, 3, 3)]}
    for product, shapes in sizes.items():
        factors = [torch.randn(shape, device="cuda", dtype=torch.float64, generator=rng) for shape in shapes]
        with own_state(tf32):
            exact, ours = product(*factors), product(*(factor.float() for factor in factors))
        assert ((ours - exact).abs().max() / exact.abs().max() > 1e-5) == tf32, product


@pytest.mark.parametrize("game", [{}, {"dataset": "digits", "architecture": "dcgan"}], ids=str)
def test_a_suite_says_that_training_uses_tensorfloat(game):
    """Networks as wide as those for which libraries have such kernels."""
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("a card without TensorFloat-32")
    where, wide = Placement("single", "cuda"), {"players": {"width": 128}, "batch": 128, "steps": 1}
    runs = [train([make_spec("wgan-gp", **game, **wide, **more)], placement=where) for more in ({}, {"tf32": True})]
    losses = [run.curves["critic_loss"][0] for (run,) in runs]
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-2)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_same_pinned_stack_gives_the_same_bits_resumed_after_its_first_step(objective):
    """All steps but the first are made twice, from graphs that are captured anew."""
    specs, where = [make_spec(objective, seed=seed, tricks=("ema",)) for seed in range(4)], Placement(device="cuda")
    kept = []
    whole = train(specs, [5, 15], 50, where, checkpoints=Checkpoints(kept.append, every_s=0))
    resumed = train(specs, [5, 15], 50, where, checkpoints=Checkpoints(kept.append, kept[0], every_s=0))
    assert len(kept) == 15 + 14
    assert alike(resumed, whole)


def test_a_worker_that_trains_sees_its_gpu_alone():
    with open_executor(2, tasks.prepare) as executor:
        executor.pin(visible_gpus()[-1:], ())
        assert executor.submit(torch.cuda.device_count, trains=True).result(120) == 1
        name = executor.submit(torch.cuda.get_device_name, trains=True).result(120)
    assert name == torch.cuda.get_device_name(torch.cuda.device_count() - 1)


def test_a_suite_is_trained_on_gpus_while_other_workers_score(tmp_path):
    result = run(Request(SUITE, str(tmp_path), device="cuda", workers=3))
    assert (result.trained, result.exit_code) == (4, 0)
    table = Store(result.folder).table()
    assert set(table["device"]) <= {torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
