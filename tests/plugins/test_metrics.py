"""A metric of a plug-in: in the plan, the scores, the ranking and the report, and in no run's id."""

import fake_tasks
import numpy as np
import pandas as pd
import pytest

from harness.commands.list import catalogue
from harness.errors import HarnessError, SuiteError
from harness.execution import tasks
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.metrics import Reference, lower_is_better, score, score_id
from harness.plugins import components
from harness.plugins.components import load_plugins, plugged
from harness.report.page import build_report
from harness.store import Store
from harness.suite.load import load_suite

PLUGIN = """\
import numpy as np
from harness import Column, Metric


def spread(generated, reference):
    return {"spread": float(np.std(generated) / np.std(reference.points)) * %s}


columns = (Column("spread", "higher", "spread (of the data's)"),)
METRICS = {"spread": Metric(1, columns, spread, lambda reference: True, "standard deviation, of the data's")}
"""
SUITE = """\
version: 1
name: plugged
question: How wide do they spread?
%s
primary: {toys: %s}
seeds: 2
train: {steps: 4, batch: 8}
score: {at: 1, samples: 20}
architectures: {mlp: {width: 4, depth: 1}}
matrix: [{dataset: ring, architecture: mlp, objective: [gan, wgan]}]
"""


pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wide.py").write_text(PLUGIN % "1.0")
    (tmp_path / "plugged.yaml").write_text(SUITE % ("plugins: [wide.py]", "spread"))
    (tmp_path / "bare.yaml").write_text(SUITE % ("", "w1_excess"))
    return tmp_path


@pytest.mark.slow
def test_a_metric_of_a_plug_in_scores_and_ranks_runs(folder):
    result = run(Request("plugged.yaml", workers=0))
    assert result.counts["ok"] == 4
    table = pd.read_parquet("results/plugged/runs.parquet")
    assert table["spread"].gt(0).all()
    assert "spread" in [entry.name for entry in catalogue("metrics")]
    page = result.report.read_text()
    assert "spread (of the data" in page
    assert not lower_is_better("spread")
    plan = tasks.plan_suite(Request("plugged.yaml", "results", device="cpu"), False)
    assert plan.description.scored.plugged == ["spread"]
    assert (plan.stacks, plan.unscored) == ([], [])
    other = tasks.plan_suite(Request("bare.yaml", "elsewhere", device="cpu"), False)
    assert {run_id for stack in other.stacks for run_id in stack.runs} == set(table["run_id"])
    assert other.description.scored.plugged == []
    assert other.score_id == score_id([1.0], 20)


@pytest.mark.slow
def test_a_changed_metric_scores_anew_and_trains_nothing(folder, monkeypatch):
    monkeypatch.setattr("harness.report.page.build_report", fake_tasks.blank_report)
    run(Request("plugged.yaml", workers=0))
    before = pd.read_parquet("results/plugged/runs.parquet")
    (folder / "wide.py").write_text(PLUGIN % "2.0")
    again = run(Request("plugged.yaml", workers=0))
    table = pd.read_parquet("results/plugged/runs.parquet")
    assert again.trained == 0
    assert table["spread"].tolist() == pytest.approx((2 * before["spread"]).tolist())
    assert table["w1"].tolist() == before["w1"].tolist()


def test_what_is_wrong_with_one_is_a_sentence(folder):
    (folder / "clash.py").write_text((PLUGIN % "1.0").replace('Column("spread"', 'Column("w1"'))
    with pytest.raises(SuiteError, match="the metric column 'w1'"):
        load_plugins([folder / "clash.py"])
    (folder / "bad.py").write_text("METRICS = {'a': 3}")
    with pytest.raises(SuiteError, match="METRICS: 'a' is an int"):
        load_plugins([folder / "bad.py"])
    for body, words in (("1 / 0", "ZeroDivisionError"), ("{'other': 1.0}", "other, and declares broken")):
        name = f"broken{len(words)}"
        text = f"def compute(generated, reference):\n    return {body}\n"
        text += f"METRICS = {{'{name}': Metric(1, (Column('broken{len(words)}'),), compute, lambda r: True, '')}}\n"
        (folder / f"{name}.py").write_text(f"from harness import Column, Metric\n{text}")
        load_plugins([folder / f"{name}.py"])
        plugin_metrics = plugged("metric", [folder / f"{name}.py"])
        reference = Reference(np.zeros((3, 9)), {"sliced_w": 0.0})
        with pytest.raises(HarnessError, match=words.replace("broken", name)):
            score(np.zeros((9, 9)), reference, plugin_metrics=plugin_metrics)
        with pytest.raises(HarnessError, match="changed since"):
            score(np.zeros((9, 9)), reference, plugin_metrics={name: 1})


def test_a_suite_ranks_on_a_metric_of_its_own_plug_ins_alone(folder):
    load_suite("plugged.yaml")
    (folder / "bare.yaml").write_text(SUITE % ("", "spread"))
    with pytest.raises(SuiteError, match="ranked on 'spread'"):
        load_suite("bare.yaml")


@pytest.mark.slow
def test_a_report_whose_plug_in_is_gone_names_its_file(folder):
    run(Request("plugged.yaml", workers=0))
    for place in list(components._LOADED):
        components.forget(place)
    (folder / "wide.py").unlink()
    with pytest.raises(HarnessError, match=r"'spread'.*wide\.py cannot be read"):
        build_report(Store("results/plugged"), folder / "report")
    (folder / "wide.py").write_text("METRICS = {}")
    with pytest.raises(HarnessError, match=r"'spread'.*none of .*wide\.py defines it"):
        build_report(Store("results/plugged"), folder / "report")


def test_a_plug_in_metric_with_a_floor_is_refused(folder):
    (folder / "floored.py").write_text((PLUGIN % "1.0").replace("of the data's\")}", "of the data's\", floored=True)}"))
    with pytest.raises(SuiteError, match="'spread' is floored"):
        load_plugins([folder / "floored.py"])
