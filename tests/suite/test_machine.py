"""What a suite says of the machine: checkpoints and limits, which are no part of any run."""

import json
from pathlib import Path

import pytest

from harness.execution.requests import Request
from harness.suite.expand import expand

HEAD = "version: 1\nname: t\n"
BLOCK = "matrix:\n  - {dataset: ring, architecture: mlp, objective: [gan, wgan-gp]}\n"
SAID = "train: {lr: 1e-3, keep: [0.5, 1], checkpoint_s: 5, limits: {seconds: 30, memory_gb: 1.5}}\n"


def ids(suite):
    return [run.run_id for run in expand(suite).runs]


def test_they_change_no_run(load):
    plain = load(HEAD + "train: {lr: 1e-3}\n" + BLOCK)
    said = load(HEAD + SAID + BLOCK)
    assert ids(said) == ids(plain)
    assert [run.plain for run in expand(said).runs] == [run.plain for run in expand(plain).runs]
    assert "checkpoint_s" not in expand(said).runs[0].setup
    assert "keep" not in expand(said).runs[0].setup


def test_the_resolved_suite_holds_them(load):
    train = load(HEAD + SAID + BLOCK).to_json()["train"]
    assert (train["checkpoint_s"], train["limits"]) == (5, {"seconds": 30, "memory_gb": 1.5})
    assert train["keep"] == [0.5, 1]
    train = load(HEAD + BLOCK).to_json()["train"]
    assert (train["checkpoint_s"], train["limits"]) == (60, {})
    assert load(HEAD + "train: {checkpoint_s: never}\n" + BLOCK).to_json()["train"]["checkpoint_s"] == "never"


def test_scales_and_set_say_them_too(load):
    text = HEAD + SAID + BLOCK + "scales: {paper: {train: {limits: {seconds: 3600}}}}\n"
    paper = load(text, scale="paper")
    assert paper.to_json()["train"]["limits"] == {"seconds": 3600, "memory_gb": 1.5}
    sets = ["train.checkpoint_s=never", "limits.memory_gb=.5", "train.batch=8"]
    suite = load(text, sets=sets)
    train = suite.to_json()["train"]
    assert (train["checkpoint_s"], train["limits"]) == ("never", {"seconds": 30, "memory_gb": 0.5})
    assert ids(suite) == ids(load(text, sets=sets[-1:]))
    again = load(suite.to_yaml())
    assert again.to_json() == suite.to_json()
    assert json.loads(json.dumps(suite.to_json())) == suite.to_json()


@pytest.mark.parametrize(
    ("train", "code", "word"),
    [
        ("keep: [0.5, 2]", "bad-value", "from 0 to 1"),
        ("keep: 1", "bad-value", "list"),
        ("checkpoint_s: 0", "bad-value", "'never'"),
        ("checkpoint_s: [1, 2]", "bad-value", "[1, 2]"),
        ("checkpoint_s: .inf", "bad-value", "inf"),
        ("limits: 3", "bad-value", "mapping"),
        ("limits: {seconds: -1}", "bad-value", "1,000,000"),
        ("limits: {memory_gb: all}", "bad-value", "'all'"),
        ("limits: {second: 1}", "unknown-key", "'seconds'"),
    ],
)
def test_mistakes_in_them_have_line_and_code(problems, train, code, word):
    (problem,) = problems(HEAD + f"train: {{{train}}}\n" + BLOCK)
    assert (problem.place, problem.code) == ("x.yaml:3", code)
    assert word in problem.text


def test_they_are_said_once_for_the_whole_suite(problems):
    inside = "    train: {checkpoint_s: 3, limits: {seconds: 1}}\n"
    block = "matrix:\n  - dataset: ring\n    architecture: mlp\n    objective: gan\n" + inside
    found = [(problem.place, problem.path[-1], problem.code) for problem in problems(HEAD + block)]
    assert found == [("x.yaml:7", key, "suite-wide") for key in ("checkpoint_s", "limits")]


def test_a_wrong_set_is_a_sentence(mistakes, problems):
    (problem,) = problems(HEAD + BLOCK, sets=["train.checkpoint_s=0"])
    assert (problem.place, problem.code) == ("--set train.checkpoint_s=0", "bad-value")
    (said,) = mistakes(HEAD + BLOCK, sets=["train.limits.second=1"])
    assert "limits.second" in said
    assert "Did you mean 'limits.seconds'?" in said
    (said,) = mistakes(HEAD + BLOCK, sets=["train.limits=3"])
    assert "unknown name 'limits'" in said


def test_a_plan_file_holds_them(load):
    from harness.execution import tasks

    load(HEAD + SAID + BLOCK)
    plan = tasks.plan_suite(Request("x.yaml", "results", device="cpu"), True)
    held = json.loads((Path(plan.folder) / "plan.json").read_text())["resolved"]["train"]
    assert (held["checkpoint_s"], held["limits"]["seconds"]) == (5, 30)
