"""Tests of pairs against scipy, scikit-posthocs, brute force and cases worked out by hand."""

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.errors import HarnessError
from harness.report.analysis.across_tasks import family, groups, mean_ranks
from harness.statistics.paired import MEASURED, effect_seen, holm, signed_rank
from harness.statistics.power import LEVEL, POWER, smallest_effect, smallest_p

DIFFERENCES = st.lists(st.integers(-6, 6), min_size=1, max_size=9)


def every_sign(differences):
    """Return the two-sided p by trying every pattern of signs on the ranks of what is not zero."""
    x = np.array([d for d in differences if d != 0], dtype=float)
    if not len(x):
        return 1.0
    ranks = stats.rankdata(np.abs(x))
    sums = np.array([sum(r for r, up in zip(ranks, signs, strict=True) if up)
                     for signs in itertools.product((False, True), repeat=len(x))])  # fmt: skip
    observed = ranks[x > 0].sum()
    lower = min(observed, ranks.sum() - observed)
    return min(1.0, 2 * float(np.mean(sums <= lower + 1e-9)))


@pytest.mark.parametrize("n", [1, 2, 5, 13, 40])
def test_without_ties_p_is_scipys_exact_one(n):
    x = np.random.default_rng(n).normal(0.3, 1, n)
    assert signed_rank(x) == pytest.approx(stats.wilcoxon(x, method="exact").pvalue, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(DIFFERENCES)
def test_with_ties_and_zeros_p_is_that_of_every_pattern_of_signs(differences):
    assert signed_rank(differences) == pytest.approx(every_sign(differences), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(DIFFERENCES, st.randoms(), st.sampled_from([0.1, 3.0, -7.0]))
def test_order_scale_and_direction_do_not_matter(differences, random, factor):
    turned = random.sample(differences, len(differences))
    assert signed_rank(factor * np.array(turned)) == signed_rank(differences)


def test_a_winner_of_every_task_has_the_smallest_p_and_no_difference_has_1():
    assert signed_rank([0.1, 0.2, 0.3, 0.4]) == smallest_p(4)
    assert signed_rank([0.0, 0.0]) == 1.0
    assert signed_rank([0.3 - 0.1 - 0.2, 0.5]) == 1.0  # the first is 0 but for rounding


def test_p_stays_exact_for_hundreds_of_tasks():
    x = np.random.default_rng(0).normal(0.1, 1, 300)
    assert signed_rank(x) == pytest.approx(stats.wilcoxon(x, method="asymptotic").pvalue, rel=0.02)


def test_holm_by_hand():
    # Sorted .01, .02, .03, .04: times 4, 3, 2, 1, none smaller than the one before.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, 0.9]), [1.0, 1.0])
    np.testing.assert_allclose(holm([0.03]), [0.03])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_p_and_bonferroni(ps):
    p, adjusted = np.array(ps), holm(ps)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p)).all()
    assert adjusted.min() == pytest.approx(min(1, len(p) * p.min()))


def grid(n=8, seed=0):
    """Scores of three objectives: a beats b and c in every task; b and c are alike."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame({"a": 0.9 - 0.01 * draw.random(n), "b": 0.5 + 0.1 * draw.normal(size=n),
                         "c": 0.5 + 0.1 * draw.normal(size=n)})  # fmt: skip


def test_a_family_has_every_pair_corrected_for_their_number():
    found = family(grid()).set_index(["first", "second"])
    assert list(found.index) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found.loc[("a", "b"), "p"] == smallest_p(8)
    assert found.loc[("a", "b"), "p_holm"] == 3 * smallest_p(8)
    assert (found["told_apart"] == (found["p_holm"] <= 0.05)).all()
    assert not family(grid(n=4))["told_apart"].any()  # too few tasks for any p
    np.testing.assert_array_equal(holm(found["p"]), found["p_holm"])
    assert set(found["smallest_effect"]) == {effect_seen(8)}


def test_six_tasks_are_told_apart_where_all_six_have_one_sign():
    assert effect_seen(6) == pytest.approx(stats.norm.ppf(POWER ** (1 / 6)), abs=0.02)
    assert [effect_seen(n) for n in (1, 5)] == [np.inf, np.inf]  # no pattern of five signs has a p of .05


@pytest.mark.parametrize("n", [7, 9, 13])
def test_the_effect_seen_is_found_by_80_percent_of_simulated_tests(n):
    draws = np.random.default_rng(n).normal(effect_seen(n), 1.0, (10_000, n))
    found = stats.wilcoxon(draws, axis=1, method="exact").pvalue <= LEVEL
    assert np.mean(found & (draws.mean(axis=1) > 0)) == pytest.approx(POWER, abs=0.015)
    assert effect_seen(n) > smallest_effect(n)


def test_the_documented_effects_are_rounded_from_the_computed_ones():
    text = (Path(__file__).parents[3] / "docs" / "methods.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"correction: ((?:\d\.\d\d of \d+(?: tasks)?(?:, )?)+)", text)
    documented = {int(n): effect for effect, n in re.findall(r"(\d\.\d\d) of (\d+)", sentence)}
    assert documented == {n: f"{effect_seen(n):.2f}" for n in (6, 7, 9, 13)}


@pytest.mark.slow
def test_the_effect_seen_by_many_tasks_goes_on_where_measuring_ends():
    assert effect_seen(MEASURED + 1) == pytest.approx(effect_seen(MEASURED), rel=0.03)
    assert effect_seen(MEASURED + 1) < effect_seen(MEASURED)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(8)), st.sampled_from([(2.0, 0.5), (0.25, -1.0)]))
def test_the_order_of_tasks_and_the_unit_of_scores_do_not_matter(order, affine):
    factor, shift = affine
    pd.testing.assert_frame_equal(family(factor * grid().iloc[order] + shift), family(grid()))
    pd.testing.assert_series_equal(mean_ranks(factor * grid().iloc[order] + shift), mean_ranks(grid()))


@pytest.mark.slow
@pytest.mark.parametrize("n", [8, 13, 20])
def test_a_family_is_that_of_scikit_posthocs(n):
    from scikit_posthocs import posthoc_wilcoxon  # takes two seconds to import

    draw = np.random.default_rng(n)
    blocks = pd.DataFrame(
        {name: draw.normal(mean, 1, n) for name, mean in zip("abcd", (0, 0.3, 0.8, 1.5), strict=True)}
    )
    theirs = posthoc_wilcoxon(blocks.melt(), val_col="value", group_col="variable", p_adjust="holm")
    for row in family(blocks).to_dict("records"):
        assert theirs.loc[row["first"], row["second"]] == pytest.approx(row["p_holm"], rel=1e-12)


def test_a_score_that_is_none_is_refused():
    spoilt = grid()
    spoilt.loc[2, "b"] = np.nan
    with pytest.raises(HarnessError, match="finite"):
        family(spoilt)


def test_mean_ranks_share_places_on_ties():
    blocks = pd.DataFrame({"a": [0.9, 0.5], "b": [0.1, 0.5], "c": [0.5, 0.1 + 0.2 + 0.2]})
    assert mean_ranks(blocks).to_dict() == {"a": 1.5, "c": 2.0, "b": 2.5}
    assert list(mean_ranks(blocks).index) == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        ([], [("a", "b", "c", "d")]),
        ([("a", "d")], [("a", "b", "c"), ("b", "c", "d")]),
        ([("a", "b"), ("a", "c"), ("a", "d")], [("b", "c", "d")]),
        ([("d", "b"), ("a", "c"), ("a", "d")], [("a", "b"), ("b", "c"), ("c", "d")]),
        ([("a", "c")], [("a", "b"), ("b", "c", "d")]),  # a and d would span a and c
        (list(itertools.combinations("abcd", 2)), []),
    ],
)
def test_groups_are_the_longest_stretches_without_a_difference(apart, expected):
    pairs = pd.DataFrame(itertools.combinations("abcd", 2), columns=["first", "second"])
    said = {frozenset(pair) for pair in apart}
    pairs["told_apart"] = [frozenset(pair) in said for pair in zip(pairs["first"], pairs["second"], strict=True)]
    assert groups(list("abcd"), pairs) == expected
