"""The digits are scikit-learn's, whole, in two parts that do not depend on their size."""

import numpy as np
import pytest
import torch
from oracles import data_defaults
from sklearn.datasets import load_digits

from harness.datasets import DATASETS
from harness.datasets import digits as digits_module
from harness.datasets.resize import UNIT, resized, weights
from harness.errors import DataError

DIGITS = DATASETS["digits"]


def digits(**settings):
    return DIGITS.pictures({**data_defaults("digits"), **settings})


@pytest.mark.parametrize("size", [16, 28, 32])
def test_resizing_back_gives_the_pictures_of_scikit_learn(size):
    found, original = digits(size=size), load_digits()
    enlarged = torch.cat([found.train, found.held_out])[:, 0].double().numpy() / 255 * 16
    back = np.linalg.pinv(weights(8, size) / UNIT)
    small = np.rint(back @ enlarged @ back.T).astype(int)
    labels = torch.cat([found.train_labels, found.held_labels]).tolist()
    expected = zip(original.images.astype(int), original.target, strict=True)
    ours = sorted((picture.tobytes(), label) for picture, label in zip(small, labels, strict=True))
    assert ours == sorted((picture.tobytes(), label) for picture, label in expected)


def test_mnist_5k_is_500_of_each_class_whole_in_two_parts():
    found = DATASETS["mnist-5k"].pictures(data_defaults("mnist-5k"))
    assert (found.train.shape, found.held_out.shape) == ((3500, 1, 28, 28), (1500, 1, 28, 28))
    labels = torch.cat([found.train_labels, found.held_labels])
    assert labels.bincount().tolist() == [500] * 10
    assert not {x.numpy().tobytes() for x in found.train} & {x.numpy().tobytes() for x in found.held_out}
    # Ones have less ink than zeros.
    ink = torch.cat([found.train, found.held_out]).float().mean((1, 2, 3))
    assert ink[labels == 1].max() < ink[labels == 0].max()
    assert ink[labels == 1].mean() < ink[labels == 0].mean() / 2


def test_without_its_package_mnist_5k_says_what_to_install(monkeypatch):
    digits_module._mnist_5k.cache_clear()
    monkeypatch.setattr(digits_module, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"gan-harness\[data\]"):
        digits_module.load_mnist_5k(data_defaults("mnist-5k"))


def test_540_are_held_out_the_same_at_every_size():
    small, large = digits(), digits(size=32)
    assert (len(small.train), len(small.held_out)) == (len(large.train), len(large.held_out)) == (1257, 540)
    assert torch.equal(small.train_labels, large.train_labels)
    assert torch.equal(small.held_labels, large.held_labels)
    assert not {x.numpy().tobytes() for x in small.train} & {x.numpy().tobytes() for x in small.held_out}


@pytest.mark.parametrize("classes", [[3], [0, 3]])
def test_classes_are_chosen_by_their_labels(classes):
    whole, part = digits(), digits(classes=classes)
    assert part.classes == tuple(map(str, classes))
    for held, labels, name in ((whole.train, whole.train_labels, "train"), (whole.held_out, whole.held_labels, "held")):
        wanted = torch.isin(labels, torch.tensor(classes))
        assert torch.equal(getattr(part, "train" if name == "train" else "held_out"), held[wanted])
        assert torch.equal(torch.tensor(classes)[getattr(part, f"{name}_labels")], labels[wanted])


@pytest.mark.parametrize(("old", "new"), [(8, 16), (8, 32), (32, 16), (28, 16), (5, 13)])
def test_resizing_agrees_with_torch(old, new):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 2, old, old), dtype=np.uint8)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(pictures).double(), (new, new), mode="bilinear", antialias=new < old
    )
    assert (weights(old, new).sum(1) == UNIT).all()
    assert np.abs(resized(pictures, new).astype(float) - expected.numpy()).max() <= 1


def test_white_stays_white_and_black_black():
    for white in (16, 255):
        plain = np.stack([np.zeros((1, 8, 8)), np.full((1, 8, 8), white)]).astype(np.uint8)
        assert (resized(plain, 16, white) == np.array([0, 255])[:, None, None, None]).all()
