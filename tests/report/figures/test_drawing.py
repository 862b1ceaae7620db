"""Figures tested as data: what is drawn is what the tables say."""

from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness.objectives import OBJECTIVES
from harness.report import styles
from harness.report.analysis import across_tasks, tables
from harness.report.figures import across_figures, drawing, encoding, panels, style, task_figures
from harness.report.styles import Style


@pytest.fixture
def ax():
    with style.applied():
        return drawing.blank(4.0, 3.0)[1]


def unlike(made):
    return len({(look.colour, look.marker, str(look.dash)) for look in made.values()}) == len(made)


def test_an_objective_looks_the_same_whatever_is_beside_it_and_no_two_look_alike():
    alone = {name: styles.styles([name])[name] for name in OBJECTIVES}
    assert sorted(styles.PLACES) == sorted(OBJECTIVES)
    assert unlike(alone)
    assert len({look.colour for look in alone.values()}) == len(styles.PALETTE)
    for n in (0, 1, 2, 3, len(OBJECTIVES)):
        for known in combinations(OBJECTIVES, n):
            made = styles.styles([*known, "apart", "mine", "wgan-clip-0.1"])
            assert {name: made[name] for name in known} == {name: alone[name] for name in known}
            assert unlike(made)
            fixed = {look.colour for look in styles.styles([*known, "wgan-clip-0.1"]).values()}  # two may share one
            assert len({look.colour for look in made.values()}) == min(len(fixed) + 2, len(styles.PALETTE))


def test_a_variant_has_the_colour_of_what_it_varies_unless_that_or_a_sibling_has_it():
    of_base = styles.styles(["wgan-clip"])["wgan-clip"]
    both = styles.styles(["gan", "wgan-clip-0.1", "wgan-clip-0.01", "wgan-gp"])
    assert both["wgan-clip-0.01"] == of_base
    assert both["wgan-clip-0.1"].colour not in {look.colour for name, look in both.items() if name != "wgan-clip-0.1"}
    assert styles.styles(["wgan-clip-0.01", "wgan-clip"])["wgan-clip"] == of_base
    assert styles.styles(["gan (robustness)"])["gan (robustness)"] == styles.styles(["gan"])["gan"]


def test_names_of_a_users_own_do_not_depend_on_their_order():
    names = [f"objective-{i:02d}" for i in range(280)]
    made = styles.styles(reversed(names))
    assert made == styles.styles(names + names)
    assert unlike(made)


LOOK = Style("#0072B2", "o", "-")
STYLED = {"gan": LOOK, "wgan-gp": Style("#D55E00", "s", "--")}


def test_strips_draw_every_seed_the_mean_and_the_interval(ax):
    cells = pd.DataFrame({
        "objective": ["wgan-gp", "gan"], "row": [0, 1], "text": ["wgan-gp", "gan (2/3 ok)"],
        "median": [0.2, 0.5], "mean": [0.21, np.nan], "low": [0.1, np.nan], "high": [0.3, np.nan],
    })  # fmt: skip
    runs = pd.DataFrame({"row": [0, 0, 0, 1, 1], "lift": [-0.2, 0, 0.2, -0.2, 0.2], "value": [0.1, 0.2, 0.3, 0.4, 0.6]})
    drawing.draw_strips(ax, cells, runs, STYLED, "w1_excess")
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
    assert drawn[0][0] == [0, 0]  # the floor
    assert drawn[1] == ([0.1, 0.2, 0.3], [-0.2, 0.0, 0.2])
    assert drawn[2] == ([0.4, 0.6], [0.8, 1.2])
    assert drawn[3] == (pytest.approx([0.1, 0.3, np.nan], nan_ok=True), [0, 0, 0])
    assert drawn[4] == ([0.21], [0])
    assert drawn[5] == ([0.5], [1])
    assert len(drawn) == 6
    assert [text.get_text() for text in ax.get_yticklabels()] == ["wgan-gp", "gan (2/3 ok)"]
    assert ax.get_xlabel() == "W1 excess (data units)"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_only_an_excess_has_a_floor_at_zero(ax):
    cells = pd.DataFrame(
        {
            "objective": ["gan"],
            "row": [0],
            "text": ["gan"],
            "median": [1.0],
            "mean": [1.0],
            "low": [np.nan],
            "high": [np.nan],
        }
    )
    drawing.draw_strips(
        ax, cells, pd.DataFrame({"row": [0], "lift": [0.0], "value": [1.0]}), STYLED, "fid[classifier]@540"
    )
    assert [list(line.get_xdata()) for line in ax.lines if len(line.get_xdata())] == [[1.0], [1.0]]
    assert ax.get_xlabel() == "fid[classifier]@540"


def test_steps_draw_a_thin_line_a_seed_and_a_thick_one_an_objective(ax):
    seeds = pd.DataFrame(
        {"objective": "gan", "run_id": ["a", "a", "b", "b"], "step": [1, 2, 1, 2], "value": [4.0, 2.0, 6.0, 2.0]}
    )
    means = pd.DataFrame({"objective": "gan", "text": "gan", "step": [1, 2], "value": [5.0, 2.0]})
    drawing.draw_steps(ax, means, seeds, STYLED, "w1_excess")
    thin, thick = ax.lines[:2]
    np.testing.assert_array_equal(thin.get_ydata(), [4, 2, np.nan, 6, 2])
    np.testing.assert_array_equal(thick.get_ydata(), [5, 2])
    assert thick.get_linewidth() > thin.get_linewidth()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["gan"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("generator steps", "W1 excess (data units)")


def test_the_headline_draws_a_mark_and_a_bar_a_way_in_the_row_of_its_objective(ax):
    rows = pd.DataFrame(
        [("gan", 0, -0.1, "tuned", 0.5, 0.4, 0.6), ("gan", 0, 0.1, "mean", 0.3, 0.2, 0.4),
         ("wgan-gp", 1, -0.1, "tuned", 0.2, np.nan, np.nan)],
        columns=["objective", "row", "lift", "way", "score", "low", "high"],
    )  # fmt: skip
    drawing.draw_headline(ax, rows, STYLED, {"tuned": "lr tuned", "mean": "mean over lr"})
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines if len(line.get_xdata())]
    assert drawn == [
        ([0.4, 0.6], [-0.1, -0.1]), ([0.5], [-0.1]), ([0.2, 0.4], [0.1, 0.1]), ([0.3], [0.1]), ([0.2], [0.9]),
    ]  # fmt: skip
    assert len({line.get_marker() for line in ax.lines if len(line.get_xdata()) == 1}) == 2
    assert [text.get_text() for text in ax.get_yticklabels()] == ["gan", "wgan-gp"]
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["lr tuned", "mean over lr"]


def test_the_grid_writes_every_score_and_frames_the_best_of_each_row(ax):
    grid = pd.DataFrame([[0.9, 0.25], [0.1, 0.1]], index=["ring", "grid"], columns=["gan", "wgan-gp"])
    drawing.draw_grid(ax, grid)
    assert [text.get_text() for text in ax.texts] == ["0.90", "0.25", "0.10", "0.10"]
    assert [text.get_weight() for text in ax.texts] == ["bold", "normal", "bold", "bold"]
    assert [(int(frame.get_x()), int(frame.get_y())) for frame in ax.patches] == [(0, 0), (0, 1), (1, 1)]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["gan", "wgan-gp"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ring", "grid"]


def test_points_draw_both_clouds_inside_equal_axes(ax):
    real, generated = np.eye(2), np.array([[0.5, 0.5], [9.0, 9.0], [0.0, 1.0]])
    drawing.draw_points(ax, real, generated, LOOK, (-2, 2, -2, 2))
    assert [np.asarray(cloud.get_offsets()).tolist() for cloud in ax.collections] == [real.tolist(), generated.tolist()]
    assert ax.get_aspect() == 1
    assert ax.get_xlim() == (-2, 2)
    assert ax.get_ylim() == (-2, 2)


def test_level_lines_of_the_critic_lie_where_its_grid_says(ax):
    y, x = np.mgrid[-1:1:64j, -2:2:128j]
    drawing.draw_critic(ax, x + 0 * y, (-2.0, 2.0, -1.0, 1.0))
    for path in ax.collections[0].get_paths():
        if len(path.vertices):
            assert np.ptp(path.vertices[:, 0]) < 1e-9
            assert np.ptp(path.vertices[:, 1]) == pytest.approx(2.0)


def test_losses_draw_both_players(ax):
    curves = pd.DataFrame({"step": [1, 2, 3], "critic_loss": [3.0, 2.0, 1.0], "generator_loss": [0.5, 0.6, 0.7]})
    drawing.draw_losses(ax, curves, LOOK, "critic updates")
    assert [list(line.get_ydata()) for line in ax.lines] == [[3.0, 2.0, 1.0], [0.5, 0.6, 0.7]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["critic", "generator"]
    assert ax.get_xlabel() == "critic updates"


def test_the_frame_is_a_square_around_every_real_point_and_strays_are_counted():
    box = task_figures.frame([np.array([[0.0, 0.0], [4.0, 1.0]]), np.array([[2.0, 2.0]])])
    assert box == pytest.approx((2 - 2.7, 2 + 2.7, 1 - 2.7, 1 + 2.7))
    assert task_figures.outside(np.array([[0.0, 0.0], [9.0, 0.0], [np.nan, 0.0], [0.0, -np.inf]]), box) == 3


# What the report decides to draw


@pytest.fixture
def no_encoding(monkeypatch):
    """Drawing is what is tested: turning it into bytes is most of the time and not of the question."""
    kept = []
    monkeypatch.setattr(encoding, "encode", lambda figure: kept.append(figure) or {"png": b"", "svg": b""})
    return kept


@pytest.mark.slow
def test_panels_follow_the_cells_and_the_rest_is_said(no_encoding, monkeypatch):
    monkeypatch.setattr(panels, "MOST", 4)
    store = FakeResults(tasks=tuple((f"ring-{i}", "mlp") for i in range(3)), seeds=2, grid=False)
    made = task_figures.sections(tables.read(store))
    assert [len(made[kind].panels) for kind in ("primary", "steps", "points", "losses")] == [3, 3, 4, 4]
    assert made["points"].notes == (
        "Shown are 4 of 9 cells: of each task its first objective, then its last, and so on inwards; "
        "the tables hold them all.",
    )
    assert [panel.name for panel in made["points"].panels] == [
        "points-01-ring-0-mlp-wgan-gp", "points-02-ring-0-mlp-gan", "points-03-ring-1-mlp-wgan-gp",
        "points-04-ring-2-mlp-wgan-gp",
    ]  # fmt: skip


def test_no_task_is_left_out_before_another_has_two_panels():
    cells = pd.DataFrame([(t, o, s) for t in "xyz" for o in "abc" for s in (1, 2)], columns=["task", "objective", "s"])
    assert task_figures.in_turn(cells, 18) is cells
    for most in range(1, 10):
        shown = task_figures.in_turn(cells, most)
        assert len(shown) == most
        assert (shown["s"] == 1).all()
        per_task = shown["task"].value_counts().reindex(list("xyz"), fill_value=0)
        assert per_task.max() - per_task.min() <= 1
        assert shown.index.is_monotonic_increasing
    assert task_figures.in_turn(cells, 6)["objective"].tolist() == ["a", "c"] * 3


@pytest.mark.slow
def test_the_headline_has_a_panel_a_budget_on_one_scale_and_a_grid_of_tasks(no_encoding):
    store = FakeResults(tasks=(("8gaussians", "mlp"), ("swissroll", "mlp")), rates=("recipe", 2e-3))
    view = tables.read(store)
    across = across_tasks.across(view.headline, view.compared)
    made = across_figures.sections(view, across)
    assert [panel.name for panel in made["headline"].panels] == [
        "headline-01-at-equal-generator-steps", "headline-02-at-equal-training-seconds",
    ]  # fmt: skip
    assert len(made["by_task"].panels) == 1
    steps, seconds, grid = (figure.axes[0] for figure in no_encoding[:3])
    assert steps.get_xlim() == seconds.get_xlim()
    assert [text.get_text() for text in steps.get_yticklabels()] == ["wgan-gp", "wgan-clip", "gan"]
    np.testing.assert_array_equal(np.asarray(grid.collections[0].get_array()), view.headline.by_task.to_numpy())
    ends = view.headline.rows[["score", "low", "high"]].to_numpy()
    assert steps.get_xlim()[0] < ends.min() < ends.max() < steps.get_xlim()[1]


def test_one_task_has_no_headline(no_encoding):
    assert [section.panels for section in across_figures.sections(tables.read(FakeResults()), None).values()] == [
        ()
    ] * 3


@pytest.mark.slow
def test_the_mean_line_is_never_a_mean_of_the_survivors(no_encoding):
    store = FakeResults(overrides={(0, "gan", 0, 1): {"status": "diverged", "first_bad_step": 7}})
    task_figures.sections(tables.read(store))
    lines = {line.get_label(): np.asarray(line.get_ydata(), float) for line in no_encoding[1].axes[0].lines}
    assert np.isnan(lines["gan"]).all()
    assert np.isfinite(lines["wgan-gp"]).all()
    scored = store.scored().merge(store.table()[["run_id", "objective"]])
    means = scored[scored["objective"] == "wgan-gp"].groupby("step")["w1_excess"].mean()
    np.testing.assert_allclose(lines["wgan-gp"], means)


def test_an_objective_that_always_diverges_shows_the_losses_up_to_there(no_encoding):
    overrides = {(0, "gan", 0, seed): {"status": "diverged", "first_bad_step": 40 + seed} for seed in range(3)}
    made = task_figures.sections(tables.read(FakeResults(overrides=overrides)))
    assert any("seed 0, diverged at step 40" in panel.alt for panel in made["losses"].panels)
    assert len(made["points"].panels) == 2


@pytest.mark.slow
def test_a_snapshot_that_cannot_be_read_costs_its_panel_only_and_is_named(no_encoding):
    made = task_figures.sections(tables.read(FakeResults(missing_snapshots=True)))
    assert made["points"].panels == ()
    assert len(made["points"].notes) == 3
    assert "has no snapshot" in made["points"].notes[0]
    assert len(made["losses"].panels) == 3


@pytest.mark.slow
def test_where_the_generator_is_fixed_steps_are_updates_of_the_critic(no_encoding):
    fixed = {(0, "gan", 0, seed): {"setup.trained": "fixed"} for seed in range(2)}
    task_figures.sections(tables.read(FakeResults(objectives=("gan",), seeds=2, overrides=fixed)))
    assert no_encoding[1].axes[0].get_xlabel() == "critic updates"


def test_what_the_user_has_set_of_matplotlib_changes_no_figure():
    def picture():
        with style.applied():
            figure, ax = drawing.blank(2.0, 1.0)
            ax.plot([0, 1], [0, 1])
            figure.canvas.draw()
            return bytes(figure.canvas.buffer_rgba())

    ours, theirs = picture(), {"text.usetex": True, "lines.linewidth": 9, "figure.dpi": 300, "axes.grid": True}
    with matplotlib.rc_context(theirs):
        assert picture() == ours
        assert matplotlib.rcParams["lines.linewidth"] == 9
