"""The other convolutional architectures against their sources: resnet, strided-critic and faces."""

import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from harness.architectures import ARCHITECTURES
from harness.architectures.summary import summarise
from harness.errors import HarnessError, ShapeError
from harness.suite.players import parse_settings


def built(name, shape, *sets):
    entry, players = ARCHITECTURES[name], parse_settings(name, list(sets))
    return entry.build_generator(players["generator"], shape), entry.build_critic(players["critic"], shape)


def counts(name, shape, *sets):
    return [sum(p.numel() for p in network.parameters()) for network in built(name, shape, *sets)]


def longest_path(network):
    """Layers with weights one after the other, the linear one with them: those of shortcuts run beside the others."""
    kinds = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
    names = [name for name, m in network.named_modules() if isinstance(m, kinds)]
    return sum("shortcut" not in name for name in names)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "depth"), [((3, 64, 64), 101), ((3, 32, 32), 101), ((1, 28, 28), 20), ((3, 64, 64), 20)]
)
def test_depth_counts_layers(shape, depth):
    generator, critic = built("resnet", shape, f"depth={depth}", "width=4", "latent=2")
    assert (longest_path(generator), longest_path(critic)) == (depth, depth)
    made = generator(torch.randn(2, 2))
    assert made.shape == (2, *shape)
    assert critic(made).shape == (2, 1)


def block(n_in, n_out, shortcut=0):
    """A bottleneck block by the source: 1x1 and 3x3 with bias, 1x1 without, a norm; `shortcut` filters of its own."""
    half, out = n_in // 2, n_out // 2
    return n_in * half + half + half * out * 9 + out + out * n_out + 2 * n_out + (n_in + 1) * shortcut


@pytest.mark.slow
def test_resnet_101_is_the_source_s():
    """Gulrajani et al.'s code at 64x64: 6, 6, 6, 6 and 5 blocks on maps of 512, 256, 128, 64 and 32 filters."""
    filters, blocks = [512, 256, 128, 64, 32], [6, 6, 6, 6, 5]
    plain = sum(count * block(n, n) for n, count in zip(filters, blocks, strict=True))
    steps = list(pairwise(filters))
    generator = 129 * 8192 + plain + sum(block(a, b, 4 * b) for a, b in steps) + 32 * 3 + 3
    critic = 3 * 32 + 32 + plain + sum(block(b, a, a) for a, b in steps) + 8192 + 1
    assert counts("resnet", (3, 64, 64)) == [generator, critic]
    assert (generator, critic) == (9_189_587, 7_618_801)


def test_faces_are_the_source_s():
    """G 100-1024-512-256-128-3; D 64-128-256-512-1, biases in its first and last layer alone."""
    steps = [(1024, 512), (512, 256), (256, 128)]
    generator = 100 * 1024 * 16 + 2 * 1024 + sum(a * b * 16 + 2 * b for a, b in steps) + 128 * 3 * 16 + 3
    critic = 3 * 64 * 16 + 64 + sum(a * b * 16 + 2 * b for a, b in [(64, 128), (128, 256), (256, 512)]) + 8192 + 1
    assert counts("faces", (3, 64, 64)) == [generator, critic] == [12_658_435, 2_765_633]


def test_the_strided_critic_is_the_source_s():
    """Blocks of 64, 128, 256, 512 and 1 filters, a norm between from the second on, and a linear layer of 16."""
    norm = 2 * (64 + 128 + 256 + 512 + 1) + 2 * (128 + 256 + 512)
    pairs = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    weights = sum(9 * a * b for a, b in pairs) + sum(b * b for _, b in pairs[:4]) + 3 * 64 + 16
    biases = sum(b for _, b in pairs) + sum(b for _, b in pairs[:4]) + 64 + 1
    assert counts("strided-critic", (3, 64, 64), "critic.norm=batch", "critic.bias=all")[1] == norm + weights + biases
    assert counts("strided-critic", (3, 64, 64), "critic.norm=batch")[1] == norm + weights + 64 + 64 + 1
    kinds = [
        layer.type for layer in summarise("strided-critic", parse_settings("strided-critic", []), None).critic.layers
    ]
    assert kinds.count("LeakyReLU") == 4
    assert kinds.count("ReLU") == 5


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 128, 128), (2,), (3, 64, 32)])
def test_faces_are_64_px_alone(shape):
    with pytest.raises(ShapeError, match="images of 64x64 alone"):
        built("faces", shape)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ("depth=100", "depth 100 given"),
        ("width=6", "width 6 given"),
        ("depth=11", "depth 11 given, at least 14"),
    ],
)
def test_what_a_resnet_cannot_be_is_a_sentence(sets, said):
    with pytest.raises(HarnessError, match=said) as error:
        summarise("resnet", parse_settings("resnet", [sets]), None)
    assert "Value error" not in str(error.value)


def convolved(x, conv, **how):
    return F.conv2d(x, conv.weight, conv.bias, **how)


def test_the_critic_computes_what_the_source_writes():
    """Blocks of ReLU, 1x1, ReLU, 3x3, ReLU, 1x1, norm, of which .3 is added; its output is divided by 5."""
    _, critic = built("resnet", (3, 8, 8), "depth=8", "width=8", "norm=none")
    x = torch.randn(4, 3, 8, 8)
    h = convolved(x, critic.first)
    for name, down in (("down1", True), ("block1_0", False)):
        body, shortcut = getattr(critic, name).body, getattr(critic, name).shortcut
        y = convolved(F.relu(h), body.conv1)
        y = convolved(F.relu(y), body.conv2, padding=1, stride=2 if down else 1)
        y = convolved(F.relu(y), body.conv3)
        h = (convolved(h, shortcut.conv, stride=2) if down else h) + 0.3 * y
    linear = critic.score
    expected = h.flatten(1) @ linear.weight.T / 5 + linear.bias
    torch.testing.assert_close(critic(x), expected)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_101_layers_train_within_two_gigabytes():
    """At 32 px, width 8, batch 16, WGAN-GP: a whole process, PyTorch included."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert 1e8 < float(done.stdout) < 2e9


PROGRAM = """
import re, torch
from pathlib import Path
from oracles import BLOBS, make_spec
from harness.datasets import DATASETS
from harness.engine.stack import Placement, Stack

torch.set_num_threads(1)
DATASETS.update(BLOBS)
spec = make_spec("wgan-gp", "colours", "resnet", players={"depth": 101, "width": 8, "latent": 128}, n_critic=1)
stack = Stack([spec], Placement("single"))
stack.step(0)
print(1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))
"""
