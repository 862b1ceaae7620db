"""Features of real images that are kept in the user's cache, by image: networks with published weights take long.

What is kept can be written into a file and taken from one, on a machine where it would take longer.
"""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets import DATASETS
from harness.datasets.images import Settings
from harness.disk.arrays import npz_bytes, read_npz
from harness.disk.files import locked, write_atomic
from harness.disk.folders import cache_folder
from harness.errors import Damaged, DataError
from harness.metrics.extractors import TRAINED, Bytes, Extractor, Looks, extractor_of, kind_of
from harness.spec import content_id

Arrays = dict[str, NDArray[Any]]


def look_at_real(name: str, dataset: str, settings: Settings, images: Bytes) -> Looks:
    """Look at real images [n, c, h, w] of a data set with an extractor: the cache's features, else made now and kept.

    Raises DataError where the extractor cannot be had.
    """
    extractor = extractor_of(name, dataset, settings)
    if name in TRAINED:  # seconds
        return extractor.look(images)
    path = _path(name, extractor)
    with ExitStack() as stack:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path.with_suffix(".lock")))
        known, hashes = _read(path), _hashes(images)
        places = {key: i for i, key in enumerate(known["images"].tolist())} if known else {}
        new = {key: i for i, key in enumerate(hashes.tolist()) if key not in places}
        if new:
            known = _joined(known, _arrays(hashes[[*new.values()]], extractor.look(images[[*new.values()]])))
            with suppress(OSError):
                write_atomic(path, npz_bytes(known))
    places = {key: i for i, key in enumerate(known["images"].tolist())}
    rows = [places[key] for key in hashes.tolist()]
    return Looks(known["features"][rows], known["scores"][rows] if "scores" in known else None)


def statistics(name: str, dataset: str, settings: Settings, most: int) -> Arrays:
    """Return what an extractor sees of all held-out and of at most so many training images, as arrays for a file.

    `features` [n, k] (and `scores`) of images by the hashes `images` [n], `extractor` and `weights`, which say what
    looked; `mu` [k] and `sigma` [k, k] of the held-out images, `mu_train` and `sigma_train` of the others, as other
    programs read them. Raises DataError where the extractor cannot be had.
    """
    load = DATASETS[dataset].pictures
    assert load is not None, "of a data set of images"
    pictures, extractor = load(settings), extractor_of(name, dataset, settings)
    whole = pictures.train.numpy()
    parts = {
        "": pictures.held_out.numpy(),
        "_train": whole[np.random.default_rng(0).permutation(len(whole))[:most]],
    }
    arrays: Arrays = {"extractor": np.array(name), "weights": np.array(_address(name, extractor))}
    joined: Arrays = {}
    for end, images in parts.items():
        looks = look_at_real(name, dataset, settings, images)
        joined = _joined(joined, _arrays(_hashes(images), looks))
        features = looks.features.astype(np.float64)
        arrays |= {f"mu{end}": features.mean(0), f"sigma{end}": np.atleast_2d(np.cov(features, rowvar=False))}
    return arrays | joined


def take_statistics(path: Path, dataset: str, settings: Settings) -> tuple[str, int]:
    """Put what a file of `statistics` holds into the cache; return its extractor, and how many images were new.

    Raises DataError where it is no such file, or another network looked than the one of that name here.
    """
    try:
        arrays = dict(read_npz(path))
        name, weights = str(arrays["extractor"]), str(arrays["weights"])
        given: Arrays = {key: arrays[key] for key in ("images", "features", "scores") if key in arrays}
        _refuse_wrong(given)
    except (Damaged, OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: no statistics that `harness data --features` wrote ({error}).") from None
    if kind_of(name) is None:
        raise DataError(f"{path}: made by the extractor '{name}', which is not known here.")
    extractor = extractor_of(name, dataset, settings)
    if weights != _address(name, extractor):
        raise DataError(f"{path}: made by '{name}' with other weights, or another version of it, than are here.")
    place = _path(name, extractor)
    place.parent.mkdir(parents=True, exist_ok=True)
    with locked(place.with_suffix(".lock")):
        known = _read(place)
        joined = _joined(known, given)
        write_atomic(place, npz_bytes(joined))
    return name, len(joined["images"]) - (len(known["images"]) if known else 0)


def _refuse_wrong(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError where features are not those of as many images."""
    n, features = len(arrays["images"]), arrays["features"]
    if features.ndim != 2 or features.dtype != np.float32 or not np.isfinite(features).all():
        raise ValueError("its features are not [n, k] finite numbers of 32 bits")
    if any(len(array) != n for array in arrays.values()):
        raise ValueError("its arrays are not equally long")


def _address(name: str, extractor: Extractor) -> str:
    """Return what the features of an image depend on beside it."""
    kind = kind_of(name)
    assert kind is not None, "it has looked"
    return content_id({"name": name, "version": kind.version, "file": kind.file, "weights": extractor.digest})


def _path(name: str, extractor: Extractor) -> Path:
    return cache_folder() / "features" / f"{name}-{_address(name, extractor)}.npz"


def _hashes(images: Bytes) -> NDArray[Any]:
    """Return a hash of each image and its shape."""
    shape = str(images.shape[1:]).encode()
    return np.array([hashlib.sha256(shape + image.tobytes()).hexdigest()[:32] for image in images])


def _arrays(hashes: NDArray[Any], looks: Looks) -> Arrays:
    return {"images": hashes, "features": looks.features} | ({} if looks.scores is None else {"scores": looks.scores})


def _joined(known: Arrays, more: Arrays) -> Arrays:
    """Return both, each image once."""
    both = {key: np.concatenate([known[key], x]) if known else x for key, x in more.items()}
    _, first = np.unique(both["images"], return_index=True)
    return {key: x[np.sort(first)] for key, x in both.items()}


def _read(path: Path) -> Arrays:
    """Return what is kept; nothing where there is none, or torn or foreign bytes."""
    try:
        arrays = dict(read_npz(path))
        _refuse_wrong(arrays)
    except (OSError, Damaged, KeyError, TypeError, ValueError):
        return {}
    return arrays
