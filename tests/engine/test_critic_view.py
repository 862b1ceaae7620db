"""What a snapshot keeps of a critic, against the networks themselves."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine.test_resume import check_resumed
from oracles import DOUBLE, looked_at, make_spec, same

from harness.architectures import ARCHITECTURES, mlp
from harness.datasets import DATASETS
from harness.engine import Placement, noise, train
from harness.engine.critic_view import by_layer
from harness.engine.networks import Layout, build_network, with_statistics_of
from harness.engine.real_data import data_settings
from harness.engine.stack import Stack
from harness.metrics import Reference
from harness.metrics.critic import CRITIC_METRICS, critic_columns
from harness.metrics.transport import wasserstein_1
from harness.objectives import OBJECTIVES, TRICKS, Trick

DCGAN = {"dataset": "digits", "architecture": "dcgan"}
VIEW = ("critic_real", "critic_fake", "critic_slopes", "critic_gradient", "critic_layers", "generator_layers")


def reference(spec, n):
    return DATASETS[spec.setup.dataset].reference(n, noise.generator(0, "reference"), data_settings(spec))


def by_the_network(spec, outcome, step, n):
    """Return scores, slopes and gradients by the kept weights, as torch has them of any nn.Module."""
    shot = outcome.snapshots[step]
    critic = build_network(spec.setup, "critic", outcome.weights["critic"])
    real, fake = (x[:n] for x in (reference(spec, n), torch.tensor(shot["generated"])))
    if spec.setup.critic["norm"] == "batch":
        critic = with_statistics_of(real, critic, dict(critic.named_parameters()))
    share = torch.rand(n, generator=noise.generator(0, "between"))[:, None]
    return looked_at(lambda x: critic(x).squeeze(-1), real, fake, share * real + (1 - share) * fake)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_it_is_what_the_kept_critic_says(objective):
    specs = [make_spec(objective, seed=seed, steps=3) for seed in range(2)]
    for spec, outcome in zip(specs, train(specs, at=[3], samples=(60, 50)), strict=True):
        for name, expected in by_the_network(spec, outcome, 3, 50).items():
            np.testing.assert_allclose(outcome.snapshots[3][name], expected, rtol=1e-3, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_also_with_a_norm(norm):
    spec = make_spec("nsgan", architecture="mlp-bn", steps=3, players={"norm": norm})
    outcome = train([spec], at=[3], samples=50)[0]
    for name, expected in by_the_network(spec, outcome, 3, 50).items():
        np.testing.assert_allclose(outcome.snapshots[3][name], expected, rtol=1e-3, atol=1e-5, err_msg=name)
    assert "critic_lipschitz" not in outcome.snapshots[3]


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [{}, {"pack": 2}, {"architecture": "mlp-bn"}, {"architecture": "mlp-tanh"}, {"tricks": ("ema",)}, DCGAN],
    ids=str,
)
def test_stacks_vmap_and_single_runs_agree(how, monkeypatch):
    specs = [make_spec("nsgan", seed=seed, steps=2, **how) for seed in range(2)]
    stacked = train(specs, at=[2], samples=40, placement=DOUBLE)
    single = train(specs[:1], at=[2], samples=40, placement=Placement("single", dtype=torch.float64))[0]
    name = specs[0].setup.architecture
    monkeypatch.setitem(ARCHITECTURES, name, replace(ARCHITECTURES[name], forward=None, slope=None))
    vmapped = train(specs, at=[2], samples=40, placement=DOUBLE)
    for one, other in ((stacked[0], single), *zip(stacked, vmapped, strict=True)):
        first, second = one.snapshots[2], other.snapshots[2]
        assert first.keys() == second.keys()
        for key in {*VIEW} & first.keys():
            np.testing.assert_allclose(first[key], second[key], rtol=1e-4, atol=1e-6, err_msg=key)


def test_a_packed_critic_is_looked_at_in_packs():
    shot = train([make_spec("nsgan", steps=1, pack=2)], at=[1], samples=41)[0].snapshots[1]
    assert shot["critic_pack"] == 2
    assert shot["critic_real"].shape == shot["critic_fake"].shape == (20,)
    assert "critic_gradient" not in shot


def is_logistic(objective):
    """Whether the loss of a critic is the cross-entropy of logits, whatever function it is."""
    scores = torch.tensor([[-2.0, 0.5, 1], [3, 0, -1]])
    hyper = {name: torch.tensor(value) for name, value in objective.hyper.items()}
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    expected = sum(entropy(s, torch.full_like(s, label)) for s, label in zip(scores, (1.0, 0.0), strict=True))
    return torch.allclose(objective.critic_loss(*scores, hyper), expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("architecture", ["mlp", "mlp-tanh"])
def test_the_certified_estimate_is_below_the_exact_distance(objective, architecture):
    spec = make_spec(objective, architecture=architecture, steps=20, hyper={"critic_lr": 0.02})
    shot = train([spec], at=[20], samples=60)[0].snapshots[20]
    real = reference(spec, 60).double().numpy()
    columns = critic_columns(shot, shot["generated"], Reference(real, {}))
    assert columns["dual_certified"] <= wasserstein_1(shot["generated"], real)
    assert columns["slope_max"] <= shot["critic_lipschitz"] * (1 + 1e-5)
    assert ("js_bound" in columns) == is_logistic(OBJECTIVES[objective])
    assert columns.get("js_bound", 0) <= np.log(2)
    names = {column.partition("[")[0] for column in columns}
    of_learners = [metric for name, metric in CRITIC_METRICS.items() if name != "pair"]
    assert {c.name for metric in of_learners for c in metric.columns} - names <= {"js_bound"}


@pytest.mark.parametrize("activation", mlp.Activation.__args__)
def test_the_bound_holds_for_every_activation(activation):
    """Between points at random, and nearly attained by a network of one unit, whose kinks and bends are known."""
    player = mlp.MlpCritic(activation=activation, width=5, depth=2)
    network = mlp.build_critic(player, (3,)).double()
    bound = mlp.lipschitz(network, dict(network.named_parameters()))
    x = torch.randn(500, 3, dtype=torch.float64, generator=noise.generator(0, "test"))
    steps = (network(x[1:]) - network(x[:-1])).squeeze(-1).abs() / (x[1:] - x[:-1]).norm(dim=1)
    assert 0 < steps.max() <= bound
    one = mlp.build_critic(mlp.MlpCritic(activation=activation, width=1, depth=1, pieces=2), (1,)).double()
    with torch.no_grad():
        for weight in one.parameters():
            weight.copy_(torch.zeros_like(weight) if weight.ndim == 1 else torch.eye(*weight.shape).double())
    line = torch.linspace(-9, 30, 4000, dtype=torch.float64)[:, None]
    steepest = (one(line[1:]) - one(line[:-1])).abs().max() / (line[1] - line[0])
    assert steepest.item() == pytest.approx(mlp.lipschitz(one, dict(one.named_parameters())).item(), rel=1e-4)


def test_weights_that_overflowed_have_no_bound():
    network = mlp.build_critic(mlp.MlpCritic(width=4, depth=1), (2,))
    params = {name: torch.stack([p.detach(), p.detach() * torch.nan]) for name, p in network.named_parameters()}
    assert mlp.lipschitz(network, params).isfinite().tolist() == [True, False]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_norms_by_layer_are_of_the_gradient_that_comes_next(objective):
    """The root of their squares' sum is what the curves have of the next step, the critic held still."""
    spec = make_spec(objective, steps=4, n_critic=1, hyper={"critic_lr": 0.0})
    outcome = train([spec], at=[2], samples=20)[0]
    for player in ("critic", "generator"):
        whole = np.linalg.norm(outcome.snapshots[2][f"{player}_layers"])
        assert whole == pytest.approx(outcome.curves[f"{player}_grad_norm"][2], rel=1e-5)


def test_norms_by_layer_leave_out_what_belongs_to_no_layer():
    spec = make_spec("nsgan", architecture="mlp-bn", steps=1)
    shot = train([spec], at=[1], samples=20)[0].snapshots[1]
    assert shot["critic_layers"].shape == shot["generator_layers"].shape == (3,)
    assert (shot["critic_layers"] > 0).all()


def test_it_holds_the_parameters_that_the_network_runs_with(monkeypatch):
    def half(player, params, extra):
        return {k: v / 2 if player == "critic" and k == "5.weight" else v for k, v in params.items()}

    monkeypatch.setitem(TRICKS, "half", Trick(params=half))
    spec = make_spec("nsgan", steps=3, tricks=("half",))
    outcome = train([spec], at=[3], samples=50)[0]
    shot, stack = outcome.snapshots[3], Stack([spec] * 2, Placement())
    for name, values in stack.layout("critic").split(torch.tensor(shot["critic"])).items():
        assert same(values.numpy(), outcome.weights["critic"][name])
    for name, expected in by_the_network(spec, outcome, 3, 50).items():
        np.testing.assert_allclose(shot[name], expected, rtol=1e-3, atol=1e-5, err_msg=name)


def test_of_pictures_it_is_of_the_held_out_ones():
    spec = make_spec("wgan-gp", **DCGAN, steps=1)
    shot = train([spec], at=[1], samples=(40, 30))[0].snapshots[1]
    assert shot["critic_real"].shape == (30,)
    assert not {"critic_gradient", "critic_lipschitz"} & shot.keys()
    columns = critic_columns(shot, shot["generated"], Reference(np.zeros((30, 1, 16, 16), np.uint8), {}))
    assert {"dual", "slope_max", "dual_over_slope", "critic_grad[1]"} <= columns.keys()
    assert not {"direction", "dual_certified", "dual_gap"} & columns.keys()


def test_a_critic_alone_is_looked_at_on_what_the_data_set_draws():
    """The lines at theta and at 0 lie theta apart, whatever the critic; nothing is known of a generator."""
    spec = make_spec("wgan", "parallel-lines", steps=2, generator="fixed", hyper={"data.theta": 0.7})
    spec = replace(spec, setup=replace(spec.setup, generator={}))
    shot = train([spec], at=[2], samples=50, placement=DOUBLE)[0].snapshots[2]
    assert "generator_layers" not in shot
    real = reference(spec, 50).double().numpy()
    columns = critic_columns(shot, shot["generated"], Reference(real, {"w1": 0.0}))
    w1 = wasserstein_1(shot["generated"], real)
    assert w1 == pytest.approx(0.7, abs=0.03)
    assert columns["dual_gap"] == pytest.approx(w1 - columns["dual_over_slope"])
    assert columns["dual_certified"] <= w1


@pytest.mark.slow
def test_a_resumed_training_keeps_the_same():
    check_resumed([make_spec("nsgan", seed=seed, steps=8, tricks=("ema",)) for seed in range(2)])


@torch.no_grad()
def backpropagated(critic, x):
    """Return the squared norms, over samples and units, of the scores' gradient in the input of each linear layer."""
    *below, last = [layer for layer in critic if isinstance(layer, torch.nn.Linear)]
    inputs = [x]
    for layer in below:
        inputs.append(layer(inputs[-1]).relu())
    gradient = last.weight.expand(len(x), -1)
    squares = [gradient.square().sum()]
    for layer, h in zip(reversed(below), reversed(inputs[1:]), strict=True):
        gradient = (gradient * (h > 0)) @ layer.weight
        squares.insert(0, gradient.square().sum())
    return torch.stack(squares)


@pytest.mark.parametrize("objective", ["wgan", "wgan-gp"])
def test_gradients_in_activations_are_those_of_backpropagation(objective):
    """The loss is a difference of means: each of n scores a side has a gradient of 1 / n. The first is the slope."""
    spec = make_spec(objective, steps=3)
    shot, n = (outcome := train([spec], at=[3], samples=60)[0]).snapshots[3], spec.setup.train["batch"]
    critic = build_network(spec.setup, "critic", outcome.weights["critic"])
    sides = reference(spec, 60)[:n], torch.tensor(shot["generated"][:n])
    expected = sum(backpropagated(critic, x) for x in sides).sqrt() / n
    np.testing.assert_allclose(shot["critic_activations"], expected, rtol=1e-4)
    leaves = [x.clone().requires_grad_() for x in sides]
    slopes = torch.cat([torch.autograd.grad(critic(x).sum(), x)[0] for x in leaves]).norm() / n
    assert shot["critic_activations"][0] == pytest.approx(slopes.item(), rel=1e-4)
    columns = critic_columns(shot, shot["generated"], Reference(reference(spec, 60).numpy(), {}))
    assert columns["activation_grad[1]"] == shot["critic_activations"][0]


def test_norms_of_tiny_gradients_are_not_zero():
    """Numbers down to 1e-45 have a norm, though their squares are none of 32 bits; those of a dead layer are 0."""
    layout = Layout(mlp.build_critic(mlp.MlpCritic(width=2, depth=1), (2,)))
    assert by_layer(torch.full((9,), 1e-30), layout).numpy() == pytest.approx(1e-30 * np.sqrt([6, 3]), rel=1e-5)
    assert by_layer(torch.zeros(9), layout).tolist() == [0, 0]


@pytest.mark.parametrize("trick", [name for name, trick in TRICKS.items() if trick.params or trick.network])
def test_of_networks_that_a_trick_changes_there_are_norms_by_layer(trick):
    shot = train([make_spec("nsgan", architecture="mlp-bn", steps=1, tricks=(trick,))], at=[1], samples=30)[
        0
    ].snapshots[1]
    assert (shot["critic_activations"] > 0).all()
    assert shot["critic_activations"].shape == shot["critic_layers"].shape
