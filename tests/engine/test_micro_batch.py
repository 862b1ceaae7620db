"""A batch passed in parts makes the whole batch's update."""

import numpy as np
import pytest
import torch
from engine.test_resume import check_resumed
from oracles import DOUBLE, make_spec, plain_loop, same

from harness.engine import Placement, train
from harness.objectives import OBJECTIVES, TRICKS, Trick

DCGAN = {"dataset": "pictures", "architecture": "dcgan", "players": {"width": 2, "latent": 3, "norm": "layer"}}


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(("mode", "runs"), [("stacked", 2), ("single", 1)])
@pytest.mark.parametrize("micro", [1, 4])
@pytest.mark.parametrize(
    "how",
    [
        pytest.param({}, id="mlp"),
        pytest.param(DCGAN, id="dcgan", marks=pytest.mark.slow),
        pytest.param({"pack": 2}, id="packed"),
    ],
)
def test_its_update_is_the_whole_batch_s(how, micro, mode, runs):
    """In float64, up to rounding: of the engine, and of the plain loop."""
    parts = [make_spec(**how, seed=s, steps=4, batch=8, micro_batch=micro) for s in range(runs)]
    whole = [make_spec(**how, seed=s, steps=4, batch=8) for s in range(runs)]
    expected = train(whole, placement=Placement(mode, dtype=torch.float64))
    for one, other, spec in zip(
        train(parts, placement=Placement(mode, dtype=torch.float64)), expected, whole, strict=True
    ):
        for name, curve in one.curves.items():
            np.testing.assert_allclose(curve, other.curves[name], rtol=1e-5, atol=1e-6, err_msg=name)
        for player in ("generator", "critic"):
            plain = plain_loop(spec)[player]
            for name, value in one.weights[player].items():
                wanted = plain[name].detach().numpy()
                np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("pack", [1, 2])
def test_every_objective_is_a_mean_over_samples(objective, pack):
    """Or over packs of them, in a stack as alone; what needs a whole batch says so."""
    micro = {} if OBJECTIVES[objective].whole_batch else {"micro_batch": 4}
    specs = [make_spec(objective, steps=5, pack=pack, **more) for more in ({}, micro)]
    whole, parts = (train([spec], placement=DOUBLE)[0] for spec in specs)
    alone = train(specs[:1], placement=Placement("single", dtype=torch.float64))[0]
    for name, curve in whole.curves.items():
        for other in (parts, alone):
            np.testing.assert_allclose(other.curves[name], curve, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_it_goes_on_from_a_checkpoint_and_does_not_depend_on_its_stack():
    specs = [make_spec("wgan-gp", seed=seed, steps=12, batch=12, micro_batch=4, tricks=("ema",)) for seed in range(3)]
    whole = check_resumed(specs)
    assert same(whole[0].curves, train(specs[:2])[0].curves)


NOISY = Trick(
    inputs=lambda player, real, fake, extra, noise, hyper: (real, fake + hyper["noisy.sd"] * noise["noisy.jitter"]),
    draws={"jitter": "sample"},
    hyper={"sd": 0.3},
)


def test_what_tricks_draw_for_a_sample_goes_with_its_part(monkeypatch):
    monkeypatch.setitem(TRICKS, "noisy", NOISY)
    whole, parts = (
        train([make_spec(tricks=("noisy",), steps=5, batch=8, **m)], placement=DOUBLE)[0]
        for m in ({}, {"micro_batch": 2})
    )
    for name, curve in parts.curves.items():
        np.testing.assert_allclose(curve, whole.curves[name], rtol=1e-5, atol=1e-6, err_msg=name)
