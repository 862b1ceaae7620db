"""Every setting of training is the same setting wherever a suite says it, or is refused there in one sentence."""

import itertools
import json

import pytest

from harness.errors import SuiteError
from harness.suite.expand import expand
from harness.suite.format.models import SuiteTrain, Train

VALUES = {  # of every key: two values
    "steps": (7, 9),
    "epochs": (2, 3),
    "batch": (8, 16),
    "lr": (0.1, "recipe"),
    "critic_lr": (0.1, "recipe"),
    "generator_lr": (0.1, "recipe"),
    "optimizer": ("sgd", "recipe"),
    "beta1": (0.5, "recipe"),
    "beta2": (0.5, "recipe"),
    "n_critic": (2, {"base": 2, "first": [3, 4]}),
    "critic_init": ("dcgan", {"normal": 0.01}),
    "generator_init": ("dcgan", {"normal": 0.01}),
    "schedule": ({"lr": "linear"}, {}),
    "pack": (2, 1),
    "micro_batch": (16, 32),
    "compile": (True, False),
    "tf32": (True, False),
    "constrain": ("before", "after"),
    "generator": ("fixed", "trained"),
    "keep": ([0.5], [1]),
    "checkpoint_s": (10, "never"),
    "limits": ({"seconds": 9}, {}),
}
SET = {"fixed": {"base": "8gaussians", "fixed": 100}}  # which has epochs
PLACES = {
    "suite": lambda said: {"train": said},
    "block": lambda said: {"block": said},
    "variant": lambda said: {"objectives": {"wgan-clip": said}},
    "set": lambda said: {"set": [f"train.{key}={_flow(value)}" for key, value in said.items()]},
    "scale": lambda said: {"scales": {"s": {"train": said}}, "scale": "s"},
}


def _flow(value):
    """Return a value as JSON, which is YAML."""
    return json.dumps(value)


def suite(**more):
    block = {"dataset": "fixed", "architecture": "mlp", "objective": "wgan-clip"}
    return {
        "version": 1,
        "name": "t",
        "seeds": 1,
        "datasets": SET,
        "matrix": [block | {"train": more.pop("block", {})}],
        **more,
    }


def runs(load, place, said):
    """Return the run ids of a suite, or its sentences."""
    try:
        return [run.run_id for run in expand(load(_flow(suite(**PLACES[place](said))))).runs]
    except SuiteError as error:
        return [str(problem) for problem in error.problems]


def test_every_key_of_train_is_tried_below():
    assert set(VALUES) == set(SuiteTrain.model_fields)


@pytest.mark.parametrize("key", VALUES)
def test_a_key_of_train_says_the_same_in_every_place_or_is_refused_in_a_sentence(load, key):
    one, other = VALUES[key]
    for said in ({key: one}, {key: other}, {key: [one, other]}):
        expected = runs(load, "suite", said)
        for place in PLACES:
            found = runs(load, place, said)
            if key not in Train.model_fields and place in ("block", "variant"):
                assert len(found) == 1
                assert found[0].startswith(f"x.yaml:1: {key}: "), found
                assert "the whole suite" in found[0]
            elif place == "set" and key == "limits":
                assert "Did you mean 'limits.seconds'?" in found[0]
            elif ": " in str(expected[0]):  # refused, wherever it stands
                assert len(found) == len(expected)
                assert all(" given, " in text for text in found)
            else:
                assert found == expected


@pytest.mark.parametrize(("key", "place"), list(itertools.product(VALUES, PLACES)))
def test_a_value_that_a_key_of_train_cannot_have_is_refused_in_a_sentence_in_every_place(load, key, place):
    (text,) = runs(load, place, {key: "nonsense"})
    assert text.startswith("x.yaml:1: ")
    assert "\n" not in text
