"""Patches and faces: what is held out shares no pixel, and no person, with what is trained on."""

import numpy as np
import pytest
from oracles import data_defaults
from PIL import Image
from sklearn.datasets import load_sample_images

from harness.datasets import DATASETS, photographs
from harness.errors import DataError


@pytest.mark.slow
def test_patches_are_of_the_photographs_and_share_no_pixel(monkeypatch):
    """Pixels are told apart by their place, in photographs of places: each has its own three bytes."""
    height, width = load_sample_images().images[0].shape[:2]
    place = np.arange(height * width).reshape(height, width)
    places = np.stack([place >> 16, place >> 8 & 255, place & 255], -1).astype(np.uint8)
    photos = [places, np.where([True, False, False], places | 128, places)]
    monkeypatch.setattr("sklearn.datasets.load_sample_images", lambda: type("", (), {"images": photos}))
    for size in (16, 32):
        found = photographs.load_patches({"size": size})
        numbers = [part.long() for part in (found.train, found.held_out)]
        train, held_out = (np.unique(x[:, 0] * 65536 + x[:, 1] * 256 + x[:, 2]) for x in numbers)
        assert not len(np.intersect1d(train, held_out))
        assert len(train) + len(held_out) == 2 * 60 * 64 * 64
        assert len(held_out) == 36 * 64 * 64
        corner = found.train[0, 2].long()
        assert ((corner[:, 1:] - corner[:, :-1]) % 256 == 1).all()  # neighbours stay neighbours


def write_faces(folder, rng):
    """Write 40 persons of 10 views as the faces are published."""
    for i in range(1, 41):
        (folder / f"s{i}").mkdir(parents=True)
        for j in range(1, 11):
            face = np.full((112, 92), i, dtype=np.uint8)
            face[:4, :4] = rng.integers(0, 256, (4, 4))
            Image.fromarray(face).save(folder / f"s{i}/{j}.pgm")


@pytest.fixture
def faces(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    write_faces(tmp_path / "downloads/att", np.random.default_rng(0))
    persons = photographs._persons((str(p), p.read_bytes()) for p in (tmp_path / "downloads").rglob("*.pgm"))
    (views,) = map(photographs._faces, persons.values())
    monkeypatch.setattr(photographs, "FACES", photographs._digest(views))
    return tmp_path


@pytest.mark.slow
def test_no_person_is_in_both_parts(faces):
    (faces / "downloads/more").mkdir()
    (faces / "downloads/more/1.pgm").write_bytes(b"torn")
    DATASETS["orl-faces"].take(str(faces / "downloads"))
    found = photographs.load_faces({"size": 16})
    assert (found.train.shape, found.held_out.shape) == ((280, 1, 16, 16), (120, 1, 16, 16))
    train, held_out = ({int(x) for x in part[:, 0, 8, 8]} for part in found[:2])
    assert train | held_out == set(range(1, 41))
    assert not train & held_out
    assert [int(x) for x in found.train[:, 0, 8, 8].bincount() if x] == [10] * 28


@pytest.mark.parametrize("wrong", ["missing", "another", "absent"])
def test_other_faces_are_a_sentence(faces, wrong):
    if wrong == "missing":
        (faces / "downloads/att/s7/3.pgm").unlink()
    elif wrong == "another":
        Image.fromarray(np.zeros((112, 92), dtype=np.uint8)).save(faces / "downloads/att/s7/3.pgm")
    settings, take = data_defaults("orl-faces"), lambda: DATASETS["orl-faces"].take(str(faces / "downloads"))
    attempt = take if wrong != "absent" else lambda: photographs.load_faces(settings)
    with pytest.raises(DataError) as error:
        attempt()
    assert "\n" not in str(error.value)
    assert not (faces / "data").exists()
