"""Blocks of a matrix that train one cell with different settings: cells of their own, or refused at both places."""

import pytest

from harness.errors import SuiteError
from harness.suite.expand import expand
from harness.suite.format.models import Suite
from harness.suite.load import load_suite

HEAD = "version: 1\nname: t\nquestion: Which is better?\nseeds: 2\nmatrix:\n"
BLOCK = "  - {{dataset: ring, architecture: mlp, objective: {}, {}}}\n"


def text(*blocks):
    return HEAD + "".join(BLOCK.format(objective, rest) for objective, rest in blocks)


def cells(*blocks, **parts):
    """Return the swept values and seeds of the runs of blocks (objective, further keys), by objective."""
    matrix = [{"dataset": "ring", "architecture": "mlp", "objective": name, **more} for name, more in blocks]
    found = expand(Suite.model_validate({"version": 1, "name": "t", "seeds": 2, "matrix": matrix, **parts})).runs
    return {(run.objective, *run.sweep.items(), run.plain["seed"]): run for run in found}


def test_a_setting_in_which_blocks_differ_becomes_part_of_the_cell():
    found = cells(("nsgan", {"train": {"steps": 20}}), ("nsgan", {"train": {"steps": 40}}))
    assert set(found) == {("nsgan", ("steps", steps), seed) for steps in (20, 40) for seed in (0, 1)}
    swept = cells(("nsgan", {"train": {"steps": [20, 40]}}))
    assert {key: run.run_id for key, run in found.items()} == {key: run.run_id for key, run in swept.items()}


def test_the_others_of_the_suite_have_it_too_and_what_is_silent_has_its_default():
    found = cells(
        (["nsgan", "wgan-gp"], {"train": {"steps": 20}}), ("nsgan", {}), ("nsgan", {"train": {"steps": 20, "lr": 1e-3}})
    )
    assert {key[:-1] for key in found} == {
        ("nsgan", ("lr", "recipe"), ("steps", 20)),
        ("wgan-gp", ("lr", "recipe"), ("steps", 20)),
        ("nsgan", ("lr", "recipe"), ("steps", 1000)),
        ("nsgan", ("lr", 1e-3), ("steps", 20)),
    }


def test_one_rate_beside_that_of_both_players_is_named_by_itself():
    found = cells(("nsgan", {"train": {"lr": 1e-3}}), ("nsgan", {"train": {"critic_lr": 1e-4}}))
    assert {key[1:-1] for key in found} == {(("lr", 1e-3),), (("critic_lr", 1e-4), ("generator_lr", "recipe"))}


@pytest.mark.parametrize(
    "blocks",
    [
        (("nsgan", {"train": {"steps": 20}}), ("nsgan", {"train": {"steps": 20}})),
        (("nsgan", {"train": {"steps": 20}}), ("wgan-gp", {"train": {"steps": 40}})),
        (("nsgan", {"train": {"lr": [1e-3, 1e-4]}}), ("wgan-gp", {"train": {"lr": [1e-3]}})),
    ],
    ids=["the same", "other objectives", "swept"],
)
def test_blocks_that_share_no_cell_keep_their_labels(blocks):
    assert {name for key in cells(*blocks) for name, _ in key[1:-1]} <= {"lr"}


def test_seeds_that_go_with_a_setting_are_refused_at_both_places():
    with pytest.raises(SuiteError) as error:
        load_suite(
            text(
                ("[nsgan, gan]", "seeds: [0, 1], train: {lr: 1e-3}"), ("[nsgan, gan]", "seeds: [2], train: {lr: 1e-5}")
            )
        )
    problems = error.value.problems
    assert [(one.place, one.code, one.path[-1]) for one in problems] == [
        ("suite:6", "blocks-differ", "lr"),
        ("suite:7", "blocks-differ", "lr"),
    ]
    assert "0.001 here and 1e-05" in problems[0].text
    assert "1e-05 here and 0.001" in problems[1].text


def test_more_seeds_of_the_same_settings_are_one_cell():
    found = cells(("nsgan", {"seeds": [0, 1]}), ("nsgan", {"seeds": [1, 2]}))
    assert [key[1:] for key in found] == [(0,), (1,), (2,)]


def test_a_study_trains_a_task_in_one_way():
    study = "study: {trials: 2, seeds: 1, space: {critic_lr: {low: 1e-4, high: 1e-3}}}\n"
    with pytest.raises(SuiteError) as error:
        load_suite(text(("nsgan", "train: {steps: 20}"), ("nsgan", "train: {steps: 40}")) + study)
    assert ("blocks-differ", "steps") in {(one.code, one.path[-1]) for one in error.value.problems}
