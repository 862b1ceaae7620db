"""Spectral norm against torch's modules, singular values and a plain loop."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine.test_resume import check_resumed
from oracles import data_for, make_spec, plain_loop, same
from torch.nn.utils import parametrizations

from harness.architectures import ARCHITECTURES
from harness.engine import train
from harness.engine.networks import Layout, effective
from harness.engine.spectral import WARM_UP, spectral_norm
from harness.engine.stack import Placement, Stack

DOUBLE = torch.float64
LAYERS = {"linear": lambda: torch.nn.Linear(7, 5), "convolution": lambda: torch.nn.Conv2d(3, 5, 4)}


def spec_of(architecture="mlp", objective="hinge", **more):
    """A run whose critic has spectral norm."""
    return make_spec(objective, architecture=architecture, critic={"norm": "spectral"}, **more)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_it_is_torchs_own_step_by_step(layer):
    """From the same v, as weights move: in each forward pass in training torch makes the power step of an update."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(layer()).double()
    layout = Layout(network)
    trick = spectral_norm(layout)
    flat = layout.join(dict(network.named_parameters())).detach()
    extra = trick.init({"critic": flat}, torch.Generator().manual_seed(1))
    parametrizations.spectral_norm(network[0])
    own = network[0].parametrizations.weight
    own[0]._u.normal_()
    own[0]._v.copy_(torch.randn(own[0]._v.shape, generator=torch.Generator().manual_seed(1)))
    own[0]._power_method(own.original.detach().flatten(1), WARM_UP - 1)
    x = torch.randn(6, *((3, 6, 6) if layout.shapes["0.weight"][2:] else (7,)), dtype=DOUBLE)
    for _ in range(4):
        leaf = flat.clone().requires_grad_()
        params = trick.params("critic", layout.split(leaf), extra)
        network.train()
        torch.testing.assert_close(params["0.weight"], network[0].weight)
        network.eval()  # and no power step more
        loss = torch.func.functional_call(torch.nn.Sequential(layer()).double(), params, (x,)).square().sum()
        theirs = torch.autograd.grad(network(x).square().sum(), [own.original, network[0].bias])
        (grad,) = torch.autograd.grad(loss, leaf)
        torch.testing.assert_close(grad, torch.cat([g.flatten() for g in theirs]))
        flat = flat - 0.1 * grad
        with torch.no_grad():
            for old, new in zip((own.original, network[0].bias), layout.split(flat).values(), strict=True):
                old.copy_(new)
        extra = trick.after("critic", flat, x, extra, {}, {})
        assert trick.after("generator", flat, x, extra, {}, {}) is extra


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_its_sigma_comes_to_be_the_largest_singular_value(layer):
    torch.manual_seed(0)
    network = torch.nn.Sequential(layer()).double()
    layout = Layout(network)
    flat, trick = layout.join(dict(network.named_parameters())).detach(), spectral_norm(layout)
    extra = trick.init({"critic": flat}, torch.Generator().manual_seed(1))
    for _ in range(300):
        extra = trick.after("critic", flat, None, extra, {}, {})
    weight, bias = trick.params("critic", layout.split(flat), extra).values()
    largest = torch.linalg.svdvals(network[0].weight.flatten(1))[0]
    torch.testing.assert_close(weight, network[0].weight / largest)
    assert torch.equal(bias, network[0].bias)
    assert trick.params("generator", layout.split(flat), extra)["0.weight"] is not weight


@pytest.mark.parametrize(
    ("architecture", "objective", "mode"),
    [
        ("mlp", "hinge", "single"),
        ("mlp", "wgan-gp", "stacked"),  # slopes written out, of the weights that the critic runs with
        ("mlp", "r1r2", "vmap"),
        pytest.param("dcgan", "wgan-gp", "stacked", marks=pytest.mark.slow),
        pytest.param("dcgan", "hinge", "single", marks=pytest.mark.slow),
        pytest.param("resnet", "rpgan", "stacked", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("pictures")
def test_a_run_equals_a_plain_loop_with_torchs_modules(architecture, objective, mode, monkeypatch):
    if mode == "vmap":
        monkeypatch.setitem(ARCHITECTURES, "mlp", replace(ARCHITECTURES["mlp"], forward=None, slope=None))
    data = "8gaussians" if architecture == "mlp" else data_for(architecture)
    specs = [spec_of(architecture, objective, dataset=data, seed=s, steps=6, batch=8) for s in range(2)]
    specs = specs[:1] if mode == "single" else specs
    placement = Placement("single" if mode == "single" else "stacked", dtype=torch.float64)
    for spec, outcome in zip(specs, train(specs, placement=placement), strict=True):
        expected = plain_loop(spec)
        for player, losses in expected["losses"].items():
            np.testing.assert_allclose(outcome.curves[f"{player}_loss"], losses, rtol=1e-5, atol=1e-6)


def test_the_critic_that_scores_has_weights_of_norm_one():
    stack = Stack([spec_of(seed=s) for s in range(2)], Placement(dtype=torch.float64))
    for step in range(3):
        stack.step(step)
    state = stack.state
    params = effective("critic", stack.layout("critic").split(state.params["critic"]), stack.game.tricks, state.extra)
    for name, weight in params.items():
        if name.endswith("weight"):
            torch.testing.assert_close(
                torch.linalg.svdvals(weight)[:, 0], torch.ones(2, dtype=torch.float64), rtol=0.02, atol=0
            )


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("architecture", ["mlp", pytest.param("dcgan", marks=pytest.mark.slow)])
def test_it_goes_on_from_a_checkpoint_and_does_not_depend_on_its_stack(architecture):
    data = "8gaussians" if architecture == "mlp" else data_for(architecture)
    specs = [spec_of(architecture, dataset=data, seed=seed, steps=8, batch=6) for seed in range(5)]
    whole = check_resumed(specs)
    for size in (2, 3):
        again = train(specs[:size], at=(0, 3, 8), samples=20)
        for part in ("curves", "weights", "snapshots"):
            assert same(getattr(whole[1], part), getattr(again[1], part))


def test_a_batch_in_parts_makes_the_whole_batchs_update():
    whole, parts = (
        train([spec_of(steps=5, **m)], placement=Placement(dtype=torch.float64))[0] for m in ({}, {"micro_batch": 4})
    )
    for name, curve in parts.curves.items():
        np.testing.assert_allclose(curve, whole.curves[name], rtol=1e-5, atol=1e-6, err_msg=name)
