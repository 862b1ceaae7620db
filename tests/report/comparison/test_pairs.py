"""Pairs of runs: who meets whom, and what their differences say, on numbers that can be worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness.errors import HarnessError
from harness.report.analysis import comparable, tables
from harness.report.comparison import comparison_text
from harness.report.comparison.paired_tests import difference, judge, over_tasks
from harness.report.comparison.pairs import Side, pair
from harness.report.comparison.run_diff import Change, changed_settings, foremost, warnings
from harness.statistics import intervals

TASKS = (("8gaussians", "mlp"), ("swissroll", "mlp"))


def side(store, name="a", **columns):
    """A side of made-up results, with some columns replaced."""
    table = tables.runs_of(store)[0].assign(**columns)
    return Side(name, store.plan, table, dict.fromkeys(table["dataset"], "w1_excess"))


def shifted(store, by, name="b"):
    made = side(store, name)
    return Side(name, made.plan, made.table.assign(w1_excess=made.table["w1_excess"] + by), made.metrics)


def only(whole, **labels):
    rows = np.logical_and.reduce([whole.table[key] == value for key, value in labels.items()])
    return Side(next(iter(labels.values())), whole.plan, whole.table[rows].reset_index(drop=True), whole.metrics)


def told(whole, tasks, names=("a", "b")):
    """Return the answer about differences."""
    by_score = sum(found.n_pairs > 0 for found in tasks.values()) > 1
    (overall,), judged = judge({"": whole}, by_score).values(), judge(tasks, by_score)
    return comparison_text.answer(names, overall, judged, over_tasks(tasks, overall.by), ())


def verdict(found):
    return comparison_text.verdict(judge({"": found}, by_score=False)[""])


# Who meets whom


def test_a_side_is_identical_to_itself_in_any_order():
    a = side(FakeResults(tasks=TASKS, rates=("recipe", 2e-3)))
    b = Side("b", a.plan, a.table.sample(frac=1, random_state=0).reset_index(drop=True), a.metrics)
    found = pair(a, b)
    assert (found.runs["run_id_a"] == found.runs["run_id_b"]).all()
    assert len(found.runs) == len(a.table) == 2 * 3 * 2 * 3
    assert difference(found.runs).identical
    assert changed_settings(a, b, found) == []
    assert warnings(a, b, found) == []


def test_one_bit_of_one_metric_is_no_identity_and_time_and_memory_are_none():
    a = side(FakeResults())
    slow = Side("b", a.plan, a.table.assign(train_s=9.0, peak_mb=1.0, stack="7"), a.metrics)
    assert difference(pair(a, slow).runs).identical
    bits = a.table["hq"].to_numpy(copy=True)
    bits[4] = np.nextafter(bits[4], 1)
    found = pair(a, Side("b", a.plan, a.table.assign(hq=bits), a.metrics)).runs
    assert list(np.flatnonzero(~found["equal"])) == [4]


def test_a_difference_of_rounding_alone_is_none_and_no_side_is_better():
    a = side(FakeResults())
    bits = np.nextafter(a.table["w1_excess"].to_numpy(), 2)  # all one way: the t test would call that significant
    runs = pair(a, Side("b", a.plan, a.table.assign(w1_excess=bits), a.metrics)).runs
    assert not runs["equal"].any()
    assert (runs["value_a"] == runs["value_b"]).all()
    assert verdict(difference(runs)) == "not significant"
    far = pair(a, shifted(FakeResults(), 2e-9)).runs
    assert (far["value_a"] < far["value_b"]).all()


def test_runs_without_a_partner_are_kept_apart_and_none_is_lost():
    a, b = side(FakeResults(seeds=5)), side(FakeResults(objectives=("gan", "nsgan"), seeds=3))
    found = pair(a, b)
    assert len(found.runs) == 3
    assert [len(rows) for rows in found.alone] == [15 - 3, 6 - 3]
    assert set(found.runs["seed"]) == {0, 1, 2}


def test_a_rate_is_the_same_in_a_column_of_numbers_and_in_one_with_words():
    mixed, plain = side(FakeResults(rates=("recipe", 0.0003))), side(FakeResults(rates=(3e-4, 2e-3)))
    text = mixed.table["sweep.lr"].astype(str)
    found = pair(Side("a", mixed.plan, mixed.table.assign(**{"sweep.lr": text}), mixed.metrics), plain)
    assert set(found.runs["cell"].str.split().str[-1]) == {"3e-4"}
    assert [len(rows) for rows in found.alone] == [9, 9]
    assert found.swept == ()


def test_values_that_one_side_alone_sweeps_all_meet_the_other_side_and_that_is_said():
    swept = side(FakeResults(rates=(1e-3, 2e-3), seeds=4))
    table = side(FakeResults(seeds=4)).table
    alone = Side("b", swept.plan, table.assign(run_id="x" + table["run_id"]), swept.metrics)
    found = pair(swept, alone)
    assert len(found.runs) == 2 * len(alone.table)
    assert found.loose == ("lr",)
    assert "lr is swept" in warnings(swept, alone, found)[0]
    assert difference(found.runs).n_seeds == 4  # seeds, not pairs, are what repeats


def test_a_run_that_meets_itself_meets_no_other_of_its_label():
    swept = side(FakeResults(rates=(1e-3, 2e-3)))
    alone = Side("b", swept.plan, swept.table[swept.table["sweep.lr"] == 1e-3].drop(columns="sweep.lr"), swept.metrics)
    found = pair(swept, alone)
    assert difference(found.runs).identical
    assert len(found.alone[0]) == 9


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (FakeResults(tasks=(("ring", "mlp"),)), "dataset is 8gaussians"),
        (FakeResults(objectives=("nsgan",)), "objective is gan, wgan-clip"),
    ],
)
def test_nothing_in_common_says_in_what(other, words):
    with pytest.raises(HarnessError, match=f"a and b have no cell and seed in common: {words}"):
        pair(side(FakeResults()), side(other, "b"))


# What they say


def test_the_difference_is_the_paired_t_interval_over_seeds():
    store = FakeResults(objectives=("gan", "wgan-gp"), seeds=5)
    a, b = only(side(store), objective="gan"), only(side(store), objective="wgan-gp")
    found = difference(pair(a, b, "objective").runs)
    expected = intervals.paired_difference(b.table["w1_excess"], a.table["w1_excess"])
    assert (found.n_pairs, found.n_used, found.n_seeds, found.lost) == (5, 5, 5, (0, 0))
    assert found.by_metric.mean == pytest.approx(expected.mean)
    assert (found.by_metric.low, found.by_metric.high) == pytest.approx((expected.low, expected.high))
    assert found.better("w1_excess").mean == pytest.approx(-expected.mean)
    assert verdict(found) == "B is better"
    assert found.b - found.a == pytest.approx(expected.mean)


def test_swapping_the_sides_turns_every_sign():
    store = FakeResults(objectives=("gan", "wgan-gp"), tasks=TASKS, seeds=4, rates=(1e-3, 2e-3))
    sides = [only(side(store), objective=name) for name in ("gan", "wgan-gp")]
    there, back = (difference(pair(*order, "objective").runs) for order in (sides, sides[::-1]))
    assert there.by_score.mean == pytest.approx(-back.by_score.mean)
    assert there.by_score.low == pytest.approx(-back.by_score.high)
    assert {verdict(there), verdict(back)} == {"A is better", "B is better"}


def test_tasks_count_alike_however_many_runs_they_have():
    few = FakeResults(objectives=("gan",), seeds=3, noise=0)
    many = FakeResults(objectives=("gan",), tasks=(("ring", "mlp"),), rates=(1e-3, 2e-3, 3e-3), seeds=3, noise=0)
    tables_of = [pd.concat([side(few).table, side(many).table], ignore_index=True)] * 2
    rise = np.where(tables_of[0]["dataset"] == "ring", 0.3, 0.1)
    tables_of[1] = tables_of[0].assign(w1_excess=tables_of[0]["w1_excess"] + rise)
    metrics = {"8gaussians": "w1_excess", "ring": "w1_excess"}
    found = difference(pair(*(Side(str(i), few.plan, table, metrics) for i, table in enumerate(tables_of))).runs)
    assert found.by_metric.mean == pytest.approx(0.2)
    assert found.by_metric.high - found.by_metric.low == pytest.approx(0, abs=1e-12)


def test_a_lost_run_counts_as_worst():
    lost = {(0, "gan", 0, 1): {"status": "diverged"}, (0, "gan", 0, 2): {"status": "oom"}}
    a, b = (side(FakeResults(objectives=("gan",), seeds=3, overrides=of)) for of in ({}, lost))
    found = difference(pair(a, b).runs)
    assert found.lost == (0, 2)
    assert found.by_metric is None  # no mean of the survivors
    assert math.isinf(found.b)  # the median is one of the lost
    expected = intervals.t_interval([0.0, *(-a.table["score"][1:])])
    assert found.by_score.mean == pytest.approx(expected.mean)
    assert not found.identical


def test_pending_runs_are_in_no_difference_and_their_seeds_in_no_mean():
    waits = {(1, "gan", 0, 2): {"status": "pending"}}
    a = side(FakeResults(objectives=("gan",), tasks=TASKS, seeds=3))
    found = difference(pair(a, side(FakeResults(objectives=("gan",), tasks=TASKS, seeds=3, overrides=waits))).runs)
    assert (found.n_pairs, found.n_used, found.n_seeds) == (5, 4, 2)
    words = told(replace(found, identical=False), {"x": found})
    assert words.endswith("; 1 pair of seeds that other cells lack left out of that mean.")


def test_a_task_that_has_not_ended_is_counted_and_in_no_mean():
    waits = {(1, "gan", 0, seed): {"status": "pending"} for seed in range(3)}
    store = FakeResults(objectives=("gan",), tasks=TASKS, seeds=3)
    b = shifted(
        FakeResults(objectives=("gan",), tasks=TASKS, seeds=3, overrides=waits), np.array([0.1, 0.11, 0.12] * 2)
    )
    runs = pair(side(store), b).runs
    tasks = {task: difference(part) for task, part in runs.groupby("task", sort=False)}
    words = told(difference(runs), tasks)
    assert words.startswith(
        "a is better than b: on 8gaussians / mlp the mean w1_excess of b is 0.110 [0.085, 0.135] higher"
    )
    assert words.endswith(
        "; of the tasks alone (t tests by w1_excess, Holm's correction for 1): a is better in 1, not ended in 1."
    )


def test_one_seed_has_no_interval_and_no_verdict():
    a = side(FakeResults(objectives=("gan",), seeds=1))
    found = difference(pair(a, shifted(FakeResults(objectives=("gan",), seeds=1), 0.1)).runs)
    assert verdict(found) == "one seed"
    assert told(found, {"8gaussians / mlp": found}).startswith(
        "One seed gives no interval for a and b: on 8gaussians / mlp the mean w1_excess of b is 0.100"
    )


def test_a_metric_of_which_more_is_better_is_read_that_way():
    a = side(FakeResults(objectives=("gan",), seeds=3))
    b = Side("b", a.plan, a.table.assign(hq=a.table["hq"] + [0.1, 0.11, 0.12]), {"8gaussians": "hq"})
    found = difference(pair(Side("a", a.plan, a.table, {"8gaussians": "hq"}), b).runs)
    assert verdict(found) == "B is better"
    words = told(found, {"x": found})
    assert words.startswith("b is better than a: on x the mean hq of b is 0.110 [0.085, 0.135] higher (95 %")


def test_the_better_side_is_named_first_whichever_it_is():
    store = FakeResults(objectives=("gan",), seeds=3)
    worse = difference(pair(side(store), shifted(store, np.array([0.1, 0.11, 0.12]))).runs)
    words = told(worse, {"x": worse})
    assert words.startswith("a is better than b: on x the mean w1_excess of b is 0.110 [0.085, 0.135] higher (95 %")


# What else differs


def test_another_machine_version_and_way_of_scoring_are_warned_of():
    a = side(FakeResults())
    resolved = {**a.plan.resolved, "score": {"at": [1], "samples": 500, "extractors": ["inception"]}}
    b = Side(
        "b",
        replace(a.plan, resolved=resolved, score_id="old"),
        a.table.assign(torch="2.12.0", host_cpu="another").drop(columns="hq"),
        a.metrics,
    )
    said = "\n".join(warnings(a, b, pair(a, b)))
    assert "torch differs: 2.13.0 in A, 2.12.0 in B" in said
    assert "host_cpu differs: a processor" in said
    assert "features of different extractors" in said
    assert "measured in A alone: hq" in said
    assert "device" not in said
    assert [change.setting for change in changed_settings(a, b, pair(a, b))] == [
        "score.at",
        "score.samples",
        "score.extractors",
    ]


@pytest.mark.parametrize(
    ("columns", "differs"),
    [
        ({"cpu_isa": ("AVX2", "AVX512")}, "cpu_isa differs: AVX2 in A, AVX512 in B. Equal runs differ"),
        ({"cpu_isa": (None, "AVX512")}, "cpu_isa differs: not known in A, AVX512 in B. Equal runs differ"),
        ({"scipy": ("1.15.0", "1.16.0")}, "scipy differs: 1.15.0 in A, 1.16.0 in B"),
        ({"scoring.pot": ("0.9.6", "0.9.7")}, "scoring.pot differs: 0.9.6"),
        ({"scipy": (None, "1.16.0"), "cpu_isa": ("AVX2", "AVX2")}, None),
        (
            {"extractor_weights[classifier]": ("a", "b")},
            "extractor_weights[classifier] differs: a in A, b in B. Scores",
        ),
    ],
)
def test_so_are_instruction_sets_libraries_and_extractors(columns, differs):
    plain = side(FakeResults())
    a, b = (
        Side("x", plain.plan, plain.table.assign(**{c: v[i] for c, v in columns.items() if v[i]}), plain.metrics)
        for i in (0, 1)
    )
    said = warnings(a, b, pair(a, b))
    assert [text.startswith(differs) for text in said if "differs" in text] == ([True] if differs else [])


def test_what_is_neither_swept_nor_named_is_said_before_the_verdict():
    a = side(FakeResults(), **{"extractor_weights[classifier]": "x"})
    b = side(FakeResults(), "b", **{"extractor_weights[classifier]": "y"})
    found, rows = pair(a, b), [Change(name, "1", "2") for name in ("steps", "hyper.critic_lr")]
    settings, weights = foremost(a, b, found, rows, "")
    assert settings.endswith("steps is 1 in A and 2 in B; hyper.critic_lr is 1 in A and 2 in B")
    assert weights.startswith("extractor_weights[classifier] differs: x in A, y in B")
    assert weights in warnings(a, b, found)
    named = [Change(name, "1", "2") for name in ("hyper.critic_lr", "version.objective", "objective.base")]
    assert foremost(a, b, found, named, "objective") == [weights]
    assert foremost(a, b, found, [*named, rows[0]], "objective")[0].endswith("named: steps is 1 in A and 2 in B")
    loose = replace(found, loose=("lr",))
    assert "hyper.critic_lr" not in foremost(a, b, loose, rows, "")[0]


def test_pairs_trained_on_other_data_under_one_name_are_found():
    tables_ = [side(FakeResults(), **{"setup.content": content}).table for content in "xy"]
    runs = pair(side(FakeResults()), side(FakeResults(), "b")).runs
    assert comparable.unlike_data(runs, *tables_) == "8gaussians"
    assert comparable.unlike_data(runs, tables_[0], tables_[0]) == ""
    assert comparable.unlike_data(runs, tables_[0], side(FakeResults()).table) == ""


def test_sides_ranked_on_other_metrics_are_compared_by_one_that_both_have():
    a, b = side(FakeResults()), side(FakeResults(), "b")
    b = Side("b", b.plan, b.table.drop(columns="w1_excess"), {"8gaussians": "hq"})
    found = pair(a, b)
    assert set(found.runs["metric"]) == {"hq"}
    assert "on 8gaussians, A is ranked on w1_excess and B on hq: both are compared by hq" in warnings(a, b, found)
