"""Convolutions of a stack against PyTorch's own, and bit for bit against those of every other stack."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from harness.architectures import grouped
from harness.architectures.convolutional import doubling, halving, keeping

LAYERS = {  # what architectures are made of: (layer of c to d channels, side)
    "halving-4": (lambda c, d: halving(c, d, 4, True), 8),
    "halving-5": (lambda c, d: halving(c, d, 5, True), 14),
    "halving-3": (lambda c, d: halving(c, d, 3, True), 8),
    "halving-1": (lambda c, d: halving(c, d, 1, True), 8),
    "keeping-3": (lambda c, d: keeping(c, d, 3, True), 7),
    "keeping-1": (lambda c, d: keeping(c, d, 1, True), 8),
    "growing-4": (lambda c, d: nn.Conv2d(c, d, 4, padding=2), 8),
    "dilated-3": (lambda c, d: nn.Conv2d(c, d, 3, stride=2, padding=2, dilation=2), 9),
    "whole": (lambda c, d: nn.Conv2d(c, d, 4, stride=2), 4),
    "doubling-4": (lambda c, d: doubling(c, d, 4, True), 4),
    "doubling-5": (lambda c, d: doubling(c, d, 5, True), 7),
    "doubling-3": (lambda c, d: doubling(c, d, 3, True), 4),
}
CHANNELS = [(1, 3), (3, 4), (8, 16)]
MORE_CHANNELS = [(1, 8), (2, 4), (3, 16), (4, 3), (8, 1), (16, 3), (6, 2)]
STACKS = (2, 3, 4, 5, 6, 7, 8, 9, 12, 16)


def drawn(layer, n, side, dtype=torch.float32):
    """Return maps, weights, biases, and what is sent back through the layer, of the largest stack: [runs, ...]."""
    rng, runs = torch.Generator().manual_seed(0), max(STACKS)
    shapes = {"x": (n, layer.in_channels, side, side), "w": layer.weight.shape, "b": layer.bias.shape}
    shapes["g"] = layer(torch.zeros(shapes["x"])).shape
    return {name: torch.randn(runs, *shape, generator=rng, dtype=dtype) for name, shape in shapes.items()}


def derivatives(function, x, w, b, g):
    """Return output, first derivatives and the second ones that a penalty on the slope takes; and those of a third."""
    x, w, b = (t.detach().requires_grad_() for t in (x, w, b))
    y = function(x, w, b)
    first = torch.autograd.grad(y, (x, w, b), g, create_graph=True)
    pulls = [torch.autograd.grad(t.square().sum(), s, retain_graph=True)[0] for t, s in ((first[0], w), (first[1], x))]
    return [y, *first, *pulls]


def in_a_stack(layer, given, runs):
    """Return the same of a stack's first runs, [runs, ...] each."""
    run = grouped.conv_transpose if isinstance(layer, nn.ConvTranspose2d) else grouped.conv
    together = [grouped.as_last(given[k][:runs].transpose(0, 1).flatten(1, 2)) for k in "xg"]
    w, b = (given[k][:runs].flatten(0, 1) for k in "wb")
    of = derivatives(lambda x, w, b: run(x, w, b, layer, runs), together[0], w, b, together[1])
    maps, weights = (lambda t: t.unflatten(1, (runs, -1)).transpose(0, 1)), (lambda t: t.unflatten(0, (runs, -1)))
    return [part(t) for part, t in zip((maps, maps, weights, weights, weights, maps), of, strict=True)]


@pytest.mark.parametrize("name", LAYERS)
def test_their_derivatives_are_those_of_pytorch(name):
    make, side = LAYERS[name]
    layer = make(2, 3)
    given = drawn(layer, 3, side, torch.float64)
    stacked = in_a_stack(layer, given, 3)
    for i in range(3):
        alone = derivatives(lambda *xwb: plainly(layer, *xwb), *(given[k][i] for k in "xwbg"))
        for got, expected in zip(stacked, alone, strict=True):
            torch.testing.assert_close(got[i], expected)


def plainly(layer, x, w, b):
    return torch.func.functional_call(layer, {"weight": w, "bias": b}, (x,))


@pytest.mark.parametrize(
    "channels", [*CHANNELS, *[pytest.param(pair, marks=pytest.mark.slow) for pair in MORE_CHANNELS]], ids=str
)
@pytest.mark.parametrize("name", LAYERS)
def test_a_run_s_bits_do_not_depend_on_the_size_of_the_stack(name, channels):
    """Of the first two runs, in stacks of two and of every other size."""
    make, side = LAYERS[name]
    layer = make(*channels)
    given = drawn(layer, 5, side)
    two = in_a_stack(layer, given, 2)
    for runs in STACKS[1:]:
        for number, (got, expected) in enumerate(zip(in_a_stack(layer, given, runs), two, strict=True)):
            assert torch.equal(got[:2], expected), (runs, number)


@pytest.mark.parametrize("name", ["halving-4", "doubling-4"])
def test_nor_on_the_place_in_it(name):
    make, side = LAYERS[name]
    layer = make(1, 8)
    given = drawn(layer, 5, side)
    stacked = in_a_stack(layer, given, 7)
    turned = in_a_stack(layer, {key: value.roll(3, 0) for key, value in given.items()}, 7 + 3)
    for got, expected in zip(turned, stacked, strict=True):
        assert torch.equal(got[3:], expected)


@pytest.mark.slow
@pytest.mark.skipif("ONEDNN_MAX_CPU_ISA" not in os.environ, reason="`make test-avx2` sets it")
def test_another_instruction_set_is_in_effect():
    """PyTorch's own kernels and oneDNN's are those of AVX2."""
    code = "import torch; x = torch.ones(2, 2, 8, 8); torch.conv2d(x, x)"
    found = subprocess.run([sys.executable, "-c", code], env=os.environ | {"ONEDNN_VERBOSE": "1"}, capture_output=True)
    assert torch.backends.cpu.get_cpu_capability() == "AVX2"
    assert "isa:Intel AVX2\n" in found.stdout.decode()
    assert "avx512" not in found.stdout.decode()
