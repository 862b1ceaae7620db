import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.disk.arrays import npz_arrays, npz_bytes
from harness.errors import Damaged

PATH = Path("x.npz")
ARRAYS = {
    "points": np.arange(600, dtype=np.float32).reshape(300, 2),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "images": np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2),
    "half": np.array([1.5, -2.0], np.float16),
    "count": np.array(7),
    "none": np.empty((0, 3), np.int64),
    "names": np.array(["a", "bcd"]),
}


def test_arrays_are_those_that_numpy_reads():
    read = npz_arrays(npz_bytes(ARRAYS), PATH)
    assert read.keys() == ARRAYS.keys()
    with np.load(io.BytesIO(npz_bytes(ARRAYS))) as wanted:
        for name, array in read.items():
            np.testing.assert_array_equal(array, wanted[name], strict=True)
            assert array.flags.writeable


def test_zeros_without_memory_stand_for_what_is_large():
    read = npz_arrays(npz_bytes(ARRAYS), PATH, largest=16)
    assert (read["points"].shape, read["points"].dtype, read["points"].strides) == ((300, 2), np.float32, (0, 0))
    assert read["count"] == 7
    np.testing.assert_array_equal(read["half"], ARRAYS["half"])


def member(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        members.writestr("x.npy", content)
    return file.getvalue()


def npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


@pytest.mark.parametrize("largest", [0, 10**9])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        npy(np.arange(4))[:-1],
        npy(np.arange(4)) + b"x",
        npy(np.arange(4))[:40],
        npy(np.arange(4), (2, 0)),
        npy(np.array([{}], object)),
        b"\x93NUMPY\x01\x00\x04\x00nope",
    ],
)
def test_what_is_no_array_is_damage(content, largest):
    with pytest.raises(Damaged):
        npz_arrays(member(content), PATH, largest)
