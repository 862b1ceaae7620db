"""`harness distance` and `harness.distance`: files of points and histograms, ground costs, and what cannot be used."""

import json
import math
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

import harness
from harness.errors import DataError, HarnessError
from harness.metrics.distances import MOST

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(30, 2)), RNG.normal(size=(40, 2)) + 1
P, Q = [0, 3, 1, 0, 0], [0, 0, 1.5, 0, 2.5]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savetxt("x.csv", X, "%.17g", ",", header="a,b", comments="")
    np.save("y.npy", Y)
    np.savetxt("p.csv", P, "%.17g", header="count", comments="")
    Path("q.csv").write_text(",".join(map(str, Q)))
    np.savez("shares.npz", points=np.array(Q) / 7)
    np.savetxt("cost.csv", np.abs(np.subtract.outer(np.arange(5), np.arange(5))), "%d", ",")
    return tmp_path


def test_files_of_points_are_the_arrays_in_them(files, call):
    values = harness.distance(X, Y)
    assert harness.distance("x.csv", Path("y.npy")) == values
    assert list(values) == ["emd", "w1", "w2", "sliced_w"]
    assert values["emd"] == values["w1"] <= values["w2"]
    code, out, err = call("distance", "x.csv", "y.npy", "--json")
    printed = json.loads(out)
    assert (code, err, printed["kind"], printed["shapes"]) == (0, "", "points", [[30, 2], [40, 2]])
    assert {row["name"]: row["value"] for row in printed["distances"]} == values


def test_a_shift_is_as_long_as_it_is_and_shares_no_cell():
    """The parallel lines of Arjovsky et al. 2017, example 1: however small the shift, JS is log 2 and TV is 1."""
    line = np.stack([np.zeros(25), RNG.random(25)], 1)
    for theta in (1e-3, 0.5):
        values = harness.distance(line, line + np.array([theta, 0]), bins=8)
        assert (values["w1"], values["w2"]) == pytest.approx((theta, theta))
        assert (values["tv"], values["js"], values["kl"]) == pytest.approx((1, math.log(2), math.inf))
    same = harness.distance(line, line, bins=np.int64(8))
    assert set(same.values()) == {0.0}


def test_histograms_in_a_row_a_column_and_an_array_are_one(files, call):
    values = harness.distance(P, Q, histogram=True)
    assert harness.distance("p.csv", "q.csv", histogram=True) == values
    assert values["w1"] == values["emd"] == pytest.approx(wasserstein_distance(range(5), range(5), P, Q))
    assert values["w2"] == pytest.approx(math.sqrt((1.5 * 1 + 1.5 * 9 + 1 * 4) / 4))
    assert values["tv"] == values["l1"] / 2 == pytest.approx(0.75)
    code, out, _ = call("distance", "p.csv", "q.csv", "--histogram", "--json")
    rows = {row["name"]: row for row in json.loads(out)["distances"]}
    assert code == 0
    assert (rows["kl"]["value"], rows["kl"]["infinite"], values["kl"]) == (None, True, math.inf)
    assert [name for name, row in rows.items() if row["infinite"]] == ["kl", "kl_reverse"]
    assert call("distance", "p.csv", "q.csv", "--histogram")[1].count("infinite") == 2


def test_unequal_masses_are_moved_as_far_as_the_smaller_goes(files, call):
    whole, part = [4, 0, 2, 0], [1, 0, 0, 1]
    assert harness.distance(whole, part, histogram=True)["emd"] == pytest.approx(0.5)
    assert harness.distance(whole, [2, 0, 1, 0], histogram=True)["l1"] == 0
    code, out, _ = call("distance", "p.csv", "shares.npz", "--histogram", "--json")
    assert (code, json.loads(out)["masses"]) == (0, [4, pytest.approx(4 / 7)])
    assert len(json.loads(out)["notes"]) == 1


def test_a_ground_cost_is_a_name_a_matrix_its_file_or_a_function(files):
    of = {"euclidean": None}
    for ground in ("euclidean", "cost.csv", np.abs(np.subtract.outer(np.arange(5), np.arange(5))), lambda d: d):
        of[str(ground)] = harness.distance(P, Q, ground=ground, histogram=True)["emd"]
    assert len(of) == 4
    assert len({round(value, 12) for value in of.values()}) == 1
    saturating = harness.distance(P, Q, ground="saturating:0.1", histogram=True)["emd"]
    assert saturating == pytest.approx(
        harness.distance(P, Q, ground=lambda d: 1 - np.exp(-0.1 * d), histogram=True)["emd"], abs=1e-14
    )
    assert harness.distance(X, Y, ground="sqeuclidean")["emd"] == pytest.approx(harness.distance(X, Y)["w2"] ** 2)
    assert harness.distance(P, Q, ground="discrete", histogram=True)["emd"] == pytest.approx(0.75)


def test_above_eight_dimensions_exact_transport_is_left_out():
    values = harness.distance(RNG.normal(size=(5, 9)), RNG.normal(size=(4, 9)))
    assert list(values) == ["sliced_w"]


def test_bin_by_bin_distances_order_two_pairs_wrongly_and_emd_rightly():
    """The grey levels of docs/distances.md: a little brighter is nearer to the image than one part turned white."""
    of = run_path(str(Path(__file__).parents[2] / "docs" / "distances.py"))["histograms"]()
    brighter, recoloured = (harness.distance(of["A"], of[name], histogram=True) for name in "BC")
    for name in ("l1", "l2", "tv", "js", "js_root"):
        assert brighter[name] > 1.5 * recoloured[name]
    for name in ("emd", "w1", "w2"):
        assert 1.4 * brighter[name] < recoloured[name]
    assert brighter["emd"] == pytest.approx(8, abs=1e-12)


WRONG = [
    ([[1, 2]], [[1, 2, 3]], {}),
    ([1, 2], [1, 2], {}),
    ([["a", "b"]], [[1, 2]], {}),
    ([[1], [2, 3]], [[1]], {}),
    ([[math.nan]], [[1]], {}),
    (np.zeros((MOST + 1, 1)), [[1]], {}),
    ([[0, 1]], [[1, 0]], {"ground": "manhatten"}),
    ([[0, 1]], [[1, 0]], {"ground": "saturating"}),
    ([[0, 1]], [[1, 0]], {"ground": "saturating:-1"}),
    ([[0, 1]], [[1, 0]], {"ground": "saturating:nan"}),
    ([[0, 1]], [[1, 0]], {"ground": "l1:2"}),
    ([[0, 1]], [[1, 0]], {"ground": [[1, 2]]}),
    ([[0, 1]], [[1, 0]], {"ground": [[-1]]}),
    ([[0, 1e200]], [[1, 0]], {"ground": "sqeuclidean"}),
    ([[0, 1e200]], [[1, 0]], {}),
    ([[0, 1]], [[1, 0]], {"ground": lambda d: d * math.nan}),
    ([[0, 1]], [[1, 0]], {"bins": 0}),
    ([[0, 1]], [[1, 0]], {"bins": 10**4}),
    ([[0, 1]], [[1, 0]], {"bins": 2.5}),
    ([[0, 1]], [[1, 0]], {"bins": 5, "histogram": True}),
    ([0, 1], [1, 0, 2], {"histogram": True}),
    ([0, 0], [1, 0], {"histogram": True}),
    ([-1, 2], [1, 0], {"histogram": True}),
    ([], [1, 0], {"histogram": True}),
    ([1e308, 1e308], [1, 0], {"histogram": True}),
    ([[1, 2], [3, 4]], [1, 0], {"histogram": True}),
    (np.ones(MOST + 1), [1, 0], {"histogram": True}),
]


@pytest.mark.parametrize("case", WRONG, ids=[f"case{i}" for i in range(len(WRONG))])
def test_what_cannot_be_compared_is_a_sentence(case):
    x, y, options = case
    with pytest.raises(HarnessError) as error:
        harness.distance(x, y, **options)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [("1,2\n3,x\n", "line 2"), ("1,2\n3\n", "line 2"), ("1,2\n3,inf\n", "line 2"), ("", "[0, 1]")],
)
def test_a_mistake_in_a_file_is_named_by_its_line(files, call, text, place):
    Path("bad.csv").write_text(text)
    code, out, err = call("distance", "x.csv", "bad.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("bad.csv: ")
    assert place in err


def test_a_bin_below_zero_is_named_by_file_and_place(files, call):
    Path("bad.csv").write_text("1\n2\n-1\n4\n5\n")
    code, _, err = call("distance", "p.csv", "bad.csv", "--histogram")
    assert code == 2
    assert err.startswith("bad.csv: bin 3 ")
    with pytest.raises(DataError):
        harness.distance("p.csv", "missing.csv", histogram=True)
