"""Features of real images in the cache: none is looked at twice, and a file takes them to another machine."""

import numpy as np
import pytest
import torch
from oracles import data_defaults, make_spec

from harness.commands.data import prepare
from harness.datasets import DATASETS
from harness.errors import DataError, HarnessError
from harness.metrics import extractors, make_reference
from harness.metrics.extractors import ExtractorKind, Ready, extractor_of
from harness.metrics.extractors.kept_features import look_at_real, statistics, take_statistics

DIGITS = ("digits", data_defaults("digits"))


class Counting:
    """An extractor that counts the images that it is shown."""

    def __init__(self, weights="one", gives_scores=True):
        self.images, self.weights, self.gives_scores = 0, weights, gives_scores

    def look(self, images):
        self.images += len(images)
        features = torch.nn.functional.avg_pool2d(images.float(), 4).flatten(1)
        return features, features[:, :3] if self.gives_scores else None

    def kind(self):
        ready = Ready(self.look, float("nan"), {"weights": np.array(self.weights)})
        return ExtractorKind(0, lambda images: ready, lambda images: "", "blocks", lambda weights: ready, distance="fd")


@pytest.fixture
def put(monkeypatch):
    """Let an object be the extractor `counting`."""

    def put(counting):
        extractors._built.cache_clear()
        monkeypatch.setitem(extractors.EXTRACTORS, "counting", counting.kind())
        return counting

    yield put
    extractors._built.cache_clear()


def train():
    return DATASETS["digits"].pictures(data_defaults("digits")).train.numpy()


@pytest.mark.parametrize("gives_scores", [True, False])
def test_an_image_is_looked_at_once_in_whatever_company_it_comes(put, gives_scores):
    counting = put(Counting(gives_scores=gives_scores))
    images = train()
    first = look_at_real("counting", *DIGITS, images[:30])
    again = look_at_real("counting", *DIGITS, images[40:10:-1])
    assert counting.images == 41
    expected = extractor_of("counting", *DIGITS).look(images[40:10:-1])
    np.testing.assert_array_equal(again.features, expected.features)
    np.testing.assert_array_equal(first.features[11:], again.features[:10:-1])
    assert (again.scores is None) == (not gives_scores)
    other = put(Counting("two"))
    look_at_real("counting", *DIGITS, images[:5])
    assert other.images == 5  # other weights see for themselves


def test_a_damaged_file_is_made_again(put, cache):
    counting = put(Counting())
    look_at_real("counting", *DIGITS, train()[:5])
    (path,) = (cache / "features").glob("counting-*.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert look_at_real("counting", *DIGITS, train()[:5]).features.shape == (5, 16)
    assert counting.images == 10


@pytest.mark.slow
def test_a_second_reference_looks_at_nothing(put):
    counting = put(Counting())
    spec = make_spec(dataset="digits", architecture="dcgan")
    first = make_reference(spec, 100, ["counting"])
    before = counting.images
    again = make_reference(spec, 100, ["counting"])
    assert first.real_features["counting"].reached == again.real_features["counting"].reached
    nulls = counting.images - before  # null samplers draw, and are looked at each time
    assert nulls == before - len(train()) - len(first.points)


@pytest.mark.slow
def test_an_export_has_means_and_covariances_and_imports_elsewhere(put, tmp_path, monkeypatch):
    counting = put(Counting())
    path = tmp_path / "digits.npz"
    data = prepare("digits", [], output=str(path), features="counting")
    assert data.features == f"16 of each of 1,797 images by counting, written to {path}"
    with np.load(path) as arrays:
        pictures = DATASETS["digits"].pictures(data_defaults("digits"))
        for end, images in (("", pictures.held_out), ("_train", pictures.train)):
            features = counting.look(images)[0].double().numpy()
            np.testing.assert_allclose(arrays[f"mu{end}"], features.mean(0), rtol=1e-6)
            np.testing.assert_allclose(arrays[f"sigma{end}"], np.cov(features.T), rtol=1e-6)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "elsewhere"))
    other = put(Counting())
    assert take_statistics(path, *DIGITS)[0] == "counting"
    assert take_statistics(path, *DIGITS)[1] == 0
    look_at_real("counting", *DIGITS, train()[:200])
    assert other.images == 0
    assert "0 images looked at by counting taken from" in prepare("digits", [], imported=str(path)).features


def test_what_cannot_be_imported_is_a_sentence(put, tmp_path, monkeypatch):
    put(Counting())
    path = tmp_path / "digits.npz"
    arrays = statistics("counting", *DIGITS, 20)
    wrong = {"features": arrays["features"][:3], "scores": arrays["scores"] * np.nan, "extractor": np.array("gone")}
    np.savez(path, **arrays)
    assert take_statistics(path, *DIGITS) == ("counting", 0)
    for key, words in (("features", "equally long"), ("extractor", "'gone', which is not known here")):
        np.savez(path, **{**arrays, key: wrong[key]})
        with pytest.raises(DataError, match=words):
            take_statistics(path, *DIGITS)
    np.savez(path, **arrays)
    put(Counting("two"))
    with pytest.raises(DataError, match="with other weights"):
        take_statistics(path, *DIGITS)
    path.write_bytes(b"no npz")
    with pytest.raises(DataError, match="no statistics that `harness data --features` wrote"):
        take_statistics(path, *DIGITS)
    for name, features, output, words in (
        ("digits", "countng", None, "unknown extractor 'countng'. Did you mean 'counting'"),
        ("digits", "counting", "a.png", "a file that ends in .npz"),
        ("ring", "counting", None, "extractors look at images, and ring has none"),
        ("digits", "inception", None, "--features: 'inception' cannot look at 'digits': its weights"),
    ):
        monkeypatch.setenv("HARNESS_INCEPTION", str(tmp_path / "none"))
        with pytest.raises(HarnessError, match=words):
            prepare(name, [], features=features, output=output)
