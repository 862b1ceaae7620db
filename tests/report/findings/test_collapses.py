"""How many runs collapsed, of tables in which that is known."""

import pytest

from harness.report.analysis import tables
from harness.report.findings import collapses
from harness.statistics.trials import wilson
from tests.report.fake_results import FakeResults

ARCHITECTURES = (("8gaussians", "dcgan-shapes"), ("8gaussians", "dcgan-extra"))


def view(collapsed=(), lost=(), **more):
    """Runs of which those in `collapsed` and `lost` have, each a (task, objective, setting, seed)."""
    store = FakeResults(**more)
    places = [
        (t, name, r, seed)
        for t in range(len(store.tasks))
        for name in store.objectives
        for r in range(max(1, len(store.rates)))
        for seed in range(store.seeds)
    ]
    store.overrides = {place: {"collapsed": float(place in collapsed)} for place in places}
    for place in lost:
        store.overrides[place] |= {"status": "diverged"}
    return tables.read(store)


def test_collapsed_runs_are_counted_among_those_that_are_ok():
    hit = [(0, "gan", 0, 0), (0, "gan", 0, 2)]
    rows = collapses.count(view(hit, lost=[(0, "gan", 0, 1), (0, "gan", 0, 2)], seeds=4)).rows.set_index("candidate")
    assert rows.loc["gan", ["runs", "collapsed", "lost"]].tolist() == [2, 1, 2]
    assert rows.loc["gan", ["low", "high"]].tolist() == list(wilson(1, 2))
    assert rows.loc["wgan-gp", ["runs", "collapsed", "lost"]].tolist() == [4, 0, 0]


@pytest.mark.slow
def test_of_several_tasks_and_settings_runs_are_summed_by_candidate():
    hit = [(t, "gan", r, 0) for t in range(2) for r in range(2)]
    counted = collapses.count(view(hit, rates=(1e-4, 1e-3), tasks=(("8gaussians", "mlp"), ("ring", "mlp"))))
    sums = counted.by_candidate().set_index("candidate")
    assert counted.unit == "run"
    assert sums.loc["gan", ["runs", "collapsed"]].tolist() == [12, 4]
    text = collapses.paragraph(counted)
    assert "4 of 36" in text
    assert "4 of 12 runs with gan (33 % [14 %, 61 %])" in text
    assert "wgan-gp" not in text


@pytest.mark.parametrize("hit", [[], [(1, "gan", 0, 0)]])
def test_where_architectures_are_compared_each_is_named_first_even_with_none(hit):
    found = collapses.find(view(hit, objectives=("gan",), tasks=ARCHITECTURES))
    (text,) = found.paragraphs
    assert found.opens
    assert f"{len(hit)} of 3 seeds with dcgan-extra" in text
    assert "0 of 3 seeds with dcgan-shapes (0.0 % [0.0 %, 56 %])" in text
    assert len(found.values["rows"]) == 2


def test_where_none_has_an_answer_says_nothing_of_it_and_the_page_does():
    found = collapses.find(view())
    assert (found.paragraphs, found.opens, found.values["rows"]) == ([], False, [])
    assert "0 of 9" in found.values["text"]
    assert collapses.find(tables.read(FakeResults())) is None
