"""`harness verify` says what does not match, and writes nothing."""

import json
from pathlib import Path

import pytest

from harness.disk.arrays import npz_bytes, read_npz
from harness.disk.documents import write_json
from harness.store import Store

FOLDER = Path("results/small")


@pytest.fixture
def verified(results, call):
    """Call `verify`; return its exit code and what it found, with the folder's files untouched."""

    def run():
        before = {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
        code, out, _ = call("verify", "--json")
        assert {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()} == before
        return code, json.loads(out)[0]

    return run


def test_what_was_committed_matches(verified, call):
    code, found = verified()
    assert code == 0
    assert (found["runs"], found["w1"], found["mismatches"]) == (4, 3, [])
    assert call("verify")[1].endswith("3 values of w1 checked, 0 do not match\n")


def test_a_changed_file_is_named(verified, results):
    path = FOLDER / "runs" / results["averaged mlp"] / "critic.safetensors"
    path.write_bytes(path.read_bytes() + b" ")
    code, found = verified()
    assert code == 1
    assert [str(path) in line for line in found["mismatches"]] == [True]


@pytest.mark.parametrize("by", [1e-12, 1e-6])
def test_a_w1_that_its_samples_do_not_give_is_named(verified, results, by):
    """Scores with a sum of their own, and a value that nobody computed."""
    store, run_id = Store(FOLDER), results["averaged mlp"]
    scores = store.scores(run_id, store.plan.score_id)
    scores.steps[20]["w1"] += by
    write_json(store.scores_path(run_id, store.plan.score_id), scores.to_json())
    code, found = verified()
    assert code == (by > 1e-9)
    assert [run_id in line and "its w1 is" in line for line in found["mismatches"]] == [True] * (by > 1e-9)


def test_a_changed_or_missing_reference_is_named(verified):
    path = FOLDER / "references/8gaussians.npz"
    arrays = read_npz(path)
    path.write_bytes(npz_bytes({**arrays, "reference": arrays["reference"] + 0.01}))
    assert len(verified()[1]["mismatches"]) == 2
    path.unlink()
    code, found = verified()
    assert code == 1
    assert all(str(path) in line for line in found["mismatches"])
