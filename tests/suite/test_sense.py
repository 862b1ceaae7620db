"""Suites that are well formed and make no sense, and settings that training does not read."""

import pytest

from harness.suite.expand import expand

SUITE = """\
version: 1
name: tiny
question: Why?
seeds: 1
train: {steps: 20, batch: 8, lr: 1e-3}
matrix:
  - {dataset: 8gaussians, architecture: mlp, objective: wgan-gp}
"""


@pytest.mark.parametrize(
    ("metric", "dataset"),
    [("foo", "8gaussians"), ("fid", "8gaussians"), ("reverse_kl", "8gaussians"), ("w1_floor", "ring"), ("hq", "ring")],
)
def test_a_primary_that_cannot_rank_is_refused_before_training(mistakes, metric, dataset):
    text = SUITE.replace("8gaussians", dataset) + f"primary: {{toys: {metric}}}\n"
    assert f"cannot be ranked on '{metric}'" in " ".join(mistakes(text))


@pytest.mark.parametrize("metric", ["w1", "w1_excess", "score", "w2", "sliced_w", "hq", "modes@2500"])
def test_what_can_rank_is_taken(load, metric):
    assert load(SUITE + f"primary: {{toys: {metric}}}\n").primary.toys == metric


@pytest.mark.parametrize(
    ("base", "setting", "words"),
    [
        ("wgan-clip", "clip: -0.01", "at least 0"),
        ("wgan-gp", "gp_weight: -3", "at least 0"),
        ("nsgan", "tricks: {ema: {decay: 5}}", "from 0 to 1"),
    ],
)
def test_hyperparameters_outside_their_range_are_refused(mistakes, base, setting, words):
    text = SUITE.replace("objective: wgan-gp", "objective: x") + f"objectives: {{x: {{base: {base}, {setting}}}}}\n"
    assert words in " ".join(mistakes(text))


def test_an_average_of_no_generator_is_refused(mistakes):
    text = SUITE.replace("8gaussians", "parallel-lines").replace("objective: wgan-gp", "objective: x")
    text = text.replace("lr: 1e-3", "lr: 1e-3, generator: fixed")
    assert "none is trained" in mistakes(text + "objectives: {x: {base: wgan-gp, tricks: {ema: {}}}}\n")[0]


def test_batch_norm_of_one_sample_is_refused(mistakes):
    assert "more than one sample" in mistakes(SUITE.replace("batch: 8", "batch: 1").replace("mlp", "mlp-bn"))[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lr: 1e-3", "lr: 1e-3, n_critic: {base: 5}"),
        ("lr: 1e-3, optimizer: rmsprop", "lr: 1e-3, optimizer: rmsprop, beta1: 0.7"),
        ("lr: 1e-3, optimizer: sgd", "lr: 1e-3, optimizer: sgd, beta2: 0.7"),
        ("generator: fixed, lr: 1e-3", "generator: fixed, critic_lr: 1e-3, generator_lr: 1e-2"),
    ],
)
def test_settings_that_training_does_not_read_do_not_change_its_address(load, one, other):
    ids = [expand(load(SUITE.replace("lr: 1e-3", text))).runs[0].run_id for text in (one, other)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("one", "other"), [("{}", "{pieces: 7}"), ("{widths: [[9, 9]]}", "{widths: [[9, 9]], width: 5, depth: 7}")]
)
def test_settings_that_a_network_does_not_read_do_not_either(load, one, other):
    ids = [expand(load(SUITE + f"architectures: {{mlp: {text}}}\n")).runs[0].run_id for text in (one, other)]
    assert ids[0] == ids[1]


@pytest.mark.usefixtures("pictures")
def test_a_size_that_an_architecture_cannot_make_is_refused(problems):
    text = "version: 1\nname: t\nprimary: {images: sliced_w}\ndatasets: {odd: {base: pictures, side: 20}}\nmatrix:\n"
    block = "  - {dataset: [pictures, odd, ring], architecture: [dcgan, mlp], objective: gan}\n"
    refused = problems(text + block)
    assert [(one.place, one.code) for one in refused] == [("x.yaml:6", "not-buildable")] * 2
    for problem, name, shape in zip(refused, ("odd", "ring"), ("1x20x20", "2"), strict=True):
        assert all(word in problem.text for word in ("'dcgan'", f"'{name}'", "28x28", f"these samples are {shape}"))
