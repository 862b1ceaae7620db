"""What a comparison makes of its rows: p values against scipy's, Holm's correction by hand, one scale for all rows."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_rel, wilcoxon

from harness.report.comparison import comparison_text
from harness.report.comparison.paired_tests import Difference, judge, over_tasks
from harness.statistics import intervals
from harness.statistics.intervals import Interval
from harness.statistics.paired import t_test

BASE = Difference(
    n_pairs=5, n_used=5, n_seeds=5, lost=(0, 0), identical=False, metric="w1_excess", a=0.3, b=0.2, by_metric=None,
    by_score=None,
)  # fmt: skip


def row(seed, shift, metric=None):
    """A difference whose score differences over five seeds are normal around `shift`, and its metric's `metric`."""
    values = np.random.default_rng(seed).normal(shift, 0.1, 5)
    by_metric = None if metric is None else intervals.t_interval(values - values.mean() + metric)
    return replace(BASE, by_score=intervals.t_interval(values), by_metric=by_metric), values


@pytest.mark.parametrize(("n", "shift"), [(2, 0.3), (5, 0.1), (5, -2.0), (30, 0.0)])
def test_p_of_an_interval_is_that_of_the_paired_t_test(n, shift):
    b, a = np.random.default_rng(n).normal([shift, 0], 1, (n, 2)).T
    assert t_test(intervals.t_interval(b - a), n) == pytest.approx(ttest_rel(b, a).pvalue)


def test_without_spread_a_difference_is_certain_and_none_is_none():
    assert t_test(Interval(0.1, 0.1, 0.1), 3) == 0
    assert t_test(Interval(0.0, 0.0, 0.0), 3) == 1
    assert math.isnan(t_test(intervals.t_interval([0.1]), 1))


def test_verdicts_are_corrected_for_the_rows_that_are_tested():
    found = replace(BASE, by_score=intervals.t_interval([0.03, 0.1, 0.15, 0.05, 0.22]))
    p = judge({"x": found}, by_score=True)["x"].p
    assert 0.05 / 3 < p <= 0.05  # told apart alone, and not among three
    rows = {str(i): found for i in range(3)} | {
        "same": replace(BASE, identical=True),
        "waits": replace(BASE, n_pairs=0),
        "one": replace(found, n_seeds=1, by_score=intervals.t_interval([0.1])),
        "lost": replace(BASE, lost=(1, 0)),
    }
    made = judge(rows, by_score=True)
    assert judge({"x": found}, by_score=True)["x"].better == "B"
    assert [made[str(i)].p_holm for i in range(3)] == pytest.approx([3 * p] * 3)
    assert [comparison_text.verdict(judged) for judged in made.values()] == [
        *["not significant"] * 3, "identical records", "not ended", "one seed", "no mean",
    ]  # fmt: skip


def test_one_scale_judges_all_rows_and_a_lower_excess_is_better():
    found, _ = row(1, 0.5, metric=0.3)  # a higher score of B, and an excess that is higher, which is worse
    for by_score, by, better in ((True, "score", "B"), (False, "w1_excess", "A")):
        judged = judge({"x": found, "y": found}, by_score)["x"]
        assert (judged.by, judged.better) == (by, better)
    assert judge({"x": replace(found, by_metric=None)}, by_score=False)["x"].by == "score"


def test_the_test_over_tasks_is_wilcoxons_of_their_means():
    made = {str(i): row(i, 0.2 * (i - 1)) for i in range(6)}
    found = over_tasks({name: difference for name, (difference, _) in made.items()}, "score")
    expected = wilcoxon([values.mean() for _, values in made.values()], mode="exact").pvalue
    assert (found.by, found.tasks, found.smallest_p) == ("score", 6, 2**-5)
    assert found.p == pytest.approx(expected)


def test_there_is_no_test_over_one_task_or_over_some_of_them():
    found, _ = row(0, 0.1)
    assert over_tasks({"x": found, "waits": replace(BASE, n_pairs=0)}, "score") is None
    assert over_tasks({"x": found, "y": found, "no score": BASE}, "score") is None
    assert over_tasks({"x": found, "y": found}, "score").p == 0.5


def test_the_answer_names_the_tests_and_their_scales():
    rows = {str(i): row(i, 1.0, metric=0.1)[0] for i in range(2)}
    whole = judge({"": rows["0"]}, by_score=True)[""]
    words = comparison_text.answer(("a", "b"), whole, judge(rows, by_score=True), over_tasks(rows, whole.by), ())
    assert words.startswith("b is better than a")
    assert words.endswith(
        "; Wilcoxon's signed-rank test of the tasks' mean differences in score: p = 0.50 (n = 2 tasks, which allow "
        "none below 0.50); of the tasks alone (t tests by score, Holm's correction for 2): b is better in 2."
    )
