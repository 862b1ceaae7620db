"""A stack that trains in a folder of its own, as on another machine: the same record, and the same words."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from distributions import distribution
from faults import fake
from faults.records import records

from harness.errors import DataError, HarnessError
from harness.execution import tasks
from harness.execution.cluster import node
from harness.execution.cluster.node import (
    CheckpointUpdate,
    CompletedRun,
    StackTask,
    TaskFunctions,
    check_node,
    run_stack,
)
from harness.execution.outcomes import StackOutcome
from harness.execution.payloads import PayloadBuilder, check_data, requirements_of, unpack
from harness.execution.requests import Request
from harness.store import Store
from harness.workers import OutOfTime, WorkerDied, open_executor
from harness.workers.local import InProcess

LONGER = """\
version: 1
name: longer
question: Does a continued run travel?
seeds: 2
train: {steps: 10, batch: 8, lr: 1e-3, keep: [1]}
score: {at: [{at}], samples: 60}
architectures: {mlp: {width: 4, depth: 1}}
matrix: [{dataset: 8gaussians, architecture: mlp, objective: gan}]
"""
REAL = TaskFunctions(tasks.prepare, tasks.train_stack, tasks.score_runs)
FAKE = TaskFunctions(fake.prepare, fake.train, fake.score)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The folder that stacks are laid out in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(node, "_home", lambda: tmp_path / "node")
    return tmp_path / "node"


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setattr(node, "_worker", lambda prepare, payload: InProcess())


def planned(text, root):
    Path("suite.yaml").write_text(text)
    return tasks.plan_suite(Request("suite.yaml", root, device="cpu"), True)


def sent(todo, stack, work=REAL, limit_s=None):
    """Return what comes of a stack that is sent."""
    builder = PayloadBuilder(Store(todo.folder), requirements_of(todo.folder))
    payload = pickle.loads(pickle.dumps(builder.build(stack.id, stack.members)))
    assert builder.memory(stack.members) > 0
    return [*run_stack(payload, StackTask(work, stack.id, stack.runs, "cpu", stack.members, limit_s))]


def train_here(todo):
    for stack in todo.stacks:
        tasks.train_stack(todo.folder, stack.id, stack.runs, "cpu", stack.members)
        tasks.score_runs(todo.folder, stack.runs)


@pytest.mark.slow
def test_a_run_goes_on_elsewhere_from_the_finished_run_that_travels_along(in_process, home):
    short, long = LONGER.replace("{at}", "1"), LONGER.replace("{at}", "0.5, 1").replace("steps: 10", "steps: 20")
    for root in ("here", "there"):
        train_here(planned(short, root))
    train_here(planned(long, "here"))
    todo = planned(long, "there")
    (stack,) = todo.stacks
    *messages, ending = sent(todo, stack)
    assert [message.record.run_id for message in messages] == stack.runs == [run.run_id for run in ending.runs]
    store = Store(todo.folder)
    for message in messages:
        assert message.record.provenance["begun"] == "10"
        assert store.commit(message.record, message.files)
        scores = message.scores
        store.commit_scores(scores.run_id, scores.score_id, scores.steps, scores.score_s, **scores.made_with)
    there, here = records(Path("there/longer")), records(Path("here/longer"))
    for kept in (*there.values(), *here.values()):
        kept["files"] = {name: digest for name, digest in kept["files"].items() if "states" not in name}  # with seconds
    assert there == here
    assert [path.name for path in (home / "results/longer").iterdir()] == ["references"]


@pytest.mark.slow
def test_a_stack_over_its_limit_sends_its_checkpoint_and_goes_on_from_it(monkeypatch):
    monkeypatch.setenv("FAKE_STEP_S", "0.3")
    monkeypatch.setattr(node, "LOOK_S", 0.05)
    todo = planned(fake.SUITE, "there")
    stack, store = todo.stacks[0], Store(todo.folder)
    with open_executor(1, fake.prepare) as executor:
        monkeypatch.setattr(node, "_worker", lambda prepare, payload: executor)
        *messages, ending = sent(todo, stack, FAKE, limit_s=1.0)
        assert isinstance(ending, OutOfTime)
        steps = [int(message.files["step"]) for message in messages]
        assert steps[0] < steps[-1] < fake.STEPS
        store.write_checkpoint(messages[-1].name, messages[-1].files)
        *messages, ending = sent(todo, stack, FAKE)
    assert isinstance(ending, StackOutcome)
    updates = len(messages) - 5
    types = [CheckpointUpdate] * updates + [CompletedRun] * 4 + [CheckpointUpdate]
    assert [type(message) for message in messages] == types
    assert int(messages[0].files["step"]) > steps[-1]
    assert messages[-1].files is None  # it is spent


def test_a_stack_that_fails_says_so_in_its_own_words(in_process):
    todo = planned(LONGER.replace("{at}", "1"), "there")
    (stack,) = todo.stacks

    def fail(*arguments):
        raise ZeroDivisionError("of nothing")

    (ending,) = sent(todo, stack, replace(REAL, train=fail))
    assert repr(ending) == "ZeroDivisionError('of nothing')"


def test_runs_that_cannot_be_scored_there_come_without_scores(in_process):
    todo = planned(LONGER.replace("{at}", "1"), "there")
    (stack,) = todo.stacks
    *messages, ending = sent(todo, stack, replace(REAL, score=lambda folder, runs: 1 / 0))
    assert [message.scores for message in messages] == [None, None]
    assert ending.failure is None


def test_other_software_is_refused_with_both_versions(in_process):
    todo = planned(LONGER.replace("{at}", "1"), "there")
    requirements = requirements_of(todo.folder)
    assert check_node(None, requirements.software, tasks.prepare) is None
    error = check_node(None, {**requirements.software, "torch": "1.0"}, tasks.prepare)
    assert isinstance(error, HarnessError)
    assert f"torch is {requirements.software['torch']} there and 1.0 where" in str(error)


def test_an_installed_plug_in_does_not_travel_and_must_be_the_same_there(in_process, tmp_path, monkeypatch):
    distribution(tmp_path, "gan-more", "1.2", {"more": "more_losses"})
    Path("more_losses.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    text = LONGER.replace("{at}", "1").replace("seeds:", "plugins: [more]\nseeds:")
    requirements = requirements_of(planned(text, "there").folder)
    assert requirements.plugins == {}
    assert check_node(None, requirements.software, tasks.prepare) is None
    (name,) = (name for name in requirements.software if name == "plug-in more")
    monkeypatch.setattr("harness.execution.payloads.installed", dict)
    monkeypatch.setattr("harness.plugins.installed.installed", dict)
    error = str(check_node(None, requirements.software, tasks.prepare))
    assert f"plug-in more is not installed there and {requirements.software[name]} where" in error


def test_the_data_of_a_plan_are_looked_for(in_process, monkeypatch):
    text = LONGER.replace("{at}", "1").replace("matrix:", "datasets: {mine: {base: points, file: p.csv}}\nmatrix:")
    Path("p.csv").write_text("".join(f"{x / 10},{-x % 7 / 7}\n" for x in range(60)))
    todo = planned(text.replace("dataset: 8gaussians", "dataset: mine"), "there")
    builder = PayloadBuilder(Store(todo.folder), requirements_of(todo.folder))
    payload = builder.examples()
    assert payload.plan.resolved["datasets"]["mine"]["file"] == os.path.abspath("p.csv")
    folder = unpack(payload, Path("node/results/longer")).folder
    check_data(str(folder))
    Path("p.csv").write_text("".join(f"{x / 10},{-x % 5 / 5}\n" for x in range(60)))
    with pytest.raises(DataError, match=r"p\.csv: its contents have changed"):
        check_data(str(folder))
    Path("p.csv").unlink()
    error = check_node(payload, {}, tasks.prepare)
    assert str(error).startswith(f"node {os.uname().nodename}: {os.path.abspath('p.csv')}")


def test_an_extractor_that_is_not_there_is_missed_as_where_the_suite_is_read(in_process, monkeypatch):
    text = LONGER.replace("{at}], samples: 60", "1], samples: 60, extractors: [poses]")
    todo = planned(text.replace("8gaussians", "digits"), "there")
    check_data(todo.folder)
    monkeypatch.setattr("harness.suite.checks.data_check.why_unfit", lambda name, dataset, data: f"{dataset} is {data}")
    with pytest.raises(DataError, match=r"^the extractor 'poses': digits is .*'size': 16"):
        check_data(todo.folder)


def test_a_suite_that_reads_no_files_needs_no_look_at_data():
    assert not requirements_of(planned(LONGER.replace("{at}", "1"), "there").folder).examples


def test_modules_of_a_plug_in_are_laid_out_as_they_were(monkeypatch, in_process):
    Path("pack/inner").mkdir(parents=True)
    Path("pack/__init__.py").write_text("from pack.inner.deep import VALUE\n")
    Path("pack/inner/__init__.py").write_text("")
    Path("pack/inner/deep.py").write_text("VALUE = 2.0\n")
    Path("plug.py").write_text(
        "from dataclasses import replace\nfrom harness import OBJECTIVES as known\nimport pack\n"
        "OBJECTIVES = {'plugged': replace(known['gan'], summary=str(pack.VALUE))}\n"
    )
    text = LONGER.replace("{at}", "1").replace("seeds:", "plugins: [plug.py]\nseeds:")
    todo = planned(text.replace("objective: gan", "objective: plugged"), "there")
    builder = PayloadBuilder(Store(todo.folder), requirements_of(todo.folder))
    store = unpack(builder.build(todo.stacks[0].id, todo.stacks[0].members), Path("node/results/longer"))
    (path,) = store.plan.resolved["plugins"]
    assert Path(path).parent == store.folder / "plugins/0"
    files = {str(file.relative_to(Path(path).parent)) for file in Path(path).parent.rglob("*.py")}
    assert files == {"plug.py", "pack/__init__.py", "pack/inner/__init__.py", "pack/inner/deep.py"}


@pytest.mark.parametrize("error", [WorkerDied(-9, True, "a step"), OutOfTime(2.5, "a step"), OutOfTime(1.0)])
def test_what_ends_a_worker_comes_back_whole(error):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
