"""Critics alone: kappa is the slope of the estimate over the exact distance, and what saturates is named."""

import math

import numpy as np
import pandas as pd
import pytest

from harness.report.analysis.cell_table import learns
from harness.report.findings import alone
from harness.report.findings.alone import critics_alone

THETAS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def table(kappas: tuple[float, ...] = (0.6, 0.62, 0.64), js_at_zero: float = 0.004) -> pd.DataFrame:
    """Return runs of one critic at THETAS: dual is kappa |theta|, a kappa a seed."""
    rows = [
        {
            "task": f"lines / mlp, theta={theta:g}", "dataset": "lines", "architecture": "mlp",
            "objective": "wgan-clip", "setting": "", "seed": seed, "status": "ok",
            "setup.trained": "fixed", "sweep.theta": theta,
            "dual": kappa * abs(theta), "w1": abs(theta), "kappa": kappa if theta else math.nan,
            "tv": 1.0 if theta else 0.06, "js": math.log(2) if theta else js_at_zero,
            "kl": math.nan if theta else 0.02, "kl_infinite": float(bool(theta)),
        }
        for theta in THETAS
        for seed, kappa in enumerate(kappas)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_kappa_is_the_slope_of_each_seed():
    (one,) = critics_alone(table(), ["theta"])
    assert one.kappa.mean == pytest.approx(0.62)
    half = 4.302652729911275 * 0.02 / math.sqrt(3)  # Student's t at 97.5 %, 2 degrees of freedom
    assert (one.kappa.low, one.kappa.high) == (pytest.approx(0.62 - half), pytest.approx(0.62 + half))
    assert one.axis == "theta"
    assert one.rows["theta"].tolist() == list(THETAS)
    assert one.rows["w1"].tolist() == [1, 0.5, 0, 0.5, 1]
    assert np.isinf(one.rows["kl"]).tolist() == [True, True, False, True, True]
    assert one.correlation == pytest.approx(np.corrcoef(table()["dual"], table()["w1"])[0, 1])


def test_the_exception_is_named_and_a_correlation_below_one_is_not_written_as_one():
    (one,) = critics_alone(table((0.62, 0.62, 0.62 + 1e-4)), ["theta"])
    text = alone.sentence(one)
    assert text.endswith("at every theta except 0.")
    assert "above 0.9999" in text


def test_distances_that_do_not_saturate_are_told_by_their_range():
    runs = table().assign(js=0.3, tv=0.5)
    (one,) = critics_alone(runs, ["theta"])
    assert not one.saturated.any()
    assert "JS is 0.300" in alone.sentence(one)
    assert "between samples" not in alone.sentence(one)  # older records have no floors
    (one,) = critics_alone(runs.assign(js_floor=0.1, tv_floor=0.2), ["theta"])
    assert "(0.100 and 0.200 between samples of one distribution)" in alone.sentence(one)


@pytest.mark.parametrize(("base", "estimate"), [("nsgan", "js_bound"), ("hinge", "dual"), ("lsgan", "dual")])
def test_a_loss_that_is_not_wasserstein_s_has_no_kappa(base, estimate):
    """Its score does not estimate W1: a logistic critic's bound on JS is told instead."""
    bound = 0.5 if base == "nsgan" else math.nan
    (one,) = critics_alone(table().assign(js_bound=bound, **{"objective.base": base}), ["theta"])
    assert math.isnan(one.kappa.mean)
    assert one.rows["kappa"].isna().all()
    assert one.estimate == estimate
    text = alone.sentence(one)
    assert "has no kappa" in text
    assert ("its bound on JS is 0.500 nats" in text) == (estimate == "js_bound")
    assert alone.section([one]).panels


@pytest.mark.parametrize("base", ["wgan", "wgan-clip", "wgan-gp", "wgan-lp", "a plug-in's"])
def test_wasserstein_losses_and_unknown_ones_have_a_kappa(base):
    (one,) = critics_alone(table().assign(**{"objective.base": base}), ["theta"])
    assert one.kappa.mean == pytest.approx(0.62)


def test_lost_runs_are_counted_and_leave_no_hole():
    runs = table()
    runs.loc[0, ["status", "dual", "w1"]] = ["diverged", math.nan, math.nan]
    (one,) = critics_alone(runs, ["theta"])
    assert one.rows["n_ok"].tolist() == [2, 3, 3, 3, 3]
    assert one.kappa.mean == pytest.approx(0.62)
    assert "1 diverged" in " ".join(alone.paragraphs([one], runs))


def test_only_runs_with_a_fixed_generator_are_critics_alone():
    runs = table()
    runs.loc[runs["seed"] == 0, "setup.trained"] = "trained"
    assert learns(runs).sum() == len(THETAS)
    (one,) = critics_alone(runs, ["theta"])
    assert set(one.runs["seed"]) == {1, 2}
    assert critics_alone(runs.drop(columns="dual"), ["theta"]) == []
    assert learns(runs.drop(columns="setup.trained")).all()
