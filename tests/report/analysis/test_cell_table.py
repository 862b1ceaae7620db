"""The numbers of a report against closed forms, scipy's own routes, and what must not matter."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.fake_results import FakeResults
from scipy.stats import ttest_1samp, ttest_rel

from harness.errors import HarnessError, UnknownName
from harness.metrics import lower_is_better
from harness.report.analysis import cell_table, ranking, tables
from harness.report.analysis.cell_table import FAILURES
from harness.statistics import intervals
from harness.statistics.intervals import COVERAGE
from harness.store import STATUSES

numbers = st.floats(-100, 100).map(lambda x: round(x, 3))
samples = st.lists(numbers, min_size=2, max_size=12)


def lost(status):
    return {"status": status}


# Intervals


@pytest.mark.parametrize("n", [2, 3, 5, 10])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_t_interval_is_that_of_scipy(n, confidence):
    values = np.random.default_rng(n).normal(size=n)
    found = intervals.t_interval(values, confidence)
    expected = ttest_1samp(values, 0).confidence_interval(confidence)
    np.testing.assert_allclose([found.mean, found.low, found.high], [values.mean(), *expected], rtol=1e-12)


def test_paired_difference_is_that_of_scipy_and_changes_sign_with_its_sides():
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=6), draw.normal(size=6)
    found, back = intervals.paired_difference(a, b), intervals.paired_difference(b, a)
    np.testing.assert_allclose([found.low, found.high], ttest_rel(a, b).confidence_interval(0.95), rtol=1e-12)
    assert (back.low, back.high) == (-found.high, -found.low)


def covered(values, truth):
    """Share of rows of `values` [draws, n] whose interval holds the truth; the same formula as one row at a time."""
    one = intervals.t_interval(values[0])
    n = values.shape[1]
    scale = (one.high - one.mean) / values[0].std(ddof=1)  # the quantile over root n, as t_interval has it
    return np.mean(np.abs(values.mean(1) - truth) <= scale * values.std(1, ddof=1)), n


@pytest.mark.parametrize("n", [3, 5, 10])
def test_t_interval_covers_the_mean_of_normal_data_as_often_as_it_says(n):
    share, _ = covered(np.random.default_rng(1).normal(3.0, 2.0, size=(40_000, n)), 3.0)
    assert 0.94 <= share <= 0.96


@pytest.mark.parametrize("n", sorted(COVERAGE))
def test_the_coverage_that_the_page_prints_is_measured(n):
    draw = np.random.default_rng(2)
    shape = (40_000, n)
    mixture = 0.1 * draw.normal(size=shape) + (draw.random(shape) < 0.2)
    cases = ((draw.normal(size=shape), 0.0), (np.exp(draw.normal(size=shape)), math.exp(0.5)), (mixture, 0.2))
    np.testing.assert_allclose([covered(values, truth)[0] for values, truth in cases], COVERAGE[n], atol=0.01)


@pytest.mark.slow
@given(samples, st.randoms())
def test_the_order_of_seeds_does_not_matter(values, random):
    shuffled = random.sample(values, len(values))
    a, b = intervals.t_interval(values), intervals.t_interval(shuffled)
    np.testing.assert_allclose([a.mean, a.low, a.high], [b.mean, b.low, b.high], rtol=1e-9, atol=1e-9)
    assert intervals.median_with_failures(values, 2, True) == intervals.median_with_failures(shuffled, 2, True)


@pytest.mark.slow
@given(samples, st.floats(-5, 5), st.floats(-100, 100))
def test_affine_maps_commute_with_the_interval(values, scale, shift):
    plain, mapped = intervals.t_interval(values), intervals.t_interval(scale * np.array(values) + shift)
    expected = sorted([scale * plain.low + shift, scale * plain.high + shift])
    np.testing.assert_allclose([mapped.low, mapped.high], expected, atol=1e-6)
    np.testing.assert_allclose(mapped.mean, scale * plain.mean + shift, atol=1e-6)


def test_one_value_gives_a_mean_and_no_interval_and_none_gives_neither():
    one, none = intervals.t_interval([0.3]), intervals.t_interval([])
    assert one.mean == 0.3
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert math.isnan(none.mean)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(HarnessError, match="entry 1 is not"):
        intervals.t_interval([1.0, bad])
    with pytest.raises(HarnessError, match="sides: 2 and 3"):
        intervals.paired_difference([1, 2], [1, 2, 3])


# Failures as worst


@pytest.mark.parametrize("lower", [True, False])
def test_the_median_with_failures_is_that_of_very_bad_numbers(lower):
    values, worst = [1.0, 2.0, 4.0], 1e9 if lower else -1e9
    for n_failed in range(5):
        expected = np.median(values + [worst] * n_failed)
        found = intervals.median_with_failures(values, n_failed, lower)
        assert found == expected if abs(expected) < 1e6 else found == (math.inf if lower else -math.inf)


def test_losing_a_run_never_improves_the_median():
    for values in itertools.product([0.1, 0.2, 0.9], repeat=4):
        whole = intervals.median_with_failures(values, 0, True)
        assert all(intervals.median_with_failures(np.delete(values, i), 1, True) >= whole for i in range(4))


@pytest.mark.parametrize(
    ("metric", "lower"), [("w1_excess", True), ("fid[classifier]@540", True), ("modes@2500", False), ("hq", False)]
)
def test_the_direction_of_a_metric_is_that_of_its_name_before_extractor_and_n(metric, lower):
    assert lower_is_better(metric) is lower


def test_a_metric_without_a_direction_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r"'w1_exces'.*'w1_excess'"):
        lower_is_better("w1_exces")


# Cells

SITUATIONS = [
    {},
    {(0, "gan", 0, 1): lost("diverged")},
    {(0, "gan", 0, 0): lost("failed"), (0, "gan", 0, 2): lost("oom"), (0, "wgan-gp", 0, 1): lost("timeout")},
    {(0, "wgan-clip", 0, 0): lost("pending"), (0, "gan", 0, 0): lost("diverged")},
    {(0, name, 0, seed): lost("pending") for name in ("gan", "wgan-clip", "wgan-gp") for seed in range(3)},
]


@pytest.mark.parametrize("overrides", SITUATIONS)
def test_no_run_disappears_from_the_table_of_cells(overrides):
    store = FakeResults(overrides=overrides)
    found = tables.read(store).cells
    assert (found[[f"n_{status}" for status in STATUSES]].sum(axis=1) == found["n_planned"]).all()
    assert found["n_planned"].sum() == len(store.table())
    whole = found["n_ok"] == found["n_planned"]
    assert (found["mean"].notna() == whole).all()
    assert (found["low"].notna() == whole).all()


def test_a_cell_holds_the_numbers_of_its_runs():
    store = FakeResults(rates=("recipe", 2e-3), seeds=4)
    table, found = store.table(), cell_table.cells(store.table(), "w1_excess")
    assert len(found) == 6
    row = found[(found["objective"] == "gan") & (found["setting"] == "lr=2e-3")].iloc[0]
    x = table[(table["objective"] == "gan") & (table["sweep.lr"] == 2e-3)]["w1_excess"]
    expected = [x.mean(), x.median(), x.quantile(0.25), x.quantile(0.75), x.min(), x.max()]
    np.testing.assert_allclose(row[["mean", "median", "q1", "q3", "min", "max"]].astype(float), expected, rtol=1e-12)
    assert (row["low"], row["high"]) == (intervals.t_interval(x).low, intervals.t_interval(x).high)


def test_the_order_of_rows_within_cells_does_not_matter():
    table = FakeResults(overrides=SITUATIONS[2], seeds=5).table()
    back = pd.concat([part.iloc[::-1] for _, part in table.groupby("objective", sort=False)])
    pd.testing.assert_frame_equal(cell_table.cells(table, "w1_excess"), cell_table.cells(back, "w1_excess"))


def test_cells_are_ranked_by_mean_or_where_runs_were_lost_by_median():
    whole = cell_table.cells(FakeResults().table(), "w1_excess")
    assert whole["objective"].tolist() == ["wgan-gp", "wgan-clip", "gan"]
    assert whole["rank"].tolist() == [1, 2, 3]
    two = {(0, "wgan-gp", 0, seed): lost("diverged") for seed in (0, 1)}
    found = cell_table.cells(FakeResults(overrides=two).table(), "w1_excess")
    assert found["objective"].tolist() == ["wgan-clip", "gan", "wgan-gp"]
    assert math.isinf(found["median"].iloc[-1])
    assert found["median"].iloc[0] < 1


def test_higher_is_better_turns_the_order_round():
    assert cell_table.cells(FakeResults().table(), "hq")["objective"].tolist() == ["wgan-gp", "wgan-clip", "gan"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, None])
def test_a_missing_metric_of_a_finished_run_is_refused_with_its_run_id(bad):
    store = FakeResults(overrides={(0, "gan", 0, 1): {"w1_excess": bad}})
    run_id = store.table().query("objective == 'gan' and seed == 1")["run_id"].iloc[0]
    with pytest.raises(HarnessError, match=f"run {run_id} .*seed 1.* w1_excess"):
        cell_table.cells(store.table(), "w1_excess")


def test_the_median_run_is_one_of_the_runs_in_the_middle():
    table = pd.DataFrame({"run_id": list("abcd"), "seed": range(4), "status": "ok", "w1": [0.4, 0.1, 0.3, 0.2]})
    assert cell_table.median_run(table, "w1") == "d"
    assert cell_table.median_run(table.assign(status=["ok", "ok", "ok", "failed"]), "w1") == "c"
    assert cell_table.median_run(table.assign(status="pending").drop(columns="w1"), "w1") is None


def test_swept_values_of_the_data_make_tasks_and_all_others_settings():
    table = FakeResults().table().assign(**{"sweep.sd": 0.1, "sweep.lr": "recipe", "sweep.fixed": 100.0})
    table.loc[table["objective"] == "gan", "sweep.lr"] = None
    made = cell_table.labelled(table, ["fixed", "sd"])
    assert set(made["task"]) == {"8gaussians / mlp, sd=0.1, fixed=100"}
    assert set(made["setting"]) == {"", "lr=recipe"}
    assert set(cell_table.labelled(table)["task"]) == {"8gaussians / mlp"}


@pytest.mark.parametrize(
    ("values", "scale"),
    [([1, 2, 3], "linear"), ([0.1, 5], "log"), ([-1, 2], "linear"), ([-0.1, 0.2, 0.1, 90], "symlog"), ([], "linear"),
     ([2, 2], "linear"), ([math.nan, 1], "linear")],
)  # fmt: skip
def test_the_scale_of_an_axis(values, scale):
    assert cell_table.axis_scale(values) == scale


# The contest


def tuned_by_hand(runs):
    """For each seed, the setting with the best mean on the others: written out over a seeds x settings table."""
    grid = runs.pivot(index="seed", columns="setting", values="w1_excess")
    return [grid.loc[seed, grid.drop(index=seed).mean().idxmin()] for seed in grid.index]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=12, max_size=12))
def test_a_setting_is_chosen_on_the_other_seeds(values):
    rows = [(seed, f"lr={rate}") for rate in range(3) for seed in range(4)]
    runs = pd.DataFrame(rows, columns=["seed", "setting"]).assign(
        status="ok", w1_excess=np.array(values) + np.arange(12) / 1e3
    )
    found = ranking.tuned(runs, "w1_excess")
    assert found["seed"].tolist() == [0, 1, 2, 3]
    assert found["w1_excess"].tolist() == tuned_by_hand(runs)


def test_tuning_prefers_settings_that_lose_fewer_runs():
    rows = [
        (0, "a", "ok", 0.1),
        (1, "a", "diverged", None),
        (2, "a", "ok", 0.1),
        *[(s, "b", "ok", 0.9) for s in range(3)],
    ]
    found = ranking.tuned(pd.DataFrame(rows, columns=["seed", "setting", "status", "w1"]), "w1")
    assert found["setting"].tolist() == ["b", "a", "b"]  # where seed 1 is held out, "a" has lost nothing
    assert found["status"].tolist() == ["ok", "diverged", "ok"]


def test_a_gap_is_paired_by_seed_and_positive_where_the_second_is_worse():
    view = tables.read(FakeResults(seeds=5))
    (result,) = ranking.judge(view.table, view.metrics)
    best, other = (view.table[view.table["objective"] == name]["w1_excess"] for name in ("wgan-gp", "wgan-clip"))
    assert [c.objective for c in result.order] == ["wgan-gp", "wgan-clip", "gan"]
    np.testing.assert_allclose(result.gap.mean, other.mean() - best.mean(), rtol=1e-9)
    np.testing.assert_allclose(result.gap.low, ttest_rel(other, best).confidence_interval(0.95).low, rtol=1e-9)


@pytest.mark.parametrize("status", FAILURES)
def test_no_gap_where_a_run_is_missing(status):
    view = tables.read(FakeResults(overrides={(0, "wgan-gp", 0, 0): lost(status)}))
    assert ranking.judge(view.table, view.metrics)[0].gap is None


def test_a_swept_number_beside_words_is_written_as_in_a_suite():
    table = FakeResults(rates=("recipe", 3e-4)).table()
    as_kept = table.assign(**{"sweep.lr": [str(value) for value in table["sweep.lr"]]})  # as a store keeps the column
    assert set(as_kept["sweep.lr"]) == {"recipe", "0.0003"}
    made = cell_table.labelled(as_kept)
    assert set(made["sweep.lr"]) == {"recipe", "3e-4"}
    assert set(made["setting"]) == {"lr=recipe", "lr=3e-4"}
