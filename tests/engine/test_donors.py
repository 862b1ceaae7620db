"""A training that goes on from states of shorter ones against training from scratch: bit for bit, in other stacks."""

import math

import numpy as np
import pytest
from oracles import alike, make_spec

from harness.engine import Checkpoints, Donor, train
from harness.objectives import OBJECTIVES, TRICKS

SHORT, LONG = 6, 13
STATES = (3, 6, 13)


def keeping(states=STATES, **more):
    return Checkpoints(lambda files: None, every_s=math.inf, states=states, **more)


def donor(outcome, step=SHORT):
    """What a store gives of a finished run: float32 curves, and what is kept up to the step."""
    shots = {at: shot for at, shot in outcome.snapshots.items() if at <= step}
    states = {at: state for at, state in outcome.states.items() if at <= step}
    return Donor(step, outcome.states[step], outcome.curves, shots, states)


def check_continued(step=SHORT, **settings):
    """The short runs train as three, of which the first and the last go on as two, the other way round."""
    specs = {steps: [make_spec(**{"seed": seed, "steps": steps, **settings}) for seed in range(3)] for steps in (6, 13)}
    short = train(specs[SHORT], (0, 2, 6), 20, checkpoints=keeping([3, 6]))
    long = [specs[LONG][2], specs[LONG][0]]
    scratch = train(long, (0, 2, 13), 20, checkpoints=keeping([3, 13]))
    donors = [donor(short[run], step) for run in (2, 0)]
    for each in donors:
        each.states.pop(6, None)
        each.snapshots.pop(6, None)
    went = train(long, (0, 2, 13), 20, checkpoints=keeping([3, 13], donors=donors))
    assert [outcome.begun for outcome in went] == [step, step]
    assert alike(went, scratch)
    return scratch


CASES = [
    {"objective": "wgan-gp", "tricks": ("ema",)},
    {"objective": "rpgan-r1r2", "architecture": "mlp-bn", "optimizer": "rmsprop"},
    {"objective": "nsgan", "tricks": ("replay", "virtual-batch-norm"), "optimizer": "sgd"},
    {"objective": "wgan-clip", "constrain": "after+start", "n_critic": {"base": 1, "first": [3, 5], "every": [4, 2]}},
    {"objective": "hinge", "data": {"fixed": 50}, "pack": 2, "critic": {"norm": "spectral"}},
]


@pytest.mark.slow
@pytest.mark.parametrize("settings", CASES, ids=lambda settings: settings["objective"])
def test_it_equals_training_from_scratch(settings):
    check_continued(**settings)


def test_it_goes_on_from_an_earlier_state_as_well():
    check_continued(3, objective="wgan-gp", tricks=("ema",))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "optimizer"), [*((name, "adam") for name in OBJECTIVES), ("wgan-gp", "rmsprop"), ("wgan-gp", "sgd")]
)
def test_of_every_objective_and_optimiser(objective, optimizer):
    check_continued(objective=objective, optimizer=optimizer, batch=13)


@pytest.mark.slow
@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("architecture", ["mlp", "mlp-bn"])
def test_of_every_trick_and_network_of_points(trick, architecture):
    check_continued(objective="nsgan", tricks=(trick,), architecture=architecture, batch=6)


def test_a_state_that_does_not_fit_is_passed_over():
    spec = make_spec(steps=SHORT)
    (short,) = train([spec], (), 20, checkpoints=keeping([6]))
    (scratch,) = train([make_spec(steps=9)], (), 20)
    for spoil in (
        lambda state: state.pop("state.params['critic']"),
        lambda state: state.update({"state.params['critic']": np.zeros(3, np.float32)}),
    ):
        state = dict(short.states[6])
        spoil(state)
        (went,) = train(
            [make_spec(steps=9)], (), 20, checkpoints=keeping([], donors=[Donor(6, state, short.curves, {}, {})])
        )
        assert went.begun == 0
        assert alike([went], [scratch])


def test_weights_in_a_state_are_those_of_a_run_that_ends_there():
    """The parameters that networks run with, a moving average and spectral norm among them."""
    made = {"objective": "hinge", "tricks": ("ema",), "seed": 1}
    (whole,) = train([make_spec(steps=9, **made)], (), 20, checkpoints=keeping([4, 9]))
    for step in (4, 9):
        (ended,) = train([make_spec(steps=step, **made)], (), 20)
        flat = {f"{owner}/{name}": x for owner, named in ended.weights.items() for name, x in named.items()}
        kept = {name: x for name, x in whole.states[step].items() if "/" in name}
        assert flat.keys() == kept.keys()
        assert all(np.array_equal(flat[name], kept[name]) for name in flat)
