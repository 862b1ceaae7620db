"""Stacked digits: three digits each, of one part alone, labelled by the number that they spell."""

import pytest
import torch
from oracles import data_defaults

from harness.datasets import DATASETS

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
