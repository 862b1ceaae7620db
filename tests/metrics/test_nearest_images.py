"""The nearest training images: an image of the training part is nearest to itself, at distance 0."""

import numpy as np
import pytest
from oracles import make_spec
from sklearn.neighbors import NearestNeighbors

from harness.datasets import DATASETS
from harness.engine.real_data import training_pictures
from harness.metrics import nearest_images
from harness.metrics.extractors import Looks


class Halves:
    """An extractor that sees how bright the upper and the lower half of an image are."""

    def look(self, images):
        halves = np.stack([images[:, :, :8], images[:, :, 8:]], 1).reshape(len(images), 2, -1)
        return Looks(halves.mean(2).astype(np.float32), None)


@pytest.fixture
def spec(monkeypatch):
    monkeypatch.setattr(nearest_images, "BLOCK", 100)  # the training part is compared in several
    return make_spec(dataset="digits", architecture="dcgan")


def images(spec):
    """Return the training part, and held-out images."""
    pictures = DATASETS["digits"].pictures(spec.setup.data)
    return training_pictures(spec).numpy(), pictures.held_out.numpy()


def test_a_training_image_is_nearest_to_itself(spec):
    train, held_out = images(spec)
    samples = train[[0, 99, 100, 101, 555, -1]]
    nearest = nearest_images.nearest_images(spec, samples, held_out, Halves())
    for each in nearest.values():
        assert (each.distances == 0).all()
        assert (each.held_out > 0).any()
        assert len(each.held_out) == nearest_images.BESIDE
    assert (nearest["pixels"].images == samples).all()
    assert (nearest["pixels"].held_out > 0).all()  # no held-out image was trained on


def test_others_have_the_neighbours_that_scikit_learn_finds(spec):
    train, held_out = images(spec)
    samples = np.random.default_rng(0).integers(0, 256, (9, *train.shape[1:])).astype(np.uint8)
    nearest = nearest_images.nearest_images(spec, samples, held_out[:0], Halves())
    views = {"pixels": lambda x: x.reshape(len(x), -1) / 255, "features": lambda x: Halves().look(x).features}
    for name, view in views.items():
        search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(view(train).astype(np.float64))
        distances, places = search.kneighbors(view(samples).astype(np.float64))
        np.testing.assert_allclose(nearest[name].distances, distances[:, 0], rtol=1e-9)
        assert (nearest[name].images == train[places[:, 0]]).all()
        assert not len(nearest[name].held_out)


def test_only_the_images_that_a_run_trains_on_count(spec):
    few = make_spec(dataset="digits", architecture="dcgan", data={"fixed": 10})
    train, held_out = images(spec)
    (by_pixels,) = (nearest_images.nearest_images(few, train[10:20], held_out, Halves())["pixels"],)
    assert (by_pixels.distances > 0).all()
    assert all((train[:10] == image).all((1, 2, 3)).any() for image in by_pixels.images)
