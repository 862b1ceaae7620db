"""One image file as an array: whatever its mode, size, rotation or frames, or refused in one sentence."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from harness.datasets.images import Bytes
from harness.errors import DataError
from harness.text import reason

FORMATS = {  # by ending; nothing that runs another program, as EPS does
    ".bmp": "BMP", ".gif": "GIF", ".jpeg": "JPEG", ".jpg": "JPEG", ".pbm": "PPM", ".pgm": "PPM", ".png": "PNG",
    ".ppm": "PPM", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP",
}  # fmt: skip
DEEP = ("PNG", "PPM")  # whose 32-bit mode in Pillow holds 16 bits
MAX_BYTES = 200_000_000  # of a file
MAX_PIXELS = 80_000_000  # of an image: a small file may claim any number. Pillow warns from 89 million on


def picture_bytes(path: Path) -> bytes:
    """Return the content of an image file. Raises DataError, in one sentence, where it cannot be read."""
    try:
        if not path.is_file():
            raise DataError(f"{path}: no file that can be read (a broken link?).")
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path}: more than {MAX_BYTES // 10**6} MB; no image that large is read.")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}.") from None


def decoded(path: Path, size: int, channels: int) -> Bytes:
    """Return the image in a file: [channels, size, size].

    Its middle square is resized; it is turned as its camera noted; of an animation the first frame counts; what is
    transparent lies on white; of 16 bits the upper 8 are taken, whatever the values. Raises DataError, in one sentence,
    for what is no whole image.
    """
    content = picture_bytes(path)
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of metadata that nobody reads here
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=sorted(set(FORMATS.values()))) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise DataError(
                        f"{path}: {opened.width} x {opened.height} pixels; at most {MAX_PIXELS:,} are read."
                    )
                array = np.asarray(_squared(_plain(opened, "L" if channels == 1 else "RGB"), size))
    except DataError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise DataError(f"{path}: more than {MAX_PIXELS:,} pixels; make it smaller.") from None
    except Exception as error:  # decoders raise anything on what is torn or foreign
        text = reason(error).replace("b''", "")  # a name that was never read
        text = "no format that is read here" if "cannot identify image file" in text else text
        raise DataError(f"{path}: no whole image: {text}.") from None
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def _plain(opened: Any, mode: str) -> Any:
    """Return the first frame as 8-bit grey ("L") or colour ("RGB"), turned as its camera noted."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(opened)
    if image.mode == "F":
        raise ValueError("fractional grey values have no known white; save it with 8 bits")
    if image.mode.startswith("I"):  # 16 bits, which Pillow's own conversion would cut off at 255
        if image.mode == "I" and opened.format not in DEEP:
            raise ValueError("32-bit grey values have no known white; save it with 8 or 16 bits")
        image = Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def _squared(image: Any, size: int) -> Any:
    """Resize the middle square: the shorter side becomes `size`, and nothing longer is ever held."""
    from PIL import Image

    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)
