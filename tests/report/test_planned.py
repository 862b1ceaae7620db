"""Whole pages of real plans and stores in which no run is ok, and what a page reads from plan.json."""

from dataclasses import asdict, replace

import pytest
from plans import rewrite
from report.test_page import report

from harness.errors import HarnessError
from harness.plan.describe import describe
from harness.plan.make import make_plan
from harness.report.analysis import cell_table, tables
from harness.report.analysis.cell_table import FAILURES
from harness.report.page import build_report
from harness.report.results import Results
from harness.store import Record, Store
from harness.suite.format.models import Suite


def planned(folder, **parts):
    """Write the plan of a suite into a folder, as `harness run` does before it trains."""
    block = {"dataset": "8gaussians", "architecture": "mlp", "objective": ["gan", "wgan-gp"]}
    suite = Suite.model_validate({"version": 1, "name": "t", "seeds": 2, "matrix": [block], **parts})
    plan = make_plan(suite, None, "cpu")
    description = describe(suite, plan)
    store = Store(folder / "t")
    settings = [asdict(row) for row in description.settings]
    described = {"settings": settings, "data_axes": description.data_axes}
    plan = replace(plan, resolved=suite.to_json(), score_id="0" * 16, **described)
    store.write_plan(plan, suite.to_yaml())
    return store


def lose(store, status):
    """End every run of a store's plan with a status, scoring none."""
    for row in store.plan.runs:
        if status in ("ok", "diverged"):
            first_bad_step = 7 if status == "diverged" else None
            spec = store.plan.specs[row.run_id]
            store.commit(Record(row.run_id, status, spec, first_bad_step), {})
        else:
            store.commit_attempt(row.run_id, status, "it broke", "log")


@pytest.mark.slow
def test_a_page_of_a_plan_of_which_nothing_is_trained(tmp_path):
    store = planned(tmp_path)
    assert "w1_excess" not in store.table()
    words = report(Results.of(store), tmp_path / "out").words
    assert f"continue with `harness run {tmp_path / 't' / 'suite.yaml'}" in words
    assert "No run has finished" in words
    assert "4 runs planned: 4 pending" in words


@pytest.mark.slow
@pytest.mark.parametrize("status", FAILURES)
def test_a_page_of_runs_that_all_ended_badly(status, tmp_path):
    store = planned(tmp_path)
    lose(store, status)
    words = report(Results.of(store), tmp_path / "out").words
    assert "4 of 4 runs were lost" in words
    assert f"4 runs planned: 4 {status}" in words
    assert words.count("it broke") == (0 if status == "diverged" else 4)
    assert (f"retry with `harness retry {tmp_path / 't'}`" in words) == (status != "diverged")
    assert len(tables.failures(tables.read(store).table)) == 4


@pytest.mark.slow
def test_runs_that_are_trained_and_not_scored_are_pending_and_said(tmp_path):
    store = planned(tmp_path)
    lose(store, "ok")
    words = report(Results.of(store), tmp_path / "out").words
    assert "4 pending. 4 runs are trained" in words


def test_runs_that_were_scored_without_the_primary_metric_stop_the_report(tmp_path):
    store = planned(tmp_path)
    lose(store, "ok")
    for row in store.plan.runs:
        steps = store.plan.specs[row.run_id]["setup"]["train"]["steps"]
        store.commit_scores(row.run_id, store.plan.score_id, {steps: {"w1": 1.0, "w1_excess": None}}, 1.0)
    with pytest.raises(HarnessError, match="its w1_excess is not"):
        build_report(Results.of(store), tmp_path / "out")


def test_a_setting_of_the_data_that_is_swept_makes_tasks(tmp_path):
    view = tables.read(planned(tmp_path, set=["n_modes=[4, 8]", "lr=[1e-3, 1e-2]"]))
    assert list(dict.fromkeys(view.table["task"])) == ["8gaussians / mlp, n_modes=4", "8gaussians / mlp, n_modes=8"]
    assert set(view.table["setting"]) == {"lr=1e-3", "lr=0.01"}


def notes(store):
    (shown,) = (frame for title, frame in tables.settings(tables.read(store)) if title == "By objective")
    return shown.set_index("objective")["from the paper's recipe"].to_dict()


def test_a_variant_at_its_recipe_is_told_from_the_others(tmp_path):
    found = notes(planned(tmp_path, train={"lr": 3e-4}, objectives={"gan": {"lr": "recipe"}}))
    assert found["gan"].startswith("critic_lr, generator_lr, beta1")
    assert "lr" not in found["wgan-gp"]
    assert "gp_weight" in found["wgan-gp"]


@pytest.mark.slow
def test_a_plan_written_before_settings_were_kept_has_a_page_without_notes(tmp_path):
    store = planned(tmp_path, set=["n_modes=[4, 8]"])
    old = {key: value for key, value in store.plan.to_json().items() if key not in ("settings", "data_axes")}
    rewrite(store, old)
    assert set(notes(store).values()) == {cell_table.NOTHING}
    assert report(Results.of(store), tmp_path / "out").words.count("8gaussians / mlp") >= 1
