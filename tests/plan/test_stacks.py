"""How many runs of images train together, what they take, and what they are taken to take."""

import subprocess
import sys
from dataclasses import replace

import pytest
from oracles import make_spec

from harness.engine.noise import BLOCK
from harness.plan.stacks import run_bytes, stack_size, work, working_bytes
from harness.suite.checks.network_sizes import player_sizes


@pytest.mark.usefixtures("pictures")
def test_stacks_of_pictures_stay_in_the_caches_of_a_cpu():
    def size(dataset, width, batch=64):
        players = {"width": width, "latent": 64}
        return stack_size(make_spec("wgan-gp", dataset, "dcgan", players=players, batch=batch).setup, "cpu")

    assert [size("pictures", 8), size("pictures", 16), size("colours", 8), size("colours", 16)] == [16, 8, 3, 1]
    assert size("colours", 16, batch=16) > 4


@pytest.mark.usefixtures("pictures")
def test_work_counts_multiply_adds_and_memory_what_is_worked_on_at_once():
    setup = make_spec("gan", "colours", "dcgan", players={"width": 8}, n_critic=1).setup
    sizes = player_sizes(setup)
    generator, critic = sizes["generator"].multiply_adds, sizes["critic"].multiply_adds
    assert work(setup) == 15 * 16 * (6 * critic + 2 * generator + 6 * generator + 4 * critic)
    parts = replace(setup, train={**setup.train, "micro_batch": 4})
    fixed = 4 * 4 * sum(size.parameters for size in sizes.values())
    assert working_bytes(parts) - fixed == (working_bytes(setup) - fixed) / 4


@pytest.mark.bench
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("dataset", "width", "batch", "runs"),
    [("pictures", 8, 64, 16), ("large", 32, 32, 1)],
)
def test_the_memory_that_a_run_is_taken_to_need_is_right_within_a_factor_of_two(dataset, width, batch, runs):
    how = f"{dataset!r}, {width}, {batch}, {runs}"
    done = subprocess.run([sys.executable, "-c", MEMORY.format(how=how)], check=True, capture_output=True, text=True)
    taken, expected = map(float, done.stdout.split())
    assert 0.5 < taken / expected < 2


MEMORY = """
import re, torch
from pathlib import Path
from oracles import BLOBS, make_spec
from harness.datasets import DATASETS
from harness.engine.stack import Placement, Stack
from harness.plan.stacks import run_bytes

def peak():  # of this program alone: what getrusage says includes the size of the one that started it
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def begin(dataset, width, batch, runs):
    players = {{"width": width, "latent": 64}}
    specs = [
        make_spec("wgan-gp", dataset, "dcgan", players=players, batch=batch, seed=seed, n_critic=1)
        for seed in range(runs)
    ]
    return Stack(specs, Placement("single" if runs == 1 else "stacked"))

torch.set_num_threads(1)
DATASETS.update(BLOBS)
begin("pictures", 2, 2, 2).step(0)  # the libraries' own
before = peak()
stack = begin({how})
for step in range(3):
    stack.step(step)
print((peak() - before) / len(stack.specs), run_bytes(stack.setup))
"""


def test_tiny_critics_share_one_stack_and_usual_networks_keep_theirs():
    spec = make_spec(dataset="parallel-lines", critic={"widths": [10]}, batch=100, generator="fixed")
    assert stack_size(replace(spec.setup, generator={}), "cpu") >= 105
    usual = make_spec(players={"width": 64, "depth": 3}, batch=64)
    assert stack_size(usual.setup, "cpu") == 16


@pytest.mark.parametrize(
    ("objective", "tricks", "streams"),
    [("nsgan", ("instance-noise",), 4), ("dragan", (), 1), ("wgan-gp", (), 0), ("nsgan", ("ema",), 0)],
)
def test_noise_in_images_is_counted_as_drawn_ahead(objective, tricks, streams):
    """Instance noise draws for real and fake images of either player; DRAGAN's penalty for the critic's real ones."""
    ahead = []
    for name, used in (("nsgan", ()), (objective, tricks)):
        setup = make_spec(name, "digits", "dcgan", batch=16, tricks=used).setup
        ahead.append(run_bytes(setup) - working_bytes(setup))
    plain, noisy = ahead
    assert noisy - plain == (streams + (streams > 0)) * BLOCK * 16 * 16 * 16 * 4
