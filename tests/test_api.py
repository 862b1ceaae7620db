"""What a notebook calls: a suite in any form is the same suite, and a wrong call is a sentence."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

import harness
from harness.errors import HarnessError, SuiteError
from harness.objectives import OBJECTIVES
from harness.suite.expand import expand
from harness.suite.load import load_suite

TEXT = """\
version: 1
name: tiny
seeds: 2
train: {steps: 4, batch: 4, lr: [recipe, 1e-3]}
score: {samples: 50}
architectures: {mlp: {width: 4, depth: 1}}
datasets: {ring: {sd: [0.1, 0.2]}}
matrix: [{dataset: ring, architecture: mlp, objective: [gan, wgan-gp]}]
"""


def ids(suite, **options):
    return [run.spec.run_id for run in expand(load_suite(suite, **options)).runs]


def test_a_file_its_text_and_a_mapping_are_one_suite(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TEXT)
    plain = YAML(typ="safe").load(TEXT) | {"seeds": (0, 1)}
    plain["train"]["lr"] = ("recipe", 1e-3)  # as Python has tuples
    assert ids(tmp_path / "tiny.yaml") == ids(TEXT) == ids(plain)
    assert ids(TEXT, sets=["seeds=1"]) == ids(plain, sets=["seeds=1"]) == ids(TEXT)[::2]
    assert plain["seeds"] == (0, 1)


def test_a_mapping_may_extend_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TEXT)
    assert ids({"extends": "tiny.yaml", "seeds": 1}) == ids("extends: tiny.yaml\nseeds: 1\n") == ids(TEXT)[::2]


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (TEXT.replace("wgan-gp", "wgan_gp"), "suite:8: objective:"),
        ("a: 1\na: 2\n", "suite:2: the key 'a'"),
        ("- 1\n- 2\n", "suite:1: the file"),
        ({"version": 1, "name": "x", "matrx": []}, "suite: matrx: unknown key."),
        ({"version": 1, "name": {1, 2}}, "suite: a mapping"),
    ],
)
def test_mistakes_name_the_place_there_is(suite, words):
    with pytest.raises(SuiteError) as error:
        load_suite(suite)
    assert any(str(problem).startswith(words) for problem in error.value.problems)


@pytest.mark.slow
def test_a_run_of_text_is_loaded_and_goes_on_from_its_resolved_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    ended = harness.run(TEXT, workers=0, sets=["seeds=1", "lr=recipe"])
    assert (ended.trained, ended.exit_code) == (4, 0)
    table = harness.load(ended.folder)
    assert table.attrs["data_axes"] == ["sd"]
    assert table.attrs["objectives"] == ["gan", "wgan-gp"]
    assert table[table["seed"] == 0].attrs == table.attrs
    assert harness.run("results/tiny/suite.yaml", workers=0).trained == 0


@pytest.mark.parametrize(
    ("suite", "options", "words"),
    [
        ("quickstrt", {}, "Did you mean 'quickstart'"),
        (
            "quickstart",
            {"objectives": {"mine": OBJECTIVES["gan"]}, "workers": 2},
            "workers=2: other processes do not know",
        ),
    ],
)
def test_a_wrong_call_is_a_sentence(suite, options, words):
    with pytest.raises(HarnessError, match=words):
        harness.run(suite, **options)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: harness.load(["results/a", "results/b"]), "load: list given"),
        (lambda: harness.load_run(3), "load_run: int given"),
        (lambda: harness.report(3), "int given"),
    ],
)
def test_what_is_of_another_type_is_a_sentence(call, words):
    with pytest.raises(HarnessError, match=words):
        call()


def test_a_run_is_found_by_the_beginning_of_its_id(results):
    run_id = results["averaged mlp"]
    assert harness.load_run(run_id[:6]).run_id == harness.load_run(run_id, root=Path("results/small")).run_id == run_id
    with pytest.raises(HarnessError, match="Did you mean"):
        harness.load_run(run_id[:8] + "x")


@pytest.mark.slow
def test_a_mapping_reaches_worker_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = YAML(typ="safe").load(TEXT)
    assert harness.run(plain, workers=1, sets=["seeds=1", "lr=recipe"]).trained == 4
    assert sorted(harness.load("results/tiny")["run_id"]) == sorted(ids(plain, sets=["seeds=1", "lr=recipe"]))
