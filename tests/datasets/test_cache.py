"""Arrays kept once a machine: whole or not at all, filled once, and never in the way."""

import os
import subprocess
import sys

import numpy as np
import pytest

from harness.datasets.cache import cache_path, cached


def numbered(calls):
    def fill(out):
        calls.append(out.shape)
        out[:] = np.arange(out.size, dtype=np.uint8).reshape(out.shape)

    return fill


def test_an_array_is_filled_once_and_mapped_then(cache):
    calls = []
    first, again = (cached("a", (5, 7), numbered(calls), least=0) for _ in range(2))
    assert calls == [(5, 7)]
    assert np.array_equal(first, again)
    assert np.array_equal(np.load(cache_path("a")), np.arange(35, dtype=np.uint8).reshape(5, 7))
    assert isinstance(again, np.memmap)
    again[:] = 0  # a copy of this process's own
    assert np.array_equal(np.load(cache_path("a")), first)
    assert sorted(path.name for path in (cache / "pictures").iterdir()) == ["a.lock", "a.npy"]


def test_small_arrays_are_not_kept(cache):
    assert cached("a", (5, 7), numbered([])).sum() == sum(range(35))
    assert not (cache / "pictures").exists()


@pytest.mark.parametrize("spoil", [lambda p: p.write_bytes(b""), lambda p: os.truncate(p, 140), lambda p: p.unlink()])
def test_what_is_torn_is_filled_again(spoil):
    calls = []
    cached("a", (5, 7), numbered(calls), least=0)
    spoil(cache_path("a"))
    assert cached("a", (5, 7), numbered(calls), least=0).sum() == sum(range(35))
    assert len(calls) == 2
    assert np.load(cache_path("a")).shape == (5, 7)


def test_nothing_stays_of_an_array_that_could_not_be_filled(cache):
    def fail(out):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cached("a", (5, 7), fail, least=0)
    assert [path.name for path in (cache / "pictures").iterdir()] == ["a.lock"]


def test_without_a_cache_or_space_arrays_are_filled_in_memory(cache, monkeypatch, tmp_path):
    def full(*arguments):
        raise OSError(28, "No space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        assert cached("a", (5, 7), numbered([]), least=0).sum() == sum(range(35))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    assert cached("a", (5, 7), numbered([]), least=0).sum() == sum(range(35))


def digest():
    """The hash over the first images of all built-in sets."""
    import hashlib

    from oracles import HERE, data_defaults

    from harness.datasets import DATASETS

    sets = [DATASETS[name].pictures(data_defaults(name)) for name in HERE if DATASETS[name].pictures]
    return hashlib.sha256(b"".join(part.numpy().tobytes() for images in sets for part in images[:2])).hexdigest()


@pytest.mark.slow
def test_pictures_are_the_same_in_every_process(cache):
    """With another seed of Python's hashes."""
    program = "from datasets.test_cache import digest; print(digest())"
    env = {**os.environ, "PYTHONHASHSEED": "1", "HARNESS_CACHE": str(cache / "another")}
    other = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest()
