"""Damage is set aside under damaged/ and named in a line; its run is pending, and nothing else changes."""

import errno
import json
import os

import numpy as np
import pytest
from plans import SPECS, A, B, C, planned, record_of

from harness.disk.arrays import npz_bytes
from harness.errors import StoreError
from harness.store import Store, mend, missing, run_damage

RUN, OTHER = A, B
RECORD = record_of(SPECS[RUN], facts={"train_s": 1.5})
SHOT = "snapshots/4.npz"


@pytest.fixture
def store(tmp_path):
    """Two finished and scored runs, of which the first failed once before."""
    made = Store(tmp_path)
    made.write_plan(planned(RUN, OTHER), "")
    made.commit_attempt(RUN, "failed", "boom", "log")
    for run_id in (RUN, OTHER):
        shot = npz_bytes({"generated": np.arange(6.0).reshape(3, 2)})
        made.commit(record_of(SPECS[run_id], facts={"train_s": 1.5}), {SHOT: shot, "samples.bin": b"x"})
        made.commit_scores(run_id, "s", {4: {"w1": 1.0}}, 0.1)
    return made


def flip(path):
    content = path.read_bytes()
    path.write_bytes(content[:20] + bytes([content[20] ^ 4]) + content[21:])


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def empty(path):
    path.write_bytes(b"")


CHANGES = {change.__name__: change for change in (flip, cut, empty)}


def test_nothing_is_found_in_a_whole_folder(store):
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")}
    assert mend(store, [RUN, OTHER], deep=True) == []
    assert run_damage(store, C) == {}
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")} == before


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["record.json", SHOT])
def test_a_run_with_a_damaged_record_or_artefact_is_set_aside_whole_and_done_again(store, name, change):
    path = store.run_folder(RUN) / name
    whole = path.read_bytes()
    CHANGES[change](path)
    damaged = path.read_bytes()
    (line,) = mend(store, [RUN, OTHER], deep=True)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert (store.folder / "damaged/1/runs" / RUN / name).read_bytes() == damaged
    assert (store.status(RUN), store.status(OTHER)) == ("pending", "ok")
    assert missing(store) == [line]
    assert mend(store, [RUN, OTHER], deep=True) == []
    assert store.commit(RECORD, {SHOT: whole, "samples.bin": b"x"})
    assert missing(store) == []
    assert store.unscored([RUN, OTHER], "s") == [RUN]


def test_a_damaged_run_is_set_aside_where_the_plan_is_lost_too(store):
    cut(store.run_folder(RUN) / "record.json")
    store.plan_path.unlink()
    (line,) = mend(Store(store.folder), [RUN, OTHER])
    assert "its run is trained again" in line


def test_of_what_is_not_planned_it_is_not_said_that_it_is_trained_again(store):
    cut(store.run_folder(RUN) / "record.json")
    (line,) = mend(store, [RUN, OTHER], planned=[OTHER])
    assert "trained again" not in line


def test_without_looking_deep_sizes_are_compared_and_missing_files_seen(store):
    path = store.run_folder(RUN) / SHOT
    flip(path)
    assert run_damage(store, RUN) == {}
    cut(path)
    assert run_damage(store, RUN) == {path: f"{path.stat().st_size} bytes, of {path.stat().st_size + 3}"}
    path.unlink()
    assert run_damage(store, RUN) == {path: "missing"}
    assert store.status(RUN) == "ok"  # of the store that has not met it
    mend(store, [RUN])
    assert store.finished() == {OTHER}


@pytest.mark.parametrize("change", CHANGES)
def test_damaged_scores_go_alone_and_are_scored_again(store, change):
    path = store.scores_path(RUN, "s")
    CHANGES[change](path)
    (line,) = mend(store, [RUN])
    assert store.finished() == {RUN, OTHER}
    assert store.unscored([RUN, OTHER], "s") == [RUN]
    assert missing(store) == [line]
    store.commit_scores(RUN, "s", {4: {"w1": 1.0}}, 0.1)
    assert missing(store) == []


def test_a_damaged_attempt_goes_alone_and_the_one_before_is_the_status(store):
    store.commit_attempt(C, "failed", "boom", "log")
    store.commit_attempt(C, "oom", "more", "log")
    empty(store.run_folder(C) / "attempts/2.json")
    assert store.status(C) == "failed"
    assert len(mend(store, [C])) == 1
    store.commit_attempt(C, "timeout", "again", "log")
    assert [attempt.status for attempt in store.attempts(C)] == ["failed", "timeout"]


def test_a_log_that_is_a_broken_link_is_named_without_an_attempt(store):
    store.run_folder(C).mkdir()
    store.log_path(C).symlink_to("nowhere")
    (line,) = mend(store, [C])
    assert line.startswith(f"{store.log_path(C)}: ")
    assert mend(store, [C]) == []


def test_a_folder_with_another_runs_record_is_set_aside(store):
    foreign = store.run_folder(C)
    store.run_folder(RUN).rename(foreign)
    (line,) = mend(store, [C])
    assert f"of another run, {RUN}" in line
    assert not foreign.exists()
    assert mend(store, [RUN]) == []


def test_one_that_was_mended_and_trained_meanwhile_is_left_alone(store, monkeypatch):
    """Two runners see the same damage; the slower one must not set aside what the faster one has made."""
    empty(store.run_folder(RUN) / "record.json")
    placing = Store.placing

    def after_another(self):
        monkeypatch.setattr(Store, "placing", placing)
        other = Store(store.folder)
        assert mend(other, [RUN])
        assert other.commit(RECORD, {SHOT: b"x"})
        return placing(self)

    monkeypatch.setattr(Store, "placing", after_another)
    assert mend(store, [RUN]) == []
    assert Store(store.folder).status(RUN) == "ok"


def test_why_is_kept_beside_what_was_set_aside(store):
    empty(store.scores_path(RUN, "s"))
    (line,) = mend(store, [RUN])
    said = json.loads((store.folder / "damaged/1/why.json").read_text())
    assert said["path"] == f"runs/{RUN}/scores/s.json"
    assert said["line"] == line
    (store.folder / "damaged/1/why.json").write_bytes(b"")
    assert missing(store) == []  # and nobody stumbles over it


def test_a_disk_that_fails_makes_nothing_damaged(store, monkeypatch):
    stat = os.stat

    def failing(path, *rest, **more):
        if str(path).endswith("samples.bin"):
            raise OSError(errno.EIO, "Input/output error")
        return stat(path, *rest, **more)

    monkeypatch.setattr(os, "stat", failing)
    with pytest.raises(StoreError, match=r"samples\.bin: cannot be read \(Input/output error\)"):
        run_damage(store, RUN)
