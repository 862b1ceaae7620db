"""The user's own images and points in place of a suite's, at every scale; and epochs of them."""

import shutil

import numpy as np
import pytest
from oracles import PICTURES, POINTS

from harness.datasets import DATASETS
from harness.suite.expand import expand
from harness.suite.load import load_suite
from harness.suite.shipped import find_suite

SUITE = """\
version: 1
name: images
seeds: 1
score: {samples: 4}
primary: {images: sliced_w}
train: {lr: [1e-3, 2e-3], steps: [3, 5], batch: 4}
datasets:
  shapes: {size: 16, n: 10, held_out: 10, range: [-1, 1]}
matrix:
  - {dataset: shapes, architecture: mlp, objective: gan, zip: [[lr, steps]]}
scales:
  short: {train: {epochs: [2, 3]}}
  other:
    datasets: {shapes: {size: 32}}
    matrix:
      - {dataset: [shapes, ring], architecture: mlp, objective: gan, zip: [[lr, steps]]}
"""


@pytest.fixture(autouse=True)
def cats(tmp_path):
    shutil.copytree(PICTURES, tmp_path / "data/cats")
    return tmp_path / "data/cats"


def setups(suite):
    return [(run.dataset, run.spec.setup) for run in expand(suite).runs]


@pytest.mark.parametrize(("scale", "size"), [(None, 16), ("short", 16), ("other", 32)])
def test_a_folder_takes_the_place_of_images_at_every_scale(load, tmp_path, scale, size):
    suite = load(SUITE, scale=scale, sets=["dataset.folder=data/cats", "dataset.held_out=3"])
    runs = setups(suite)
    images = [setup for label, setup in runs if label == "cats"]
    assert {label for label, _ in runs} == ({"cats", "ring"} if scale == "other" else {"cats"})
    assert all((s.data["size"], s.data["channels"], s.data["pictures"]) == (size, 3, 12) for s in images)
    assert all(s.data["held_out"] == 3 for s in images)
    # The resolved suite says where they are, from any folder.
    assert suite.datasets["cats"].folder == str(tmp_path / "data/cats")
    assert load(suite.to_yaml()).to_json() == suite.to_json()


def test_faces_gp_trains_on_a_folder_at_paper_scale(cats):
    """As its comment says; the shipped suite has no second matrix that could name other data."""
    sets = [f"dataset.folder={cats}", "primary.images=sliced_w", "score.samples=4", "train.batch=2"]
    for scale in (None, "paper"):
        runs = setups(load_suite(find_suite("faces-gp"), scale, sets))
        assert {setup.data["pictures"] for _, setup in runs} == {12}
    assert {setup.train["steps"] for _, setup in runs} == {15 * 4, 30 * 4}


def test_the_source_of_faces_gp_trained_7275_steps():
    """15,500 images in batches of 32: 485 a pass, of which the last is not full."""
    lengths = {setup.train["steps"] for _, setup in setups(load_suite(find_suite("faces-gp"), "paper"))}
    assert lengths == {7275, 14550}


def test_a_scale_that_leaves_own_data_out_is_refused(load, problems):
    """A copy that names its folder in the suite's own matrix alone."""
    own = SUITE.replace("datasets:\n", "datasets:\n  mine: {base: folder, folder: data/cats, size: 16}\n", 1)
    own = own.replace("{dataset: shapes, arch", "{dataset: mine, arch", 1)
    assert (
        {label for label, _ in setups(load(own))}
        == {label for label, _ in setups(load(own, scale="short"))}
        == {"mine"}
    )
    (problem,) = problems(own, scale="other")
    assert (problem.code, problem.place) == ("own-data-left-out", "x.yaml:16")


@pytest.mark.parametrize(
    ("sets", "code"),
    [
        (["dataset.folder=data/none"], "bad-value"),
        (["dataset.folder=5"], "bad-value"),
        (["dataset.file=data/cats"], "unused-setting"),
        (["dataset.fakes=data/cats"], "unused-setting"),
        (["dataset.folder=data/cats", "dataset.held_out=11"], "no-data"),
        (["dataset.folder=data/cats", "dataset.held_out=1.5"], "bad-value"),
        (["epochs=2", "steps=2"], "not-together"),
    ],
)
def test_what_cannot_be_is_a_sentence(problems, sets, code):
    found = problems(SUITE, sets=sets)
    assert [problem.code for problem in found] == [code]
    assert found[0].place == f"--set {sets[-1] if code == 'bad-value' else sets[0]}"


def test_one_folder_stands_for_one_size_alone(problems, load):
    two = SUITE.replace("matrix:", "  small: {base: shapes, size: 8, n: 10, held_out: 10}\nmatrix:", 1)
    two = two.replace("{dataset: shapes,", "{dataset: [shapes, small],", 1)
    load(two)
    assert [problem.code for problem in problems(two, sets=["folder=data/cats"])] == ["not-together"]


def test_points_take_the_place_of_toys(load):
    suite = load(SUITE.replace("dataset: shapes", "dataset: [ring, swissroll]", 1), sets=[f"dataset.file={POINTS}"])
    assert {(label, setup.dataset) for label, setup in setups(suite)} == {("own-file", "points")}  # `points` is taken


def test_folders_are_one_set_and_held_out_a_count_a_share_or_none(load, cats):
    """Two folders are the same data set as one that holds both; 30 % held out has the address of nothing said."""
    dogs = cats.parent / "dogs"
    dogs.mkdir()
    for path in [path for path in sorted(cats.iterdir()) if path.is_file()][:5]:
        path.rename(dogs / path.name)

    def data(text, **said):
        settings = ", ".join(f"{key}: {value}" for key, value in {"folder": text, **said}.items())
        own = SUITE.replace(
            "shapes: {size: 16, n: 10, held_out: 10, range: [-1, 1]}", f"mine: {{base: folder, size: 8, {settings}}}"
        )
        return setups(load(own.replace("dataset: shapes", "dataset: mine")))[0][1].data

    both = data("[data/cats, data/dogs]")
    assert both == data("[data/dogs, data/cats]") == data("data") == data("data", held_out=0.3)
    assert both["pictures"] == 12
    assert "held_out" not in both
    assert data("data", held_out=0)["held_out"] == 0
    sizes = {h: DATASETS["folder"].sizes(data("data", held_out=h)) for h in (0, 3, 0.25, 0.5)}
    assert {h: tuple(size) for h, size in sizes.items()} == {0: (12, 12), 3: (9, 3), 0.25: (9, 3), 0.5: (6, 6)}


@pytest.mark.parametrize(
    ("train", "steps"),
    [
        ("{epochs: 3, batch: 4}", 3 * 3),  # 10 images: 4, 4, 2
        ("{epochs: 3, batch: 4, n_critic: 5}", 3 * 3),
        ("{epochs: 3, batch: 2, pack: 2}", 3 * 3),
        ("{epochs: 3, batch: 10}", 3),
        ("{epochs: 3, batch: 64}", 3),
    ],
)
def test_an_epoch_is_a_step_for_every_batch_of_the_set(load, train, steps):
    text = SUITE.replace("{lr: [1e-3, 2e-3], steps: [3, 5], batch: 4}", train).replace(", zip: [[lr, steps]]", "")
    assert {setup.train["steps"] for _, setup in setups(load(text))} == {steps}
    fixed = text.replace("held_out: 10,", "held_out: 10, fixed: 5,")
    batch = 4 if "pack" in train else int(train.partition("batch: ")[2].strip("}").partition(",")[0])
    assert {setup.train["steps"] for _, setup in setups(load(fixed))} == {3 * -(-5 // batch)}


def test_the_higher_level_says_steps_or_epochs(load):
    in_block = SUITE.replace("objective: gan, zip: [[lr, steps]]", "objective: gan, train: {epochs: 1}", 1)
    cases = [
        (SUITE, None, ["lr=1e-3", "steps=7"], {7}),
        (SUITE, None, ["lr=1e-3", "epochs=2"], {6}),
        (SUITE, "short", [], {6, 9}),
        (SUITE, "short", ["lr=1e-3", "train.steps=7"], {7}),
        (in_block, None, [], {3}),
        (in_block, "short", [], {3}),
    ]
    for text, scale, sets, steps in cases:
        assert {setup.train["steps"] for _, setup in setups(load(text, scale=scale, sets=sets))} == steps
    # Epochs are resolved when runs are planned: a run has the address of its steps.
    by_epochs, by_steps = (load(SUITE, sets=["lr=1e-3", sets]) for sets in ("epochs=2", "steps=6"))
    assert [run.run_id for run in expand(by_epochs).runs] == [run.run_id for run in expand(by_steps).runs]


def test_points_have_epochs_and_fresh_samples_have_none(load, problems, tmp_path):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(50, 2)))
    text = SUITE.replace("dataset: shapes", "dataset: ring", 1).replace("steps: [3, 5]", "epochs: [1, 2]", 1)
    (problem,) = problems(text)
    assert (problem.code, problem.place) == ("no-epochs", "x.yaml:6")
    suite = load(text, sets=["dataset.file=mine.npy", "score.samples=50"])
    assert {setup.train["steps"] for _, setup in setups(suite)} == {13, 26}
