"""The store: whole files, the first commit wins, damage is named."""

import json
import os

import numpy as np
import pytest

from harness.errors import StoreError
from harness.store import Store, checksum, npz_bytes, read_json, read_npz, write_atomic, write_once

RECORD = {"run_id": "a" * 16, "status": "ok", "first_bad_step": None, "facts": {"train_s": 1.5}, "provenance": {}}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "suite")


def test_a_record_comes_back_whole_with_its_checksum(store):
    assert store.commit(RECORD, {"samples.npz": npz_bytes({"generated": np.eye(2)})})
    record = store.record(RECORD["run_id"])
    assert {key: record[key] for key in RECORD} == RECORD
    assert record["checksum"] == checksum(record)
    assert set(record["files"]) == {"samples.npz"}
    assert store.finished() == {RECORD["run_id"]}
    assert np.array_equal(read_npz(store.run_folder(RECORD["run_id"]) / "samples.npz")["generated"], np.eye(2))


def test_the_first_commit_wins(store):
    assert store.commit(RECORD, {})
    assert not store.commit({**RECORD, "facts": {"train_s": 9.0}}, {"late.npz": b""})
    assert store.record(RECORD["run_id"])["facts"] == {"train_s": 1.5}
    assert not (store.run_folder(RECORD["run_id"]) / "late.npz").exists()


def test_a_run_without_a_record_is_pending_whatever_else_lies_there(store):
    """As after a kill between the artefacts and the record."""
    write_atomic(store.run_folder("b" * 16) / "samples.npz", b"whole")
    assert store.finished() == set()
    assert store.status("b" * 16) == "pending"


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.99])
def test_a_torn_record_is_named(store, share):
    store.commit(RECORD, {})
    path = store.run_folder(RECORD["run_id"]) / "record.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * (len(whole) - 2))])
    with pytest.raises(StoreError, match=r"record\.json: "):
        store.record(RECORD["run_id"])


def test_a_changed_record_is_named(store):
    store.commit(RECORD, {})
    path = store.run_folder(RECORD["run_id"]) / "record.json"
    path.write_text(path.read_text().replace("1.5", "1.4"))
    with pytest.raises(StoreError, match="checksum"):
        store.record(RECORD["run_id"])


def test_attempts_are_numbered_and_the_last_is_the_status_until_a_record_comes(store):
    store.commit_attempt("a" * 16, "failed", "first", "log")
    store.commit_attempt("a" * 16, "oom", "second", "log")
    assert store.status("a" * 16) == "oom"
    store.commit(RECORD, {})
    assert store.status("a" * 16) == "ok"


def test_nothing_temporary_stays(tmp_path):
    write_atomic(tmp_path / "x", b"1")
    assert write_once(tmp_path / "y", b"2")
    assert not write_once(tmp_path / "y", b"3")
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]
    assert (tmp_path / "y").read_bytes() == b"2"


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_atomic(tmp_path / "x", b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        write_atomic(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"old"


@pytest.mark.parametrize("text", ['{"x": NaN}', "{", "", "[1, Infinity]"])
def test_only_strict_json_is_read(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(StoreError, match=r"x\.json"):
        read_json(tmp_path / "x.json")


def test_nan_is_never_written(store):
    with pytest.raises(Exception, match="not finite"):
        store.commit({**RECORD, "facts": {"train_s": float("nan")}}, {})
    assert store.finished() == set()


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", bad=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StoreError, match=r"x\.npz"):
        read_npz(tmp_path / "x.npz")


def test_a_folder_without_a_plan_says_what_would_do(tmp_path):
    with pytest.raises(StoreError, match="harness run"):
        Store(tmp_path).plan  # noqa: B018


def test_scores_are_kept_beside_the_record(store):
    store.commit(RECORD, {})
    assert store.unscored(["a" * 16, "b" * 16], "s1") == ["a" * 16]
    store.commit_scores("a" * 16, "s1", {0: {"w1": 1.0}, 10: {"w1": None}}, 0.5)
    assert store.unscored(["a" * 16], "s1") == []
    assert store.scores("a" * 16, "s1")["steps"] == {"0": {"w1": 1.0}, "10": {"w1": None}}
    assert store.scores("a" * 16, "s2") is None
    assert json.loads((store.run_folder("a" * 16) / "record.json").read_text())["status"] == "ok"
