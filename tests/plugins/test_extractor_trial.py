"""Extractors of plug-ins: tried on images before training, named where they fail later, part of the scores' address."""

import re

import numpy as np
import pytest

from harness.errors import DataError, HarnessError, SuiteError
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.metrics import score_id
from harness.metrics.extractors import extractor_of, restored
from harness.plugins.components import forget, load_plugins
from harness.store import Store
from harness.suite.load import load_suite

PLUGIN = """\
import torch
from torch import nn
from harness.metrics.extractors import fixed, frozen

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.calls = nn.Parameter(torch.eye(9)), 0

    def forward(self, images):
        x = images[:, 0, :3, :3].float().flatten(1) @ self.weight
        {body}

EXTRACTORS = {{"own": fixed(1, lambda: frozen(Net()), "nine pixels")}}
"""
SUITE = """\
version: 1
name: looked
question: Does it look?
{plugins}
primary: {{images: fd}}
seeds: 1
train: {{steps: 2, batch: 8}}
score: {{at: 1, samples: 100, extractors: [own]}}
architectures: {{mlp: {{width: 4, depth: 1}}}}
matrix: [{{dataset: digits, architecture: mlp, objective: [gan, wgan]}}]
"""
DATA = ("digits", {})


@pytest.fixture
def plug(tmp_path, monkeypatch):
    """Write the plug-in with a last line of its network's `forward`, and return its path."""
    monkeypatch.chdir(tmp_path)

    def write(body):
        (tmp_path / "own.py").write_text(PLUGIN.format(body=body))
        return tmp_path / "own.py"

    return write


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return x + torch.rand(1)", "draws random numbers"),
        ("self.calls += 1; return x + self.calls", "something else when it looks at the same images again"),
        ("return x - x.mean(0)", "something else in an image where others are beside it"),
        ("images.zero_(); return x", "changes the images in place"),
        ("return x.double()", r"\[4, 9\] of torch.float64, where \[4, k\] of float32"),
        ("return x.mean(0)", r"features of 4 images are \[9\]"),
        ("return x / 0", "not finite"),
        ("return x.shape", "it raises AttributeError: 'torch.Size' object"),
        ("raise KeyError('missing')", "its extractor 'own' is tried, it raises KeyError"),
    ],
)
def test_what_cannot_look_is_a_sentence_before_training(plug, body, words):
    plug(body)
    with pytest.raises(SuiteError, match=words):
        load_suite(SUITE.format(plugins="plugins: [own.py]"))


def test_a_suite_that_names_no_plug_in_does_not_know_its_extractors(plug):
    load_plugins([plug("return x")])
    with pytest.raises(SuiteError, match="unknown extractor 'own'"):
        load_suite(SUITE.format(plugins=""))


def test_its_source_is_part_of_the_scores_address(plug):
    addresses = []
    for body in ("return x", "return 2 * x", "return x"):
        load_plugins([plug(body)])
        addresses.append(score_id([1.0], 100, ["own"]))
        assert score_id([1.0], 100) == score_id([1.0], 100, None)
    forget(str(plug("return x")))
    assert addresses[0] == addresses[2] != addresses[1]


def test_weights_are_those_of_the_reference_or_refused(plug):
    load_plugins([plug("return x")])
    extractor = extractor_of("own", *DATA)
    images = np.arange(18, dtype=np.uint8).reshape(2, 1, 3, 3)
    again = restored("own", extractor.ready.weights, ())
    np.testing.assert_array_equal(again.look(images).features, images.reshape(2, 9))
    with pytest.raises(DataError, match="not those that the reference"):
        restored("own", {"weights": np.array("others")}, ())
    load_plugins([plug("raise ValueError('tired')")])
    with pytest.raises(HarnessError, match="the extractor 'own' of a plug-in fails: ValueError: tired"):
        extractor_of("own", *DATA).look(images)
    forget(str(plug("")))
    with pytest.raises(DataError, match="extractor own: the plug-in that defined it is not loaded"):
        restored("own", {}, ())


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_one_that_fails_in_use_is_named_and_loses_scores_alone(plug):
    """It looks at the few images of its trial, and never at as many as are scored."""
    plug("assert len(x) <= 4, 'too many'; return x")
    with open("looked.yaml", "w") as file:
        file.write(SUITE.format(plugins="plugins: [own.py]"))
    result = run(Request("looked.yaml", workers=0))
    assert result.counts["ok"] == 2
    store = Store("results/looked")
    assert len(store.unscored(store.plan.run_ids, store.plan.score_id)) == 2
    plug("return x")
    again = run(Request("looked.yaml", workers=0))
    assert again.trained == 0
    assert Store("results/looked").table()["fd[own]@100"].notna().all()
    assert re.fullmatch(r"[0-9a-f]{16}", Store("results/looked").table()["extractor_weights[own]"].iloc[0])
