"""The ranking as a table: marks of rank 1, leads, settings, and dashes where there is no number."""

import pytest
from report.fake_results import FakeResults

from harness.report.analysis import tables
from harness.report.text import headline_tables
from harness.text import NOTHING

pytestmark = pytest.mark.slow
TASKS = (("8gaussians", "mlp"), ("swissroll", "mlp"))


def many(**more):
    return tables.read(FakeResults(**{"tasks": TASKS, "rates": ("recipe", 2e-3), **more}))


def firsts(shown):
    return {row["objective"]: [is_first for _, is_first in row["scores"]] for row in shown["rows"]}


def test_the_first_of_each_column_is_marked_with_its_lead():
    slow = {(t, "wgan-gp", r, seed): {"train_s": 31.0} for t in range(2) for r in (0, 1) for seed in range(3)}
    shown = headline_tables.ranking_values(many(overrides=slow).headline)
    assert shown["ways"] == ["lr tuned", "the recipe's lr", "mean over lr"]
    assert firsts(shown) == {
        "wgan-gp": [True] * 3 + [False] * 3, "wgan-clip": [False] * 3 + [True] * 3, "gan": [False] * 6,
    }  # fmt: skip
    assert [lead[2] for lead in shown["leads"]] == ["over wgan-clip"] * 3 + ["over gan"] * 3
    assert {row["objective"]: row["reached"].text for row in shown["rows"]} == {
        "wgan-gp": "10 %", "wgan-clip": "100 %", "gan": "100 %",
    }  # fmt: skip


def test_all_who_tie_are_marked():
    nothing = {(t, name, 0, s): {"w1_excess": 1.2} for t in range(2) for name in ("gan", "nsgan") for s in range(3)}
    view = many(rates=(), objectives=("gan", "nsgan"), overrides=nothing)
    assert firsts(headline_tables.ranking_values(view.headline)) == {"gan": [True, True], "nsgan": [True, True]}


def test_what_has_no_number_is_a_dash_and_no_rank():
    view = many()
    table = view.table.assign(**{
        "sweep.lr": ["3e-4" if (o, lr) == ("gan", "recipe") else lr
                     for o, lr in zip(view.table["objective"], view.table["sweep.lr"].astype(str), strict=True)],
    })  # fmt: skip
    shown = headline_tables.ranking_values(tables.headline(table, view.scored, view.metrics))
    scores = {row["objective"]: row["scores"][1] for row in shown["rows"]}
    assert scores["gan"][0].text == NOTHING
    assert not any(is_first for _, is_first in scores.values())
    assert shown["leads"][1] == [NOTHING]


def test_numbers_of_settings_are_those_of_each_objective():
    view = many(rates=("recipe", 2e-3, 4e-3))
    fewer = view.table[(view.table["objective"] != "gan") | (view.table["setting"] != "lr=4e-3")]
    shown = headline_tables.ranking_values(tables.headline(fewer, view.scored, view.metrics))
    assert {row["objective"]: row["settings"] for row in shown["rows"]} == {
        "gan": "2: lr", "wgan-clip": "3: lr", "wgan-gp": "3: lr",
    }  # fmt: skip
