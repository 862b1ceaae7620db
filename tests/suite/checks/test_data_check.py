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
    ("old", "new", "line", "code", "word"),
    [
        ("mine.csv", "no.csv", 9, "bad-value", "data/no.csv"),
        ("mine.csv", "bad.csv", 9, "bad-value", "line 2: 'x'"),
        ("data/mine.csv", "[a.csv, b.csv]", 9, "bad-value", "text"),
        ("    file: data/mine.csv\n", "", 7, "no-file", "'points' reads a file"),
        ("dataset: mine", "dataset: points", 11, "no-file", "file: data/mine.csv"),
        ("    base: points\n", "    base: points\n    fixed: 9\n", 9, "unknown-key", "'mine' is a fixed set"),
        ("    base: points\n", "    base: points\n    sd: 9\n", 9, "unknown-key", "file, scale"),
        ("    base: points\n", "    base: points\n    scale: 0\n", 9, "bad-value", "above 0"),
        ("base: points", "base: ring", 9, "unknown-key", "'ring'"),
        ("samples: 30", "samples: 41", 5, "too-few-points", "40 points"),
        ("mine.csv", "high.npy", 1, "not-rankable", "exact transport takes 8"),
    ],
)
def test_data_that_cannot_be_used_are_refused_with_their_line(problems, old, new, line, code, word):
    Path("data/bad.csv").write_text("1,2\n3,x\n")
    assert old in SUITE
    (problem,) = problems(SUITE.replace(old, new))
    assert (problem.place, problem.code) == (f"x.yaml:{line}", code)
    assert word in problem.text


def test_many_dimensions_are_ranked_on_what_can_be_computed(load):
    text = SUITE.replace("mine.csv", "high.npy") + "primary: {toys: sliced_w}\n"
    assert load(text).primary.toys == "sliced_w"


def test_set_reaches_the_scale_and_not_fixed(load, problems):
    load(SUITE, sets=["dataset.scale=3"])
    for text, code in (("dataset.file=x.csv", "bad-value"), ("fixed=9", "unused-setting")):
        assert [problem.code for problem in problems(SUITE, sets=[text])] == [code]
