"""Event files: read back by TensorBoard's own reader, they hold what the store holds."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.report import event_files, run_series
from harness.report.figures import courses
from harness.report.figures.sample_sheets import sheet_of
from harness.report.styles import styles
from harness.store import Store

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ALL = {"scalars": 0, "images": 0, "tensors": 0}  # of every kind as many as there are


def read(folder):
    """Return what TensorBoard reads of a run."""
    return EventAccumulator(str(folder), size_guidance=ALL).Reload()


@pytest.fixture
def written(results, call):
    assert call("export", "results/small", "--to", "tensorboard")[:2] == (0, "small.tensorboard: 4 runs\n")
    return Path("small.tensorboard")


def test_every_finished_run_has_a_folder_by_data_objective_architecture_and_seed(written):
    assert {str(path.relative_to(written)) for path in written.rglob("*") if path.is_file()} == {
        f"{name}/seed-0/{event_files.NAME}"
        for name in (
            *("8gaussians/averaged/mlp", "8gaussians/averaged/mlp-bn", "8gaussians/wild/mlp"),
            "parallel-lines/wgan-clip/mlp",
        )
    }


@pytest.mark.parametrize("name", ["averaged", "wild"])
def test_curves_are_the_stores_those_that_are_not_finite_too(results, written, name):
    events, curves = (
        read(written / "8gaussians" / name / "mlp" / "seed-0"),
        Store("results/small").curves(results[f"{name} mlp"]),
    )
    for column in (str(column) for column in curves if column != "step"):
        scalars = events.Scalars(f"curves/{column}")
        assert [event.step for event in scalars] == curves["step"].tolist()
        np.testing.assert_allclose([event.value for event in scalars], curves[column], rtol=1e-6)
    assert np.isfinite(curves.to_numpy(float)).all() == (name == "averaged")


def test_scores_are_the_stores_and_the_clock_is_the_seconds_of_training(results, written):
    store, run_id = Store("results/small"), results["averaged mlp"]
    events = read(written / "8gaussians" / "averaged" / "mlp" / "seed-0")
    ((step, metrics),) = store.scores(run_id, store.plan.score_id).steps.items()
    tags = {tag.partition("/")[2]: tag for tag in events.Tags()["scalars"]}
    known = {name: value for name, value in metrics.items() if value is not None and not name.startswith("null.")}
    assert {"w1_excess", "dual"} <= known.keys()
    assert tags["dual"] == "critic/dual"
    assert tags["w1_excess"] == "scores/w1_excess"
    for name, value in known.items():
        (event,) = events.Scalars(tags[name])
        assert event.step == step
        assert event.value == pytest.approx(value, rel=1e-6)
        assert event.wall_time == pytest.approx(store.record(run_id).facts["train_s"])


def test_the_text_of_a_run_says_which_it_is(results, written):
    events = read(written / "8gaussians" / "wild" / "mlp" / "seed-0")
    (text,) = (event.tensor_proto.string_val[0].decode() for event in events.Tensors("run"))
    assert f"| run_id | {results['wild mlp']} |" in text
    assert "| status | diverged |" in text
    assert "| hyper.critic_lr | 1e+14 |" in text or "| hyper.critic_lr | 100000000000000 |" in text


@pytest.mark.slow
def test_samples_are_the_sheets_of_the_frames_and_points_over_real_ones(drawn, tmp_path):
    runs, replaced = event_files.write_events(drawn, tmp_path)
    assert (runs, replaced) == (3, False)
    frames = drawn.frames(next(run.run_id for run in drawn.plan.runs if run.objective == "wgan-clip"))
    images = read(tmp_path / "digits" / "wgan-clip" / "dcgan" / "seed-0").Images("samples")
    assert [event.step for event in images] == frames["step"].tolist() == [0, 2, 3, 4, 6]
    for event, fixed in zip(images, frames["fixed"], strict=True):
        with Image.open(io.BytesIO(event.encoded_image_string)) as image:
            assert (np.asarray(image) == sheet_of(fixed)).all()
    points = read(tmp_path / "ring" / "nsgan" / "mlp" / "seed-0").Images("samples")
    assert [event.step for event in points] == [3, 6]
    run_id = next(run.run_id for run in drawn.plan.runs if run.dataset == "ring")
    shot, look = drawn.snapshot(run_id, 6), styles(["nsgan", "wgan-clip"])["nsgan"]
    scene = courses.Scene("step 6", drawn.reference("ring", run_id), shot, look)
    with Image.open(io.BytesIO(points[-1].encoded_image_string)) as image:
        assert (np.asarray(image) == courses.still(scene)).all()


@pytest.mark.slow
def test_the_same_records_give_the_same_bytes_and_replace_what_was_there(results, written, call):
    before = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    assert call("export", "results/small", "--to", "tensorboard")[1] == "small.tensorboard: 4 runs (replaced)\n"
    assert {path: path.read_bytes() for path in written.rglob("*") if path.is_file()} == before


def test_a_long_curve_is_thinned_to_what_tensorboard_shows(results, monkeypatch, tmp_path):
    monkeypatch.setattr(run_series, "MOST_STEPS", 6)
    event_files.write_events(Store("results/small"), tmp_path)
    events = read(tmp_path / "8gaussians" / "averaged" / "mlp" / "seed-0")
    assert [event.step for event in events.Scalars("curves/critic_loss")] == [1, 5, 9, 13, 17]


def test_no_two_runs_share_a_folder(results, monkeypatch):
    monkeypatch.setattr(run_series, "_folder_name", lambda text: "all")
    taken = [run.folder for run in run_series.folders(Store("results/small"))]
    assert len(set(taken)) == len(taken) == 5


@pytest.mark.parametrize(
    ("label", "name"),
    [("ring, theta=0.5", "ring,theta=0.5"), ("widths=[128, 64]", "widths=[128,64]"), ("../x", "x"), ("*", "-")],
)
def test_a_label_is_a_folders_name(label, name):
    assert run_series._folder_name(label) == name


def test_without_the_package_the_sentence_says_what_to_install(results, call, monkeypatch):
    monkeypatch.setattr(event_files, "find_spec", lambda name: None)
    code, out, err = call("export", "results/small", "--to", "tensorboard")
    assert (code, out) == (2, "")
    assert "pip install 'gan-harness[tensorboard]'" in err
    assert not Path("small.tensorboard").exists()


@pytest.mark.parametrize(("output", "words"), [("-", "writes a folder"), ("results/small/plan.json", "be written")])
def test_a_place_that_is_no_folder_is_a_sentence(results, call, output, words):
    code, out, err = call("export", "results/small", "--to", "tensorboard", "-o", output)
    assert (code, out) == (2, "")
    assert words in err
