"""`harness data`: what a data set holds, prepared or fetched; or one sentence that says what would do."""

import json
from types import SimpleNamespace

import pytest
from oracles import FILES, HERE, PICTURES

from harness.datasets import DATASETS
from harness.errors import HarnessError
from harness.preparing import prepare, render


@pytest.mark.parametrize("name", HERE)
def test_every_data_set_says_what_it_holds(name):
    entry = DATASETS[name]
    small = {"shapes": ["n=20", "held_out=10", "size=8"], "stacked-digits": ["n=20", "held_out=10"]}.get(name, [])
    said = prepare(name, [f"{entry.file_key}={FILES[entry.file_key]}" if entry.file else "", *small][not entry.file :])
    assert said["shape"] == list(entry.shape(said["settings"]))
    assert said["kind"] == entry.kind
    assert render(said).startswith(f"{name}\n")
    if entry.kind == "images":
        found = entry.pictures(said["settings"])
        assert (said["train"], said["held_out"], said["classes"]) == (
            len(found.train),
            len(found.held_out),
            list(found.classes),
        )


def test_a_folder_is_decoded_and_its_cache_named(call, cache):
    code, out, _ = call("data", "folder", "--set", f"folder={PICTURES}", "--set", "size=16", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["where"].startswith(str(cache / "pictures/folder-"))
    assert (said["train"], said["held_out"], said["shape"]) == (8, 4, [3, 16, 16])
    assert PICTURES not in json.dumps(said["settings"])


def test_what_is_fetched_is_read(monkeypatch, call):
    """Downloads go through the data set's own `fetch`, before its pictures are read."""
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
    assert "1,257 to train on, 540 held out" in out


@pytest.mark.parametrize(
    ("name", "sets", "words"),
    [
        ("digit", [], "data set: unknown name 'digit'. Did you mean 'digits'?"),
        ("digits", ["size"], "--set size: KEY=VALUE needed, such as size=32."),
        ("digits", ["siz=16"], "--set siz=16: the data set 'digits' has no setting 'siz'. Did you mean 'size'?"),
        ("digits", ["size=8"], "--set size=8: 8 given, 16 or 32 needed."),
        ("digits", ["size=[16, 32]"], "--set size=[16, 32]: [16, 32] given; one value is needed, not a list of them."),
        ("digits", ["classes=[]"], "--set classes=[]: [] given, a list of different classes from 0 to 9 needed."),
        ("digits", ["folder=x"], "has no setting 'folder'"),
        ("ring", ["sd=-1"], "--set sd=-1: -1 given, a number above 0 needed."),
        ("folder", [], "folder reads a folder: name it with --set folder=PATH."),
        ("points", ["file=/no/such.csv"], "/no/such.csv: there is no such file."),
    ],
)
def test_a_mistake_is_a_sentence(name, sets, words, call):
    with pytest.raises(HarnessError) as error:
        prepare(name, sets)
    assert words in str(error.value)
    code, out, err = call("data", name, *(part for text in sets for part in ("--set", text)))
    assert (code, out, err) == (2, "", f"{error.value}\n")


def test_an_extractor_is_trained_on_request_and_its_error_said(monkeypatch, call):
    monkeypatch.setattr("harness.preparing.extractor_of", lambda name, dataset, settings: SimpleNamespace(error=0.0125))
    _, out, _ = call("data", "digits", "--extractors")
    assert "extractor classifier, wrong on 1.25 % of the held-out images" in out
    assert "extractor" not in call("data", "digits")[1]
