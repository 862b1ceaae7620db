"""Plug-ins are tried before training: what a stack would change, or silently train otherwise, is one sentence."""

import math
from pathlib import Path

import pytest
import torch
from plugs import HEADS, RIGHT, RIGHT_PLUGS, WRONG, WRONG_PLUGS, plug, written

import harness.suite.checks.suite_check as extended
from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.errors import SuiteError
from harness.objectives import OBJECTIVES, TRICKS
from harness.plan.describe import describe
from harness.plan.make import make_plan
from harness.plan.screen import _sources
from harness.plugins import components
from harness.plugins.hooks import Setting, floats, hooks_of, setting_of
from harness.plugins.trial import fault, faults
from harness.suite.expand import expand
from harness.suite.load import load_suite

SUITE = """\
version: 1
name: t
plugins: [plug.py]
train: {steps: 2, batch: 8}
matrix: [{dataset: DATA, architecture: ARCH, objective: mine}]
"""


@pytest.fixture
def sentences(tmp_path, monkeypatch):
    """Return a function that loads a suite with a plug-in and gives its mistakes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extended, "_TRIED", {})

    def of(source, data="8gaussians", arch="mlp"):
        Path("plug.py").write_text(source)
        Path("x.yaml").write_text(SUITE.replace("DATA", data).replace("ARCH", arch))
        try:
            load_suite("x.yaml")
            return []
        except SuiteError as error:
            return [str(problem) for problem in error.problems]
        finally:
            components.forget(str(tmp_path / "plug.py"))

    return of


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_serve_a_stack_is_one_sentence_with_file_and_function(sentences, name):
    role, body, words = WRONG[name]
    (found,) = sentences(written(role, body))
    assert found.startswith("x.yaml:5: objective: 'mine'")
    assert f"`{HEADS[role].partition('def ')[2].partition('(')[0]}` (plug.py:14)" in found
    assert "\n" not in found
    assert all(word in found for word in words), found


@pytest.mark.parametrize("name", RIGHT)
def test_what_serves_a_stack_is_let_through(sentences, name):
    assert sentences(written(*RIGHT[name])) == []


@pytest.mark.slow
def test_a_penalty_for_points_is_refused_for_images_alone(sentences):
    body = "x = torch.lerp(fake, real, noise['mix'][..., None])\nreturn critic.slope(x).square().sum(-1).mean(-1)"
    assert sentences(written("penalty", body)) == []
    (text,) = sentences(written("penalty", body), "shapes", "dcgan")
    assert "its penalty" in text


@pytest.fixture
def sentences_of(tmp_path, monkeypatch):
    """Return a function that loads a suite with a plug-in of any kind and gives its mistakes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extended, "_TRIED", {})

    def of(kind, source):
        Path("plug.py").write_text(source)
        data, arch = "mine" if kind == "dataset" else "8gaussians", "mine" if kind == "architecture" else "mlp"
        tricks = ", tricks: {mine: {}}" if kind == "trick" else ""
        text = SUITE.replace("DATA", data).replace("ARCH", arch).replace("objective: mine", "objective: o")
        Path("x.yaml").write_text(f"{text}objectives: {{o: {{base: wgan-gp{tricks}}}}}\n")
        try:
            load_suite("x.yaml")
            return []
        except SuiteError as error:
            return [str(problem) for problem in error.problems]

    return of


@pytest.mark.parametrize("name", WRONG_PLUGS)
def test_what_is_wrong_with_a_plug_in_of_any_kind_is_one_sentence_with_file_and_function(sentences_of, name):
    function, body, words = WRONG_PLUGS[name]
    (text,) = sentences_of(*plug(function, body))
    assert "'mine' of a plug-in" in text
    assert f"`{function}` (plug.py:" in text
    assert words in text
    assert "\n" not in text


@pytest.mark.parametrize("function", RIGHT_PLUGS)
def test_a_right_plug_in_of_any_kind_is_let_through(sentences_of, function):
    assert sentences_of(*plug(function, RIGHT_PLUGS[function])) == []


@pytest.mark.parametrize("bounds", [(0, math.inf), (0, 1), (-1, 0), (0, 0.01), (-0.01, 0), (-math.inf, math.inf)])
def test_a_float_of_0_is_tried_as_two_others_within_its_bounds(bounds):
    setting = Setting(8, (2,), False, {"weight": 0.0})
    first, second = floats(setting, {"weight": 0.0}, {"weight": bounds})["weight"].tolist()
    assert 0 != first != second != 0
    assert all(bounds[0] <= x <= bounds[1] for x in (first, second))


def specs(dataset, architecture, objective, tricks=""):
    narrow = {"width": 8} if "width" in ARCHITECTURES[architecture].critic_model.model_fields else {}
    suite = {"version": 1, "name": "t", "seeds": 1, "train": {"steps": 2, "batch": 8},
             "architectures": {"a": {"base": architecture, **narrow}},
             "matrix": [{"dataset": dataset, "architecture": "a", "objective": "o"}],
             "objectives": {"o": {"base": objective, **({"tricks": {tricks: {}}} if tricks else {})}}}  # fmt: skip
    return expand(load_suite(suite)).runs[0].spec


@pytest.mark.parametrize(
    ("data", "architecture"), [("8gaussians", "mlp"), pytest.param("shapes", "dcgan", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_every_objective_of_the_table_passes(name, data, architecture):
    spec = specs(data, architecture, name)
    assert faults("objective", name, spec.setup, spec.hyper) == []
    lifted = faults_lifted(name, spec)
    assert lifted == []


def faults_lifted(name, spec):
    setting = setting_of(spec.setup, spec.hyper)._replace(lifted=True)
    return [text for call in hooks_of("objective", name, spec.setup, setting) if (text := fault(call, setting))]


@pytest.mark.parametrize("name", list(TRICKS))
def test_every_trick_of_the_table_passes(name):
    couples = TRICKS[name].couples  # which a penalty a sample refuses; what undoes it needs batch norm
    spec = specs("8gaussians", "mlp-bn" if couples is False else "mlp", "nsgan" if couples else "wgan-gp", name)
    assert faults("trick", name, spec.setup, spec.hyper) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_every_architecture_of_the_table_passes(name):
    spec = specs("8gaussians" if len(ARCHITECTURES[name].shape) == 1 else "shapes", name, "wgan-gp")
    assert faults("architecture", name, spec.setup, spec.hyper) == []


@pytest.mark.parametrize("name", [name for name, entry in DATASETS.items() if entry.kind == "toys" and not entry.files])
def test_every_toy_of_the_table_passes(name):
    spec = specs(name, "mlp", "wgan-gp")
    assert faults("dataset", name, spec.setup, spec.hyper) == []


def test_a_trial_leaves_no_trace(sentences):
    before = torch.get_rng_state().clone()
    assert sentences(written("critic", "return (fake - real + torch.rand(8)).mean(-1)"))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_default_dtype() == torch.float32


def test_plan_says_which_default_a_borrowed_recipe_replaces(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("plug.py").write_text(written("critic", "return fake.mean(-1) - real.mean(-1)"))
    try:
        for more, expected in (("", {"gp_weight": [10.0, 0.1]}), ("objectives: {mine: {gp_weight: 10}}\n", {})):
            Path("x.yaml").write_text(SUITE.replace("DATA", "ring").replace("ARCH", "mlp") + more)
            suite = load_suite("x.yaml")
            found = describe(suite, make_plan(suite, None, "cpu"))
            assert found.settings[0].recipe.overrides == expected
            said = " ".join("\n".join(_sources(found.settings)).split())
            assert ("gp_weight is 0.1, of its recipe" in said) == bool(expected)
    finally:
        components.forget(str(tmp_path / "plug.py"))
