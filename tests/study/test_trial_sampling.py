"""What Optuna draws: the same trials at every call, inside the space; better than chance where it learns."""

import numpy as np
import pytest

from harness.study.trial_sampling import learnt, points
from harness.suite.format.study_block import Study

SPACE = {
    "lr": {"low": 1e-4, "high": 1e-2, "log": True},
    "beta1": {"low": 0, "high": 0.9},
    "n_critic": {"low": 1, "high": 8, "whole": True},
    "norm": {"choices": ["none", "layer"]},
}


def study(**parts):
    return Study.model_validate({"space": SPACE, "trials": 8, **parts})


@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_a_longer_list_begins_with_the_shorter(sampler):
    block = study(sampler=sampler)
    long = points(block, SPACE, 0, 12)
    assert points(block, SPACE, 0, 5) == long[:5]
    assert points(block, SPACE, 5, 12) == long[5:]
    assert points(block, SPACE, 5, 5) == []
    assert long != points(study(sampler=sampler, seed=1), SPACE, 0, 12)
    turned = Study.model_validate({"space": dict(reversed(SPACE.items())), "trials": 8, "sampler": sampler})
    assert points(turned, turned.space, 0, 12) == long


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_points_fill_the_space_and_nothing_else(sampler):
    drawn = points(study(sampler=sampler), SPACE, 0, 256)
    lr, beta = (np.array([point[name] for point in drawn]) for name in ("lr", "beta1"))
    assert lr.min() >= 1e-4
    assert lr.max() <= 1e-2
    assert abs(np.mean(lr < 1e-3) - 0.5) < 0.1  # half of it below the middle of a logarithmic axis
    assert abs(np.mean(beta < 0.45) - 0.5) < 0.1
    assert {point["n_critic"] for point in drawn} == set(range(1, 9))
    assert {type(point["n_critic"]) for point in drawn} == {int}
    assert abs(np.mean([point["norm"] == "layer" for point in drawn]) - 0.5) < 0.1
    assert all(float(f"{point['lr']:.4g}") == point["lr"] for point in drawn)  # can be copied


def test_low_discrepancy_covers_better_than_chance():
    """Of 16 scrambled Sobol points each sixteenth of an axis holds one."""
    only = {"beta1": SPACE["beta1"]}
    block = Study.model_validate({"space": only, "trials": 8, "sampler": "qmc"})
    cells = [int(point["beta1"] / 0.9 * 16) for point in points(block, only, 0, 16)]
    assert sorted(cells) == list(range(16))


def worth(point):
    """A space with a known optimum: lr at 1e-3, whatever the rest."""
    return 1 - abs(np.log10(point["lr"]) + 3)


def test_tpe_comes_nearer_to_a_known_optimum_than_it_began():
    block, history = study(sampler="tpe"), []
    while len(history) < 48:
        history += [(point, worth(point)) for point in learnt(block, SPACE, history, 8)]
    assert np.mean([value for _, value in history[-16:]]) > np.mean([value for _, value in history[:16]]) + 0.2


def test_tpe_depends_on_its_history_alone():
    block = study(sampler="tpe")
    history = [(point, worth(point)) for point in points(study(), SPACE, 0, 12)]
    assert learnt(block, SPACE, history, 4) == learnt(block, SPACE, history, 4)
    assert learnt(block, SPACE, history, 4) != learnt(block, SPACE, [(point, 1 - value) for point, value in history], 4)
    batch = learnt(block, SPACE, history, 4)
    assert len({point["lr"] for point in batch}) == 4


def test_optuna_says_nothing_and_keeps_its_own_settings(capfd):
    import optuna

    before = optuna.logging.get_verbosity()
    points(study(sampler="qmc"), SPACE, 0, 3)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")
