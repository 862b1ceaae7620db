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
from harness.report.figures import across_drawing, panels
from harness.report.text import across_text
from harness.report.text.across_text import across_part, shown, spread, verdict
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
def test_every_draw_comes_from_the_runs_whatever_the_suite_is_called_or_asks(many, monkeypatch):
    monkeypatch.setattr(across_text, "section", lambda *_: panels.Section((), ()))
    plan = {**many.plan, "resolved": {**many.suite, "question": "another", "name": "other"}}
    first, again = found_in(many), across_part(replace(many, plan=plan)).frames
    other = across(many.headline, many.table.assign(run_id="x" + many.table["run_id"]))
    for name, frame in frames(first).items():
        pd.testing.assert_frame_equal(frame, again[name])
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
    assert verdict(found) == (
        "No difference was found in the only pair (n = 8 tasks, smallest effect seen with 80 % power: "
        f"d = {paired.effect_seen(8):.2f} before correction)."
    )
    page = shown(found)
    assert page["pairs"][0]["verdict"] == "no difference found"
    assert not re.search(r"\bequal\b", " ".join(map(str, (page["tests"], page["groups"], page["pairs"]))))
    assert found.groups == [tuple(found.objectives.sort_values(["mean_rank", "objective"])["objective"])]


def test_too_few_tasks_are_said_to_be_too_few():
    page = shown(found_in(view_of(2)))
    assert page["tests"].startswith("With 2 tasks and 3 pairs no p after correction can be below 1")
    assert "7 tasks would do; more seeds would not" in page["tests"]
    assert "2^(1 - 2) is above .05 / 3" in page["groups"]
    assert {row["verdict"] for row in page["pairs"]} == {"out of reach of 2 tasks"}


def test_the_higher_of_a_pair_is_the_one_that_the_test_says():
    """Of 12 tasks gan wins one by a lot: the ranks, of which the p value is, lean the other way than the mean."""
    blocks = pd.DataFrame({"gan": [0.9] + 11 * [0.1], "wgan-gp": [0.1, *np.linspace(0.12, 0.16, 11)]})
    row = family(blocks).iloc[0]
    assert row["p"] < 0.05
    assert row["higher"] == "wgan-gp"
    found = SimpleNamespace(groups=[], tasks=12)
    pair = row.to_dict() | dict.fromkeys(("improvement", "improvement_low", "improvement_high"), 0.1)
    told = pair | {"difference": float((blocks["gan"] - blocks["wgan-gp"]).mean()), "low": -0.1, "high": 0.2}
    assert across_text._pair(found, told)["verdict"] == "wgan-gp higher in more tasks, gan in the mean"
    turned = told | {"difference": -0.1}
    assert across_text._pair(found, turned)["verdict"] == "wgan-gp higher"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([True, True, True], "A difference was found in each of the 3 pairs."),
        (
            [True, False, True],
            "A difference was found in 2 of 3 pairs; in the others no difference was found (n = 8",
        ),
        ([False, False, False], "No difference was found in any of the 3 pairs (n = 8 tasks, smallest effect seen"),
    ],
)
def test_found_differences_are_counted(many, told, said):
    found = found_in(many)
    assert verdict(replace(found, pairs=found.pairs.assign(told_apart=told))).startswith(said)


@pytest.mark.slow
def test_one_seed_has_no_bounds_and_no_share_of_the_seed():
    page = shown(found_in(view_of(seeds=1)))
    assert page["alone"]
    assert not any("[" in row["improvement"].text or "[" in row["difference"].text for row in page["pairs"])
    assert "with one seed its part cannot be told" in page["spread"]


def test_the_spread_names_the_factor_that_explains_the_most():
    bounds = dict.fromkeys(("low", "high", "total_low", "total_high"), float("nan"))
    shares = pd.DataFrame({"source": ["objective", "lr", SEED], "share": [0.2, 0.04, 0.3], "total": [0.2, 0.13, None]})
    shares = shares.astype({"total": float}).assign(**bounds)
    assert spread(shares) == (
        "objective explains the most, 20 % alone, 20 % with its interactions; lr 4.0 % alone, 13 % with its "
        "interactions; the seed 30 %. Shares depend on the levels that the suite offers."
    )
    shared = pd.concat([shares, pd.DataFrame({"source": [CONFOUNDED], "share": [0.4]})])
    assert spread(shared).startswith(
        "objective explains 20 % alone, 20 % with its interactions, and lr 4.0 % alone, 13 % with its interactions, "
        "beside 40 % that factors share and that is"
    )
    assert spread(shares.head(0)) == spread(shares.tail(1)) == ""  # nothing varies, or nothing but the seed is told


# The part of the page


@pytest.mark.slow
@pytest.mark.parametrize("n_tasks", [1, 2, 8])
def test_pictures_and_files_are_there_where_there_is_something_to_test(n_tasks, monkeypatch):
    monkeypatch.setattr(panels.encoding, "encode", lambda figure: (b"", b""))
    part = across_part(view_of(n_tasks))
    if n_tasks == 1:
        assert (part.shown, part.section.panels, part.frames) == (None, (), {})
        return
    names = [panel.name for panel in part.section.panels]
    ranks = ["across-02-mean-places"] if n_tasks == 8 else []
    assert names == ["across-01-performance-profiles", *ranks, f"across-0{2 + len(ranks)}-shares-of-variance"]
    assert set(part.frames) == {
        "across-pairs.csv", "across-objectives.csv", "across-profiles.csv", "variance-shares.csv",
    }  # fmt: skip


def test_a_single_objective_has_nothing_to_test():
    assert across_part(view_of(objectives=("gan",))).shown is None


@pytest.mark.slow
def test_bars_join_what_is_not_told_apart(monkeypatch):
    drawn = []
    monkeypatch.setattr(across_drawing, "draw_ranks", lambda ax, ranks, bars, styled: drawn.append((ranks, bars)))
    monkeypatch.setattr(panels.encoding, "encode", lambda figure: (b"", b""))
    view = view_of()
    found = found_in(view)
    across_text.section(view, found)
    ((ranks, bars),) = drawn
    names = ranks["objective"].tolist()
    assert [
        tuple(names[top : bottom + 1]) for top, bottom in zip(bars["top"], bars["bottom"], strict=True)
    ] == found.groups
