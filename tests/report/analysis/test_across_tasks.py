"""What a report says over its tasks: numbers that agree with the headline, sentences that promise no more than tests
can show, and the same draws for the same suite.
"""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness.report.analysis import tables
from harness.report.analysis.across_tasks import CONFOUNDED, SEED, across, family, frames
from harness.report.figures import across_figures, encoding
from harness.report.text import across_text
from harness.report.text.across_text import across_values, pairs_text, variance
from harness.statistics import paired

MANY = tuple((f"toy{i}", "mlp" if i % 2 else "mlp-tanh") for i in range(8))


def view_of(n_tasks=8, **more):
    return tables.read(FakeResults(tasks=MANY[:n_tasks], **{"noise": 0.03, **more}))


def found_in(view):
    return across(view.headline, view.table)


@pytest.fixture(scope="module")
def many():
    """Eight tasks, three objectives far apart, two rates."""
    return view_of(rates=("recipe", 2e-3))


# The numbers


@pytest.mark.slow
def test_differences_and_means_are_those_of_the_headline(many):
    found, lead = found_in(many), many.headline.best
    pairs = found.pairs.set_index(["first", "second"])
    for other, gap in lead.gaps.items():
        row = pairs.loc[(lead.first, other)]
        np.testing.assert_allclose(row[["difference", "low", "high"]].astype(float), [gap.mean, gap.low, gap.high])
    rows = many.headline.rows.query("way == 'tuned' and budget == 'steps'").set_index("objective")
    np.testing.assert_allclose(found.objectives["mean"], rows.loc[found.objectives["objective"], "score"])
    assert (found.pairs["difference"] >= 0).all()


@pytest.mark.slow
def test_an_objective_that_wins_every_task_is_told_apart(many):
    found = found_in(many)
    row = found.pairs.set_index(["first", "second"]).loc[("wgan-gp", "gan")]
    assert (row["improvement"], row["p"], row["p_holm"]) == (1.0, 2**-7, 3 * 2**-7)
    assert bool(row["told_apart"])
    assert found.objectives["mean_rank"].tolist()[0] == 1.0
    assert found.groups is not None
    assert not any("wgan-gp" in group and "gan" in group for group in found.groups)


@pytest.mark.slow
def test_every_draw_comes_from_the_runs(many):
    first, again = found_in(many), across(many.headline, many.table)
    other = across(many.headline, many.table.assign(run_id="x" + many.table["run_id"]))
    for name, frame in frames(first).items():
        pd.testing.assert_frame_equal(frame, frames(again)[name])
    pd.testing.assert_frame_equal(first.objectives[["iqm", "mean"]], other.objectives[["iqm", "mean"]])
    assert not first.objectives["iqm_low"].equals(other.objectives["iqm_low"])


@pytest.mark.slow
def test_the_names_of_tasks_and_the_order_of_runs_do_not_matter(many):
    store = FakeResults(tasks=MANY, noise=0.03, rates=("recipe", 2e-3))
    store._table = store.table().iloc[::-1].replace({"toy0": "toy9"})
    turned = tables.read(store)
    for name, frame in frames(found_in(many)).items():
        if name != "variance-shares.csv":  # whose draws follow the names of cells
            pd.testing.assert_frame_equal(frames(found_in(turned))[name], frame)


@pytest.mark.slow
def test_shares_of_variance_are_of_what_the_suite_varies(many):
    sources = set(found_in(many).shares["source"])
    assert {"objective", "data set", "lr", "objective x lr", SEED} <= sources
    assert found_in(many).shares["share"].sum() == pytest.approx(1)


# The words


@pytest.mark.slow
def test_what_is_not_found_is_said_with_what_would_have_been():
    same = {(t, o, 0, s): {"w1_excess": 0.3 + 0.1 * ((7 * t + 3 * s + len(o)) % 5)}
            for t in range(8) for o in ("gan", "nsgan") for s in range(3)}  # fmt: skip
    found = found_in(view_of(objectives=("gan", "nsgan"), overrides=same))
    assert pairs_text(found).startswith("0 of 1 pair differ significantly")
    assert f"n = 8 tasks; minimum detectable effect d = {paired.effect_seen(8):.2f}" in pairs_text(found)
    page = across_values(found)
    assert page["pairs"][0]["verdict"] == "not significant"
    assert not re.search(r"\bequal\b", " ".join(map(str, (page["tests"], page["pairs"]))))
    assert found.groups == [tuple(found.objectives.sort_values(["mean_rank", "objective"])["objective"])]


@pytest.mark.slow
def test_too_few_tasks_are_said_to_be_too_few():
    page = across_values(found_in(view_of(2)))
    assert page["tests"].startswith("2 tasks are too few")
    assert "7 tasks are needed" in page["tests"]
    assert {row["verdict"] for row in page["pairs"]} == {"too few tasks"}


def test_the_higher_of_a_pair_is_the_one_that_the_test_says():
    """Of 12 tasks gan wins one by a lot: the ranks, of which the p value is, lean the other way than the mean."""
    blocks = pd.DataFrame({"gan": [0.9] + 11 * [0.1], "wgan-gp": [0.1, *np.linspace(0.12, 0.16, 11)]})
    row = family(blocks).iloc[0]
    assert row["p"] < 0.05
    assert row["higher"] == "wgan-gp"
    found = SimpleNamespace(groups=[], tasks=12)
    pair = row.to_dict() | dict.fromkeys(("improvement", "improvement_low", "improvement_high"), 0.1)
    told = pair | {"difference": float((blocks["gan"] - blocks["wgan-gp"]).mean()), "low": -0.1, "high": 0.2}
    assert "wgan-gp higher in more" in across_text._pair(found, told)["verdict"]
    turned = told | {"difference": -0.1}
    assert across_text._pair(found, turned)["verdict"] == "wgan-gp higher"


@pytest.mark.slow
@pytest.mark.parametrize("told", [[True, True, True], [True, False, True], [False, False, False]])
def test_significant_differences_are_counted(many, told):
    found = found_in(many)
    text = pairs_text(replace(found, pairs=found.pairs.assign(told_apart=told)))
    assert text.startswith(f"{sum(told)} of 3 pairs differ significantly")
    assert ("not significant (n = 8" in text) == (not all(told))


@pytest.mark.slow
def test_one_seed_has_no_bounds_and_no_share_of_the_seed():
    page = across_values(found_in(view_of(seeds=1)))
    assert page["alone"]
    assert not any("[" in row["improvement"].text or "[" in row["difference"].text for row in page["pairs"])
    assert SEED not in page["variance"]


def test_shares_of_variance_are_listed_the_largest_first():
    bounds = dict.fromkeys(("low", "high", "total_low", "total_high"), float("nan"))
    shares = pd.DataFrame({"source": ["lr", "objective", SEED], "share": [0.04, 0.2, 0.3], "total": [0.13, 0.2, None]})
    shares = shares.astype({"total": float}).assign(**bounds)
    assert variance(shares) == (
        f"objective 20 % alone, 20 % with interactions; lr 4.0 % alone, 13 % with interactions; {SEED} 30 %"
    )
    shared = pd.concat([shares, pd.DataFrame({"source": [CONFOUNDED], "share": [0.4]})])
    assert variance(shared).endswith(f"; {CONFOUNDED} 40 %")
    assert variance(shares.head(0)) == variance(shares.tail(1)) == ""  # nothing varies, or nothing but the seed


# The part of the page


@pytest.mark.slow
@pytest.mark.parametrize("n_tasks", [1, 2, 8])
def test_figures_are_there_where_there_is_something_to_test(n_tasks, monkeypatch):
    monkeypatch.setattr(encoding, "encode", lambda figure: {"png": b"", "svg": b""})
    view = view_of(n_tasks)
    found = found_in(view) if view.headline else None
    names = [panel.name for panel in across_figures.sections(view, found)["across"].panels]
    if n_tasks == 1:
        assert (found, names) == (None, [])
        return
    ranks = ["across-02-mean-ranks"] if n_tasks == 8 else []
    assert names == ["across-01-performance-profiles", *ranks, f"across-0{2 + len(ranks)}-shares-of-variance"]
    assert set(frames(found)) == {
        "across-pairs.csv", "across-objectives.csv", "across-profiles.csv", "variance-shares.csv",
    }  # fmt: skip


def test_a_single_objective_has_nothing_to_test():
    assert view_of(objectives=("gan",)).headline is None


@pytest.mark.slow
def test_bars_join_what_does_not_differ_significantly(monkeypatch):
    drawn = []
    monkeypatch.setattr(across_figures, "draw_ranks", lambda ax, ranks, bars, styled: drawn.append((ranks, bars)))
    monkeypatch.setattr(encoding, "encode", lambda figure: {"png": b"", "svg": b""})
    view = view_of()
    found = found_in(view)
    across_figures.sections(view, found)
    ((ranks, bars),) = drawn
    names = ranks["objective"].tolist()
    assert [
        tuple(names[top : bottom + 1]) for top, bottom in zip(bars["top"], bars["bottom"], strict=True)
    ] == found.groups
