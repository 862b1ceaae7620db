"""Photographs: patches of the two that scikit-learn brings along, and the faces of the Olivetti Research Laboratory."""

import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from harness.datasets.dataset_settings import PictureSettings, Side, among
from harness.datasets.downloads import files_below
from harness.datasets.images import HELD_OUT, Bytes, Pictures, Settings, as_tensor, by_content, uniform
from harness.datasets.resize import resized
from harness.disk.files import write_atomic
from harness.disk.folders import data_folder
from harness.errors import DataError

BLOCK = 64  # pixels of a block's side: whole blocks are held out, so that no held-out pixel is in a training patch
STRIDE = 4  # pixels between two patches of a block
SEED = 30_000  # of which blocks are held out

PERSONS, VIEWS = 40, 10  # of the faces, and images of each
HEIGHT, WIDTH = 112, 92  # pixels of a face
# sha256 of the sorted sha256s of the persons' pixels
FACES = "31ff3421fd43e7d147f919ce40689b47e65c4cdac6b99afc43c78eaf844fc897"


class PatchesSettings(PictureSettings):
    """Patches of 16 pixels a side, or of 32."""

    size: Annotated[int, among(16, 32)] = 16


def load_patches(settings: Settings) -> Pictures:
    """Return colour patches of scikit-learn's two photographs, 427 x 640 pixels each.

    The photographs are cut into 60 blocks of 64 x 64 pixels each, of which 30 % are held out; every patch lies within
    one block, every fourth pixel right and down.
    """
    from sklearn.datasets import load_sample_images

    blocks = np.concatenate([_blocks(np.asarray(image)) for image in load_sample_images().images])
    order = np.argsort(uniform(len(blocks), SEED), kind="stable")
    cut = len(blocks) - int(np.ceil(HELD_OUT * len(blocks)))
    train, held_out = (_patches(blocks[np.sort(part)], settings["size"]) for part in (order[:cut], order[cut:]))
    return Pictures(as_tensor(train), as_tensor(held_out))


def _blocks(image: Bytes) -> Bytes:
    """Cut an image [h, w, 3] into whole blocks [n, 3, BLOCK, BLOCK]; what is left at its edges is left out."""
    rows, columns = image.shape[0] // BLOCK, image.shape[1] // BLOCK
    cut = image[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK, 3)
    return cut.transpose(0, 2, 4, 1, 3).reshape(-1, 3, BLOCK, BLOCK)


def _patches(blocks: Bytes, size: int) -> Bytes:
    """Return every patch of blocks: [n, 3, size, size]."""
    windows: NDArray[np.uint8] = np.lib.stride_tricks.sliding_window_view(blocks, (size, size), (2, 3))
    strided = windows[:, :, ::STRIDE, ::STRIDE].transpose(0, 2, 3, 1, 4, 5)
    return np.ascontiguousarray(strided).reshape(-1, 3, size, size)


class FacesSettings(PictureSettings):
    """The middle square of every face, `size` pixels a side, in grey."""

    size: Side = 64


def where_faces() -> Path:
    """Return the folder of the faces."""
    return data_folder() / "orl-faces"


def load_faces(settings: Settings) -> Pictures:
    """Return the 400 faces of 40 persons: 28 persons to train on, 12 others held out.

    Persons are split by the sha256 of their pixels. Raises DataError where the faces are not on this machine.
    """
    folder = where_faces()
    if not folder.is_dir():
        text = "`harness data orl-faces --from DIR` takes them from wherever s1/1.pgm to s40/10.pgm lie below DIR"
        raise DataError(f"orl-faces is not on this machine, and there is no download: {text} (to {folder}).")
    persons = _persons((str(path), path.read_bytes()) for path in sorted(folder.glob("s*/*.pgm")))
    faces = next((array for array in map(_faces, persons.values()) if array is not None), None)
    if faces is None:
        text = "`harness data orl-faces --from DIR` takes them again"
        raise DataError(f"{folder}: not {PERSONS} folders of {VIEWS} faces of {WIDTH} x {HEIGHT} pixels; {text}.")
    faces = faces[by_content(faces)]
    cut = PERSONS - int(np.ceil(HELD_OUT * PERSONS))
    top = (HEIGHT - WIDTH) // 2
    squares = resized(faces[..., top : top + WIDTH, :].reshape(-1, 1, WIDTH, WIDTH), settings["size"])
    return Pictures(as_tensor(squares[: cut * VIEWS]), as_tensor(squares[cut * VIEWS :]))


def fetch_faces() -> None:
    """Raise DataError where the faces are not on this machine: nobody offers a download that would last."""
    load_faces(FacesSettings().model_dump())


def take_faces(source: str) -> None:
    """Copy the faces from wherever they lie below a folder. Raises DataError where the 400 published are not there."""
    files = (
        (path, read()) for path, read in files_below(Path(source), lambda path: path.endswith((".pgm", ".pgm.gz")))
    )
    sets = _persons((path, content) for path, content in files if content is not None)
    for persons in sets.values():
        faces = _faces(persons)
        if faces is None or _digest(faces) != FACES:
            continue
        for person, views in persons.items():
            folder = where_faces() / person
            folder.mkdir(parents=True, exist_ok=True)
            for view, content in views.items():
                write_atomic(folder / view, content, flush=False)
        return
    text = f"no {PERSONS} folders s1 to s{PERSONS} of the {VIEWS} faces that were published (1.pgm to {VIEWS}.pgm)"
    raise DataError(f"{source}: {text} below it; your own images are `base: folder`.")


Views = dict[str, bytes]  # file by its name
Persons = dict[str, Views]  # by the name of the folder


def _persons(files: Iterable[tuple[str, bytes]]) -> Mapping[str, Persons]:
    """Return files by the folder around the folders of persons, person and name."""
    sets: dict[str, Persons] = {}
    for path, content in files:
        folder, _, name = path.rpartition("/")
        root, _, person = folder.rpartition("/")
        sets.setdefault(root, {}).setdefault(person, {})[name.removesuffix(".gz")] = content
    return sets


def _faces(persons: Persons) -> Bytes | None:
    """Return the pixels of 40 persons' faces, uint8 [40, 10, 112, 92]; None where these are no such files."""
    from PIL import Image

    if set(persons) != {f"s{i}" for i in range(1, PERSONS + 1)}:
        return None
    views = {f"{i}.pgm" for i in range(1, VIEWS + 1)}
    if any(set(files) != views for files in persons.values()):
        return None
    try:
        every = [
            [
                np.asarray(Image.open(io.BytesIO(persons[f"s{i}"][f"{j}.pgm"]), formats=["PPM"]))
                for j in range(1, VIEWS + 1)
            ]
            for i in range(1, PERSONS + 1)
        ]
        faces = np.array(every)
    except (OSError, ValueError, SyntaxError):
        return None
    return faces if faces.shape == (PERSONS, VIEWS, HEIGHT, WIDTH) and faces.dtype == np.uint8 else None


def _digest(faces: Bytes) -> str:
    """Return the sha256 of the persons' sorted sha256s: the same whatever their folders are called."""
    digests = sorted(hashlib.sha256(np.ascontiguousarray(person).tobytes()).digest() for person in faces)
    return hashlib.sha256(b"".join(digests)).hexdigest()
