"""The benchmark's yardstick and what it counts."""

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from harness.bench import SIZES, bench, heading, render
from harness.bench.engine import STACKS, measure, peak_gflops, step_flops
from harness.bench.plain import PlainLoop, Size
from harness.datasets import DATASETS
from harness.errors import UnknownName
from harness.metrics.transport import wasserstein_1


def test_the_counted_work_is_what_the_plain_loop_multiplies():
    """By PyTorch's profiler. Autograd also sends the penalty's zeros back through the ReLUs, a sixth of it."""
    size = Size(width=64, batch=32, n_critic=2)
    loop = PlainLoop(size)
    with profile(activities=[ProfilerActivity.CPU], with_flops=True) as profiler:
        loop.step()
    products = sum(event.flops for event in profiler.key_averages() if event.key in ("aten::mm", "aten::addmm"))
    assert 5 / 6 < step_flops(size) / products < 1


@pytest.mark.slow
def test_the_plain_loop_learns_the_ring():
    torch.manual_seed(0)
    loop, entry = PlainLoop(Size(width=64, batch=64)), DATASETS["8gaussians"]
    real = entry.reference(500, torch.Generator().manual_seed(0), {**entry.hyper, **entry.setup}).numpy()

    def distance():
        with torch.no_grad():
            return wasserstein_1(loop.generator(torch.randn(500, 2)).numpy(), real)

    before = distance()
    for optimizer in loop._players:
        optimizer.param_groups[0]["lr"] = 1e-3
    for _ in range(300):
        loop.step()
    assert distance() < 0.5 * before


def test_a_row_compares_every_stack_with_the_plain_loop():
    row = measure(width=8, batch=8, rounds=1, seconds=0.001)
    assert [stack["runs"] for stack in row["stacks"]] == list(STACKS)
    assert row["best"] == min(stack["ratio"] for stack in row["stacks"])
    assert row["plain"]["ratio"] == 1.0
    for stack in row["stacks"]:
        np.testing.assert_allclose(stack["ratio"], stack["ms"] / row["plain"]["ms"])  # of one round
    assert len(render(row)) <= 115
    assert all(len(line) <= 115 for line in heading().splitlines())


def test_the_sizes_and_the_peak():
    assert {width for width, _ in SIZES} == {64, 128, 512}
    assert peak_gflops() > 0.1


def test_an_unknown_benchmark_is_a_sentence():
    with pytest.raises(UnknownName, match=r"'engin'.*Did you mean 'engine'"):
        bench("engin")
