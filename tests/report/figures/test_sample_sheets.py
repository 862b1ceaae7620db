"""Reports on images: sheets of real and generated ones, and animations, from a trained suite."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness.execution import tasks
from harness.report.analysis import noise_floors, tables
from harness.report.figures import sample_sheets
from harness.report.figures.sample_sheets import sheet
from harness.report.figures.task_figures import cells_of
from harness.report.findings import critic_figures
from harness.report.results import Results
from harness.report.text import remarks
from harness.store import Store
from harness.suite.format.models import frame_steps
from harness.text import number


@pytest.fixture
def store(drawn):
    return drawn


def runs(store):
    return {f"{row.dataset} {row.objective}": row.run_id for row in store.plan.runs}


@pytest.mark.slow
def test_every_cell_of_pictures_has_a_sheet_after_the_real_ones_and_points_have_none(store):
    found = sample_sheets.sections(tables.read(Results.of(store)))
    assert [re.sub(r"-\d\d-", " ", panel.name) for panel in found["sheets"].panels] == [
        "sheets digits-real",
        *(
            panel.name.replace("frames-01-", "sheets ").replace("frames-02-", "sheets ")
            for panel in found["frames"].panels
        ),
    ]
    assert {
        objective for panel in found["frames"].panels for objective in ("nsgan", "wgan-clip") if objective in panel.name
    } == {"nsgan", "wgan-clip"}
    assert all("ring" not in panel.name for section in found.values() for panel in section.panels)
    assert not any(section.notes for section in found.values())


@pytest.mark.slow
def test_several_architectures_and_objectives_make_a_grid_and_one_architecture_none(store):
    view = tables.read(Results.of(store))
    assert sample_sheets.sections(view)["grid"].panels == ()
    cells = view.cells[view.cells["dataset"] == "digits"]
    other = cells.assign(architecture="mlp", task="digits / mlp", n_ok=0)  # where nothing finished
    (panel,) = sample_sheets.grids(view, pd.concat([cells, other])).panels
    assert panel.name == "grid-01-digits"
    assert "a column an objective" in panel.alt
    assert panel.width > panel.height  # real images and two objectives, on two architectures
    svg = panel.files["svg"].decode()
    assert svg.count("<image") == 2 + 2  # real ones beside each architecture, and those of two objectives


@pytest.mark.slow
def test_an_animation_ends_with_what_the_last_snapshot_holds(store):
    found = sample_sheets.sections(tables.read(Results.of(store)))["frames"].panels
    steps = [0, 2, 3, 4, 6]  # four frames and the scored steps between
    for panel in found:
        run_id = runs(store)["digits wgan-clip" if "clip" in panel.name else "digits nsgan"]
        assert store.frames(run_id)["step"].tolist() == steps
        with Image.open(io.BytesIO(panel.files["gif"])) as file:
            assert file.n_frames == len(steps)
            file.seek(len(steps) - 1)
            assert (np.asarray(file.convert("RGB")) == sheet(store.snapshot(run_id)["fixed"], 8)).all()


@pytest.mark.slow
def test_frames_of_points_are_kept_and_none_of_a_suite_that_asks_for_none(store, results):
    assert store.frames(runs(store)["ring nsgan"])["fixed"].shape == (5, 64, 2)
    assert Store(Path("results/small")).frames(results["averaged mlp"]) is None


def test_pictures_are_sampled_as_a_sheet(store, call, tmp_path):
    run_id, root = runs(store)["digits nsgan"], str(store.folder)
    png, npz = str(tmp_path / "out.png"), str(tmp_path / "out.npz")
    for path in (png, npz):
        assert call("sample", run_id, "-n", "10", "-o", path, "--root", root)[0] == 0
    with np.load(npz) as file, Image.open(png) as image:
        assert file["samples"].dtype == np.uint8
        assert (np.asarray(image) == sheet(file["samples"], 4)).all()


@pytest.mark.parametrize(
    ("frames", "steps", "found"),
    [(0, 10, []), (2, 10, [0, 10]), (3, 10, [0, 5, 10]), (40, 3, [0, 1, 2, 3]), (5, 1000, [0, 250, 500, 750, 1000])],
)
def test_frames_are_evenly_spaced(frames, steps, found):
    assert frame_steps(frames, steps) == found


def test_runs_are_scored_by_the_network_that_is_kept_beside_them(store, monkeypatch, tmp_path):
    """Another machine has another cache, and might train another one."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("harness.metrics.extractors.own.trained", lambda task, key: pytest.fail("trained again"))
    (run_id,), score_id = (r for name, r in runs(store).items() if name == "digits nsgan"), store.plan.score_id
    before = store.scores(run_id, score_id)
    store.scores_path(run_id, score_id).unlink()
    (done,) = tasks.score_runs(str(store.folder), [run_id])
    after = store.scores(run_id, score_id)
    assert done.reference_s is None
    assert after.steps == before.steps
    assert after.made_with == before.made_with
    versions = [f"scoring.{name}" for name in ("torch", "numpy", "scipy", "pot", "torch-fidelity", "cpu_isa")]
    assert {*after.made_with} == {*versions, "extractor_weights[poses]"}


def test_what_real_pictures_reach_and_how_good_their_judge_is_stands_above_them(store):
    view = tables.read(Results.of(store))
    (floors,) = noise_floors.of_images(view.table[view.table["dataset"] == "digits"], view.metrics, view.plan.data_axes)
    said = remarks.image_floors(floors)
    row = view.table[view.table["dataset"] == "digits"].iloc[0]
    assert said.startswith(f"Real images of digits reach fid[poses]@100 {number(row['fid[poses]@100_floor'])}, ")
    assert f"sliced_w {number(row['sliced_w_floor'])}. Wrong about held-out ones: poses on " in said


@pytest.mark.parametrize(
    ("held_out", "words", "of_judge"), [(3, "held out", "held-out ones"), (0, "trained on", "these")]
)
def test_real_images_that_runs_train_on_are_not_called_held_out(store, held_out, words, of_judge):
    view = tables.read(Results.of(store))
    view = replace(view, table=view.table.assign(**{"setup.held_out": held_out}))
    digits = view.table[view.table["dataset"] == "digits"]
    cell = next(cell for cell in cells_of(view.cells) if cell.dataset == "digits")
    figure, _, alt = sample_sheets.draw(view, (cell, True))
    assert alt == f"Real images of digits, {words}"
    assert figure.axes[0].get_xlabel() == words
    figure, *_ = critic_figures.estimate(view, cell)
    names = {"batches", "held-out images" if held_out else "training images"}
    assert {line.get_label() for line in figure.axes[0].lines} == names
    (floors,) = noise_floors.of_images(digits, view.metrics, view.plan.data_axes)
    assert f"Wrong about {of_judge}: poses on " in remarks.image_floors(floors)


@pytest.mark.slow
def test_extractors_that_differ_in_a_task_are_flagged_and_in_two_data_sets_are_not(store):
    table = tables.read(Results.of(store)).table
    (name,) = (c for c in table.columns if c.startswith("extractor_weights["))
    pictured = table["dataset"] == "digits"
    assert tables.mixed(table) == []
    assert tables.mixed(pd.concat([table, table[pictured].assign(**{name: "0", "task": "other"})])) == []
    assert tables.mixed(pd.concat([table, table[pictured].assign(**{name: "0"})])) == [name]
    assert name in tables.versions(table)["what"].tolist()
