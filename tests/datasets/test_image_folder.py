"""Folders of images: addressed by content, decoded whatever their files are, refused in a sentence."""

import os
import shutil
import stat
import zlib
from pathlib import Path

import numpy as np
import pytest
from oracles import PICTURES
from PIL import Image

from harness.datasets import DATASETS, cache, image_folder
from harness.datasets.image_file import decoded
from harness.errors import DataError

ENTRY = DATASETS["folder"]
RNG = np.random.default_rng(0)
PLAIN = RNG.integers(0, 256, (12, 12, 3), dtype=np.uint8)  # as large as asked for below: nothing is resized
GREY = PLAIN[..., 0]


def saved(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)
    return path


def read(path, channels=3, size=12):
    return decoded(path, size, channels)


def prepared(path, **settings):
    """Read a folder anew: a process keeps what it has read."""
    return image_folder.load_folder({**ENTRY.setup, "size": 12, **settings, **image_folder.describe(str(path))})


def as_set(pictures):
    return sorted(picture.numpy().tobytes() for picture in pictures)


@pytest.fixture
def faces(tmp_path):
    """Ten images in two folders, and what lies beside images on many disks."""
    for i in range(10):
        place = tmp_path / "faces" / ("more" if i > 6 else "") / f"{i}.png"
        saved(place, np.random.default_rng(100 + i).integers(0, 256, (12, 12, 3), dtype=np.uint8))
        os.utime(place, (1e9, 1e9))  # long ago: what is written anew has another time
    (tmp_path / "faces/README.txt").write_text("Faces.")
    (tmp_path / "faces/Thumbs.db").write_bytes(b"\0")
    (tmp_path / "faces/._0.png").write_bytes(b"\0")
    (tmp_path / "faces/.hidden").mkdir()
    saved(tmp_path / "faces/.hidden/a.png", PLAIN)
    return tmp_path / "faces"


def test_pictures_are_those_of_the_files_in_two_parts(faces):
    found = prepared(faces)
    assert (len(found.train), len(found.held_out)) == (7, 3)
    expected = [
        np.asarray(Image.open(path)).transpose(2, 0, 1) for path in [*faces.glob("[0-9].png"), *faces.glob("more/*")]
    ]
    assert sorted([*as_set(found.train), *as_set(found.held_out)]) == sorted(x.tobytes() for x in expected)
    assert found.train_labels is None
    assert found.classes == ()


def test_names_places_and_order_are_no_content(faces, tmp_path):
    other = tmp_path / "other"
    for i, path in enumerate(sorted(faces.rglob("[0-9].png"), reverse=True)):
        place = other / f"{i % 3}" / f"picture {i}.PNG"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    assert image_folder.describe(str(other)) == image_folder.describe(str(faces))
    first = prepared(faces)
    shutil.rmtree(cache.cache_path("x").parent)
    again = prepared(other)
    assert np.array_equal(first.train, again.train)
    assert np.array_equal(first.held_out, again.held_out)


def test_another_picture_is_another_content(faces):
    before = image_folder.describe(str(faces))
    saved(faces / "0.png", PLAIN)
    assert image_folder.describe(str(faces)) != before
    shutil.copyfile(faces / "1.png", faces / "copy.png")
    assert image_folder.describe(str(faces))["pictures"] == 11


def test_a_decoded_folder_is_kept_and_needs_its_files_no_more(faces):
    settings = {**ENTRY.setup, "size": 12, **image_folder.describe(str(faces))}
    first = image_folder.load_folder(settings)
    assert image_folder.cached_folder(settings).stat().st_size == 10 * 3 * 12 * 12 + 128
    shutil.rmtree(faces)
    assert np.array_equal(image_folder.load_folder(settings).train, first.train)


def test_a_changed_folder_is_refused_by_whoever_planned_with_the_old_one(faces):
    settings = {**ENTRY.setup, "size": 12, **image_folder.describe(str(faces))}
    saved(faces / "0.png", PLAIN)
    with pytest.raises(DataError, match="its images have changed"):
        image_folder.load_folder(settings)


def test_copies_are_in_one_part(faces):
    for i in range(8):
        shutil.copyfile(faces / "0.png", faces / f"copy{i}.png")
    found = prepared(faces)
    assert not set(as_set(found.train)) & set(as_set(found.held_out))
    assert len(found.train) + len(found.held_out) == 18


def test_links_are_followed_and_loops_end(faces):
    before = image_folder.describe(str(faces))
    (faces / "more/up").symlink_to(faces)
    (faces / "more/self").symlink_to("self")
    assert image_folder.describe(str(faces)) == before
    linked = faces.parent / "linked"
    linked.symlink_to(faces)
    assert image_folder.describe(str(linked)) == before


def palette(image):
    return image.convert("P", palette=Image.Palette.ADAPTIVE, colors=256)


SAME = {  # files that hold the colours of PLAIN as they are
    "a.png": lambda path: saved(path, PLAIN),
    "a.bmp": lambda path: saved(path, PLAIN),
    "a.ppm": lambda path: saved(path, PLAIN),
    "a.tif": lambda path: saved(path, PLAIN),
    "a.webp": lambda path: saved(path, PLAIN, lossless=True),
    "opaque.png": lambda path: saved(path, Image.fromarray(PLAIN).convert("RGBA")),
    "palette.png": lambda path: saved(path, palette(Image.fromarray(PLAIN))),
    "animated.png": lambda path: saved(
        path, Image.fromarray(PLAIN), save_all=True, append_images=[Image.fromarray(255 - PLAIN)]
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_colours_come_as_they_are_from_every_kind_of_file(name, tmp_path):
    assert np.array_equal(read(SAME[name](tmp_path / name)), PLAIN.transpose(2, 0, 1))


def test_grey_pictures_are_grey_in_three_channels_and_one(tmp_path):
    path = saved(tmp_path / "a.png", GREY)
    assert np.array_equal(read(path, 1), GREY[None])
    assert np.array_equal(read(path, 3), np.stack([GREY] * 3))
    bits = saved(tmp_path / "b.png", Image.fromarray(GREY).convert("1", dither=Image.Dither.NONE))
    assert np.array_equal(read(bits, 1)[0], np.where(GREY > 127, 255, 0))
    colour = read(saved(tmp_path / "c.png", PLAIN), 1)[0]
    assert np.abs(colour - PLAIN @ np.array([0.299, 0.587, 0.114])).max() <= 1


def test_16_bits_keep_their_upper_eight(tmp_path):
    deep = RNG.integers(0, 65536, (12, 12), dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        assert np.array_equal(read(saved(tmp_path / name, deep), 1)[0], deep >> 8)


def test_what_is_transparent_lies_on_white(tmp_path):
    clear = np.dstack([PLAIN, np.zeros((12, 12), dtype=np.uint8)])
    assert (read(saved(tmp_path / "a.png", clear)) == 255).all()
    half = np.dstack([PLAIN * 0, np.full((12, 12), 128, dtype=np.uint8)])
    assert (read(saved(tmp_path / "b.png", half)) == 127).all()
    palette_with_hole = palette(Image.fromarray(PLAIN))
    path = saved(tmp_path / "c.png", palette_with_hole, transparency=palette_with_hole.getpixel((0, 0)))
    assert (read(path)[:, 0, 0] == 255).all()
    assert np.array_equal(read(path)[:, 5, 5], PLAIN[5, 5])


@pytest.mark.parametrize("turn", range(1, 9))
def test_pictures_are_turned_as_their_camera_noted(turn, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = turn
    upright = {1: PLAIN, 2: PLAIN[:, ::-1], 3: PLAIN[::-1, ::-1], 4: PLAIN[::-1], 5: PLAIN.swapaxes(0, 1)}
    upright |= {6: np.rot90(PLAIN, -1), 7: PLAIN[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(PLAIN)}
    path = saved(tmp_path / "a.png", PLAIN, exif=exif)
    assert np.array_equal(read(path), upright[turn].transpose(2, 0, 1))


def test_the_middle_square_is_resized(tmp_path):
    wide = np.zeros((24, 80, 3), dtype=np.uint8)
    wide[:, 28:52] = 200
    assert (read(saved(tmp_path / "a.png", wide)) == 200).all()
    assert (read(saved(tmp_path / "b.png", wide.swapaxes(0, 1))) == 200).all()
    assert (read(saved(tmp_path / "one.png", PLAIN[:1, :1])) == PLAIN[0, 0][:, None, None]).all()
    assert read(saved(tmp_path / "line.png", np.zeros((1, 60_000, 3), dtype=np.uint8))).shape == (3, 12, 12)


def torn(path, part=0.6):
    saved(path, np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])


def claiming(path, width, height):
    """Write a PNG of a few bytes that says it is so large."""
    content = bytearray(saved(path, PLAIN).read_bytes())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    path.write_bytes(bytes(content))


BAD = {
    "truncated png": (lambda path: torn(path / "x.png"), "image file is truncated"),
    "truncated jpg": (lambda path: torn(path / "x.jpg"), "image file is truncated"),
    "truncated gif": (lambda path: torn(path / "x.gif"), "x.gif: no whole image: "),
    "head alone": (lambda path: torn(path / "x.png", 0.004), "x.png: no whole image"),
    "empty file": (lambda path: (path / "x.png").write_bytes(b""), "no format that is"),
    "text": (lambda path: (path / "x.png").write_text("Hello."), "no format that is"),
    "postscript": (lambda path: saved(path / "x.eps", PLAIN).rename(path / "x.png"), "no format that is"),
    "fractions": (lambda path: saved(path / "x.tif", GREY.astype(np.float32)), "fractional"),
    "bomb": (lambda path: claiming(path / "x.png", 60_000, 60_000), "x.png: more than 80,000,000 pixels"),
    "large": (lambda path: claiming(path / "x.png", 12_000, 12_000), "x.png: more than 80,000,000 pixels"),
    "larger than read": (lambda path: claiming(path / "x.png", 9_100, 9_000), "x.png: 9100 x 9000 pixels; at most"),
    "broken link": (lambda path: (path / "x.png").symlink_to("nowhere"), "(a broken"),
    "link to itself": (lambda path: (path / "x.png").symlink_to("x.png"), "(a broken"),
    "pipe": (lambda path: os.mkfifo(path / "x.png"), "x.png: no file that"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_whole_picture_is_a_sentence(case, faces):
    make, words = BAD[case]
    make(faces)
    with pytest.raises(DataError) as error:
        prepared(faces)
    assert words in str(error.value)
    assert str(faces) in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(cache.cache_path("x").parent.glob("folder*.npy"))
    assert not list(cache.cache_path("x").parent.glob(".*"))


def one(path):
    path.mkdir()
    saved(path / "a.png", PLAIN)


def same(path):
    path.mkdir()
    for i in range(6):
        saved(path / f"{i}.png", PLAIN)


FOLDERS = {
    "missing": (lambda path: None, "there is no such"),
    "a file": (lambda path: path.write_text("x"), "a file; a folder of images"),
    "empty": (Path.mkdir, "at least 3 needed"),
    "one": (one, "at least 3 needed"),
    "no images": (lambda path: (path.mkdir(), (path / "a.txt").write_text("x")), "0 image(s) found beside 1 other"),
    "copies": (same, "copies of too few"),
    "loop": (lambda path: path.symlink_to(path), "levels of symbolic links"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_without_enough_pictures_is_a_sentence(case, tmp_path):
    make, words = FOLDERS[case]
    make(tmp_path / "faces")
    with pytest.raises(DataError) as error:
        prepared(tmp_path / "faces")
    assert str(error.value).startswith(str(tmp_path / "faces"))
    assert words in str(error.value)


@pytest.mark.parametrize("held_out", [11, 12, 0.9, 0.99])
def test_too_many_held_out_are_a_sentence_that_says_so(held_out):
    """A number or a share of twelve images that differ: it is not their copies that are too few."""
    with pytest.raises(DataError, match=rf"held_out: {held_out} given, and it has 12 images; hold fewer out"):
        prepared(PICTURES, held_out=held_out)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads all")
def test_what_may_not_be_read_is_a_sentence(faces):
    for path in (faces / "0.png", faces / "more"):
        path.chmod(0)
        with pytest.raises(DataError, match="Permission denied"):
            prepared(faces)
        path.chmod(stat.S_IRWXU)


def test_what_the_disk_refuses_is_a_sentence(faces, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"\.png: cannot be read"):
        image_folder.describe(str(faces))


def test_the_pictures_beside_these_tests():
    found = prepared(PICTURES, channels=1, size=16)
    assert found.train.shape == (8, 1, 16, 16)
    assert found.held_out.shape == (4, 1, 16, 16)


def test_the_same_files_are_held_out_at_every_size(faces):
    """Also in grey: each image is of one colour, which tells them apart at any size."""
    for i, path in enumerate(sorted(faces.rglob("[0-9].png"))):
        saved(path, np.full((12, 12, 3), 20 * i, dtype=np.uint8))
    parts = {
        tuple(sorted({int(picture.float().mean()) for picture in prepared(faces, **settings).held_out}))
        for settings in ({"size": 12}, {"size": 16}, {"size": 9, "channels": 1})
    }
    ((first, *rest),) = parts
    assert len(rest) == 2
    assert first % 20 == 0


def test_other_files_of_the_same_picture_stand_on_its_side(faces):
    """Saved again with other bytes, as an export would."""
    for path in list(faces.rglob("[0-9].png")):
        Image.open(path).save(path.with_suffix(".bmp"))
    found = prepared(faces)
    assert len(found.train) + len(found.held_out) == 20
    assert not set(as_set(found.train)) & set(as_set(found.held_out))


def test_depth_is_that_of_the_file_whatever_its_values(tmp_path):
    """Values to 200, 300 or 255 of 65,535 are as dark in every image of a folder; 8 bits are taken as they are."""
    for peak in (200, 300, 255):
        deep = np.linspace(0, peak, 144).astype(np.uint16).reshape(12, 12)
        for ending in ("png", "pgm"):
            assert read(saved(tmp_path / f"{peak}.{ending}", deep), channels=1).max() == peak >> 8
    assert read(saved(tmp_path / "grey.png", np.full((12, 12), 200, np.uint8)), channels=1).max() == 200
    assert len(list(tmp_path.glob("*.p*"))) == 7
    for path in tmp_path.glob("grey*"):
        path.unlink()
    with pytest.raises(DataError) as error:
        prepared(tmp_path, channels=1)
    assert str(error.value) == (
        f"{tmp_path}: all of its 6 images are nearly black: the largest value is 1 of 255 (of 16-bit files the upper "
        "8 bits are taken); scale them to the whole range."
    )


def test_32_bits_have_no_white(tmp_path):
    path = saved(tmp_path / "a.tif", Image.fromarray(np.full((12, 12), 70_000, np.int32)))
    with pytest.raises(DataError, match="grey values have no known"):
        read(path)


def test_skipped_files_are_counted_by_ending(faces):
    assert image_folder.reading(str(faces)) == "10 images, 2 files skipped (1 .txt, 1 .db)"
    for i, ending in enumerate((".heic", ".HEIC", ".jfif", ".avif", ".jxl", ".raw")):
        (faces / f"{i}{ending}").write_bytes(b"")
    phrase = "10 images, 8 files skipped (2 .heic, 1 .jfif, 1 .avif, 1 .jxl, 3 more endings)"
    assert image_folder.reading(str(faces)) == phrase
