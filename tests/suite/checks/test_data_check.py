"""Suites whose data cannot be used, refused before training with the line of the suite."""

from pathlib import Path

import numpy as np
import pytest

SUITE = """\
version: 1
name: own
question: Why?
seeds: 1
score: {samples: 30}
datasets:
  mine:
    base: points
    file: data/mine.csv
matrix:
  - {dataset: mine, architecture: mlp, objective: gan}
"""


@pytest.fixture(autouse=True)
def cloud(tmp_path):
    (tmp_path / "data").mkdir()
    np.savetxt(tmp_path / "data/mine.csv", np.random.default_rng(0).normal(size=(40, 2)), delimiter=",")
    np.save(tmp_path / "data/high.npy", np.random.default_rng(0).normal(size=(40, 12)))


def test_a_file_is_found_from_the_suite_that_names_it(load, tmp_path):
    suite = load(SUITE)
    assert suite.datasets["mine"].file == str(tmp_path / "data/mine.csv")
    assert load(suite.to_yaml()).to_json() == suite.to_json()
    Path("below").mkdir()
    Path("below/base.yaml").write_text(SUITE.replace("data/", "../data/"))
    assert load("extends: below/base.yaml\nseeds: 2\n").datasets["mine"].file == str(tmp_path / "data/mine.csv")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("mine.csv", "no.csv", 9, "data/no.csv: there is no such file."),
        ("mine.csv", "bad.csv", 9, "line 2: 'x' given"),
        ("data/mine.csv", "[a.csv, b.csv]", 9, "text needed"),
        ("    file: data/mine.csv\n", "", 7, "reads a file, and none is named"),
        ("dataset: mine", "dataset: points", 11, "file: data/mine.csv"),
        ("    base: points\n", "    base: points\n    fixed: 9\n", 9, "'mine' is a fixed set already"),
        ("    base: points\n", "    base: points\n    sd: 9\n", 9, "no such parameter. Known: file, scale."),
        ("    base: points\n", "    base: points\n    scale: 0\n", 9, "a number above 0 needed"),
        ("base: points", "base: ring", 9, "no such parameter"),
        ("samples: 30", "samples: 41", 5, "'mine' has 40 points, and 41 are asked for in each score"),
        ("mine.csv", "high.npy", 1, "12 dimensions, exact transport takes 8. Known: sliced_w."),
    ],
)
def test_data_that_cannot_be_used_are_refused_with_their_line(mistakes, old, new, line, words):
    Path("data/bad.csv").write_text("1,2\n3,x\n")
    assert old in SUITE
    (said,) = mistakes(SUITE.replace(old, new))
    assert said.startswith(f"x.yaml:{line}: ")
    assert words in said


def test_many_dimensions_are_ranked_on_what_can_be_computed(load):
    text = SUITE.replace("mine.csv", "high.npy") + "primary: {toys: sliced_w}\n"
    assert load(text).primary.toys == "sliced_w"


def test_set_reaches_the_scale_and_neither_file_nor_fixed(load, mistakes):
    load(SUITE, sets=["dataset.scale=3"])
    assert "unknown name" in mistakes(SUITE, sets=["dataset.file=x.csv"])[0]
    assert "no dataset that this suite trains has a setting 'fixed'" in mistakes(SUITE, sets=["fixed=9"])[0]
