"""A study from YAML to its report, killed on the way: the same command ends in the same trials and records."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.store import Store

SUITE = """
version: 1
name: drawn
question: Is clipping more sensitive?
seeds: 2
train: {steps: 20, batch: 8}
score: {samples: 60}
architectures: {mlp: {width: 4, depth: 1}}
study:
  trials: 4
  seeds: 2
  sampler: SAMPLER
  batch: 2
  space:
    lr: {low: 1e-4, high: 1e-2, log: true}
    clip: {low: .01, high: 1, log: true}
    gp_weight: {low: .1, high: 10, log: true}
matrix:
  - {dataset: ring, architecture: mlp, objective: [wgan-clip, wgan-gp]}
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(sampler="random", folder="."):
        Path(folder).mkdir(exist_ok=True)
        Path(folder, "drawn.yaml").write_text(SUITE.replace("SAMPLER", sampler))
        return f"{folder}/drawn.yaml"

    return write


def no_report(store, out, workers):
    return out


def contents(root):
    """The study that plan.json keeps, and what each run ended in."""
    store = Store(Path(root, "drawn"))
    scores = {run_id: store.scores(run_id, store.plan.score_id).steps for run_id in store.finished()}
    return store.plan.study, scores


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_study_ends_in_a_report_that_answers(suite, sampler, undrawn, monkeypatch):
    result = run(Request(suite(sampler), workers=0, study=True))
    assert (result.trained, result.exit_code, result.counts["ok"]) == (2 * (4 * 2 + 2), 0, 20)
    page = re.sub(r"<[^>]+>", " ", result.report.read_text())
    assert "8 trials in 16 runs (16 ok)" in page
    assert "confirmed in 4 runs (4 ok)" in page
    assert "trained on fresh seeds" in page
    tables = result.report.parent / "tables"
    assert len(pd.read_csv(tables / "trials.csv")) == 8
    assert len(pd.read_csv(tables / "runs.csv")) == 4
    assert list(result.report.parent.glob("figures/study-01-*.svg"))
    assert len(list(result.report.parent.glob("figures/slices-*.svg"))) == 3
    assert (tables / "study-pairs.csv").exists() == (sampler == "random")
    if sampler == "random":  # a stack holds the trials that share a setup
        assert [len(stack.runs) for stack in Store("results/drawn").plan.stacks] == [8, 8, 2, 2]
    monkeypatch.setattr("harness.report.page.build_report", no_report)
    again = run(Request(suite(sampler), workers=0, study=True))
    assert (again.trained, again.counts) == (0, result.counts)


@pytest.mark.slow
def test_networks_that_every_objective_trained_are_counted_on_the_page(suite, undrawn):
    space = "  space:\n    generator.width: {choices: [4, 8]}\n    critic.activation: {choices: [relu, tanh]}\nmatrix:"
    Path("drawn.yaml").write_text(re.sub(r"  space:\n(    .*\n)+matrix:", space, SUITE.replace("SAMPLER", "qmc")))
    result = run(Request("drawn.yaml", workers=0))
    tables = result.report.parent / "tables"
    values = pd.read_csv(tables / "trials.csv").pivot(index="trial", columns="objective", values="value")
    pairs, curves = pd.read_csv(tables / "survival-pairs.csv"), pd.read_csv(tables / "survival.csv")
    assert (pairs[["first_alone", "second_alone", "both", "neither"]].sum(axis=1) == 4).all()
    for name, part in curves.groupby("objective"):
        assert part["share"].tolist() == [(values[name] >= at).mean() for at in part["at"]]
    assert len(list(result.report.parent.glob("figures/survival-0*.svg"))) == 2


@pytest.mark.slow
def test_a_study_that_is_killed_ends_in_the_same_trials(suite, monkeypatch):
    monkeypatch.setattr("harness.report.page.build_report", no_report)
    whole = Request(suite("tpe"), root="whole", workers=0)
    run(whole)
    command = [sys.executable, "-m", "harness", "study", suite("tpe"), "-o", "killed", "--workers", "1"]
    for records in (1, 9):  # within the first batch, and after the second
        started = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while len(list(Path("killed").glob("drawn/runs/*/record.json"))) < records:
            assert started.poll() is None
            time.sleep(0.01)
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    assert not list(Path("killed").glob("drawn/report/index.html"))
    assert run(Request(suite("tpe"), root="killed", workers=0, study=True)).exit_code == 0
    assert contents("killed") == contents("whole")


@pytest.mark.slow
def test_records_stand_for_a_plan_that_is_lost(suite, monkeypatch):
    monkeypatch.setattr("harness.report.page.build_report", no_report)
    run(Request(suite(), workers=0))
    before = contents("results")
    Path("results/drawn/plan.json").unlink()
    result = run(Request(suite(), workers=0))
    assert result.trained == 0
    assert contents("results") == before


def test_what_is_no_study_and_what_cannot_be_part_of_one_is_refused(suite):
    with pytest.raises(HarnessError, match="--only: a study"):
        run(Request(suite(), workers=0, only=["seed=100"]))
    Path("plain.yaml").write_text(re.sub(r"study:\n(  .*\n)+", "", SUITE))
    with pytest.raises(HarnessError, match="no `study`"):
        run(Request("plain.yaml", workers=0, study=True))
    assert not Path("results").exists()


@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_what_is_drawn_between_the_ends_is_refused_with_file_and_line(suite, call, sampler):
    """Of the batches from 8 to 64, both ends and few others are multiples of 8."""
    text = SUITE.replace("SAMPLER", sampler).replace("batch: 8}", "micro_batch: 8}")
    Path("drawn.yaml").write_text(text.replace("    lr: {", "    batch: {low: 8, high: 64, whole: true}\n    lr: {"))
    line = Path("drawn.yaml").read_text().splitlines().index("    batch: {low: 8, high: 64, whole: true}") + 1
    code, out, err = call("plan", "--workers", "0", "drawn.yaml")
    assert (code, out) == (2, "")
    assert re.match(rf"drawn\.yaml:{line}: batch: batch=(\d+) can be drawn: micro_batch: 8 given, .* \1 needed", err)


def test_plan_says_what_is_drawn_and_writes_nothing(suite, call):
    code, out, _ = call("plan", "--workers", "0", suite())
    text = " ".join(out.split())
    assert code == 0
    assert "lr from 1e-4 to 0.01 (log)" in text
    assert "16 runs: 8 cells" in text
    assert "swept" not in text.split("Settings")[0]
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("sampler", "objectives", "words"),
    [
        ("qmc", "[wgan-clip, wgan-gp]", ["McNemar", "over 4 trials", "p = 0.12. None", "6 trials"]),
        ("random", "[wgan-clip, wgan-gp, gan]", ["p = 0.38 after Holm's correction for 3 pairs. None"]),
        ("random", "wgan-gp", ["one objective", "compares it with nothing"]),
        ("tpe", "[wgan-clip, wgan-gp]", ["running best; the best"]),
        ("tpe", "wgan-gp", ["running best, and"]),
    ],
)
def test_plan_names_what_the_report_tests_and_the_smallest_p(suite, call, sampler, objectives, words):
    text = Path(suite(sampler)).read_text()
    unused = "    clip: {low: .01, high: 1, log: true}\n" if "clip" not in objectives else ""
    Path("drawn.yaml").write_text(text.replace("[wgan-clip, wgan-gp]", objectives).replace(unused, ""))
    code, out, _ = call("plan", "--workers", "0", "drawn.yaml")
    assert code == 0
    limits = " ".join(out.split("What can be concluded")[1].split())
    assert [part for part in words if part not in limits] == []
