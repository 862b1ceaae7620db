"""The results of a suite on disk: what is committed comes back, the first commit wins, status by status."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from plans import SPECS, A, B, C, D, plan_of, planned, record_of

from harness.disk import files
from harness.disk.arrays import npz_bytes
from harness.disk.documents import write_json
from harness.disk.files import write_atomic
from harness.errors import Damaged, HarnessError, StoreError
from harness.store import Store
from harness.store import folder as folder_module
from harness.store.plan_file import Malformed, Plan

RUN = A
RECORD = record_of(SPECS[RUN], facts={"train_s": 1.5})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "suite")


def test_a_record_comes_back_whole(store):
    shots = {
        "snapshots/10.npz": npz_bytes({"generated": np.eye(2)}),
        "snapshots/5.npz": npz_bytes({"generated": np.ones((1, 2))}),
    }
    assert store.commit(RECORD, shots)
    record = store.record(RUN)
    assert replace(record, files={}, sizes={}) == RECORD
    assert set(record.files) == set(shots)
    assert record.sizes == {name: len(content) for name, content in shots.items()}
    assert store.finished() == {RUN}
    assert store.steps(RUN) == [5, 10]
    assert np.array_equal(store.snapshot(RUN)["generated"], np.eye(2))
    assert np.array_equal(store.snapshot(RUN, 5)["generated"], np.ones((1, 2)))
    with pytest.raises(StoreError, match=r"step 7; kept: \[5, 10\]"):
        store.snapshot(RUN, 7)


@pytest.mark.parametrize("study", [{"trials": []}, {"identity": "x", "trials": [1], "chosen": []}, ["x"]])
def test_a_study_of_another_form_is_damage(study):
    with pytest.raises(Malformed, match="study"):
        Plan.from_json({**planned().to_json(), "study": study})


def test_the_first_commit_wins_and_the_second_touches_nothing(store):
    assert store.commit(RECORD, {"samples.npz": b"first"})
    assert not store.commit(replace(RECORD, facts={"train_s": 9.0}), {"samples.npz": b"second", "late.npz": b""})
    assert store.record(RUN).facts == {"train_s": 1.5}
    assert store.artefact(RUN, "samples.npz") == b"first"
    assert sorted(os.listdir(store.run_folder(RUN))) == ["record.json", "samples.npz"]


def test_one_that_was_committed_while_it_was_written_is_refused_as_quietly(store, monkeypatch):
    """A process taken for dead that wakes between its first look and the lock."""
    late, placing = Store(store.folder), Store.placing

    def after_another(self):
        monkeypatch.setattr(Store, "placing", placing)
        assert store.commit(RECORD, {"samples.npz": b"first"})
        return placing(self)

    monkeypatch.setattr(Store, "placing", after_another)
    assert not late.commit(RECORD, {"samples.npz": b"second"})
    assert store.artefact(RUN, "samples.npz") == b"first"
    assert not list(store.folder.rglob(".*.tmp"))


def test_a_run_without_a_record_is_pending_whatever_else_lies_there(store):
    write_atomic(store.run_folder(RUN) / "samples.npz", b"whole")
    assert store.finished() == set()
    assert store.status(RUN) == "pending"
    assert store.steps(RUN) == []
    with pytest.raises(StoreError, match="keeps no such file"):
        store.artefact(RUN, "samples.npz")


def test_attempts_are_numbered_and_the_last_is_the_status_until_a_record_comes(store):
    for n in range(11):
        store.commit_attempt(RUN, "failed", f"attempt {n}", "log")
    store.commit_attempt(RUN, "oom", "last", "log \ud800")
    assert [attempt.error for attempt in store.attempts(RUN)] == [*(f"attempt {n}" for n in range(11)), "last"]
    assert store.status(RUN) == "oom"
    store.commit(RECORD, {})
    assert store.status(RUN) == "ok"


def test_scores_are_kept_beside_the_record(store):
    store.commit(RECORD, {})
    assert store.unscored([RUN, B], "s1") == [RUN]
    store.commit_scores(RUN, "s1", {0: {"w1": 1.0}, 10: {"w1": None}}, 0.5)
    assert store.unscored([RUN], "s1") == []
    assert store.scores(RUN, "s1").steps == {0: {"w1": 1.0}, 10: {"w1": None}}
    assert store.scores(RUN, "s2") is None


def test_nan_is_never_written(store):
    with pytest.raises(HarnessError, match="not finite"):
        store.commit(replace(RECORD, facts={"train_s": float("nan")}), {})
    assert store.finished() == set()


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]", b'{"run_id": NaN}'])
def test_a_damaged_record_is_absent_and_remembered(store, damage):
    store.commit(RECORD, {})
    path = store.run_folder(RUN) / "record.json"
    path.write_bytes(damage)
    assert store.record(RUN) is None
    assert store.status(RUN) == "pending"
    assert store.finished() == set()
    assert set(store.damage) == {path}
    assert store.spoiled == {RUN}


def test_a_record_of_another_run_and_one_that_leads_out_of_its_folder_are_damaged(store):
    store.commit(RECORD, {})
    other = store.run_folder(B)
    other.mkdir()
    (store.run_folder(RUN) / "record.json").rename(other / "record.json")
    store.commit(replace(RECORD, run_id=C, spec=SPECS[C], status="pending"), {})
    store.commit(replace(RECORD, run_id=D, spec=SPECS[D]), {"../../../stolen": b"x"})
    assert [store.record(run_id) for run_id in (B, C, D)] == [None] * 3
    assert sorted(store.damage.values()) == [
        f"it is the record of another run, {A}",
        "it names a file that no run keeps, '../../../stolen'",
        "its status is missing or malformed",
    ]


@pytest.mark.parametrize("change", ["missing", "torn", "flipped"])
def test_an_artefact_that_is_not_what_was_committed_spoils_its_run(store, change):
    store.commit(RECORD, {"snapshots/4.npz": npz_bytes({"generated": np.eye(2)})})
    path = store.run_folder(RUN) / "snapshots/4.npz"
    content = path.read_bytes()
    path.unlink()
    if change != "missing":
        path.write_bytes(content[:-1] if change == "torn" else content[:-1] + b"\0x"[:1] + b"x")
    with pytest.raises(Damaged, match=r"snapshots/4\.npz: .*harness doctor"):
        store.snapshot(RUN)
    assert store.record(RUN) is None
    assert store.finished() == set()


@pytest.mark.parametrize("name", ["../../etc", "", "a/b", ".lock", "a\n"])
def test_names_that_lead_out_of_the_folder_are_refused(store, name):
    with pytest.raises(StoreError, match="not the name of"):
        store.run_folder(name)
    with pytest.raises(StoreError, match="not the name of"):
        store.claim(name)


def test_a_folder_without_a_plan_says_what_would_do(store):
    with pytest.raises(StoreError, match="harness run"):
        store.plan  # noqa: B018


def test_a_plan_is_read_anew_under_its_lock(store):
    store.write_plan(planned(score_id="1"), "")
    assert store.plan.score_id == "1"
    Store(store.folder).write_plan(planned(score_id="2"), "")
    assert store.plan.score_id == "1"
    with store.locked():
        assert store.plan.score_id == "2"


def test_a_plan_of_a_newer_harness_is_refused_in_words(store):
    store.write_plan(planned(), "")
    import hashlib

    from harness.disk.documents import BLANK, to_json

    blank = to_json({"version": 3, "sha256": ""})
    path = store.folder / "plan.json"
    path.write_bytes(blank.replace(BLANK, BLANK[:-1] + hashlib.sha256(blank).hexdigest().encode() + b'"'))
    with pytest.raises(StoreError, match=r"plan\.json: of version 3"):
        store.plan  # noqa: B018
    assert json.loads(path.read_text())["version"] == 3


FOREIGN_PLANS = {
    "empty": {},
    "a version alone": {"version": 1},
    "runs of another kind": plan_of(runs={"a": 1}),
    "a row without labels": plan_of(runs=[{"run_id": RUN}]),
    "a row that is text": plan_of(runs=["x"]),
    "a stack without runs": plan_of(stacks=[{"id": "0001"}]),
    "a run without a spec": plan_of(RUN, specs={}),
}


@pytest.mark.parametrize("what", FOREIGN_PLANS)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_plan_that_is_none_is_damaged(store, what, sealed):
    store.write_plan(planned(RUN), "")
    path = store.folder / "plan.json"
    write_json(path, FOREIGN_PLANS[what]) if sealed else path.write_text(json.dumps(FOREIGN_PLANS[what]))
    with pytest.raises(Damaged, match=r"plan\.json: its .*(runs|specs|stacks)"):
        Store(store.folder).plan  # noqa: B018


def test_a_plan_that_is_lost_beside_finished_runs_is_damaged_too(store):
    store.commit(RECORD, {})
    with pytest.raises(Damaged, match="missing beside finished runs"):
        store.plan  # noqa: B018


FOREIGN_ATTEMPTS = [
    {"status": "boo", "error": "x"},
    {"status": "ok", "error": "x"},
    {"status": "pending", "error": "x"},
    {"status": "failed", "error": ["x"]},
    {"status": ["failed"], "error": "x"},
    {"status": "failed"},
]


@pytest.mark.parametrize("attempt", FOREIGN_ATTEMPTS, ids=str)
def test_an_attempt_that_no_run_can_have_ended_in_is_damaged_and_its_run_stays_in_the_count(store, attempt):
    path = store.run_folder(RUN) / "attempts/1.json"
    write_atomic(path, json.dumps(attempt).encode())
    assert store.status(RUN) == "pending"
    assert set(store.damage) == {path}


FOREIGN_SCORES = [
    {"steps": [], "score_s": 0},
    {"steps": {"4": []}, "score_s": 0},
    {"steps": {"last": {}}, "score_s": 0},
    {"steps": {}, "score_s": "long"},
    {"steps": {}},
]


@pytest.mark.parametrize("scores", FOREIGN_SCORES, ids=str)
def test_scores_that_are_not_metrics_by_step_are_damaged_and_made_again(store, scores):
    store.commit(RECORD, {})
    path = store.scores_path(RUN, "s")
    write_atomic(path, json.dumps(scores).encode())
    assert store.scores(RUN, "s") is None
    assert set(store.damage) == {path}
    assert store.unscored([RUN], "s") == [RUN]
    assert store.finished() == {RUN}


def test_a_suite_whose_text_is_gone_is_not_made_empty(store):
    store.write_plan(planned(), "name: x\n")
    store.write_plan(planned(), "")
    assert store.suite_text == "name: x\n"


@pytest.fixture
def flushed(monkeypatch):
    """The files and folders that were flushed."""
    found = []
    monkeypatch.setattr(files, "_flush", lambda path: found.append(path))
    return found


def test_a_commit_flushes_all_that_it_put_in_place_and_every_folder_whose_entries_are_new(store, flushed):
    names = ["samples.npz", "snapshots/4.npz", "deep/er/x"]
    store.commit(RECORD, dict.fromkeys(names, b"x"))
    folder = store.run_folder(RUN)
    written = {path.relative_to(path.parents[len(path.relative_to(store.folder).parts) - 3]) for path in flushed[:4]}
    assert sorted(map(str, written)) == sorted([*names, "record.json"])  # in the draft, before they are in place
    assert {folder.parent, folder, folder / "snapshots", folder / "deep", folder / "deep/er"} <= set(flushed[4:])
    assert len(flushed) == 4 + 5


def test_an_attempt_is_flushed_with_the_folders_that_lead_to_it(store, flushed):
    store.commit_attempt(RUN, "failed", "boom", "log")
    folder = store.run_folder(RUN)
    assert {folder.parent, folder, folder / "attempts"} <= set(flushed)
    assert any(path.name.startswith(".1.json.") for path in flushed)


def test_a_plan_is_flushed_with_the_folders_that_lead_to_it(store, flushed):
    deep = Store(store.folder / "root" / "suite")
    deep.write_plan(planned(), "name: suite\n")
    assert {store.folder.parent, store.folder, deep.folder.parent, deep.folder} <= set(flushed)
    drafts = [path.name.split(".")[1] for path in flushed if path.suffix == ".tmp"]
    assert drafts == ["suite", "plan"]


def test_a_checkpoint_is_flushed_with_the_folders_that_lead_to_it(store, flushed):
    store.write_checkpoint("0001", {"state": b"x"})
    assert {store.folder.parent, store.folder, store.folder / "checkpoints"} <= set(flushed)
    assert flushed[0].name.startswith(".0001.")
    flushed.clear()
    store.write_checkpoint("0001", {"state": b"y"})
    assert [path.name for path in flushed[1:]] == ["checkpoints"]  # the folder alone has changed since


def test_runs_are_put_in_place_under_their_lock(store, monkeypatch):
    """Another process could not even try: it waits at the lock."""
    import fcntl

    def placed(*arguments):
        with (store.folder / "runs/.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        linked.append(link(*arguments))
        return linked[-1]

    linked, link = [], folder_module.link_once
    monkeypatch.setattr(folder_module, "link_once", placed)
    assert store.commit(RECORD, {"samples.npz": b"x"})
    assert linked == [True]
