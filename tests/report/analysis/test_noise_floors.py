"""Whether the best objective came near the data."""

import pandas as pd
import pytest

from harness.report.analysis import cell_table
from harness.report.analysis.noise_floors import nearest
from harness.report.text.remarks import undertrained


def table(**excess):
    """`excess` by objective: a list of values, one a seed; None is a lost run."""
    rows = [
        {"dataset": "ring", "architecture": "mlp", "objective": name, "setting": "",
         "w1_excess": value, "w1_floor": 0.05, "status": "ok" if value is not None else "diverged"}
        for name, values in excess.items() for value in values
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("values", "near"), [([0.05, 0.14], True), ([0.08, 0.14], False)])
def test_near_is_a_mean_within_two_floors(values, near):
    found = nearest(table(a=values, b=[0.5, 0.5]), {"ring": "w1_excess"})
    assert found["objective"].tolist() == ["a"]
    assert found["excess"].tolist() == [pytest.approx(sum(values) / 2)]
    assert found["near"].tolist() == [near]
    assert ("more training may change the result" in undertrained(found)) == (not near)


def test_an_objective_that_lost_a_run_is_not_the_best():
    found = nearest(table(a=[0.01, None], b=[0.3, 0.3]), {"ring": "w1_excess"})
    assert found["objective"].tolist() == ["b"]


def test_nothing_is_said_where_nothing_is_ranked_on_it():
    runs = table(a=[0.1])
    assert undertrained(nearest(runs, {"ring": "hq"})) == ""
    assert undertrained(nearest(table(a=[None]), {"ring": "w1_excess"})) == ""


def test_both_kinds_of_data_sets_are_named():
    runs = pd.concat([table(a=[0.01]), table(a=[0.9]).assign(dataset="moons")])
    text = undertrained(nearest(runs, {"ring": "w1_excess", "moons": "w1_excess"}))
    assert "ring 0.0100 (a; within two floors, 0.100); moons 0.900 (a; beyond two floors, 0.100)." in text
    assert text.endswith("more training may change the result.")


def test_fid_is_judged_by_what_it_has_above_its_floor():
    runs = table(a=[0.0, 0.0], b=[0.0, 0.0]).assign(**{"fid[x]@9": [3.0, 1.0, 0.7, 0.9], "fid[x]@9_floor": 0.3})
    (found,) = nearest(runs, {"ring": "fid[x]@9"}).to_dict("records")
    assert (found["objective"], found["excess"], found["floor"], found["near"]) == ("b", pytest.approx(0.5), 0.3, True)


def test_swept_values_of_the_data_are_judged_apart():
    runs = [
        table(a=[excess]).assign(**{"architecture": "mlp", "sweep.sd": sd}) for sd, excess in ((0.02, 0.9), (0.1, 0.01))
    ]
    found = nearest(cell_table.labelled(pd.concat(runs).drop(columns="setting"), ["sd"]), {"ring": "w1_excess"}, ["sd"])
    assert found["dataset"].tolist() == ["ring, sd=0.02", "ring, sd=0.1"]
    assert found["near"].tolist() == [False, True]


def test_a_data_set_that_does_not_have_the_swept_value_is_judged_whole():
    runs = [table(a=[0.01, 0.02]).assign(dataset=name, **{"architecture": "mlp", "sweep.sd": sd})
            for name, sd in (("ring", 0.02), ("file", None))]  # fmt: skip
    labelled = cell_table.labelled(pd.concat(runs).drop(columns="setting"), ["sd"])
    found = nearest(labelled, {"ring": "w1_excess", "file": "w1_excess"}, ["sd"])
    assert found["dataset"].tolist() == ["ring, sd=0.02", "file"]
