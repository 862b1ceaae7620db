"""Fresh samples of kept weights: the engine's own, at latents of their own, refused where there is no generator."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import loaded_run as kept_runs
from harness.engine.real_data import training_pictures
from harness.engine.sampling import draw_samples
from harness.report.figures.sample_sheets import sheet
from harness.spec import RunSpec
from harness.store import Store


def drawn(path="out.npz"):
    with np.load(path) as file:
        return file["samples"]


@pytest.fixture
def drawn_images(drawn):
    """A run that draws digits, and its root."""
    run_id = next(run.run_id for run in drawn.plan.runs if run.objective == "wgan-clip")
    return run_id, str(drawn.folder)


@pytest.mark.parametrize("name", ["averaged mlp", "averaged mlp-bn"])
def test_at_the_latents_of_scoring_they_are_the_scored_samples(results, name, monkeypatch, call):
    """Kept EMA weights in a network of their own, against what the stack drew in training."""
    store = Store("results/small")
    spec = RunSpec.from_json(store.plan.specs[results[name]])
    kept = store.snapshot(results[name])["generated"]
    monkeypatch.setattr(kept_runs, "PURPOSE", "score")
    assert call("sample", results[name], "-n", str(len(kept)), "-o", "out.npz")[0] == 0
    np.testing.assert_allclose(drawn(), kept, rtol=1e-4, atol=1e-5)
    from safetensors.numpy import load_file

    raw = load_file(store.run_folder(results[name]) / "generator.safetensors")
    assert not np.allclose(draw_samples(spec.setup, raw, 0, "score", len(kept)), kept, rtol=1e-3)


def test_samples_are_fresh_repeatable_and_addressed_by_the_seed(results, call):
    run_id = results["averaged mlp"]
    clouds = []
    for seed in ([], [], ["--seed", "0"], ["--seed", "7"]):
        code, out, _ = call("sample", run_id, "-n", "9", "-o", "out.npz", *seed)
        assert code == 0
        assert "from its ema weights" in out
        assert ("(replaced)" in out) == bool(clouds)
        clouds.append(drawn())
    assert clouds[0].shape == (9, 2)
    assert np.array_equal(clouds[0], clouds[1])
    assert np.array_equal(clouds[0], clouds[2])  # the run's own seed
    assert not np.isin(clouds[3], clouds[0]).any()
    assert not np.isin(clouds[0], Store("results/small").snapshot(run_id)["generated"]).any()


def test_batch_norm_sees_full_batches_of_the_size_it_was_trained_with(results, call):
    """Of 8 samples a batch: the first 8 of 11 samples are those of 8, though three more need a second batch."""
    parts = []
    for count in ("8", "11"):
        call("sample", results["averaged mlp-bn"], "-n", count, "-o", "out.npz")
        parts.append(drawn())
    assert [len(part) for part in parts] == [8, 11]
    np.testing.assert_allclose(parts[1][:8], parts[0], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_picture_shows_points_in_the_plane(results, call):
    for name in ("averaged mlp", "averaged mlp-bn"):
        assert call("sample", results[name], "-n", "50", "-o", f"pictures/{name}.png")[0] == 0
    one, other = (Path(f"pictures/{name}.png").read_bytes() for name in ("averaged mlp", "averaged mlp-bn"))
    assert one.startswith(b"\x89PNG")
    assert one != other


def test_json_says_what_was_written(results, call):
    said = json.loads(call("sample", results["averaged mlp"], "-n", "5", "-o", "out.npz", "--json")[1])
    assert said == {
        "run_id": results["averaged mlp"], "step": said["step"], "weights": "ema", "shape": [5, 2], "file": "out.npz",
        "replaced": False, "what": "samples",
    }  # fmt: skip
    assert said["step"] == Store("results/small").record(results["averaged mlp"]).last_step


@pytest.mark.parametrize("name", ["averaged mlp", "averaged mlp-bn"])
def test_paths_lead_from_the_samples_of_sample_to_others(results, call, name):
    """Also with batch norm, of 8 samples a batch: all of a path see batches of independent latents."""
    store, seed = Store("results/small"), ["--seed", "3"]
    call("sample", results[name], "-n", "11", "-o", "out.npz", *seed)
    starts = drawn()
    assert call("sample", results[name], "--interpolate", "5", "-n", "11", "-o", "paths.npz", *seed)[0] == 0
    with np.load("paths.npz") as file:
        samples, latents = file["samples"], file["latents"]
    assert samples.shape == (11, 5, 2)
    assert np.array_equal(samples[:, 0], starts)
    spec = RunSpec.from_json(store.plan.specs[results[name]])
    weights = kept_runs.KeptRun(store, results[name]).weights[1]
    assert np.array_equal(samples[:, -1], draw_samples(spec.setup, weights, 3, kept_runs.OTHER_END, 11))
    assert not np.isin(samples[:, 1:], starts).any()
    lengths = np.linalg.norm(latents, axis=-1)
    acute = (latents[:, 0] * latents[:, -1]).sum(-1) > 0
    assert (lengths[acute] >= lengths[acute][:, [0, -1]].min(1, keepdims=True) - 1e-5).all()


@pytest.mark.slow
def test_paths_are_drawn_in_the_plane_and_as_rows_of_images(results, drawn_images, call):
    assert call("sample", results["averaged mlp"], "--interpolate", "9", "-n", "3", "-o", "paths.png")[0] == 0
    assert Path("paths.png").read_bytes().startswith(b"\x89PNG")
    run_id, root = drawn_images
    for file in ("rows.png", "rows.npz"):
        assert call("sample", run_id, "--interpolate", "4", "-o", file, "--root", root)[0] == 0
    with np.load("rows.npz") as file, Image.open("rows.png") as image:
        assert file["samples"].shape == (8, 4, 1, 16, 16)
        assert (np.asarray(image) == sheet(file["samples"].reshape(-1, 1, 16, 16), 4)).all()


@pytest.mark.slow
def test_the_nearest_training_images_stand_beside_samples(drawn_images, call, monkeypatch, tmp_path):
    """Of training images in place of samples these are themselves."""
    monkeypatch.chdir(tmp_path)
    run_id, root = drawn_images
    train = training_pictures(kept_runs.KeptRun(Store(Path(root)), run_id).spec).numpy()
    monkeypatch.setattr(kept_runs.KeptRun, "draw", lambda run, n, seed=None: train[5 : 5 + n])
    for file in ("near.png", "near.npz"):
        code, out, _ = call("sample", run_id, "--nearest", "-n", "10", "-o", file, "--root", root)
        assert code == 0
        assert "10 x 1 x 16 x 16 samples, with their nearest training images, of" in out
    assert Path("near.png").read_bytes().startswith(b"\x89PNG")
    with np.load("near.npz") as file:
        assert (file["by_pixels"] == train[5:15]).all()
        assert (file["pixels_distance"] == 0).all()
        np.testing.assert_allclose(file["features_distance"], 0, atol=1e-5)
        assert (file["held_out_pixels_distance"] > 0).all()


def test_many_samples_are_drawn_in_passes(results, call):
    assert call("sample", results["averaged mlp"], "-n", "100000", "-o", "out.npz")[0] == 0
    assert drawn().shape == (100_000, 2)
    assert len(np.unique(drawn(), axis=0)) > 99_000


@pytest.mark.parametrize(
    ("name", "arguments", "code", "words"),
    [
        ("wild mlp", [], 2, "its status is diverged"),
        ("pending mlp", [], 2, "its status is pending"),
        ("wgan-clip mlp", [], 2, "trained a critic alone"),
        ("averaged mlp", ["-n", "0"], 2, "equal to 1"),
        ("averaged mlp", ["-n", "10000001"], 2, "at most 10,000,000"),
        ("averaged mlp", ["--interpolate", "1"], 2, "equal to 2"),
        ("averaged mlp", ["--interpolate", "100000", "-n", "1000"], 2, "10,000,000 in all"),
        ("averaged mlp", ["--interpolate", "4", "--nearest"], 2, "give one of them"),
        ("averaged mlp", ["--nearest"], 2, "8gaussians has none"),
        ("averaged mlp", ["-o", "out.pdf"], 2, "-o out.pdf: "),
        ("averaged mlp", ["-o", "out"], 2, ".npz or .png"),
        ("averaged mlp", ["-o", "results/small/plan.json/out.npz"], 2, "plan.json/out.npz: cannot be written"),
        ("averaged mlp", ["--root", "nowhere"], 3, "nowhere: no results there"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_writes_nothing(results, call, name, arguments, code, words):
    found, out, err = call("sample", results[name], "-o", "out.npz", *arguments)
    assert (found, out) == (code, "")
    assert words in err
    assert [path.name for path in Path().iterdir()] == ["results"]


@pytest.mark.parametrize(("damage", "words"), [("missing", "missing; "), ("changed", "match its record")])
def test_damaged_weights_are_a_sentence_and_exit_3(results, call, damage, words):
    path = Store("results/small").run_folder(results["averaged mlp"]) / "ema.safetensors"
    content = path.read_bytes()
    path.unlink()
    if damage == "changed":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    code, _, err = call("sample", results["averaged mlp"], "-o", "out.npz")
    assert code == 3
    assert words in err
