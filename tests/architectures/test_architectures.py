"""Networks: the interpreter against nn.Module, the written-out slope against autograd, initial weights, summaries."""

import math
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from oracles import make_spec
from torch import nn

from harness.architectures import ARCHITECTURES, layers, mlp
from harness.architectures.initial import draw_weights
from harness.architectures.summary import multiply_adds, summarise
from harness.engine.networks import Layout, bind, build_pair
from harness.suite.players import parse_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "architectures.md"
ACTIVATIONS = ["relu", "leaky_relu", "tanh", "softplus", "elu", "sigmoid", "maxout", "scaled_softplus"]


def random_params(network, runs):
    return {k: torch.randn(runs, *p.shape, dtype=torch.float64) / 2 for k, p in network.named_parameters()}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_the_interpreter_equals_the_module(activation, norm):
    player = mlp.MlpCritic(width=6, depth=2, activation=activation, norm=norm, pieces=3)
    network = mlp.build_critic(player, (3, 2, 2)).double()
    params, x = random_params(network, 3), torch.randn(3, 5, 3, 2, 2, dtype=torch.float64)
    stacked = mlp.forward(network, params, x)
    for run in range(3):
        one = {k: v[run] for k, v in params.items()}
        expected = torch.func.functional_call(network, one, x[run])
        torch.testing.assert_close(stacked[run], expected)
        torch.testing.assert_close(mlp.forward(network, one, x[run]), expected)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "maxout"])
@pytest.mark.parametrize("runs", [None, 3])
def test_the_written_out_slope_equals_autograd(activation, runs):
    """In value to 1e-6, and in what a penalty on it sends to the weights."""
    player = mlp.MlpCritic(width=8, depth=3, activation=activation, pieces=3)
    network = mlp.build_critic(player, (2,)).double()
    assert mlp.piecewise_linear(network)
    params = {k: (v if runs else v[0]).requires_grad_() for k, v in random_params(network, runs or 1).items()}
    x = torch.randn(*([runs] if runs else []), 9, 2, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(mlp.forward(network, params, x).sum(), x, create_graph=True)
    written = mlp.slope(network, params, x)
    torch.testing.assert_close(written, expected, atol=1e-6, rtol=1e-6)
    weights = [params[k] for k in params if k.endswith("weight")]
    for a, b in zip(
        torch.autograd.grad((written.norm(dim=-1) - 1).square().sum(), weights),
        torch.autograd.grad((expected.norm(dim=-1) - 1).square().sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("settings", [{"activation": "tanh"}, {"norm": "layer"}, {"norm": "batch"}])
def test_networks_that_bend_have_no_written_out_slope(settings):
    assert not mlp.piecewise_linear(mlp.build_critic(mlp.MlpCritic(**settings), (2,)))


def test_scaled_softplus_is_what_the_paper_says():
    x = torch.linspace(-3, 3, 20)
    torch.testing.assert_close(layers.ScaledSoftplus()(x), torch.log1p(torch.exp(2 * x + 2)) / 2 - 1)


def test_maxout_of_two_signed_pieces_is_the_absolute_value():
    x = torch.randn(4, 3)
    torch.testing.assert_close(layers.Maxout(2)(torch.stack([x, -x], -1).flatten(-2)), x.abs())


def test_widths_override_width_and_depth():
    network = mlp.build_generator(mlp.MlpGenerator(widths=(5, 3), latent=7), (2,))
    assert [tuple(p.shape) for p in network.parameters()] == [(5, 7), (5,), (3, 5), (3,), (2, 3), (2,)]


def test_layers_before_batch_norm_have_no_bias():
    network = mlp.build_generator(mlp.MlpGenerator(norm="batch", depth=2), (2,))
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    assert [layer.bias is None for layer in linear] == [True, True, False]


@pytest.mark.parametrize(
    ("init", "sd"), [("he", math.sqrt(2 / 50)), ("default", 1 / math.sqrt(150)), ({"normal": 0.3}, 0.3)]
)
def test_initial_weights_have_the_declared_spread(init, sd):
    network = nn.Sequential(nn.Linear(50, 400), nn.LayerNorm(400))
    drawn = draw_weights(network, init, torch.Generator().manual_seed(1))
    assert drawn["0.weight"].std().item() == pytest.approx(sd, rel=0.02)
    assert (drawn["0.bias"] == 0).all() == (init != "default")
    assert (drawn["1.weight"] == 1).all()
    assert (drawn["1.bias"] == 0).all()


def test_the_flat_layout_is_inverted_by_its_split():
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    params = {k: p.detach() for k, p in network.named_parameters()}
    layout = Layout(network)
    again = layout.split(layout.join(params))
    assert all(torch.equal(again[k], params[k]) for k in params)


def test_features_are_the_input_of_the_last_layer():
    pair = build_pair(make_spec().setup)
    layout = Layout(pair.critic)
    flat, x = torch.randn(sum(layout.sizes)), torch.randn(5, 2)
    critic, params = bind(pair, "plain", {}).critic(flat, {}), layout.split(flat)
    expected = critic.features(x) @ params["5.weight"].T + params["5.bias"]
    torch.testing.assert_close(critic.scores(x), expected.squeeze(1))


def test_the_initial_weights_of_dcgan():
    """Radford et al. 2016: N(0, .02) for layers, N(1, .02) for the weights of norms, biases 0."""
    network = nn.Sequential(
        nn.Conv2d(8, 64, 4), nn.BatchNorm2d(20_000), nn.ConvTranspose2d(64, 8, 4), nn.Linear(9, 999)
    )
    drawn = draw_weights(network, "dcgan", torch.Generator().manual_seed(1))
    for name, values in drawn.items():
        mean, sd = (0, 0) if name.endswith("bias") else (float(name == "1.weight"), 0.02)
        assert values.mean().item() == pytest.approx(mean, abs=1e-3), name
        assert values.std().item() == pytest.approx(sd, rel=0.03), name


def test_he_keeps_the_spread_through_a_transposed_convolution():
    """Of 4x4 taps a stride of 2 leaves a quarter: each output sums 4 of them over all channels."""
    layer = nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, bias=False)
    x = torch.randn(64, 64, 12, 12, generator=torch.Generator().manual_seed(0))
    drawn = draw_weights(layer, "he", torch.Generator().manual_seed(1))
    y = torch.func.functional_call(layer, drawn, x)[..., 2:-2, 2:-2]
    assert y.var().item() == pytest.approx(2, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_entry_builds_and_counts_its_parameters(name):
    entry = ARCHITECTURES[name]
    settings = parse_settings(name, [])
    summary = asdict(summarise(name, settings, None))
    for player in ("generator", "critic"):
        build = getattr(entry, f"build_{player}")
        assert summary[player]["parameters"] == sum(
            p.numel() for p in build(settings[player], entry.shape).parameters()
        )
    assert entry.summary


def test_a_summary_by_hand():
    settings = {"generator": mlp.MlpGenerator(latent=3, widths=(5,)), "critic": mlp.MlpCritic(widths=(7,))}
    summary = asdict(summarise("mlp", settings, (2,)))
    assert summary["generator"]["multiply_adds"] == 3 * 5 + 5 * 2
    assert summary["generator"]["parameters"] == 3 * 5 + 5 + 5 * 2 + 2
    assert summary["critic"]["multiply_adds"] == 2 * 7 + 7
    assert [layer["output_shape"] for layer in summary["critic"]["layers"]] == [[2], [7], [7], [1]]


def brute_force(layer, side):
    """Multiply-adds of a layer by convolving ones with ones: each tap on a number adds one to its sum."""
    ones = {name: (p.detach() * 0 + (name == "weight")).double() for name, p in layer.named_parameters()}
    x = torch.ones(1, layer.in_channels, side, side, dtype=torch.float64)
    return int(torch.func.functional_call(layer, ones, x).sum())


@pytest.mark.parametrize("side", [2, 5, 8])
@pytest.mark.parametrize("how", [(1, 1, 0), (3, 1, 1), (4, 1, 2), (4, 2, 1), (5, 2, 2), (1, 2, 0), (2, 2, 0)])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_multiply_adds_are_those_taps_that_meet_a_number(kind, how, side):
    kernel, stride, padding = how
    layer = kind(3, 2, kernel, stride, padding)
    if kind is nn.ConvTranspose2d and kernel == 5:
        layer = kind(3, 2, kernel, stride, padding, output_padding=1)
    taken = torch.empty(1, 3, side, side)
    given = layer(taken)
    assert multiply_adds(layer, taken, given) == brute_force(layer, side)


@pytest.mark.parametrize("output", ["linear", "tanh", "sigmoid"])
def test_an_mlp_ends_as_it_is_told_and_keeps_its_address_where_it_is_not(output):
    player = mlp.MlpGenerator(output=output)
    kinds = [type(layer) for layer in mlp.build_generator(player, (1, 4, 4))]
    expected = {"linear": nn.Linear, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[output]
    assert kinds[-2:] == [expected, layers.ToShape]
    assert player.model_dump(mode="json").get("output", "linear") == output
    assert ("output" in player.model_dump(mode="json")) == (output != "linear")
    assert mlp.MlpGenerator.model_validate(player.model_dump(mode="json")) == player


@pytest.mark.slow
def test_the_documentation_holds_every_entry_with_its_parameters():
    rows = [line.split(" | ") for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    held = {row[0].strip("| `"): (row[4], *(int(n.strip(" |").replace(",", "")) for n in row[5:])) for row in rows}
    assert held.keys() == ARCHITECTURES.keys()
    for name, (shape, *parameters) in held.items():
        found = asdict(summarise(name, parse_settings(name, []), None))
        assert shape == "x".join(map(str, found["shape"])), name
        assert parameters == [found[player]["parameters"] for player in ("generator", "critic")], name


def test_torchinfos_count_is_the_one_that_is_published_with_the_faces_networks():
    """15.80M and 252.81M for a batch of 8 at width 8; ours is smaller, as taps on padding are no work."""
    summary = summarise("faces", parse_settings("faces", ["width=8"]), None)
    assert [f"{8 * part.every_tap / 1e6:.2f}" for part in (summary.critic, summary.generator)] == ["15.80", "252.81"]
    assert all(part.multiply_adds < part.every_tap for part in (summary.critic, summary.generator))


@pytest.mark.parametrize(("objective", "norm"), [("nsgan", "BatchNorm2d"), ("wgan-gp", "GroupNorm")])
def test_an_objective_implies_the_critics_norm(objective, norm):
    layers = summarise("dcgan", parse_settings("dcgan", [], objective), None).critic.layers
    assert {layer.type for layer in layers if "Norm" in layer.type} == {norm}
