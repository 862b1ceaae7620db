"""Bins of a study's trials against counting by hand, and its figures as data."""

import numpy as np
import pytest
from report.fake_study import Study

from harness.report import styles
from harness.report.figures import drawing, encoding, study_figures
from harness.report.studies import study_results, study_slices
from harness.report.studies.study_slices import Plane
from harness.statistics import importance

RATES = np.geomspace(1e-4, 1e-2, 48)
SPACE = {
    "lr": {"low": 1e-4, "high": 1e-2, "log": True},
    "clip": {"low": 0.0, "high": 1.0},
    "n_critic": {"low": 1, "high": 3, "whole": True},
    "norm": {"choices": ["none", "layer"]},
}
TURN = np.random.default_rng(0).permutation(48)
POINTS = [
    {"lr": float(rate), "clip": float(TURN[i]) / 47, "n_critic": 1 + i % 3, "norm": SPACE["norm"]["choices"][i % 2]}
    for i, rate in enumerate(RATES)
]
RISING = list(np.linspace(0.1, 0.9, 48))
STYLED = styles.styles(["gp", "clip"])


@pytest.fixture(scope="module", autouse=True)
def few():
    """Few draws of trials, for their bounds are not what is asked here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "draws", lambda names, n: 20)
        yield


def found(**more):
    values = {"gp": RISING, "clip": RISING[::-1]}
    return study_results.read(Study(values, points=POINTS, space=SPACE, **more))


@pytest.fixture(scope="module")
def both(few):
    return found()


@pytest.mark.parametrize(
    ("where", "ends"),
    [
        ({"low": 0, "high": 1}, [0, 0.25, 0.5, 0.75, 1]),
        ({"low": 1e-4, "high": 1, "log": True}, [1e-4, 1e-3, 1e-2, 0.1, 1]),
        ({"low": 1, "high": 3, "whole": True}, [0.5, 1.5, 2.5, 3.5]),
        ({"choices": ["a", "b"]}, [-0.5, 0.5, 1.5]),
    ],
)
def test_bins_are_even_on_the_axis_that_is_drawn_on(where, ends):
    np.testing.assert_allclose(study_slices.edges(where, 4), ends)


@pytest.mark.slow
def test_slices_hold_every_trial_once_and_their_means(both):
    slices = study_slices.slices(both)
    assert (slices.groupby(["setting", "objective"])["trials"].sum() == 48).all()
    mine = slices[(slices["setting"] == "lr") & (slices["objective"] == "gp")]
    np.testing.assert_allclose(mine["mean"], [np.mean(RISING[i : i + 8]) for i in range(0, 48, 8)])
    choices = slices[(slices["setting"] == "norm") & (slices["objective"] == "gp")].set_index("choice")["mean"]
    assert choices.to_dict() == pytest.approx({"none": np.mean(RISING[::2]), "layer": np.mean(RISING[1::2])})


def test_a_bin_of_two_trials_has_no_mean():
    rates = [{"lr": rate, "norm": "none"} for rate in (2e-4, 2e-3, 3e-3, 4e-3, 1e-2)]
    few = study_results.read(Study({"gp": [0.2, 0.4, 0.6, 0.8, 0.9]}, points=rates))
    slices = study_slices.slices(few)
    lr = slices[slices["setting"] == "lr"]
    assert lr["trials"].tolist() == [1, 4]
    assert np.isnan(lr["mean"].iloc[0])
    assert lr["mean"].iloc[1] == pytest.approx(np.mean([0.4, 0.6, 0.8, 0.9]))


@pytest.mark.slow
def test_planes_are_over_the_two_settings_that_weigh_most(both):
    planes = {plane.objective: plane for plane in study_slices.planes(both)}
    weights = both.weights[both.weights["objective"] == "gp"].sort_values("importance", ascending=False)
    assert planes["gp"] == Plane("gp", *weights["setting"][:2])
    assert planes["gp"].x == study_slices.ordered(both)[0] == "lr"
    cells = study_slices.cells(both, Plane("gp", "lr", "clip"))
    assert cells["trials"].sum() == 48
    assert len(cells) == 4
    whole = cells.dropna()
    assert np.average(whole["mean"], weights=whole["trials"]) == pytest.approx(np.mean(RISING))


def test_the_cells_of_a_choice_are_counted_by_hand(both):
    plane = Plane("gp", "norm", "n_critic")
    cells = study_slices.cells(both, plane).set_index(["x_low", "y_low"])["mean"]
    by_hand = {(i % 2 - 0.5, i % 3 + 0.5): np.mean(RISING[i::6]) for i in range(6)}
    halves = {(x, 0.5): by_hand[x, 0.5] for x in (-0.5, 0.5)}
    halves |= {(x, 2.0): (by_hand[x, 1.5] + by_hand[x, 2.5]) / 2 for x in (-0.5, 0.5)}
    assert cells.to_dict() == pytest.approx(halves)
    at = study_slices.scattered(both, plane)
    np.testing.assert_array_equal(at["x"].round(), [i % 2 for i in range(48)])
    assert at["x"].nunique() == 48
    np.testing.assert_array_equal(at["y"], [1 + i % 3 for i in range(48)])
    np.testing.assert_allclose(at["value"], RISING)


@pytest.mark.parametrize(("sampler", "trials"), [("tpe", 48), ("random", 12)])
def test_without_importances_planes_are_over_the_first_two_settings(sampler, trials):
    values = {"gp": RISING[:trials]}
    few = study_results.read(Study(values, points=POINTS[:trials], space=SPACE, sampler=sampler))
    assert study_slices.planes(few) == [Plane("gp", *list(SPACE)[:2])]
    assert study_slices.ordered(few) == list(SPACE)
    tables = study_slices.frames(few)
    assert tables["planes.csv"]["trials"].sum() == trials
    assert len(tables["slices.csv"])
    assert ("importances.csv" in tables) == (sampler != "tpe")


@pytest.mark.slow
def test_a_slice_marks_every_trial_and_leaves_those_hollow_that_lost_a_run():
    lost = found(statuses={"gp-3-100": "diverged", "gp-7-101": "oom", "gp-7-100": "oom"})
    figure, ax = drawing.blank(4, 3)
    points, slices = study_slices.points(lost, "lr"), study_slices.slices(lost)
    study_figures.draw_slice(ax, points, slices[slices["setting"] == "lr"], STYLED, SPACE["lr"])
    marks = [marks for marks in ax.collections if hasattr(marks, "get_sizes")]
    assert [len(of.get_offsets()) for of in marks] == [48, 0, 46, 2]
    assert [len(of.get_facecolors()) for of in marks] == [1, 0, 1, 0]
    np.testing.assert_allclose(marks[-1].get_offsets(), [[RATES[3], (RISING[3] - 0.01) / 2], [RATES[7], 0]])
    assert ax.get_xscale() == "log"
    assert "with a lost run" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_choices_stand_beside_each_other(both):
    points = study_slices.points(both, "norm")
    assert {name: sorted(part["at"].round(9).unique()) for name, part in points.groupby("objective")} == {
        "clip": [-0.2, 0.8], "gp": [0.2, 1.2],
    }  # fmt: skip


def test_importances_are_filled_above_chance_alone(both):
    _, _, said = drawn = study_figures._weights(both, STYLED, both.weights)
    [ax] = drawn[0].axes
    assert "Importance of every setting" in said
    faces = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() in "os" and len(line.get_xdata())]
    assert sum(face != "white" for face in faces) == both.weights["told"].sum() == 2
    assert [tick.get_text() for tick in ax.get_yticklabels()] == study_slices.ordered(both)


def test_a_plane_draws_cells_and_trials(both):
    figure, name, _ = study_figures._plane(both, Plane("gp", "lr", "clip"))
    ax = figure.axes[0]
    mesh, whole, lost = ax.collections
    assert name == "gp lr clip"
    assert mesh.get_array().shape == (2, 2)
    assert (len(whole.get_offsets()), len(lost.get_offsets())) == (48, 0)
    np.testing.assert_allclose(whole.get_array(), RISING)


@pytest.mark.parametrize(
    ("choices", "turned"), [(["relu", "tanh"], 0), (["relu", "leaky_relu", "scaled_softplus"], 20)]
)
def test_long_names_of_choices_are_slanted(choices, turned):
    _, ax = drawing.blank(4, 3)
    study_figures.fit_range(ax, "x", {"choices": choices})
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {turned}
    assert [label.get_text() for label in ax.get_xticklabels()] == choices


def test_the_curves_are_drawn_with_their_bands(both):
    figure, _, said = study_figures._best(both, STYLED, both.curves)
    [ax] = figure.axes
    assert [list(line.get_xdata()) for line in ax.lines] == [list(range(1, 49))] * 2
    assert len(ax.collections) == 2
    assert "Expected best score" in said


@pytest.mark.slow
def test_pictures_are_bounded_and_the_rest_is_said(both, monkeypatch):
    monkeypatch.setattr(encoding, "encode", lambda figure: {"png": b"", "svg": b""})
    monkeypatch.setattr(study_figures, "MOST", 1)
    sections = study_figures.sections(both, STYLED)
    assert {name: len(section.panels) for name, section in sections.items()} == {
        "study": 1, "weights": 1, "slices": 1, "planes": 1,
    }  # fmt: skip
    assert sections["slices"].notes == ("Shown are 1 of 4 settings; the tables hold them all.",)
    assert all(panel.alt for section in sections.values() for panel in section.panels)
    unfinished = found(statuses={"gp-0-100": "pending"})
    assert not any(section.panels for section in study_figures.sections(unfinished, STYLED).values())
    assert list(study_slices.frames(unfinished)) == ["trials.csv", "study.csv", "best-of-trials.csv"]
