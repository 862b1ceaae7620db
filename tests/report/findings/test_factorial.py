"""Shares of a factorial worked out by hand, and where there is none."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from harness.report.analysis import cell_table
from harness.report.analysis.across_tasks import HIGHER, SEED
from harness.report.figures import style
from harness.report.findings import factorial_figures, factorial_text
from harness.report.findings.factorial import LOSS, NUMERICS, factorial, factors_of

OBJECTIVES = {"gan": (1, 1), "nsgan": (-1, 1), "gan-sigmoid": (1, -1), "nsgan-sigmoid": (-1, -1)}
RATES = {1e-3: -1, 1e-2: 1}
INITS = {"he": -1, "dcgan": 1}
OF_LOSS, OF_RATE, OF_BOTH, OF_SEED = 0.08, 0.1, 0.06, 0.02


def table(seeds=2, **overrides):
    """A distance of .5 and, at a level of 1 or -1, the effects of loss and rate, of both together, and of the seed."""
    rows = []
    for (name, (loss, _)), (rate, at), init, seed in itertools.product(
        OBJECTIVES.items(), RATES.items(), INITS, range(seeds)
    ):
        value = 0.5 + OF_LOSS * loss + OF_RATE * at + OF_BOTH * loss * at + OF_SEED * (2 * seed - 1)
        rows.append({
            "run_id": f"{len(rows):04d}", "status": "ok", "dataset": "digits", "architecture": "mlp", "seed": seed,
            "objective": name, "objective.base": name, "sweep.lr": rate, "sweep.critic_init": init,
            "sliced_w": value, **overrides,
        })  # fmt: skip
    return cell_table.labelled(pd.DataFrame(rows))


def runs_of(runs, is_study=False, **metrics):
    return SimpleNamespace(
        learners=runs, table=runs, metrics=metrics or {"digits": "sliced_w"}, data_axes=(), is_study=is_study
    )


def test_shares_of_a_factorial_of_two_levels_are_its_squared_effects():
    """Of 16 cells and 2 seeds, 32 runs: a term with effect e has the sum of squares 32 e^2. Seeds have 32 * .02^2, with
    16 degrees of freedom; a mean square of .0008 is what chance adds to every term of the 11 of one degree of freedom
    and to the 4 of three and 1 of four factors.
    """
    outcome = factorial(runs_of(table()))
    chance = 32 * OF_SEED**2 / 16
    sums = {"lr": 32 * OF_RATE**2, LOSS: 32 * OF_LOSS**2, f"{LOSS} x lr": 32 * OF_BOTH**2}
    whole = sum(sums.values()) - 15 * chance + 32 * chance
    shares = outcome.shares.set_index("source")["share"]
    for source in (*sums, NUMERICS, "critic_init", f"{NUMERICS} x critic_init"):
        assert shares[source] == pytest.approx((sums.get(source, 0.0) - chance) / whole)
    assert shares[HIGHER] == pytest.approx(-5 * chance / whole)
    assert shares[SEED] == pytest.approx(32 * chance / whole)
    totals = outcome.shares.set_index("source")["total"]
    both = sums["lr"] + sums[f"{LOSS} x lr"]  # with its 8 terms, of one degree of freedom each
    assert totals["lr"] == pytest.approx((both - 8 * chance) / whole)
    assert list(outcome.of_factors()["source"][:2]) == ["lr", LOSS]


def test_levels_and_the_largest_interaction_have_their_means():
    outcome = factorial(runs_of(table()))
    means = outcome.levels.set_index(["factor", "level"])["mean"]
    assert means["lr", "1e-3"] == pytest.approx(0.5 - OF_RATE)
    assert means[LOSS, "saturating"] == pytest.approx(0.5 + OF_LOSS)
    assert means["critic_init", "he"] == pytest.approx(0.5)
    assert list(outcome.means.columns[:2]) == [LOSS, "lr"]
    at = outcome.means.set_index([LOSS, "lr"])["mean"]
    assert at["saturating", "0.01"] == pytest.approx(0.5 + OF_LOSS + OF_RATE + OF_BOTH)
    assert at["non-saturating", "0.01"] == pytest.approx(0.5 - OF_LOSS + OF_RATE - OF_BOTH)


def test_the_order_of_runs_and_a_change_of_unit_do_not_matter():
    whole = factorial(runs_of(table())).shares
    runs = table().assign(sliced_w=lambda t: 3 * t["sliced_w"] + 1).sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(factorial(runs_of(runs)).shares[["source", "share"]], whole[["source", "share"]])


def test_a_lost_run_counts_as_the_worst_of_its_task():
    runs = table()
    is_lost = (runs["objective"].str.endswith("sigmoid")) & (runs["sweep.lr"] == 1e-2)
    lost = runs.assign(status=runs["status"].mask(is_lost, "diverged"), sliced_w=runs["sliced_w"].mask(is_lost, np.nan))
    outcome = factorial(runs_of(lost))
    worst = runs.assign(sliced_w=runs["sliced_w"].mask(is_lost, lost["sliced_w"].max()))
    expected = factorial(runs_of(worst))
    pd.testing.assert_frame_equal(outcome.shares, expected.shares)
    assert (outcome.lost, outcome.runs) == (8, 16 * 2)
    assert outcome.common == {NUMERICS: "probabilities", "lr": "0.01"}
    rows = outcome.levels.set_index(["factor", "level"])["lost"]
    assert (rows[NUMERICS, "probabilities"], rows[NUMERICS, "logits"]) == (8, 0)
    text = " ".join(factorial_text.paragraphs(outcome))
    assert "8 of 32 runs were lost (25 % [13 %, 42 %]), all with numerics=probabilities and lr=0.01. A lost" in text


def test_what_most_lost_runs_have_in_common_is_said_beside_what_all_have():
    runs = table(seeds=3)
    is_lost = runs["objective"].str.endswith("sigmoid") & ((runs["sweep.lr"] == 1e-2) | (runs["run_id"] == "0024"))
    steps = pd.Series(np.arange(len(runs)) % 3 + 1.0, index=runs.index).where(is_lost)
    lost = runs.assign(
        status=runs["status"].mask(is_lost, "diverged"),
        sliced_w=runs["sliced_w"].mask(is_lost, np.nan),
        first_bad_step=steps,
    )
    text = factorial_text.paragraphs(factorial(runs_of(lost)))[1]
    assert "13 of 48 runs were lost (27 % [17 %, 41 %]), all with numerics=probabilities, 12 with lr=0.01" in text
    assert "; half of those that diverged had by step 2. A lost" in text


def test_objectives_count_as_factors_only_where_two_choices_are_all_that_they_differ_in():
    runs = table()
    assert set(factors_of(runs)) == {LOSS, NUMERICS, "lr", "critic_init"}
    assert factors_of(runs.assign(**{"objective.base": runs["objective.base"].replace("nsgan", "wgan-gp")})) is None
    assert factors_of(runs.assign(**{"setup.penalty": "gp"})) is None
    twice = runs[runs["objective"].isin(["gan", "nsgan"])].assign(**{"objective.base": "gan"})
    assert factors_of(twice) is None
    alone = runs[runs["objective"] == "gan"]
    assert factors_of(alone) is None  # two factors
    assert set(factors_of(pd.concat([alone, alone.assign(dataset="other")]))) == {"data set", "lr", "critic_init"}


def test_what_is_not_crossed_is_no_factorial():
    runs = table()
    assert factorial(runs_of(runs.iloc[1:])) is None  # a seed is missing
    assert factorial(runs_of(runs[(runs["objective"] != "gan") | (runs["sweep.lr"] == 1e-3)])) is None
    assert factorial(runs_of(runs.assign(status=["pending", *runs["status"][1:]]))) is None
    assert factorial(runs_of(runs, is_study=True)) is None
    assert factorial(runs_of(runs, digits="sliced_w", ring="w1_excess")) is None
    assert factorial(runs_of(runs.assign(sliced_w=0.5))) is None


def test_the_answer_names_the_factor_that_explains_most():
    outcome = factorial(runs_of(table()))
    first, second = factorial_text.paragraphs(outcome)
    assert first.startswith("Of the variance of sliced_w over 32 runs, lr (1e-3 or 0.01) explains most: 4")
    assert first.index(f"Then come {LOSS} (saturating or non-saturating)") < first.index(
        "numerics and critic_init explain no significant share"
    )
    assert "mean sliced_w is 0.74" in second
    assert "No run was lost (0.0 % [0.0 %, 11 %])." in second


def test_one_seed_has_shares_without_bounds():
    outcome = factorial(runs_of(table(seeds=1)))
    text = " ".join(factorial_text.paragraphs(outcome))
    assert "lr (1e-3 or 0.01) explains most: 50 % by itself, 68 % with its interactions." in text
    assert "[" not in text.split("No run")[0]
    assert len(factorial_figures.section(outcome).panels) == 1


@pytest.mark.slow
def test_the_figures_have_a_bar_for_every_share_and_a_line_for_every_level():
    outcome = factorial(runs_of(table()))
    assert len(factorial_figures.section(outcome).panels) == 2
    with style.applied():
        ax = factorial_figures._shares(outcome)[0].axes[0]
        lines = factorial_figures._means(outcome)[0].axes[0].lines
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names[:4] == ["lr", LOSS, NUMERICS, "critic_init"]
    widths = sorted(bar.get_width() for bar in ax.patches)
    assert widths[-1] == pytest.approx(outcome.of_factors()["total"].max())
    assert len(lines) == 2
