"""Pairs of distributions for a critic alone: what its generated side is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles import make_spec

from harness.datasets import DATASETS
from harness.engine import train
from harness.metrics.transport import wasserstein_1


def test_w1_of_a_shift_is_its_length():
    entry = DATASETS["shifted"]
    settings = {"of": "swissroll", "shift": -0.7}
    draws = [torch.Generator().manual_seed(0) for _ in range(2)]
    real, fake = entry.sample(400, draws[0], settings), entry.fake(400, draws[1], settings)
    assert wasserstein_1(fake.numpy(), real.numpy()) == pytest.approx(0.7, rel=1e-5)


def test_the_generated_side_of_two_files_is_the_second_and_none_is_drawn_twice(tmp_path):
    rng = np.random.default_rng(0)
    for name, shift in (("a", 0.0), ("b", 5.0)):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(50, 2)) + shift)
    entry = DATASETS["pair"]
    settings = {"scale": 1.0}
    for key, name in (("file", "a"), ("fakes", "b")):
        settings |= entry.files[key](str(tmp_path / f"{name}.npy"))
    drawn = entry.fake(50, torch.Generator().manual_seed(0), settings).numpy()
    other = np.load(tmp_path / "b.npy").astype(np.float32)
    assert np.array_equal(drawn[np.lexsort(drawn.T)], other[np.lexsort(other.T)])
    assert len(entry.fake(120, torch.Generator(), settings)) == 120
    assert settings["content"] != settings["fakes"]


def test_the_fakes_of_a_fixed_generator_belong_to_no_seed():
    made = [
        make_spec("wgan-clip", "parallel-lines", seed=seed, steps=2, generator="fixed", hyper={"data.theta": theta})
        for theta in (0.2, 0.4)
        for seed in (0, 1)
    ]
    specs = [replace(spec, setup=replace(spec.setup, generator={})) for spec in made]
    shots = [outcome.snapshots[2] for outcome in train(specs, at=[2], samples=20)]
    assert all(np.array_equal(shot["generated"], shots[0]["generated"]) for shot in shots)
    assert not np.array_equal(shots[0]["critic"], shots[1]["critic"])
    assert all(shot["critic_alone"] for shot in shots)
