"""Runs on images, from a suite to its report."""

import json
import shutil
from pathlib import Path

import fake_tasks
import pandas as pd
import pytest
from oracles import PICTURES

from harness.datasets import DATASETS, image_folder
from harness.execution import tasks
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.metrics.extractors import extractor_training
from harness.plan.screen import render

SUITE = """\
version: 1
name: pictures
question: What do images say?
seeds: 2
train: {steps: 20, batch: 4, lr: 1e-3}
score: {at: [.5, 1], samples: 30, extractors: []}
primary: {images: sliced_w}
architectures: {mlp: {width: 4, depth: 1}}
datasets:
  own: {base: folder, folder: data/faces, size: 8}
  threes: {base: digits, range: [0, 1], classes: [3]}
matrix: [{dataset: [own, threes], architecture: mlp, objective: [gan, wgan-gp]}]
"""


SHORT = 60  # steps that an extractor is trained here: what it tells apart is tested elsewhere


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PICTURES, "data/faces")
    Path("pictures.yaml").write_text(SUITE)
    return "pictures.yaml"


def test_a_plan_says_where_fewer_pictures_are_held_out(suite):
    planned = tasks.plan_suite(Request(suite, "results", device="cpu"), False)
    assert planned.description.scored.held_out == {"own": 4}
    images, held_out = planned.notes
    assert images == "'own': 12 images from data/faces"
    assert "score.samples: 30 given" in held_out
    assert "holds 4 images out" in held_out
    for name in ("a.heic", "b.heic", "c.jfif", "d", ".hidden"):
        Path("data/faces", name).write_text("")
    planned = tasks.plan_suite(Request(suite, "results", device="cpu"), False)
    phrase = "12 images, 4 files skipped (2 .heic, 1 .jfif, 1 without ending) from data/faces"
    assert planned.notes[0] == f"'own': {phrase}"
    assert f"own: {phrase}" in " ".join(render(planned.description).split())


@pytest.mark.slow
def test_pictures_go_from_a_suite_to_a_report(suite, undrawn, monkeypatch):
    result = run(Request(suite, workers=0))
    assert result.counts["ok"] == 8
    table = pd.read_parquet("results/pictures/runs.parquet").set_index("dataset")
    assert (table.loc["own", "setup.content"] == image_folder.describe("data/faces")["content"]).all()
    assert (table.loc["threes", "setup.classes"] == "[3]").all()
    assert (table.loc["threes", "setup.range"] == "[0,1]").all()
    assert table["sliced_w"].notna().all()
    assert not {"w1", "w2", "score"} & set(table)
    assert "What do images say?" in result.report.read_text()
    plan = json.loads(Path("results/pictures/plan.json").read_text())
    assert "faces" not in json.dumps([plan["specs"], plan["runs"]])
    Path("data/faces").rename("data/people")
    Path(suite).write_text(SUITE.replace("faces", "people"))
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    assert run(Request(suite, workers=0)).trained == 0


@pytest.mark.slow
def test_runs_are_ranked_on_fid_in_features_of_an_extractor_that_is_trained_once(suite, cache, undrawn, monkeypatch):
    """Here, and once more by workers: the same extractor and the same scores."""
    monkeypatch.setattr(extractor_training, "STEPS", SHORT)
    Path("short.py").write_text(
        f"from harness.metrics.extractors import extractor_training\n\nextractor_training.STEPS = {SHORT}\n"
    )  # in workers
    text = SUITE.replace("primary: {images: sliced_w}\n", "plugins: [short.py]\n").replace(", extractors: []", "")
    text = text.replace("seeds: 2", "seeds: 1").replace("at: [.5, 1]", "at: 1")
    Path(suite).write_text(text.replace("[own, threes]", "threes").replace("samples: 30", "samples: 100"))
    result = run(Request(suite, workers=0))
    assert result.counts["ok"] == 2
    table = pd.read_parquet("results/pictures/runs.parquet")
    n = len(DATASETS["digits"].pictures({"size": 16, "classes": [3]}).held_out)
    assert (table[f"fid[rotations]@{n}"] > table[f"fid[rotations]@{n}_floor"]).all()
    assert table["extractor_error[rotations]"].nunique() == 1
    assert (table["ms_per_image"] > 0).all()
    assert f"fid[rotations]@{n}" in result.report.read_text()
    (kept,) = (cache / "extractors").glob("*.npz")
    before = kept.read_bytes()
    scores = {path: path.read_bytes() for path in Path("results").rglob("scores/*.json")}
    kept.unlink()
    for path in (*scores, *Path("results").rglob("references/*.npz")):
        path.unlink()
    assert run(Request(suite, workers=2), do=fake_tasks.UNDRAWN).trained == 0
    assert kept.read_bytes() == before
    for path, content in scores.items():  # score_s aside
        assert json.loads(path.read_text())["steps"] == json.loads(content)["steps"]
