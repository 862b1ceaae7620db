"""A user's own images: every image file below a folder, addressed by content.

A run's address holds the hash of the files and no name or path: the same images under other names, in another order
or another folder are the same data set. They are decoded once a machine, and kept as one array.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from harness.datasets.cache import cache_path, cached
from harness.datasets.dataset_settings import MOST, PictureSettings, Side, among, needed
from harness.datasets.image_file import FORMATS, decoded, picture_bytes
from harness.datasets.images import HELD_OUT, Bytes, Pictures, Settings, as_tensor, none_held_out, training_size
from harness.datasets.places import Where, changed, named, place, place_of, stamp
from harness.errors import DataError
from harness.processes import progress
from harness.text import counted, reason

VERSION = 3  # of how images are decoded and ordered
SKIPPED = 4  # endings of skipped files that are named
LEAST = 3  # images: two to train on, one to hold out
BLACK = 16  # of 255: where no value of any image reaches it, all are nearly black


def _is_part(value: Any) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST
    return value is None or is_whole or (isinstance(value, float) and 0 < value < 1)


HeldOut = Annotated[
    int | float | None,
    needed("a whole number, 0 for none, or a share between 0 and 1", _is_part),
    AfterValidator(lambda value: None if value == HELD_OUT else value if value is None or value % 1 else int(value)),
    Field(exclude_if=lambda value: value is None),  # a run that does not say it keeps its address
]


class FolderSettings(PictureSettings):
    """The middle square of every image, `size` pixels a side, in colour (3 channels) or grey (1).

    `held_out` of them are held out, a number or a share; 30 % where nothing is said. 0: all are trained on, and runs
    are scored against these.
    """

    size: Side = 64
    channels: Annotated[int, among(1, 3)] = 3
    held_out: HeldOut = None


def describe(path: Where) -> dict[str, str | int]:
    """Return what a run's address holds of a folder, or of several as one set: content, and how many images.

    Raises DataError where one is not there, or they hold too few images or one that cannot be read.
    """
    files = listing(path)[0]
    # Copies count: an image that lies there twice is seen twice as often.
    content = hashlib.sha256(b"".join(sorted(_hashes(files)))).hexdigest()[:16]
    place(content, path)
    return {"content": content, "pictures": len(files)}


def load_folder(settings: Settings) -> Pictures:
    """Return the images of a folder that this process was told of, decoded now where no cache holds them.

    Raises DataError where one is no whole image, or the folder has changed since it was described.
    """
    shape = (settings["pictures"], settings["channels"], settings["size"], settings["size"])
    ordered = cached(cache_name(settings), shape, lambda out: _decode(settings, out), least=0)
    pictures, held_out = as_tensor(ordered), settings.get("held_out")
    if none_held_out(settings):
        return Pictures(pictures, pictures)
    cut = training_size(ordered, HELD_OUT if held_out is None else held_out)
    if cut < 2:
        path, n = named(place_of(settings["content"], "images")), len(ordered)
        if held_out is not None and n - held_out * (n if held_out < 1 else 1) < 2:  # a share, or so many
            raise DataError(f"{path}: held_out: {held_out:,} given, and it has {n:,} images; hold fewer out.")
        raise DataError(f"{path}: its {n} images are copies of too few to hold some out.")
    return Pictures(pictures[:cut], pictures[cut:])


def cache_name(settings: Settings) -> str:
    """Return the name of the array that holds a folder's images at these settings."""
    return f"folder-{VERSION}-{settings['content']}-{settings['channels']}x{settings['size']}px"


def cached_folder(settings: Settings) -> Path:
    """Return where that array lies."""
    return cache_path(cache_name(settings))


def reading(path: Where) -> str:
    """Return how many images a folder has, and which files are skipped there, in a phrase. Raises DataError."""
    files, skipped = listing(path)
    most = ", ".join(f"{n:,} {ending or 'without ending'}" for ending, n in skipped.most_common(SKIPPED))
    more = f", {len(skipped) - SKIPPED:,} more endings" if len(skipped) > SKIPPED else ""
    beside = f", {counted(skipped.total(), 'file')} skipped ({most}{more})" if skipped else ""
    return f"{counted(len(files), 'image')}{beside}"


def listing(where: Where) -> tuple[list[Path], Counter[str]]:
    """Return every image file below a folder, or several, and how many other files there are by their ending.

    Links are followed, no folder is read twice, hidden files are left out. Raises DataError.
    """
    pictures, skipped, done = list[Path](), Counter[str](), set[tuple[int, int]]()
    todo = [Path(where)] if isinstance(where, str) else [Path(path) for path in where]
    folder, here = named(where), Path()
    try:
        while todo:
            here = todo.pop()
            info = here.stat()
            if (info.st_dev, info.st_ino) in done:
                continue  # a link to a folder that is read already, or to one around it
            done.add((info.st_dev, info.st_ino))
            for path in sorted(item for item in here.iterdir() if not item.name.startswith(".")):
                if path.is_dir():
                    todo.append(path)
                elif path.suffix.lower() in FORMATS:
                    pictures.append(path)
                else:
                    skipped[path.suffix.lower()] += 1
    except FileNotFoundError:
        raise DataError(f"{here}: there is no such folder.") from None
    except NotADirectoryError:
        raise DataError(f"{here}: a file; a folder of images is needed.") from None
    except (OSError, ValueError) as error:
        at = getattr(error, "filename", None) or folder
        raise DataError(f"{at}: cannot be read: {reason(error)}.") from None
    if len(pictures) < LEAST:
        beside = f" beside {skipped.total()} other file(s)" if skipped else ""
        text = f"{len(pictures)} image(s) found{beside}, at least {LEAST} needed (png, jpg, bmp, gif, webp, tif, ppm)"
        raise DataError(f"{folder}: {text}.")
    return pictures, skipped


def _hashes(files: Sequence[Path]) -> tuple[bytes, ...]:
    return _read(tuple(map(str, files)), tuple(map(stamp, files)))


@lru_cache(maxsize=16)
def _read(files: tuple[str, ...], stamps: tuple[tuple[int, int], ...]) -> tuple[bytes, ...]:
    """Return the sha256 of each file; `stamps` makes changed ones new."""
    hashes = []
    with progress("reading images", len(files)) as tell:
        for i, file in enumerate(files, start=1):
            hashes.append(hashlib.sha256(picture_bytes(Path(file))).digest())
            tell(i)
    return tuple(hashes)


def _decode(settings: Settings, out: Bytes) -> None:
    """Fill [n, c, size, size] with the folder's images, in the order of their files' content."""
    path = place_of(settings["content"], "images")
    if describe(path)["content"] != settings["content"]:
        raise changed(path, "images")
    files = listing(path)[0]
    with progress(f"decoding images to {settings['size']} pixels", len(files)) as tell:
        for i, (picture, file) in enumerate(zip(out, files, strict=True), start=1):
            picture[:] = decoded(file, settings["size"], settings["channels"])
            tell(i)
    if (brightest := max(int(picture.max()) for picture in out)) < BLACK:
        text = f"all of its {len(out):,} images are nearly black: the largest value is {brightest} of 255"
        raise DataError(
            f"{named(path)}: {text} (of 16-bit files the upper 8 bits are taken); scale them to the whole range."
        )
    _reorder(out, _order(out, _hashes(files)))


def _order(pictures: Bytes, hashes: Sequence[bytes]) -> NDArray[np.intp]:
    """Return the order of images by the hashes of their files, which no size, channels or decoder changes; files that
    show the same image stand together, at the place of the first of them.
    """
    digests = [hashlib.sha256(picture.tobytes()).digest() for picture in pictures]
    first: dict[bytes, bytes] = {}
    for picture, file in zip(digests, hashes, strict=True):
        first[picture] = min(first.get(picture, file), file)
    return np.array(sorted(range(len(digests)), key=lambda i: (first[digests[i]], hashes[i])), dtype=np.intp)


def _reorder(array: Bytes, order: NDArray[np.intp]) -> None:
    """Put array[order] into the array, cycle by cycle: a set larger than memory takes that of one image more."""
    done = np.zeros(len(order), dtype=bool)
    for start in range(len(order)):
        if done[start]:
            continue
        first, here = array[start].copy(), start
        while not done[here]:
            done[here] = True
            source = order[here]
            array[here] = first if source == start else array[source]
            here = source
