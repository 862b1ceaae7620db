"""Null samplers in a report: what is read from the runs' columns, and shown beside them."""

import numpy as np
import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness.report import page
from harness.report.analysis import null_rows, tables
from harness.report.text import answer, headline_tables, remarks
from harness.text import NOTHING

TASKS = (("8gaussians", "mlp"), ("swissroll", "mlp"), ("two-moons", "mlp"))
NULLS = {
    "constant": (1.2, 0.0),
    "gaussian": (0.6, 0.0),
    "untrained": (1.0, 0.0),
    "memorized": (0.5, 0.2),
    "real": (0, 1),
}


def columns(t, nulls=NULLS):
    shown = "hq" if t == 0 else "precision[k5]@1000"
    kept = "modes@2500" if t == 0 else "recall[k5]@1000"
    found = {shown: 0.5, kept: 4.0 if t == 0 else 0.4, "score_undefined": 0.0}
    for name, (excess, score) in nulls.items():
        found |= {f"null.{name}.w1_excess": excess, f"null.{name}.score": score, f"null.{name}.{shown}": 0.25}
        found |= {f"null.{name}.{kept}": 8.0 if name == "real" and t == 0 else 0.5}
    return found


def results(per_task=columns, **more):
    given = {
        (t, objective, 0, seed): per_task(t)
        for t in range(len(TASKS))
        for objective in ("gan", "wgan-clip", "wgan-gp")
        for seed in range(3)
    }
    return FakeResults(tasks=TASKS, overrides=given, **more)


@pytest.mark.slow
def test_quality_and_coverage_are_by_the_columns_of_the_task_and_modes_a_share():
    table = tables.read(results()).table
    found = null_rows.measured(table).groupby(table["task"], sort=False).mean()
    assert found["quality"].tolist() == [0.5, 0.5, 0.5]
    assert found["coverage"].tolist() == pytest.approx([0.5, 0.4, 0.4])


@pytest.mark.slow
def test_every_task_has_a_row_a_null_sampler_and_one_zero():
    rows = null_rows.by_task(tables.read(results()).table)
    assert rows.groupby("task").size().tolist() == [len(NULLS)] * 3
    assert rows[rows["is_zero"]]["sampler"].tolist() == ["gaussian"] * 3
    assert rows[rows["sampler"] == "real"]["coverage"].tolist() == [1, 0.5, 0.5]
    assert remarks.zero(rows) == "a Gaussian fit"
    assert null_rows.over_tasks(rows)["sampler"].tolist()[:2] == ["real", "memorized"]


@pytest.mark.slow
def test_where_the_zero_is_not_one_sampler_the_words_say_so():
    other = {**NULLS, "constant": (0.1, 0.0)}
    rows = null_rows.by_task(tables.read(results(lambda t: columns(t, other if t == 2 else NULLS))).table)
    assert remarks.zero(rows) == "the best null sampler (a Gaussian fit in 2 tasks and a constant in 1 task)"


def test_results_that_were_scored_before_have_no_null_samplers():
    view = tables.read(FakeResults(tasks=TASKS))
    assert null_rows.by_task(view.table).empty
    assert null_rows.measured(view.table).isna().all(axis=None)
    assert remarks.zero(null_rows.by_task(view.table)) == remarks.NO_NULLS
    assert headline_tables.ranking_values(view.headline)["nulls"] == []


@pytest.mark.slow
def test_the_ranking_shows_the_null_samplers_beside_the_objectives():
    view = tables.read(results())
    shown = headline_tables.ranking_values(view.headline)
    assert shown["nulls"][0]["label"] == "real data"
    assert len(shown["nulls"]) == len(NULLS)
    assert {row["quality"] for row in shown["rows"]} == {"0.500"}
    assert "no better than a Gaussian fit (score 0)" in answer.lost(view.table, view.headline.nulls)


@pytest.mark.slow
def test_a_task_whose_score_is_undefined_is_left_out_of_the_ranking():
    def per_task(t):
        return columns(t) | ({"score_undefined": 1.0, "score": None} if t == 2 else {})

    view = tables.read(results(per_task))
    assert null_rows.undefined(view.table) == ["two-moons / mlp"]
    assert view.headline is not None
    assert len(view.headline.by_task) == 2
    assert NOTHING not in {row["score"] for row in headline_tables.ranking_values(view.headline)["nulls"]}


@pytest.mark.slow
def test_a_page_shows_null_samplers_with_and_without_a_ranking(tmp_path):
    for store in (results(), results(objectives=("gan",))):
        view = tables.read(store)
        frames = page._csv_tables(view, pd.DataFrame())
        assert len(frames["nulls.csv"]) == len(NULLS) * len(TASKS)
        assert np.isfinite(frames["nulls.csv"]["excess"]).all()
