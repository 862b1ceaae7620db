"""A run is meant by its id or by a beginning of it that no other run has."""

import json
import shutil
from pathlib import Path

import pytest
from plans import plan_of, spec_of

from harness.errors import HarnessError, StoreError
from harness.store.find import find_run

IDS = ["aaaa000000000000", "aaab000000000000", "b" * 16]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "x").mkdir()
    plan = plan_of(IDS[0], specs=dict.fromkeys(IDS, spec_of(0)))
    (tmp_path / "x/plan.json").write_text(json.dumps(plan))
    return tmp_path


@pytest.mark.parametrize("text", [IDS[0], "aaaa", "AAAA0"])
def test_a_beginning_is_enough(root, text):
    for folder in (root, root / "x"):
        store, run_id = find_run(text, str(folder))
        assert (run_id, store.plan.run(run_id).run_id, store.folder) == (IDS[0], IDS[0], root / "x")


def test_a_run_that_is_no_longer_planned_is_found_without_a_row(root):
    store, run_id = find_run("b", str(root))
    assert store.plan.run(run_id) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a", "2 run ids in .*: aaaa000000000000, aaab000000000000"),
        ("aaac", "no run id in .* Did you mean 'aaaa000000000000'?"),
        ("c", "Known: aaaa000000000000, aaab000000000000, b"),
        ("", "RUN '': no run id in"),
        ("\x1b[31m" + "x" * 999, "Known: "),
        (IDS[0] + "0", "Did you mean 'aaaa000000000000'?"),
    ],
)
def test_what_means_no_run_or_several_is_a_sentence(root, text, words):
    with pytest.raises(HarnessError, match=words) as error:
        find_run(text, str(root))
    assert len(str(error.value)) < 400
    assert "\x1b" not in str(error.value)


def test_one_run_of_two_suites_needs_its_folder(root):
    shutil.copytree(root / "x", root / "y")
    with pytest.raises(HarnessError, match=r"is in .*x and .*y"):
        find_run("b", str(root))
    assert find_run("b", str(root / "y"))[0].folder == root / "y"


def test_no_results_are_a_store_error():
    with pytest.raises(StoreError):
        find_run("a", str(Path("nowhere")))
