"""Run ids: the same run, the same address; another run, another."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import make_spec

from harness.errors import HarnessError
from harness.spec import RunSpec, Task, canonical_json, content_id

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value):
    """The same content with every mapping's keys in reverse."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@pytest.mark.slow
@given(PLAIN)
def test_the_order_of_keys_is_nothing(value):
    assert canonical_json(value) == canonical_json(shuffled(value))


@given(st.integers(-(2**50), 2**50))
def test_one_and_one_point_zero_are_one_number(number):
    assert canonical_json({"x": number}) == canonical_json({"x": float(number)})


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_different_numbers_stay_different(a, b):
    assert (canonical_json(a) == canonical_json(b)) == (a == b)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_refused(number):
    with pytest.raises(HarnessError, match="not finite"):
        canonical_json({"x": number})


def test_a_spec_survives_json_and_its_id_moves_with_its_content():
    spec = make_spec(seed=3)
    assert RunSpec.from_json(spec.to_json()) == spec
    assert RunSpec.from_json(spec.to_json()).run_id == spec.run_id == content_id(spec.to_json())
    others = [
        make_spec(seed=4),
        make_spec("wgan-lp", seed=3),
        make_spec(seed=3, steps=16),
        make_spec(seed=3, hyper={"gp_weight": 0.2}),
    ]
    assert len({spec.run_id, *(other.run_id for other in others)}) == 5


def test_a_known_run_keeps_its_id():
    """A golden value: results folders of earlier versions are found again by it."""
    assert content_id({"setup": {"train": {"steps": 10}}, "hyper": {"lr": 1e-4}, "seed": 0}) == "abcfaef00b5297ee"


def test_a_task_names_its_data_its_architecture_and_every_swept_value():
    task = Task("ring", "mlp", (("theta", "0.5"), ("sd", "0.02")))
    assert task.label == "ring / mlp, theta=0.5, sd=0.02"
    assert task.data_label == "ring, theta=0.5, sd=0.02"
    assert len({task, Task("ring", "mlp"), Task("ring / mlp", "")}) == 3
