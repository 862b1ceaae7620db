"""A stack's checkpoint: the new one is complete before the old one goes, and a torn one is set aside."""

from contextlib import suppress

import pytest
from killing import Killed, disk

from harness.store import Store

FILES = {"state.npz": bytes(range(256)), "empty": b"", "curves": b"c" * 40}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_it_comes_back_until_it_is_dropped(store):
    assert store.read_checkpoint("0001") is None
    store.write_checkpoint("0001", FILES)
    assert store.read_checkpoint("0001") == FILES
    store.write_checkpoint("0001", {"state.npz": b"later"})
    assert store.read_checkpoint("0001") == {"state.npz": b"later"}
    store.drop_checkpoint("0001")
    store.drop_checkpoint("0001")
    assert store.read_checkpoint("0001") is None


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_one(store):
    store.write_checkpoint("0001", FILES)
    for n in range(1, 8):
        with disk(n), suppress(Killed):
            store.write_checkpoint("0001", {"state.npz": b"later"})
        assert store.read_checkpoint("0001") in (FILES, {"state.npz": b"later"})
        assert not store.damage


@pytest.mark.slow
def test_every_cut_and_every_flipped_byte_is_seen_and_set_aside(store):
    with disk():
        store.write_checkpoint("0001", FILES)
        path = store.checkpoint_path("0001")
        whole = path.read_bytes()
        damaged = [whole[:end] for end in range(0, len(whole), 7)] + [whole + b"x"]
        damaged += [whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :] for i in range(0, len(whole), 5)]
        for n, content in enumerate(damaged, 1):
            path.write_bytes(content)
            assert store.read_checkpoint("0001") is None
            assert not path.exists()
            assert (store.folder / f"damaged/{n}/checkpoints/0001").read_bytes() == content
