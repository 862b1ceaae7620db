"""Two suite files of one name do not share a results folder; one file, edited, moved or copied, keeps it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.execution import tasks
from harness.execution.requests import Request
from harness.plan import recovery
from harness.store import Record, Store

SUITE = """\
version: 1
name: mine
question: Whose folder is it?
seeds: 1
train: {steps: 20, batch: 8, lr: 1e-3}
score: {at: [1], samples: 60}
scales: {large: {seeds: 2}}
matrix: [{dataset: 8gaussians, architecture: mlp, objective: [gan, nsgan]}]
"""
EDITED = SUITE.replace("1e-3", "2e-3")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("elsewhere").mkdir()
    written("m1.yaml", SUITE)
    plan("m1.yaml")


def written(path, text):
    Path(path).write_text(text)
    return path


def plan(suite, write=True, **more):
    return tasks.plan_suite(Request(suite, device="cpu", **more), write)


@pytest.mark.parametrize("write", [False, True])
def test_another_file_of_that_name_is_refused_with_both_paths(write):
    before = Path("results/mine/plan.json").read_bytes()
    with pytest.raises(SuiteError) as refused:
        plan(written("elsewhere/m2.yaml", EDITED), write)
    (problem,) = refused.value.problems
    assert (problem.code, problem.place) == ("name-taken", "elsewhere/m2.yaml:2")
    assert str(Path("m1.yaml").resolve()) in problem.text
    assert Path("results/mine/plan.json").read_bytes() == before


def test_it_is_refused_as_well_where_the_first_was_planned_at_the_same_moment(monkeypatch):
    shutil.rmtree("results")
    real = recovery.earlier_plan

    def first_none(store):
        if Path("results/mine").exists():
            return real(store)
        monkeypatch.setattr(recovery, "earlier_plan", real)
        plan("m1.yaml")
        return None

    monkeypatch.setattr(recovery, "earlier_plan", first_none)
    with pytest.raises(SuiteError, match=r"m1\.yaml"):
        plan(written("elsewhere/m2.yaml", EDITED))


def test_a_file_may_be_edited_and_planned_with_further_settings():
    plan(written("m1.yaml", EDITED))
    plan("m1.yaml", sets=["seeds=2"])
    plan("m1.yaml", scale="large")
    assert {path.name for path in Path("results").iterdir()} == {"mine", "mine@large"}


def test_a_copy_that_says_the_same_may_take_its_place():
    plan(shutil.copy("m1.yaml", "elsewhere/m1.yaml"), sets=["seeds=2"])
    with pytest.raises(SuiteError, match="elsewhere"):
        plan(written("m1.yaml", EDITED))


@pytest.mark.parametrize("more", ["plugins: [own.py]", "datasets: {here: {base: points, file: a.csv}}"])
def test_a_copy_that_names_files_beside_it_says_something_else(more):
    for folder in (".", "elsewhere"):
        Path(folder, "own.py").write_text("")
        Path(folder, "a.csv").write_text("0.5,1\n1,0\n" * 50)
        written(f"{folder}/m2.yaml", f"{SUITE.replace('mine', 'files')}{more}\n")
    plan("m2.yaml")
    with pytest.raises(SuiteError) as error:
        plan("elsewhere/m2.yaml")
    assert [problem.code for problem in error.value.problems] == ["name-taken"]


def test_a_file_that_was_moved_takes_its_folder_along():
    shutil.move("m1.yaml", "elsewhere/moved.yaml")
    plan(written("elsewhere/moved.yaml", EDITED))
    with pytest.raises(SuiteError, match=r"moved\.yaml"):
        plan(written("m1.yaml", SUITE))


def test_the_suite_in_the_folder_goes_on_and_leaves_it_to_its_file():
    plan("results/mine/suite.yaml")
    with pytest.raises(SuiteError, match=r"m1\.yaml"):
        plan(written("elsewhere/m2.yaml", EDITED))


def test_results_and_suite_may_be_moved_together():
    for name in ("m1.yaml", "results"):
        shutil.move(name, "elsewhere")
    assert Store("elsewhere/results/mine").plan.source == "../../m1.yaml"
    plan("elsewhere/m1.yaml", root="elsewhere/results")
    with pytest.raises(SuiteError, match=r"elsewhere/m1\.yaml"):
        plan(written("m2.yaml", EDITED), root="elsewhere/results")


@pytest.mark.parametrize("lost", ["", "../../gone.yaml"])
def test_a_folder_whose_file_is_not_known_takes_any(lost):
    store = Store("results/mine")
    store.write_plan(replace(store.plan, source=lost), "")
    plan(written("elsewhere/m2.yaml", EDITED))
    assert Store("results/mine").plan.source == "../../elsewhere/m2.yaml"


def test_text_has_no_file_and_is_not_kept_apart():
    plan(EDITED)
    assert Store("results/mine").plan.source == ""
    assert plan("m1.yaml").labels
    assert Store("results/mine").plan.source == "../../m1.yaml"


def test_a_lost_plan_does_not_forget_whose_the_folder_is():
    store = Store("results/mine")
    run_id, spec = next(iter(store.plan.specs.items()))
    assert store.commit(Record(run_id, "diverged", spec), {})
    store.plan_path.unlink()
    with pytest.raises(SuiteError, match=r"m1\.yaml"):
        plan(written("elsewhere/m2.yaml", EDITED))
    plan("results/mine/suite.yaml")
    assert Store("results/mine").plan.source == "../../m1.yaml"


def test_the_suite_of_a_renamed_folder_starts_no_other_one():
    Path("results/mine").rename("results/yours")
    with pytest.raises(SuiteError) as refused:
        plan("results/yours/suite.yaml")
    (problem,) = refused.value.problems
    assert (problem.code, "'mine'" in problem.text) == ("renamed-folder", True)
    assert not Path("results/mine").exists()
