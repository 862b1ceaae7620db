"""Stacked digits: three digits each, of one part alone, labelled by the number that they spell."""

import numpy as np
import pytest
import torch
from oracles import GREY, data_defaults, write_grey

from harness.datasets import DATASETS
from harness.errors import DataError

ENTRY, DIGITS = DATASETS["stacked-digits"], DATASETS["digits"]


@pytest.mark.slow
def test_channels_are_digits_of_the_same_part_and_spell_the_label():
    settings = {**data_defaults("stacked-digits"), "n": 300, "held_out": 200}
    found, digits = ENTRY.pictures(settings), DIGITS.pictures(data_defaults("digits"))
    assert (len(found.train), len(found.held_out)) == ENTRY.sizes(settings) == (300, 200)
    parts = [
        (found.train, found.train_labels, digits.train, digits.train_labels),
        (found.held_out, found.held_labels, digits.held_out, digits.held_labels),
    ]
    for pictures, labels, singles, digit in parts:
        known = {x.numpy().tobytes(): int(d) for x, d in zip(singles[:, 0], digit, strict=True)}
        for picture, label in zip(pictures, labels, strict=True):
            assert found.classes[label] == "".join(str(known[channel.numpy().tobytes()]) for channel in picture)


def test_every_class_is_drawn_about_as_often_as_another():
    labels = ENTRY.pictures({**data_defaults("stacked-digits"), "n": 20_000}).train_labels
    counts = torch.bincount(labels, minlength=1000)
    assert counts.min() > 3  # of 20 expected; digits themselves are not quite even
    assert len(set(labels.tolist())) == 1000


def test_triples_are_the_same_however_many_are_drawn():
    few, many = (ENTRY.pictures({**data_defaults("stacked-digits"), "n": n}).train for n in (20, 200))
    assert torch.equal(few, many[:20])


@pytest.mark.parametrize("size", [16, 28, 32])
def test_digits_of_mnist_are_stacked_alike(tmp_path, monkeypatch, size):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    with pytest.raises(DataError, match="harness data mnist"):
        DATASETS["stacked-mnist"].pictures({"size": size, "n": 5, "held_out": 3})
    write_grey(tmp_path / "MNIST/raw")
    found = DATASETS["stacked-mnist"].pictures({"size": size, "n": 5, "held_out": 3})
    assert (found.train.shape, found.held_out.shape) == ((5, 3, size, size), (3, 3, size, size))
    if size == 28:
        digits, labels = GREY["t10k"]
        for picture, label in zip(found.held_out.numpy(), found.held_labels.tolist(), strict=True):
            places = [
                next(i for i, digit in enumerate(digits) if np.array_equal(digit, channel)) for channel in picture
            ]
            assert label == int("".join(str(labels[i]) for i in places))
