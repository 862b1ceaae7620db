"""`harness plan` tells what a suite will take: from earlier calls, from trials, or that it is not known."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands import plan as planner
from harness.commands.plan import plan
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.execution.tasks import plan_suite
from harness.plan.screen import render
from harness.plan.timings import cache_file
from harness.store import Record, Store

SUITE = """
version: 1
name: tiny
seeds: 2
train: {steps: 20, batch: 8, lr: 1e-3}
score: {at: [0, .5, 1], samples: 60}
architectures: {mlp: {width: 4, depth: 1}}
matrix:
  - {dataset: [8gaussians, ring], architecture: mlp, objective: [gan, wgan-gp]}
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    Path("tiny.yaml").write_text(SUITE)
    return Request("tiny.yaml", workers=0)


@pytest.fixture
def measured(suite):
    """Return a function that plans with trials: the cost, and what was said."""

    def call(request=suite):
        said = []
        return plan(request, True, said.append).cost, said

    return call


def test_without_timings_it_says_so_and_writes_nothing(suite):
    cost = plan(suite).cost
    assert (cost.seconds, cost.workers) == (None, 0)
    assert "8gaussians mlp wgan-gp" in cost.missing
    assert not cache_file().exists()
    assert [path.name for path in Path.cwd().iterdir()] == ["tiny.yaml"]


def commit(store, objective, dataset, status):
    """End the run of one seed of a planned store without training."""
    run_id = next(row.run_id for row in store.plan.runs if (row.objective, row.dataset) == (objective, dataset))
    if status == "ok":
        store.commit(Record(run_id, "ok", store.plan.specs[run_id]), {"snapshots/1.bin": b"points"})
    else:
        store.commit_attempt(run_id, status, "it broke", "log")


@pytest.mark.parametrize(
    ("only", "to_train", "stacks", "finished", "lost", "left_out"),
    [
        ([], 6, 4, 1, 1, 0),
        (["objective=gan"], 3, 2, 1, 0, 4),
        (["dataset=ring"], 2, 2, 1, 1, 4),
        (["dataset=ring,objective=gan,seed=0"], 0, 0, 1, 0, 7),
        (["dataset=8gaussians,seed=1"], 2, 2, 0, 0, 6),
    ],
)
def test_a_plan_counts_what_a_run_would_train(suite, only, to_train, stacks, finished, lost, left_out):
    """Of eight runs in four stacks, one of gan on ring has finished, and one of wgan-gp on ring has failed."""
    request = replace(suite, only=only, device="cpu")
    store = Store(plan_suite(replace(request, only=[]), write=True).folder)
    commit(store, "gan", "ring", "ok")
    commit(store, "wgan-gp", "ring", "failed")
    planned, todo = plan(request), plan_suite(request, write=True)
    assert (planned.planned, planned.stacks.all) == (8, 4)
    assert (planned.to_train, planned.stacks.unfinished) == (to_train, stacks)
    assert (planned.finished, planned.lost, planned.left_out) == (finished, lost, left_out)
    assert to_train == sum(len(stack.runs) for stack in todo.stacks)  # what `harness run` hands out
    assert stacks == len(todo.stacks)
    assert (finished, lost) == (todo.finished, todo.waiting)
    each = plan(Request(suite.suite, "elsewhere", workers=0)).cost.bytes / 8
    assert planned.cost.bytes == pytest.approx(to_train * each, rel=0.05)  # critics of both objectives are alike
    screen = " ".join(render(planned).split())
    assert ("to train nothing;" if not to_train else f"to train {to_train} runs in {stacks} stacks;") in screen
    assert (f"--only leaves out {left_out} run" in screen) == bool(left_out)
    assert ("1 failed before" in screen) == bool(lost)


@pytest.mark.slow
def test_trials_time_each_stack_and_data_set_once_and_write_no_results(measured):
    cost, said = measured()
    assert len(said) == 4
    assert said[0].startswith("trial 1 of 4: ")
    assert cost.missing == ["the report"]
    assert cost.rough == []
    assert 0 < cost.seconds < 60
    assert cost.seconds == pytest.approx(sum(cost.parts.values()))
    assert cost.bytes > 8 * 1000
    assert [path.name for path in Path.cwd().iterdir()] == ["tiny.yaml"]
    assert ["nothing to measure" in line for line in measured()[1]] == [True]


@pytest.mark.slow
def test_a_run_times_what_plan_then_knows(suite):
    first = run(suite)
    assert first.estimated_s is None
    assert "estimated" not in first.render()
    elsewhere = Request(suite.suite, "elsewhere", workers=0)
    cost = plan(elsewhere).cost
    assert (cost.missing, cost.rough) == ([], [])
    second = run(elsewhere)
    assert second.estimated_s == pytest.approx(cost.seconds)
    assert "estimated" in second.render()
    written = sum(p.stat().st_size for p in Path("elsewhere/tiny/runs").rglob("*") if p.is_file())
    assert cost.bytes == pytest.approx(written, rel=0.2)  # records and scores are beside it
    left = plan(elsewhere).cost
    assert (left.parts["training"], left.parts["scoring"], left.bytes) == (0, 0, 0)


@pytest.mark.slow
def test_only_what_is_left_counts(suite):
    run(suite)
    fewer, whole = (
        plan(Request(suite.suite, "elsewhere", workers=0, only=only)).cost.parts["training"]
        for only in (["objective=gan"], [])
    )
    assert 0 < fewer < whole


@pytest.mark.slow
def test_a_trial_that_fails_or_comes_too_late_is_told(suite, measured, monkeypatch):
    def broken(*_):
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(planner, "try_stack", broken)
        cost, said = measured()
    assert any("(RuntimeError: boom)" in line for line in said)
    assert cost.seconds is None
    monkeypatch.setattr(planner, "BUDGET_S", 0)
    cost, said = measured()
    assert "3 trials" in said[-1]
    assert cost.seconds is not None
    assert cost.rough


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_stops_no_run(suite, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("no folder")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "taken"))
    assert run(suite).exit_code == 0
    assert plan(suite).cost.seconds is None


@pytest.mark.slow
def test_workers_are_tried_side_by_side(suite):
    said = []
    request = Request(suite.suite, workers=2, only=["objective=gan,dataset=ring"])
    cost = plan(request, True, said.append).cost
    assert said == [f"trial {n} of 2: ring mlp gan" for n in (1, 2)]  # one alone would be too quick
    assert (cost.workers, cost.rough) == (2, [])


@pytest.mark.slow
def test_digits_and_small_networks_are_planned_without_the_compiler_and_scikit_learn(tmp_path):
    """Either takes a second to import, in which no run would train."""
    code = (
        "import sys\nfrom harness.execution.requests import Request\nfrom harness.execution.tasks import plan_suite\n"
        "from harness.suite.shipped import find_suite\n"
        f"plan_suite(Request(find_suite('robustness'), {str(tmp_path)!r}, device='cpu'), False)\n"
        "print([name for name in ('torch._dynamo', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
