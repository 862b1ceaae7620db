"""Figures for a notebook draw what the tables say, in the colours of the page."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from report.fake_results import EXCESS, FakeResults

import harness
from harness.errors import HarnessError
from harness.loaded_run import KeptRun
from harness.report.figures.drawing import blank
from harness.report.styles import styles


@pytest.fixture(autouse=True)
def closed():
    """Draw without a screen, and leave no figure open."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return blank(4, 3)[1]


def kept(run_id="f00", **parts):
    """A run of which some parts have been read, from no folder."""
    run = KeptRun(None, run_id)
    vars(run).update(parts)
    return run


def fake_runs(store, objective):
    """Runs of a made-up store, as far as a figure of steps reads them."""
    table, scored = store.table(), store.scored()
    table.attrs["objectives"] = sorted(EXCESS)
    mine = table[table["objective"] == objective]
    return [kept(table=mine[mine["run_id"] == i], scored=scored[scored["run_id"] == i]) for i in mine["run_id"]]


def test_scores_draw_every_run_in_the_colours_of_the_whole_suite(ax):
    table = FakeResults(objectives=tuple(EXCESS)).table()
    table.attrs["objectives"] = sorted(EXCESS)
    part = table[table["objective"].isin(["wgan-gp", "gan"])]
    assert harness.plot.scores(part, ax) is ax
    looks, dots = styles(EXCESS), [line for line in ax.lines if len(line.get_xdata()) == 3]
    for name, line in zip(["wgan-gp", "gan"], dots, strict=True):  # best on top
        assert sorted(line.get_xdata()) == sorted(part.loc[part["objective"] == name, "w1_excess"])
        assert to_hex(line.get_color()) == looks[name].colour.lower()
    assert ax.get_title("left") == "8gaussians / mlp"


def test_scores_rank_on_what_is_asked(ax):
    harness.plot.scores(FakeResults().table(), ax, metric="hq")
    assert ax.get_xlabel() == "high-quality share"


def test_steps_draw_the_mean_over_seeds_at_every_scored_step(ax):
    store = FakeResults()
    runs = fake_runs(store, "gan")
    assert harness.plot.steps(runs, ax) is ax
    scored = store.scored()
    mean = scored[scored["run_id"].isin([run.table["run_id"].iloc[0] for run in runs])].groupby("step")["w1_excess"]
    thick = next(line for line in ax.lines if line.get_label() == "gan")
    np.testing.assert_allclose(thick.get_ydata(), mean.mean())
    assert to_hex(thick.get_color()) == styles(EXCESS)["gan"].colour.lower()
    one = harness.plot.steps(runs[0], blank(4, 3)[1])
    np.testing.assert_allclose(
        next(line for line in one.lines if line.get_label() == "gan").get_ydata(), runs[0].scored["w1_excess"]
    )


def test_losses_and_samples_of_a_run(results, ax):
    run = harness.load_run(results["averaged mlp"])
    harness.plot.losses(run, ax)
    assert np.array_equal(ax.lines[0].get_ydata(), run.curves["critic_loss"])
    colour = styles(harness.load("results/small")["objective"])["averaged"].colour
    assert ax.lines[0].get_color() == colour
    cloud = harness.plot.samples(run)
    real, generated = (points.get_offsets() for points in cloud.collections[-2:])
    np.testing.assert_allclose(real, run.reference)
    np.testing.assert_allclose(generated, run.samples)
    assert len(cloud.collections) == 3  # with the critic's level lines
    assert "averaged on 8gaussians / mlp" in cloud.get_title("left")
    alone = harness.plot.losses(harness.load_run(results["wgan-clip mlp"]))
    assert (alone.get_xlabel(), len(alone.lines)) == ("critic updates", 1)


def test_pictures_are_drawn_as_a_sheet(ax):
    pictures = np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 1, 4, 4)
    row = {"objective": "gan", "dataset": "digits", "architecture": "dcgan", "seed": 0}
    harness.plot.samples(kept(samples=pictures, row=row), ax)
    shown = ax.images[0].get_array()
    assert shown.shape == (9, 9, 3)  # four of the five, with a line between
    assert np.array_equal(shown[5:, 5:, 0], pictures[3, 0])


def test_without_axes_a_figure_is_pyplots_which_a_notebook_shows():
    ax = harness.plot.scores(FakeResults().table())
    assert plt.get_fignums() == [ax.figure.number]


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (
            lambda: harness.plot.scores(FakeResults(tasks=(("ring", "mlp"), ("ring", "mlp-bn"))).table()),
            "2 tasks given",
        ),
        (lambda: harness.plot.scores(FakeResults().table().assign(status="failed")), "no run given"),
        (lambda: harness.plot.steps([]), "no runs given"),
        (
            lambda: harness.plot.samples(kept(samples=np.zeros((5, 3)))),
            "f00: points in 3 dimensions",
        ),
        (lambda: harness.plot.steps(FakeResults().table()), "plot.steps: table given"),
        (lambda: harness.plot.steps(["f00"]), "plot.steps: str given"),
        (lambda: harness.plot.losses(FakeResults().table()), "plot.losses: table given"),
        (lambda: harness.plot.samples("f00"), "plot.samples: str given"),
        (lambda: harness.plot.scores(kept()), "KeptRun given"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(draw, words):
    with pytest.raises(HarnessError, match=words):
        draw()
    assert plt.get_fignums() == []
