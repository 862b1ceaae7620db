"""What critics know, of tables whose answers are known."""

import math

import pandas as pd
import pytest
from report.fake_results import SCORED, FakeResults

from harness.report.analysis import cell_table
from harness.report.findings import critic_figures
from harness.report.findings.critics import POOLED, Critics, critics
from harness.statistics.intervals import t_interval

TWO = (("8gaussians", "mlp"), ("swissroll", "mlp"))


def known(store, change=lambda scored: scored):
    table = cell_table.labelled(store.table())
    return critics(table, change(store.scored()), cell_table.cells(table, "w1_excess"))


def rows(frame, **where):
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame.to_dict("records")


@pytest.mark.parametrize("ratio", [1.0, 0.25, -0.5])
def test_an_estimate_in_proportion_to_w1_has_that_ratio_and_correlation_one(ratio):
    found = known(FakeResults(tasks=TWO, ratio=ratio))
    for row in found.objectives.to_dict("records"):
        assert [row["ratio"], row["ratio_mean"], row["ratio_low"], row["ratio_high"]] == pytest.approx([ratio] * 4)
        assert [row["slope_max_mean"], row["slope_mean_mean"], row["direction"]] == pytest.approx([2, 1, 0.75])
    distances = rows(found.correlations, estimate="dual_over_slope")
    assert len(distances) == 4
    for row in distances:
        assert row["pearson"] == row["spearman"] == pytest.approx(math.copysign(1, ratio))
        assert row["n_negative"] == (row["n_points"] if ratio < 0 else 0)
    (pooled,) = rows(found.correlations, estimate="dual_over_slope", objective=POOLED)
    assert (pooled["n_points"], pooled["n_runs"]) == (18 * len(SCORED), 18)
    assert {row["objective"] for row in rows(found.correlations, estimate="js_bound")} == {POOLED, "gan"}
    assert set(found.steps["n"]) == {3}
    pd.testing.assert_series_equal(
        found.steps["dual_over_slope"], ratio * found.steps["w1"], check_names=False, rtol=1e-12
    )


def test_intervals_are_of_means_over_tasks_by_seed_and_end_where_values_do():
    values = {(t, seed): 0.1 * t + 0.45 * seed for t in range(2) for seed in range(3)}
    overrides = {(t, "wgan-gp", 0, seed): {"direction": value} for (t, seed), value in values.items()}
    (row,) = rows(known(FakeResults(tasks=TWO, ratio=0.5, overrides=overrides)).objectives, objective="wgan-gp")
    interval = t_interval([0.05, 0.5, 0.95])
    assert row["direction_mean"] == pytest.approx(interval.mean)
    assert row["direction_low"] == pytest.approx(interval.low)
    assert interval.high > 1 == row["direction_high"]


def test_a_lost_run_is_counted_and_leaves_a_median_without_interval():
    overrides = {(0, "gan", 0, 1): {"status": "diverged"}}
    found = known(FakeResults(ratio=0.5, overrides=overrides))
    (row,) = rows(found.objectives, objective="gan")
    assert (row["n_ok"], row["n_planned"], row["n_lost"]) == (2, 3, 1)
    assert row["ratio"] == pytest.approx(0.5)
    assert math.isnan(row["ratio_mean"])
    (whole,) = rows(found.objectives, objective="wgan-gp")
    assert whole["ratio_mean"] == pytest.approx(0.5)


def test_a_critic_that_is_flat_leaves_no_interval_either():
    flat = {(0, "gan", 0, 1): {"dual_over_slope": None, "slope_max": 0.0}}
    (row,) = rows(known(FakeResults(ratio=0.5, overrides=flat)).objectives, objective="gan")
    assert row["n_ok"] == 3
    assert math.isnan(row["ratio_mean"])
    assert row["slope_max_mean"] == pytest.approx(4 / 3)


def test_step_0_is_no_point_and_settings_and_tasks_are_not_mixed():
    def untrained(scored):
        first = scored[scored["step"] == SCORED[0]].assign(step=0, dual_over_slope=-100.0)
        return pd.concat([scored, first], ignore_index=True)

    found = known(FakeResults(tasks=TWO, ratio=0.5, rates=("recipe", 1e-3)), untrained)
    assert (found.points["step"] > 0).all()
    assert set(found.points["setting"]) == {"lr=recipe", "lr=1e-3"}
    assert len(found.steps[["task", "objective", "setting"]].drop_duplicates()) == 6  # the best setting of each
    assert all(row["pearson"] == pytest.approx(1) for row in found.correlations.to_dict("records")[:4])


@pytest.mark.parametrize("trained", ["trained", "fixed"])
def test_tasks_are_correlated_together_where_no_generator_learns(trained):
    names = ("gan", "wgan-clip", "wgan-gp")
    overrides = {
        (t, name, 0, seed): {"setup.trained": trained} for t in range(2) for name in names for seed in range(3)
    }
    store = FakeResults(tasks=TWO, ratio=0.5, overrides=overrides)

    def far(scored):
        shift = 50.0 * scored["run_id"].str.startswith("01")  # of the second task
        return scored.assign(dual_over_slope=scored["dual_over_slope"] - shift, w1=scored["w1"] + shift)

    for row in rows(known(store, far).correlations, estimate="dual_over_slope", objective="gan"):
        assert (row["pearson"] > 0) == (trained == "trained")


def test_without_w1_slopes_are_left_and_without_columns_nothing():
    assert known(FakeResults()) is None
    images = FakeResults(ratio=0.5)
    table = cell_table.labelled(images.table())
    cells = cell_table.cells(table, "w1_excess")
    blind = ["w1", "w1_floor", "dual_gap", "direction"]
    found = critics(table.drop(columns=blind), images.scored().drop(columns=blind, errors="ignore"), cells)
    assert found.quantities == ["dual", "slope_max", "slope_mean", "js_bound"]
    assert list(found.frames) == ["critic-objectives.csv"]


def test_tasks_without_w1_are_not_drawn():
    steps = pd.DataFrame({
        "task": ["digits", "ring"], "objective": "gan", "setting": "", "step": 10,
        "dual_over_slope": 1.0, "w1": [math.nan, 1.0],
    })  # fmt: skip
    known = Critics(pd.DataFrame(), steps, pd.DataFrame(), pd.DataFrame())
    assert list(critic_figures._drawn_steps(known)["task"]) == ["ring"]
