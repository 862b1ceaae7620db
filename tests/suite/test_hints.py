"""What people write who know another tool: the sentence that refuses it says what to write here."""

import pytest

SUITE = """\
version: 1
name: t
train: {steps: 5, batch: 8}
matrix: [{dataset: ring, architecture: mlp, objective: nsgan}]
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("name: t", "name: 2026", 2, "Quotes"),
        ("name: t", "name: 1e3", 2, "Quotes"),
        ("name: t", "name: true", 2, "Quotes"),
        ("nsgan", "WGAN-GP", 4, "'wgan-gp'"),
        ("nsgan", "WGAN_GP", 4, "'wgan-gp'"),
        ("nsgan", "NSGAN", 4, "'nsgan'"),
        ("mlp", "MLP", 4, "'mlp'"),
        ("batch: 8", "optimizer: Adam", 3, "mean 'adam'"),
        ("batch: 8", "lr: Recipe", 3, "mean 'recipe'"),
        ("batch: 8", "constrain: AFTER", 3, "mean 'after'"),
        ("batch: 8", "lr: '1e-3,1e-4'", 3, "brackets"),
        ("steps: 5", "epoch: 5", 3, "mean 'epochs'"),
        ("steps: 5", "iterations: 5", 3, "mean 'steps'"),
        ("batch: 8", "learning_rate: 5", 3, "mean 'lr'"),
        ("batch: 8", "learning-rate: 5", 3, "mean 'lr'"),
        ("batch: 8", "d_lr: 5", 3, "mean 'critic_lr'"),
        ("batch: 8", "g_lr: 5", 3, "mean 'generator_lr'"),
        ("batch: 8", "batch_size: 5", 3, "mean 'batch'"),
        ("batch: 8", "n_disc: 5", 3, "mean 'n_critic'"),
        ("batch: 8", "betas: 5", 3, "mean 'beta1'"),
        ("name: t", "name: t\nepoch: 5", 3, "mean 'epochs'? Settings of training stand under `train`"),
        ("name: t", "name: t\nlr: 5", 3, "under `train`"),
        ("name: t", "name: t\nseed: 5", 3, "mean 'seeds'"),
        ("name: t", 'name: t\ndatasets: {ring: {base: points, file: "C:\\Users\\me\\x.csv"}}', 3, "single quotes"),
        ("name: t", 'name: t\ndatasets: {ring: {base: points, file: "D:\\data\\x.csv"}}', 3, "single quotes"),
        ("name: t", "name: t\narchitectures: {mlp: {norm: Layer}}", 3, "mean 'layer'"),
        ("name: t", "name: t\narchitectures: {mlp: {latent_dim: 3}}", 3, "mean 'latent'"),
        ("name: t", "name: t\nobjectives: {wgan-gp: {lambda: 3}}", 3, "mean 'gp_weight'"),
        ("name: t", "name: t\ndatasets: {ring: {sigma: 3}}", 3, "mean 'sd'"),
    ],
)
def test_a_mistake_says_what_was_meant(problems, old, new, line, word):
    assert old in SUITE
    problem = next(one for one in problems(SUITE.replace(old, new)) if one.place == f"x.yaml:{line}")
    assert word in problem.text


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("lr=1e-3,1e-4", "brackets"),
        ("steps=10,20", "brackets"),
        ("optimizer=adam,sgd", "brackets"),
        ("width=8,16", "brackets"),
        ("learning_rate=1", "mean 'lr'"),
        ("iterations=1", "mean 'steps'"),
        ("optimizer=SGD", "mean 'sgd'"),
        ("train.epoch=1", "mean 'epochs'"),
    ],
)
def test_a_setting_says_what_was_meant(problems, given, word):
    (problem,) = problems(SUITE, sets=[given])
    assert word in problem.text


def test_what_is_right_gets_no_hint(load):
    suite = load(SUITE.replace("name: t", 'name: "2026"\nquestion: 1, 2 or 3 updates?'), sets=["lr=[1e-3, 1e-4]"])
    assert suite.name == "2026"


@pytest.mark.parametrize("choices", ["[1, 1.0]", "[1e-3, 0.001]", "[true, true]", "[1, 2, 1.0]", "[1]"])
def test_choices_that_repeat_a_value_are_refused(problems, choices):
    text = SUITE + f"study: {{trials: 4, seeds: 1, space: {{critic.width: {{choices: {choices}}}}}}}\n"
    (problem,) = problems(text)
    assert (problem.code, problem.place) == ("bad-range", "x.yaml:5")


def test_true_is_not_1(problems):
    text = SUITE + "study: {trials: 4, seeds: 1, space: {critic.width: {choices: [1, true]}}}\n"
    assert {problem.code for problem in problems(text)} == {"bad-value"}
