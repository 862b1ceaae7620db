"""Plug-ins in a worker: one that cannot be loaded, or has changed, is named by the runs that need it."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.execution import tasks
from harness.execution.requests import Request
from harness.plugins import components
from harness.store import Store

GOOD = (
    "from dataclasses import replace\nfrom harness import OBJECTIVES as known\nOBJECTIVES = {'opened': known['gan']}\n"
)
SUITE = """
version: 1
name: opened
plugins: [mine.py]
train: {steps: 2, batch: 4, lr: 1e-3}
score: {at: [1], samples: 20}
architectures: {mlp: {width: 4, depth: 1}}
matrix: [{dataset: 8gaussians, architecture: mlp, objective: [opened, nsgan]}]
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(GOOD)
    Path("opened.yaml").write_text(SUITE)
    yield tasks.plan_suite(Request("opened.yaml", "results", device="cpu"), True)
    forget()


def forget():
    """Be a worker that has loaded nothing yet."""
    for path in [path for path in components._LOADED if path.endswith("mine.py")]:
        components.forget(path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise OSError('no licence here')", "OSError: no licence here"),
        (None, "mine.py cannot be read"),
        (GOOD + "# edited", "objective 'opened' has changed"),
    ],
)
def test_only_the_runs_that_need_a_broken_plug_in_fail(plan, source, words):
    forget()
    Path("mine.py").unlink() if source is None else Path("mine.py").write_text(source)
    ended = {}
    for stack in plan.stacks:
        done = tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu")
        ended[plan.labels[stack.runs[0]].split()[2]] = done
    assert ended["nsgan"].failure is None
    assert [run.status for run in ended["nsgan"].runs] == ["ok"]
    failure = ended["opened"].failure
    status, error, log = failure.status, failure.error, failure.log
    assert (status, [*ended["opened"].runs]) == ("failed", [])
    assert words in error
    assert "Traceback" in log


def test_a_plug_in_that_is_as_it_was_planned_trains(plan):
    forget()
    done = [tasks.train_stack(plan.folder, s.id, s.runs, "cpu").failure for s in plan.stacks]
    assert done == [None, None]


@pytest.mark.parametrize(
    ("key", "words"),
    [("engine", "the engine has changed"), ("dataset", "dataset '8gaussians' has changed"),
     ("objective", "objective 'opened' has changed")],
)  # fmt: skip
def test_what_was_planned_for_another_version_is_not_trained_as_if_it_were_that(plan, key, words):
    store = tasks.open_planned(plan.folder)[0]
    specs = store.plan.specs
    for spec in specs.values():
        spec["setup"]["versions"][key] -= 1
    store.write_plan(replace(store.plan, specs=specs), "")
    (stack,) = [stack for stack in plan.stacks if "opened" in plan.labels[stack.runs[0]]]
    failure = tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu").failure
    assert (failure.status, words in failure.error) == ("failed", True)


def test_a_plan_is_read_anew_when_it_has_changed(plan):
    store, first = tasks.open_planned(plan.folder)
    assert tasks.open_planned(plan.folder)[1] is first
    store.write_plan(replace(first, score_id="another"), "")
    assert tasks.open_planned(plan.folder)[1].score_id == "another"


def test_what_was_planned_with_a_plug_in_that_is_gone_can_be_tried_again_and_fails_by_its_name(plan):
    forget()
    Path("mine.py").unlink()
    store = Store(plan.folder)
    for run_id in plan.labels:
        store.commit_attempt(run_id, "failed", "boom", "log")
    again = tasks.plan_retry(plan.folder, [])
    assert sum(len(stack.runs) for stack in again.stacks) == len(plan.labels) == 2
    bad = next(stack for stack in again.stacks if "opened" in plan.labels[stack.runs[0]])
    failure = tasks.train_stack(plan.folder, bad.id, bad.runs, "cpu").failure
    assert (failure.status, "mine.py cannot be read" in failure.error) == ("failed", True)
