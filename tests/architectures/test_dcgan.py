"""DCGANs against their sources' parameter counts, and what settings make of them."""

from dataclasses import asdict
from itertools import pairwise

import pytest
import torch
from torch import nn

from harness.architectures import ARCHITECTURES, dcgan
from harness.architectures.summary import summarise
from harness.errors import HarnessError, ShapeError
from harness.spec import canonical_json
from harness.suite.expand import expand
from harness.suite.format.models import Suite
from harness.suite.players import parse_settings

DCGANS = [name for name in ARCHITECTURES if name.startswith("dcgan")]


def summary(name, shape, *sets):
    return asdict(summarise(name, parse_settings(name, list(sets)), shape))


def counts(name, shape, *sets):
    found = summary(name, shape, *sets)
    return found["generator"]["parameters"], found["critic"]["parameters"]


def layers(name, shape, player, *sets):
    return [(row["type"], row["output_shape"]) for row in summary(name, shape, *sets)[player]["layers"]]


def conv(n_in, n_out, kernel=4, bias=False, norm=True):
    return n_in * n_out * kernel**2 + bias * n_out + norm * 2 * n_out


def test_the_source_of_shapes_dcgan_layer_by_layer():
    """G 100-512-256-128-64-3 without bias; D 64-128-256-512-1 with bias, batch norm from the second layer."""
    widths = [100, 512, 256, 128, 64]
    generator = sum(conv(a, b) for a, b in pairwise(widths)) + conv(64, 3, norm=False)
    widths = [64, 128, 256, 512]
    critic = conv(3, 64, bias=True, norm=False) + conv(512, 1, bias=True, norm=False)
    critic += sum(conv(a, b, bias=True) for a, b in pairwise(widths))
    assert (generator, critic) == (3_576_704, 2_766_529)  # that generator is PyTorch's tutorial's
    assert counts("dcgan-shapes", (3, 64, 64), "critic.norm=batch") == (generator, critic)
    extra = conv(64, 64, bias=True)
    assert counts("dcgan-extra", (3, 64, 64), "critic.norm=batch") == (generator, critic + extra)
    maps = [shape[1] for kind, shape in layers("dcgan-extra", (3, 64, 64), "critic") if kind == "Conv2d"]
    assert maps == [32, 33, 16, 8, 4]


def test_the_baseline_of_wgan_gp_in_its_own_kernel():
    """Gulrajani et al.'s code: 128 latents, 5x5 layers of 512-256-128-64 filters; its biases before norms are idle."""
    generator, critic = counts("dcgan", (3, 64, 64), "kernel=5", "latent=128", "critic.norm=batch")
    widths = [512, 256, 128, 64]
    steps = list(pairwise(widths))
    assert generator == 128 * 8192 + 2 * 512 + sum(conv(a, b, 5) for a, b in steps) + conv(64, 3, 5, True, False)
    assert critic == conv(3, 64, 5, True, False) + sum(conv(b, a, 5) for a, b in steps) + 8192 + 1


def test_the_keras_critic_of_mnist_by_settings():
    """Two layers of 64 filters, 4x4, stride 2, each with bias and batch norm, then a linear one."""
    sets = ("critic.filters=[64, 64]", "critic.first_norm=true", "critic.bias=all", "critic.norm=batch")
    critic = (16 + 1) * 64 + 2 * 64 + (64 * 16 + 1) * 64 + 2 * 64 + 7 * 7 * 64 + 1
    assert counts("dcgan", (1, 28, 28), *sets)[1] == critic == 70_081
    kinds = [kind for kind, _ in layers("dcgan", (1, 28, 28), "critic", *sets)]
    assert kinds == ["Conv2d", "BatchNorm2d", "LeakyReLU"] * 2 + ["ToVector", "Linear"]


def test_no_bn_has_as_many_filters_everywhere_and_the_critic_of_dcgan():
    found = layers("dcgan-no-bn", (3, 64, 64), "generator")
    assert {shape[0] for kind, shape in found if len(shape) == 3} == {64, 3}
    assert not {"BatchNorm2d", "GroupNorm"} & {kind for kind, _ in found}
    assert layers("dcgan-no-bn", (3, 64, 64), "critic") == layers("dcgan", (3, 64, 64), "critic")
    assert {kind for kind, _ in layers("dcgan-no-norm", (3, 64, 64), "critic")} & {"BatchNorm2d", "GroupNorm"} == set()


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_tanh_and_gates_stand_in_place_of_every_nonlinearity(player):
    plain, tanh, gated = (layers(name, (1, 32, 32), player) for name in ("dcgan", "dcgan-tanh", "dcgan-gated"))
    bent = ("ReLU", "LeakyReLU")
    assert tanh == [("Tanh", shape) if kind in bent else (kind, shape) for kind, shape in plain]
    assert [row for row in gated if row[0] == "Gated"] == [("Gated", shape) for kind, shape in plain if kind in bent]


@pytest.mark.slow
@pytest.mark.parametrize("side", [8, 14, 16, 28, 32, 56, 64, 128])
@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("name", DCGANS)
def test_every_size_is_made_and_judged(name, kernel, side):
    players = parse_settings(name, ["width=1", f"kernel={kernel}", "latent=3"])
    entry, shape = ARCHITECTURES[name], (2, side, side)
    made = entry.build_generator(players["generator"], shape)(torch.randn(3, 3))
    assert made.shape == (3, *shape)
    assert made.abs().max() <= 1
    critic = entry.build_critic(players["critic"], shape)
    assert critic(made).shape == (3, 1)
    assert isinstance(critic[-1], nn.Linear)  # what `features` leaves off


@pytest.mark.parametrize("shape", [(1, 20, 20), (3, 64, 32), (1, 4, 4), (1, 7, 7), (2,), (1, 1024, 1024), (3, 48, 48)])
def test_other_sizes_are_a_sentence(shape):
    with pytest.raises(ShapeError, match="times a power of two"):
        dcgan.build_critic(dcgan.DcganCritic(norm="none"), shape)
    with pytest.raises(HarnessError, match="'dcgan' cannot be built"):
        summary("dcgan", shape)


def test_filters_must_be_as_many_as_maps():
    with pytest.raises(ShapeError, match="needs 2 filters"):
        summary("dcgan", (1, 16, 16), "filters=[8, 8, 8]")
    assert [shape for kind, shape in layers("dcgan", (1, 16, 16), "generator", "filters=[5, 6]") if kind == "ReLU"] == [
        [5, 4, 4],
        [6, 8, 8],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", DCGANS)
def test_at_its_plain_depth_a_network_is_that_of_no_depth(name):
    """Layer by layer, and so draw by draw: four layers at 32 pixels, as in table 1 of Gulrajani et al. 2017."""
    plain, said = summary(name, (1, 32, 32)), summary(name, (1, 32, 32), "generator.depth=4")
    assert (plain["generator"]["depth"], plain["critic"]["depth"]) == (4, 5 if name == "dcgan-extra" else 4)
    assert said == plain
    assert summary(name, (1, 32, 32), f"critic.depth={plain['critic']['depth']}") == plain


@pytest.mark.slow
@pytest.mark.parametrize("depth", [8, 12, 20])
def test_a_deeper_network_has_so_many_more_layers_that_keep_their_maps(depth):
    """The source's depths: 4, 8 or 16 more layers over three maps, the smallest first."""
    sets = ("width=4", "latent=3")
    found, plain = (summary("dcgan", (1, 32, 32), *sets, *more)["critic"] for more in ((f"depth={depth}",), ()))
    shapes = {row["name"]: row["output_shape"] for row in found["layers"]}
    keepers = {name: shape for name, shape in shapes.items() if name.startswith("keep")}
    assert [sum(name.startswith(f"keep{n}_") for name in keepers) for n in (3, 2, 1)] == spread(depth - 4)
    assert all(shape == shapes[f"conv{name[4]}"] for name, shape in keepers.items())
    more = list(zip(spread(depth - 4), (16, 8, 4), strict=True))
    assert found["depth"] == depth
    assert found["parameters"] == plain["parameters"] + sum(n * conv(f, f, 3, bias=True) for n, f in more)
    generator = counts("dcgan", (1, 32, 32), *sets)[0] + sum(n * conv(f, f, 3) for n, f in more)
    assert counts("dcgan", (1, 32, 32), f"generator.depth={depth}", *sets) == (generator, plain["parameters"])


def spread(more):
    return [(more + i) // 3 for i in (2, 1, 0)]


def test_a_depth_counts_the_extra_layers_and_the_gates_double_all():
    shape, sets = (1, 16, 16), ("width=4", "critic.norm=none", "critic.activation=gated")
    plain, deep = (counts("dcgan-extra", shape, *sets, f"critic.depth={n}")[1] for n in (4, 6))
    assert deep - plain == sum(n * 2 * n * 9 + 2 * n for n in (4, 8))


@pytest.mark.parametrize(("name", "player", "least"), [("dcgan", "generator", 3), ("dcgan-extra", "critic", 4)])
def test_a_depth_too_small_for_the_pictures_is_a_sentence(name, player, least):
    with pytest.raises(HarnessError, match=f"depth 2 given, at least {least} needed for images of this side"):
        summary(name, (1, 16, 16), f"{player}.depth=2")


def test_a_depth_that_is_not_said_is_no_part_of_an_address():
    assert "depth" not in dcgan.DcganGenerator().model_dump(mode="json")
    said = dcgan.DcganCritic(depth=7).model_dump(mode="json")
    assert dcgan.DcganCritic(**said) == dcgan.DcganCritic(depth=7)


@pytest.mark.parametrize("norm", ["none", "layer", "instance", "batch"])
def test_a_layer_before_a_norm_that_subtracts_its_bias_has_none(norm):
    critic = dcgan.build_critic(dcgan.DcganCritic(norm=norm), (3, 64, 64))
    biased = [layer.bias is not None for layer in critic if isinstance(layer, nn.Conv2d)]
    assert biased == [True] + [norm in ("none", "layer")] * 3


SAME = [
    ({"filters": [8, 8]}, {"filters": [8, 8], "width": 16, "growth": 1}),
    ({"norm": "layer"}, {"norm": "layer", "bias": "all"}),
    ({"norm": "none"}, {"norm": "none", "critic": {"first_norm": True}}),
    ({"critic": {"bias": "all"}}, {}),  # auto: layer norm for wgan-gp
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_network_has_one_address(one, other):
    def address(variant):
        block = {"dataset": "ring", "architecture": "dcgan", "objective": "wgan-gp"}
        plain = {"version": 1, "name": "t", "architectures": {"dcgan": variant}, "matrix": [block]}
        return canonical_json(expand(Suite.model_validate(plain)).runs[0].spec.to_json())

    assert address(one) == address(other)
