"""A kill at any file operation leaves what was kept whole, and the same call then ends as if nothing had happened."""

import errno
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from killing import GROWING, Killed, disk, refuse
from plans import SPECS, A, B, planned, record_of

from harness.errors import StoreError
from harness.store import Store, mend, run_damage

RUN = A
RECORD = record_of(SPECS[RUN], facts={"train_s": 1.5})
ARTEFACTS = {"curves.bin": b"curves" * 50, "snapshots/10.bin": b"shot" * 50, "samples.bin": b"points"}
PLAN = planned(RUN, specs=SPECS)


def commit(store):
    store.commit(RECORD, ARTEFACTS)


def rescue(store):
    mend(store, [RUN])
    store.commit(RECORD, ARTEFACTS)


def attempt(store):
    mend(store, [RUN])
    if not store.attempts(RUN):
        store.commit_attempt(RUN, "failed", "boom", "log")


OPERATIONS = {
    "commit": commit,
    "attempt": attempt,
    "scores": lambda store: store.commit_scores(RUN, "s", {1: {"w1": 0.5}}, 1.0),
    "plan": lambda store: store.write_plan(replace(PLAN, merged=1), "name: new\n"),
    "checkpoint": lambda store: store.write_checkpoint("0001", {"state": b"new" * 99}),
    "claim": lambda store: store.claim("0001").release(),
    "mend": rescue,
}


def prepared(folder, operation):
    """A store as it stands before the operation."""
    store = Store(folder)
    with disk():
        store.write_plan(PLAN, "name: old\n")
        store.write_checkpoint("0001", {"state": b"old" * 99})
        store.commit(replace(RECORD, run_id=B, spec=SPECS[B]), ARTEFACTS)
        if operation == "mend":
            commit(store)
    if operation == "mend":
        (store.run_folder(RUN) / "record.json").write_bytes(b"{")
    return store


def kept(folder):
    """Every file but temporary ones, locks, claims and what was set aside."""
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    hidden = {
        path for path in files if any(part.startswith(".") or part in ("damaged", "claims") for part in path.parts)
    }
    return {str(path): content for path, content in files.items() if path not in hidden}


def assert_sound(store, before, after):
    """Every file is as it was before or as it is after; a run that counts as finished has all of its files."""
    found = kept(store.folder)
    for name, content in found.items():
        assert content in (before.get(name), after.get(name)), name
    assert set(before) - {name for name in before if RUN in name} <= set(found)
    for run_id in store.finished():
        assert run_damage(store, run_id, deep=True).keys() <= {store.run_folder(RUN) / "record.json"}
    assert store.plan.score_id == "s"
    assert store.read_checkpoint("0001")["state"] in (b"old" * 99, b"new" * 99)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_at_every_operation_it_goes_on_as_if_nothing_had_happened(tmp_path, name):
    operation = OPERATIONS[name]
    before, whole = kept(prepared(tmp_path / "before", name).folder), prepared(tmp_path / "whole", name)
    with disk() as counted:
        operation(whole)
    after = kept(whole.folder)
    for n in range(1, counted.count + 1):
        store = prepared(tmp_path / str(n), name)
        with disk(n), pytest.raises(Killed):
            operation(Store(store.folder))
        assert_sound(Store(store.folder), before, after)
        if name == "claim":
            (store.folder / "claims/0001.json").unlink(missing_ok=True)  # of this process, which lives
        with disk():
            operation(Store(store.folder))
        assert kept(store.folder) == after


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_full_disk_is_one_sentence_and_leaves_no_half_files(tmp_path, name):
    operation = OPERATIONS[name]
    whole = prepared(tmp_path / "whole", name)
    with disk(names=GROWING) as counted:
        operation(whole)
    before = kept(prepared(tmp_path / "before", name).folder)
    for n in range(1, counted.count + 1):
        store, failing = prepared(tmp_path / str(n), name), Once(n, errno.ENOSPC)
        said = [f"{store.folder}: No space left"]  # a sentence, or nothing where it did without
        with disk(1, failing, GROWING):
            try:
                operation(Store(store.folder))
            except StoreError as error:
                said = str(error).split("\n")
        assert len(said) == 1
        assert str(store.folder) in said[0]
        assert "No space left" in said[0]
        assert not list(store.folder.rglob(".*.tmp"))
        assert_sound(Store(store.folder), before, kept(whole.folder))


class Once:
    """A disk that is full at the n-th operation alone."""

    def __init__(self, n, number):
        self.left, self.act = n, refuse(number)

    def __call__(self):
        self.left -= 1
        if not self.left:
            self.act()


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "mend"])
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, name):
    store = prepared(tmp_path, name)
    before = kept(tmp_path)
    with disk(1, refuse(errno.EROFS)), pytest.raises(StoreError, match=r"Read-only file system.*-o"):
        OPERATIONS[name](store)
    assert kept(tmp_path) == before
    assert store.finished() == {B}


def test_a_file_too_large_for_its_quota_is_a_sentence_and_it_goes_on_after(tmp_path):
    """A real limit of the kernel, on the artefacts of a run."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = prepared(tmp_path, "commit")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StoreError, match="File too large"):
            store.commit(RECORD, {"snapshots/1.bin": b"x" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.finished() == {B}
    assert not list(tmp_path.rglob(".*.tmp"))
    assert store.commit(RECORD, {"snapshots/1.bin": b"x" * 5000})


KILLED = """
import os, sys
from killing import disk
from store.test_killed import RECORD, ARTEFACTS
from plans import planned

from harness.store import Store
with disk(int(sys.argv[2]), lambda: os._exit(9)):
    Store(sys.argv[1]).commit(RECORD, ARTEFACTS)
"""


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 14, 23, 26, 27])
def test_a_process_that_dies_there_leaves_the_same(tmp_path, n):
    """As above, with nothing of the process left: its lock goes with it."""
    store = prepared(tmp_path, "commit")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(n)], env=dict(os.environ), timeout=60)
    assert done.returncode == 9
    assert run_damage(store, B, deep=True) == {}
    commit(store)
    assert store.finished() == {RUN, B}
    assert run_damage(store, RUN, deep=True) == {}
