"""Stacks of convolutional runs against a plain loop, and what a run must not depend on."""

import numpy as np
import pytest
import torch
from engine.test_resume import check_resumed
from oracles import data_for, make_spec, plain_loop, same

from harness.architectures import ARCHITECTURES, dcgan, stacked
from harness.engine import Placement, train
from harness.engine.networks import couples_samples
from harness.objectives import OBJECTIVES

pytestmark = pytest.mark.usefixtures("pictures")

PICTURES = [name for name, entry in ARCHITECTURES.items() if len(entry.shape) == 3]
SIZES = {"resnet": {"depth": 14, "width": 4, "latent": 3}, "mlp-g": {"width": 9, "latent": 3}}


def spec(architecture="dcgan", objective="wgan-gp", norm=None, dataset=None, steps=10, batch=5, **more):
    """A run of two filters on its architecture's images (resnet on smaller ones); `norm` is the critic's."""
    players = {"width": 2, "latent": 3, **SIZES.get(architecture, {}), **more.pop("players", {})}
    players |= {"norm": norm} if norm else {}
    dataset = dataset or ("colours" if architecture == "resnet" else data_for(architecture))
    return make_spec(objective, dataset, architecture, players=players, steps=steps, batch=batch, **more)


def check_equal_to_plain_loop(specs, mode="stacked"):
    """In float64. What is kept is float32, and its last bits too much to ask."""
    for one, outcome in zip(specs, train(specs, placement=Placement(mode, dtype=torch.float64)), strict=True):
        expected = plain_loop(one)
        for player in ("generator", "critic"):
            got = outcome.curves[f"{player}_loss"]
            np.testing.assert_allclose(got, expected["losses"][player], rtol=1e-6, atol=1e-7)
            for name, value in expected[player].items():
                got = outcome.weights[player][name]
                np.testing.assert_allclose(got, value.detach().numpy(), rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["gan", "wgan-clip", "wgan-gp"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "instance"])
def test_a_stack_equals_plain_loops(norm, objective):
    check_equal_to_plain_loop([spec("dcgan", objective, norm, seed=s, batch=4) for s in range(2)])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["stacked", "single"])
@pytest.mark.parametrize("architecture", PICTURES)
def test_so_does_every_architecture(architecture, mode):
    seeds = range(1 if mode == "single" else 2)
    check_equal_to_plain_loop([spec(architecture, seed=s, steps=2, batch=4) for s in seeds], mode)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["nsgan", "wgan-gp"])
def test_so_do_deeper_networks(objective):
    players = {"depth": 6, "activation": "scaled_softplus"}
    check_equal_to_plain_loop([spec(objective=objective, seed=s, steps=3, batch=4, players=players) for s in range(2)])


@pytest.mark.slow
@pytest.mark.parametrize("init", ["he", "default", {"normal": 0.1}])
def test_with_every_initialisation(init):
    check_equal_to_plain_loop([spec(seed=s, steps=3, players={"init": init}) for s in range(2)])


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "instance"])
@pytest.mark.parametrize("architecture", PICTURES)
def test_the_stacked_forward_equals_the_modules_to_the_last_digits(architecture, norm):
    entry, shape = (
        ARCHITECTURES[architecture],
        (3, 64, 64) if ARCHITECTURES[architecture].shape[1] == 64 else (2, 16, 16),
    )
    said = {"width": 4, "norm": norm} | ({"depth": 14} if architecture == "resnet" else {})
    check_stacked_critic(entry.build_critic(entry.critic_model(**{**entry.critic, **said}), shape), shape)


@pytest.mark.parametrize("activation", ["relu", "scaled_softplus", "gated"])
def test_so_it_does_of_a_deeper_network(activation):
    player = dcgan.DcganCritic(width=4, norm="layer", depth=6, activation=activation)
    check_stacked_critic(dcgan.build_critic(player, (2, 16, 16)), (2, 16, 16))


def check_stacked_critic(critic, shape):
    """Of three runs, with the slope a penalty takes and what that sends to the weights, in float64."""
    critic, rng = critic.double(), torch.Generator().manual_seed(0)
    params = {
        name: (torch.randn(3, *p.shape, generator=rng, dtype=torch.float64) * 0.3).requires_grad_()
        for name, p in critic.named_parameters()
    }
    x = torch.randn(3, 2, *shape, generator=rng, dtype=torch.float64).requires_grad_()
    scores = stacked.forward(critic, params, x)
    (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    pull = torch.autograd.grad(slope.square().sum(), list(params.values()), allow_unused=True)
    for run in range(3):
        one = {name: p[run].detach().requires_grad_() for name, p in params.items()}
        point = x[run].detach().requires_grad_()
        expected = torch.func.functional_call(critic, one, (point,))
        torch.testing.assert_close(scores[run], expected, rtol=1e-11, atol=1e-12)
        (steep,) = torch.autograd.grad(expected.sum(), point, create_graph=True)
        torch.testing.assert_close(slope[run], steep, rtol=1e-10, atol=1e-11)
        for name, a, b in zip(
            one, pull, torch.autograd.grad(steep.square().sum(), list(one.values()), allow_unused=True), strict=True
        ):
            a, b = (torch.zeros_like(one[name]) if g is None else g for g in (None if a is None else a[run], b))
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8, msg=name)


def check_alone_and_in_stacks(run, sizes=(3, 8)):
    """`run(seed, **hyper)` makes a spec. A lone run is padded to two, so that 1 belongs to the list.

    What a layer computes in stacks of every other size has its test in test_grouped.py.
    """
    seven, mates = run(7), [run(seed, critic_lr=1e-2) for seed in range(15)]
    steps = seven.setup.train["steps"]
    alone = train([seven], at=[steps], samples=20)[0]
    for size in sizes:
        stack = [*mates[: size // 2], seven, *mates[size // 2 : size - 1]]
        again = train(stack, at=[steps], samples=20)[size // 2]
        assert same(alone.curves, again.curves)
        assert same(alone.weights, again.weights)
        assert same(alone.snapshots, again.snapshots)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["gan", "wgan-gp"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "instance"])
def test_a_run_does_not_depend_on_its_stack_bit_for_bit(norm, objective):
    check_alone_and_in_stacks(
        lambda seed, **hyper: spec("dcgan", objective, norm, steps=3, batch=13, seed=seed, hyper=hyper),
        sizes=(2, 5, 16),
    )


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "instance"])
@pytest.mark.parametrize(("dataset", "batch", "width"), [("pictures", 16, 8), ("pictures", 13, 3), ("colours", 7, 4)])
def test_nor_at_other_sizes(norm, dataset, batch, width):
    """With a penalty, which calls all the kernels that a loss without one does."""
    check_alone_and_in_stacks(
        lambda seed, **hyper: spec(
            "dcgan", "wgan-gp", norm, dataset, 1, batch, seed=seed, hyper=hyper, players={"width": width, "latent": 7}
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_nor_with_any_objective(objective):
    """Of one channel: three runs of such have as many as one coloured image, for which kernels differ."""
    run = [spec("dcgan", objective, "none", steps=2, batch=5, seed=seed) for seed in range(9)]
    two = train(run[:2], at=[2], samples=20)[1]
    for size in range(3, 10) if objective == "wgan-gp" else (3, 9):
        again = train(run[:size], at=[2], samples=20)[1]
        for part in ("curves", "weights", "snapshots"):
            assert same(getattr(two, part), getattr(again, part)), size


@pytest.mark.slow
@pytest.mark.parametrize("architecture", PICTURES)
def test_nor_in_any_architecture(architecture):
    """With a penalty, whose gradients go through every layer twice."""
    check_alone_and_in_stacks(
        lambda seed, **hyper: spec(architecture, "wgan-gp", steps=1, batch=5, seed=seed, hyper=hyper)
    )


@pytest.mark.slow
def test_nor_in_deeper_networks():
    players = {"depth": 7, "width": 3}
    check_alone_and_in_stacks(lambda seed, **hyper: spec(steps=2, batch=5, seed=seed, hyper=hyper, players=players))


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "softplus", "elu", "sigmoid", "scaled_softplus"])
def test_nor_with_any_activation(activation):
    players = {"activation": activation, "width": 3}
    check_alone_and_in_stacks(lambda seed, **hyper: spec(steps=3, batch=7, seed=seed, hyper=hyper, players=players))


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["gan", "wgan-gp"])
def test_a_resumed_stack_equals_an_uninterrupted_one(objective):
    specs = [spec("dcgan", objective, seed=seed, steps=8, batch=7) for seed in range(3)]
    assert {outcome.status for outcome in check_resumed(specs)} == {"ok"}


def test_only_batch_norm_couples_samples():
    built = {norm: stacked_critic(norm) for norm in ("none", "batch", "layer", "instance")}
    assert {norm for norm, critic in built.items() if couples_samples(critic)} == {"batch"}


def stacked_critic(norm):
    entry = ARCHITECTURES["dcgan"]
    return entry.build_critic(entry.critic_model(width=1, norm=norm), (1, 16, 16))
