"""Shares of variance by two routes, by hand, and where nothing is to be shared."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.report.analysis.across_tasks import CONFOUNDED, HIGHER, SEED, levels, variance_shares
from harness.statistics import variance

FACTORS = {"objective": "objective", "data set": "dataset", "lr": "sweep.lr"}


def table(objectives="abc", datasets="xy", rates=(1, 2), seeds=3, seed=0):
    """Return crossed runs with random scores."""
    rows = [
        {"run_id": f"r-{o}{d}{r}{s}", "status": "ok", "dataset": d, "architecture": "mlp", "objective": o,
         "sweep.lr": r, "seed": s}
        for o, d, r, s in itertools.product(objectives, datasets, rates, range(seeds))
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(score=np.random.default_rng(seed).random(len(rows)))


def found(runs, factors=FACTORS, draws=50):
    return variance_shares(runs, factors, "score", np.random.default_rng(0), draws).set_index("source")


def split(design, y, chance=True):
    """Return the shares without the totals of factors."""
    return variance.shares(design, y, chance)[..., : len(design.terms) + 3]


def fitted(runs, terms):
    """Return the residual sum of squares of scores on the dummies of every term, run by run, and the model's rank."""
    columns = [np.ones((len(runs), 1))]
    for term in terms:
        names = runs[[FACTORS[name] for name in term]].astype(str).agg("/".join, axis=1)
        columns.append(pd.get_dummies(names).to_numpy(float))
    x, y = np.hstack(columns), runs["score"].to_numpy()
    return float(np.square(y - x @ np.linalg.lstsq(x, y)[0]).sum()), int(np.linalg.matrix_rank(x))


def omega_squared(runs):
    """Return the shares by nested models: what a term adds to all that do not contain it, less what chance adds."""
    terms = [(a,) for a in FACTORS] + list(itertools.combinations(FACTORS, 2))
    total, whole, pairs = fitted(runs, []), fitted(runs, [tuple(FACTORS)]), fitted(runs, terms)
    of_seed = whole[0] / (len(runs) - whole[1])
    models = {HIGHER: (pairs, whole)}
    for term in terms:
        others = [other for other in terms if not set(term) <= set(other)]
        models[" x ".join(term)] = (fitted(runs, others), fitted(runs, [*others, term]))
    added = {name: small[0] - big[0] - of_seed * (big[1] - small[1]) for name, (small, big) in models.items()}
    return {name: part / (total[0] + of_seed) for name, part in (added | {SEED: of_seed * len(runs)}).items()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("left_out", [[], [("a", "x", 1)], [("a", "x", 1), ("b", "y", 2), ("a", "y", 1)]])
def test_shares_are_those_of_nested_models(seed, left_out):
    runs = table(seed=seed)
    keys = list(zip(runs["objective"], runs["dataset"], runs["sweep.lr"], strict=True))
    runs = runs[[key not in left_out for key in keys]].reset_index(drop=True)
    result = found(runs)["share"]
    for source, share in omega_squared(runs).items():
        assert result.get(source, 0.0) == pytest.approx(share, abs=1e-9), source
    assert result.sum() == pytest.approx(1)
    assert left_out or CONFOUNDED not in result


def test_shares_by_hand():
    # Objectives differ by 2, data sets by 4, seeds by 2: eight runs that are 1, 2 and 1 from the mean, so that the sums
    # of squares are 8, 32 and 8. The seed's mean square is 8 / 4 = 2, which chance adds to each of the three terms.
    runs = table("ab", "xy", (1,), 2)
    runs["score"] = (
        runs["objective"].map({"a": -1.0, "b": 1.0}) + runs["dataset"].map({"x": -2.0, "y": 2.0}) + 2.0 * runs["seed"]
    )
    result = found(runs)
    expected = {"objective": 6 / 50, "data set": 30 / 50, "objective x data set": -2 / 50, SEED: 16 / 50}
    assert result["share"].to_dict() == pytest.approx(expected, abs=1e-12)
    assert result["df"].to_dict() == {"objective": 1, "data set": 1, "objective x data set": 1, SEED: 4}


def simulated(many, seeds, noise=0.08):
    """Return a design of 60 cells, scores [many, cells, seeds] in it, and their true shares."""
    cells = pd.DataFrame(list(itertools.product("abcd", "pqrst", "xyz")), columns=["objective", "data set", "lr"])
    fixed, draw = np.random.default_rng(0), np.random.default_rng(1)
    sizes = ((0.15, (4, 1, 1)), (0.2, (1, 5, 1)), (0.05, (1, 1, 3)), (0.1, (4, 5, 1)), (0.03, (4, 5, 3)))
    means = sum((size * fixed.normal(size=shape) for size, shape in sizes), np.zeros((4, 5, 3))).ravel()[:, None]
    design = variance.designed(levels(cells))
    truth = split(design, means + noise * draw.normal(size=(60, 20_000)))
    return design, means + noise * draw.normal(size=(many, 60, seeds)), truth


@pytest.mark.parametrize("shape", [(4,), (3, 2), (2, 3, 4), (3, 2, 2, 2)])
def test_a_table_without_gaps_has_the_shares_of_any_design_in_whatever_order_its_cells_are(shape):
    cells = np.array(list(itertools.product(*map(range, shape))))[np.random.default_rng(0).permutation(np.prod(shape))]
    y = np.random.default_rng(1).random((2, len(cells), 3))
    crossed, other = variance.designed(cells), variance._by_bases(cells)
    assert (crossed.terms, crossed.groups, crossed.df.tolist()) == (other.terms, other.groups, other.df.tolist())
    np.testing.assert_allclose(variance.shares(crossed, y), variance.shares(other, y), atol=1e-12)
    assert variance.designed(cells[1:]).explain.__qualname__.startswith("_by_bases")


def test_bounds_are_the_same_however_many_draws_are_held_at_once(monkeypatch):
    design, y, _ = simulated(1, 3)
    whole = variance.bounds(design, y[0], np.random.default_rng(0), 50)
    monkeypatch.setattr(variance, "AT_ONCE", 7 * y[0].size)
    np.testing.assert_array_equal(variance.bounds(design, y[0], np.random.default_rng(0), 50), whole)


@pytest.mark.parametrize("seeds", [2, 5])
def test_shares_are_true_on_average_however_many_seeds(seeds):
    design, y, truth = simulated(2000, seeds)
    np.testing.assert_allclose(split(design, y).mean(0), truth, atol=0.002)
    assert np.abs(split(design, y, chance=False).mean(0) - truth).max() > (0.004 if seeds == 5 else 0.015)


@pytest.mark.slow
def test_bounds_hold_the_true_shares():
    design, y, truth = simulated(300, 5)
    draw = np.random.default_rng(2)
    bounds = np.array([variance.bounds(design, one, draw, 400) for one in y])[..., : truth.shape[-1]]
    held = ((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean(0)
    real = [*np.flatnonzero(design.df[:-2]), len(truth) - 1]
    assert held[real].min() > 0.88  # nominally .95
    assert held[real].mean() > 0.92


def test_a_setting_that_one_objective_has_is_shared_among_its_runs_alone():
    runs = table("ab", "xy", (1, 2), 2)
    runs = runs[(runs["objective"] == "a") | (runs["sweep.lr"] == 1)].reset_index(drop=True)
    runs.loc[runs["objective"] == "b", "sweep.lr"] = None
    runs["score"] = np.where(runs["objective"] == "a", 0.0, 3.0) + runs["sweep.lr"].map({1: -1.0, 2: 1.0}).fillna(0.0)
    # Eight runs at -1 or 1, four at 3, seeds alike: the objectives explain 24 of 32, the rate 8.
    result = found(runs)["share"]
    assert (result["objective"], result["lr"]) == (pytest.approx(24 / 32), pytest.approx(8 / 32))
    assert result.sum() == pytest.approx(1)


def test_factors_that_go_together_are_not_told_apart():
    runs = table("ab", "x", (1,), 2).assign(architecture=lambda t: t["objective"].map({"a": "mlp", "b": "dcgan"}))
    runs["score"] = runs["objective"].map({"a": 0.2, "b": 0.8}) + 0.1 * runs["seed"]
    result = found(runs, {"objective": "objective", "architecture": "architecture"})
    assert "objective" not in result.index
    # Sums of squares .36 and .01 of four runs, the latter with two degrees of freedom: .005 is chance.
    assert result.loc[CONFOUNDED, "share"] == pytest.approx((0.36 - 0.005) / (0.36 - 0.005 + 4 * 0.005))


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.randoms(), st.permutations("abc"), st.sampled_from([(4.0, -1.0), (-0.5, 3.0)]))
def test_the_order_of_seeds_runs_and_names_and_the_unit_do_not_matter(random, names, affine):
    runs, (factor, shift) = table(), affine
    other = runs.iloc[random.sample(range(len(runs)), len(runs))].reset_index(drop=True)
    other = other.assign(
        objective=other["objective"].map(dict(zip("abc", names, strict=True))), score=factor * other["score"] + shift
    )
    pd.testing.assert_series_equal(found(other)["share"], found(runs)["share"], atol=1e-9)


def test_bounds_lie_around_what_the_seeds_leave_open():
    rows = found(table(seeds=6), draws=500)
    assert (rows["low"] <= rows["share"]).all()
    assert (rows["high"] >= rows["share"]).all()
    sure = table().assign(score=lambda t: t["objective"].map({"a": 0.1, "b": 0.5, "c": 0.9}) + 1e-6 * t["score"])
    assert found(sure).loc["objective", ["low", "high"]].tolist() == pytest.approx([1, 1], abs=1e-6)


def test_with_one_seed_there_are_no_bounds_and_no_share_of_the_seed():
    rows = found(table(seeds=1))
    assert SEED not in rows.index
    assert rows[["low", "high"]].isna().all(axis=None)
    assert rows["share"].sum() == pytest.approx(1)


def test_a_lost_run_has_the_value_0():
    runs = table()
    runs.loc[3, ["status", "score"]] = ["diverged", None]
    pd.testing.assert_frame_equal(found(runs), found(runs.assign(status="ok", score=runs["score"].fillna(0.0))))


def test_where_nothing_varies_there_are_no_rows():
    assert found(table().assign(score=0.5)).empty
    assert found(table("a", "x", (1,))).empty


def test_a_value_that_is_none_is_refused_with_its_run():
    with pytest.raises(HarnessError, match=r"run r-ax11 .* its score"):
        found(table().assign(score=lambda t: t["score"].where(t["run_id"] != "r-ax11")))


def test_cells_of_different_sizes_are_refused():
    with pytest.raises(HarnessError, match="cell: from 2 to 3"):
        found(table().iloc[1:])


def test_many_draws_are_split_as_one():
    cells = pd.DataFrame(list(itertools.product("abc", "xy")), columns=["objective", "data set"])
    y = np.random.default_rng(0).random((5, 6, 3))
    design = variance.designed(levels(cells))
    np.testing.assert_allclose(split(design, y), [split(design, one) for one in y], atol=1e-12)
