"""Settings of `harness show`: what they reach, and the sentences that refuse the rest."""

import pytest

from harness.architectures import ARCHITECTURES
from harness.errors import HarnessError
from harness.spec import canonical_json
from harness.suite.expand import expand
from harness.suite.format.models import Suite
from harness.suite.players import parse_settings, parse_shape


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_players_are_those_of_a_suite(architecture):
    block = {"dataset": "ring", "architecture": "a", "objective": "wgan-gp"}
    variant = {"base": architecture, "width": 24, "generator": {"latent": 7}, "critic": {"init": {"normal": 0.1}}}
    suite = Suite.model_validate({"version": 1, "name": "t", "architectures": {"a": variant}, "matrix": [block]})
    setup = expand(suite).runs[0].spec.setup
    shown = parse_settings(architecture, ["width=24", "generator.latent=7", "critic.init={normal: .1}"])
    assert canonical_json(shown["generator"].model_dump(mode="json")) == canonical_json(setup.generator)
    assert canonical_json(shown["critic"].model_dump(mode="json")) == canonical_json(setup.critic)


def test_what_sets_one_player_beats_what_sets_both_in_either_order():
    for sets in (["width=8", "critic.width=9"], ["critic.width=9", "width=8"]):
        players = parse_settings("mlp", sets)
        assert (players["generator"].width, players["critic"].width) == (8, 9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('width="8"', "'8' given"),
        ("width=-8", "equal to 1"),
        ("width=true", "true given"),
        ("width=[8, 16]", "one value is needed"),
        ("init=xavier", "'he', 'default', 'dcgan' or {normal: sd} with sd above 0 needed."),
        ("norm=auto", "'auto' given"),
        ("widht=8", "mean 'width'?"),
        ("gen.width=8", "mean 'width'?"),
        ("critic.latent=8", "unknown name 'critic.latent'"),
        ("width", "KEY=VALUE needed"),
        ("width=", "nothing given"),
        ("width=[8", "not YAML"),
    ],
)
def test_a_wrong_setting_is_a_sentence(text, words):
    with pytest.raises(HarnessError) as error:
        parse_settings("mlp", [text])
    assert str(error.value).startswith("--set ")
    assert words in str(error.value)


def test_an_unknown_architecture_is_named_with_the_nearest():
    with pytest.raises(HarnessError, match="Did you mean 'mlp-deep'"):
        parse_settings("mlp-dep", [])


def test_shapes_are_sizes_joined_by_x():
    assert [parse_shape(text) for text in (None, "2", "3x64x64", "3X4")] == [None, (2,), (3, 64, 64), (3, 4)]


@pytest.mark.parametrize("text", ["", "3xa", "0x3", "-1", "2x", "3.5", "²", "12345", "9999x9999x9999", "1e2"])
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(HarnessError, match="such as 2 or 3x64x64"):
        parse_shape(text)
