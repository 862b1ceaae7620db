"""`harness data`: what a data set holds, prepared or fetched; or one sentence that says what would do."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from oracles import FILES, HERE, PICTURES
from PIL import Image

from harness.commands.data import Prepared, prepare, render
from harness.datasets import DATASETS
from harness.errors import HarnessError
from harness.execution.ending import weak_lines
from harness.metrics.extractors import _built, extractor_of, known, own
from harness.metrics.extractors.network import PictureNet
from harness.metrics.image_metrics import Reliability


@pytest.mark.parametrize("name", HERE)
def test_every_data_set_says_what_it_holds(name):
    entry = DATASETS[name]
    small = {"shapes": ["n=20", "held_out=10", "size=8"], "stacked-digits": ["n=20", "held_out=10"]}.get(name, [])
    data = prepare(name, [*(f"{key}={FILES[key]}" for key in entry.files), *small])
    assert data.shape == list(entry.shape(data.settings))
    assert data.kind == entry.kind
    assert render(data).startswith(f"{name}\n")
    if entry.kind == "images":
        images = entry.pictures(data.settings)
        numbers = len(images.train), len(images.held_out), list(images.classes)
        assert (data.train, data.held_out, data.classes) == numbers


def test_a_folder_is_decoded_and_its_cache_named(call, cache):
    code, out, _ = call("data", "folder", "--set", f"folder={PICTURES}", "--set", "size=16", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["where"].startswith(str(cache / "pictures/folder-"))
    assert (said["train"], said["held_out"], said["shape"]) == (8, 4, [3, 16, 16])
    assert PICTURES not in json.dumps(said["settings"])


def test_what_is_fetched_is_read(monkeypatch, call):
    """Downloads go through the data set's own `fetch`, before its images are read."""
    order = []
    entry = DATASETS["digits"]
    monkeypatch.setitem(
        DATASETS,
        "far",
        type(entry)(
            **{
                **vars(entry),
                "fetch": lambda: order.append("fetch"),
                "pictures": lambda settings: order.append("read") or entry.pictures(settings),
            }
        ),
    )
    code, out, _ = call("data", "far")
    assert code == 0
    assert order == ["fetch", "read"]
    assert "1,257 to train on, 540 held" in out


@pytest.mark.parametrize(
    ("name", "sets", "words"),
    [
        ("digit", [], "Did you mean 'digits'?"),
        ("digits", ["size"], "--set size: KEY=VALUE needed, such as size=32."),
        ("digits", ["siz=16"], "Did you mean 'size'?"),
        ("digits", ["size=8"], "--set size=8: 8 given, 16, 28 or 32 needed."),
        ("digits", ["size=[16, 32]"], "--set size=[16, 32]: [16, 32] given; one value is needed, not a list of them."),
        ("digits", ["classes=[]"], "--set classes=[]: "),
        ("digits", ["folder=x"], "unknown name 'folder'"),
        ("ring", ["sd=-1"], "--set sd=-1: -1 given, a number above 0 needed."),
        ("folder", [], "folder reads a folder: name it with --set folder=PATH."),
        ("points", ["file=/no/such.csv"], "/no/such.csv: "),
    ],
)
def test_a_mistake_is_a_sentence(name, sets, words, call):
    with pytest.raises(HarnessError) as error:
        prepare(name, sets)
    assert words in str(error.value)
    code, out, err = call("data", name, *(part for text in sets for part in ("--set", text)))
    assert (code, out, err) == (2, "", f"{error.value}\n")


@pytest.mark.slow
def test_a_sheet_shows_real_samples_of_both_parts(tmp_path, cache, call):
    """Every shown image stands in it: a grid of 8 x 8 of each part has as many squares of ink as images."""
    code, out, _ = call("data", "digits", "-o", str(tmp_path / "sheet.png"))
    assert code == 0
    assert str(tmp_path / "sheet.png") in out
    sheet = Image.open(io.BytesIO((tmp_path / "sheet.png").read_bytes()))
    dark = np.asarray(sheet.convert("L")) < 100
    assert sheet.width > sheet.height
    assert dark.mean() > 0.3
    assert not (cache / "sheets").exists()
    call("data", "digits")
    assert (cache / "sheets/digits.png").read_bytes() == (tmp_path / "sheet.png").read_bytes()
    assert call("data", "ring", "-o", str(tmp_path / "ring.png"))[0] == 0
    assert (tmp_path / "ring.png").is_file()


def test_a_folder_is_named_by_from_as_well(call):
    by_set = call("data", "folder", "--set", f"folder={PICTURES}", "--set", "size=16", "--json")
    assert call("data", "folder", "--from", PICTURES, "--set", "size=16", "--json") == by_set


@pytest.mark.parametrize("words", [["ring", "--from", "x"], ["mnist", "--from", "/no/such"], ["digits", "-o", "x.gif"]])
def test_what_cannot_be_taken_or_written_is_a_sentence(words, call):
    code, out, err = call("data", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)


def looking(error, labels):
    """An extractor that takes images for these labels, for sure."""
    scores = np.where(np.eye(10)[labels.numpy()] == 1, 9.0, -9.0)
    looks = SimpleNamespace(scores=scores)
    return SimpleNamespace(error=error, classes=tuple("0123456789"), look=lambda pictures: looks)


@pytest.mark.parametrize(("held_out", "images"), [(540, "held-out images"), (0, "training images")])
def test_an_extractor_of_turns_is_wrong_on_the_images_that_runs_are_scored_against(held_out, images):
    right = Reliability(0.125, weak=False)
    data = Prepared("folder", "images", [3, 8, 8], {}, (-1, 1), held_out=held_out, extractors={"rotations": right})
    assert f"rotations: wrong on 12.50 % of quarter turns of the {images}" in render(data)


@pytest.mark.slow
def test_each_extractor_says_its_error_and_the_classes_it_sees(monkeypatch, call):
    """The default one is trained; of the others only those in the cache are known."""
    right = DATASETS["digits"].pictures(DATASETS["digits"].setup).held_labels
    made = {"poses": looking(0.0125, right), "classifier": looking(0.3, right % 2)}
    monkeypatch.setattr("harness.commands.data.extractor_of", lambda name, *rest: made[name])
    monkeypatch.setattr("harness.commands.data.known", lambda name, *rest: made.get(name))
    _, out, _ = call("data", "digits", "--extractors")
    assert "  extractor poses: wrong on 1.25 % of the held-out images, sees 10 of 10 classes in them\n" in out
    assert "sees 2 of 10 classes in them; too weak" in out
    assert "rotations: not trained" in out
    assert "extractor" not in call("data", "digits")[1]


def test_only_extractors_in_the_cache_are_known(cache, monkeypatch):
    tasks = []

    def untrained(task, key, tell):
        tasks.append(task)
        state = PictureNet(tuple(task.train.shape[1:]), task.classes).state_dict()
        numbers = {"shape": task.train.shape[1:], "error": 0.3, "scale": 1.0}
        return {name: np.asarray(value) for name, value in (state | numbers).items()}

    monkeypatch.setattr(own, "_trained", untrained)
    _built.cache_clear()
    assert known("classifier", "digits", {}) is known("inception", "digits", {}) is None
    assert tasks == []
    extractor_of("classifier", "digits", {})
    assert known("classifier", "digits", {"range": [0, 1]}).error == 0.3
    assert known("poses", "digits", {}) is None
    assert len(tasks) == 1
    _built.cache_clear()


def test_a_weak_extractor_is_named_at_the_end():
    table = pd.DataFrame({"dataset": ["a", "a", "b", "c"], "extractor_weak[poses]": [1, 1, 0, 1]})
    table["extractor_error[poses]"] = [0.3, 0.3, 0.01, 0.02]
    empty = "modes, class_kl and share are empty; FID and score in its features say less"
    assert weak_lines(table) == [
        f"the extractor 'poses' is wrong on 30.0 % of the held-out images of 'a': {empty}",
        f"the extractor 'poses' misses classes in the held-out images of 'c': {empty}",
    ]
    assert weak_lines(table[["dataset"]]) == []
