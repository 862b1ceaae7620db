"""Entries of plug-ins are checked against the annotations of their records."""

import math
from dataclasses import fields, replace

import pytest

from harness.objectives import OBJECTIVES
from harness.plugins.components import Tables, tables
from harness.plugins.entries import wrong_entry

GAN = OBJECTIVES["gan"]


@pytest.mark.parametrize("kind", Tables._fields)
def test_every_entry_of_ours_is_right(kind):
    table = tables().of(kind)
    for name, entry in table.items():
        assert not wrong_entry(name, entry, type(entry))


@pytest.mark.parametrize("kind", Tables._fields)
def test_a_value_of_a_type_of_nothing_is_wrong_in_every_field(kind):
    class Odd:
        pass

    entry = next(iter(tables().of(kind).values()))
    for field in fields(entry):
        assert f"its {field.name} is an Odd" in wrong_entry("mine", replace(entry, **{field.name: Odd()}), type(entry))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "one"),
        ("version", True),
        ("recipe", 7),
        ("recipe", {"toys": 7}),
        ("recipe", {"toys": replace(GAN.recipe["toys"], critic_lr="fast")}),
        ("hyper", ["gp_weight"]),
        ("hyper", {"w": "seven"}),
        ("hyper", {3: 1.0}),
        ("ranges", {"w": (0.0,)}),
        ("draws", {"mix": "all"}),
        ("critic_loss", None),
        ("papers", [GAN.papers[0]]),
    ],
)
def test_a_field_of_another_type_is_named(field, value):
    assert f"'mine': its {field} is" in wrong_entry("mine", replace(GAN, **{field: value}), type(GAN))


RATES = GAN.recipe["toys"]


@pytest.mark.parametrize(
    "values",
    [
        {"version": 10**400},
        {"version": -1},
        {"hyper": {"w": math.nan}},
        {"hyper": {"w": 1e300}},
        {"hyper": {"w": 1.0}, "ranges": {"w": (2.0, 1.0)}},
        {"hyper": {"w": 1.0}, "ranges": {"w": (math.nan, 1.0)}},
        {"hyper": {"../x": 1.0}},
        {"hyper": {"lr": 1.0}},
        {"hyper": {"critic_lr": 1.0}},
        {"recipe": {"toys": replace(RATES, critic_lr=math.inf)}},
    ],
)
def test_a_value_that_no_run_could_have_is_named(values):
    (*_, field) = values if "ranges" not in values else ["hyper"]
    assert f"'mine': its {field} " in wrong_entry("mine", replace(GAN, **values), type(GAN))


@pytest.mark.parametrize("name", [3, "", "a b", "../x", "x" * 65, "\x1b[31m", None])
def test_a_name_is_one_that_a_suite_could_give(name):
    assert "is not a valid name" in wrong_entry(name, GAN, type(GAN))


def test_what_only_says_that_it_is_a_record_is_none():
    class Fake:
        __class__ = type(GAN)

    assert wrong_entry("mine", Fake(), type(GAN))
