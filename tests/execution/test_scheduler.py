"""What a call does with stacks that fail, die, hang, or are held by others. Training is a fake: fake_tasks.py."""

import pickle
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import fake_tasks
import pytest
from fake_tasks import FAKE

from harness.errors import StoreError
from harness.execution import scheduler as scheduling
from harness.execution import tasks
from harness.execution.outcomes import Alone, Scored, Split, Trained, Unscored, Waiting, ignore
from harness.execution.requests import Request, StackTodo
from harness.execution.scheduler import Scheduler
from harness.plan.estimate import makespan
from harness.store import LOST, Store
from harness.workers import local, open_executor

SUITE = """
version: 1
name: few
seeds: 4
train: {steps: 20, batch: 8, lr: 1e-3, limits: {seconds: 1}}
score: {at: [1], samples: 60}
architectures: {mlp: {width: 4, depth: 1}}
matrix: [{dataset: 8gaussians, architecture: mlp, objective: [gan, wgan-gp]}]
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A folder that was planned, and what is to do in it: two stacks of four."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "few.yaml").write_text(SUITE)
    return tasks.plan_suite(Request(str(folder / "few.yaml"), str(folder / "results"), device="cpu"), True)


@pytest.fixture
def plan(planned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local, "GRACE_S", 0.3)
    monkeypatch.setattr(scheduling, "LOOK_S", 0.05)
    shutil.copytree(planned.folder, "results/few")
    Path("deeds").mkdir()
    return replace(planned, folder=str(tmp_path / "results/few"))


@pytest.fixture(scope="module")
def workers():
    with open_executor(2) as executor:
        yield executor


@pytest.fixture
def work(workers, plan):
    """Return a function that does a call's work: the Scheduler, and the events that it told.

    The first time that it waits for what another holds, `meanwhile` is called.
    """

    def call(todo=None, fail_fast=False, meanwhile=lambda: None):
        told = []

        def tell(event):
            if isinstance(event, Waiting) and event not in told:
                meanwhile()
            told.append(event)

        done = Scheduler(workers, todo or replace(plan, limit_s=None), FAKE, tell)
        done.work(fail_fast)
        return done, told

    return call


def runs_of(plan, objective):
    return [run.run_id for run in Store(plan.folder).plan.runs if run.objective == objective]


def trained():
    """How often each run was committed, by its tasks' own word."""
    lines = Path("trained.txt").read_text().splitlines()
    return Counter(run_id for line in lines for run_id in line.partition(":")[2].split())


@pytest.mark.slow
def test_every_run_is_trained_once_and_scored_and_every_stack_let_go(work, plan):
    done, told = work()
    store = Store(plan.folder)
    assert (done.trained, done.scored, done.lost, done.unscored) == (8, 8, 0, 0)
    assert store.unscored([row.run_id for row in store.plan.runs], plan.score_id) == []
    assert store.claims() == []
    assert [event.whole for event in told if isinstance(event, Trained)] == [True, True]
    again, _ = work()
    assert (again.trained, again.scored) == (0, 0)
    assert set(trained().values()) == {1}


FATES = {
    "raise": ("failed", "ValueError: boom"),
    "memory": ("oom", "MemoryError"),
    "leave": ("failed", "exit code 0"),
    "SIGKILL": ("failed", "SIGKILL (signal 9)"),
    "SIGSEGV": ("failed", "SIGSEGV (signal 11)"),
    "hang": ("timeout", "time limit of 2 s"),  # a lone run of a stacked Setup is a pair
    "stubborn": ("timeout", "time limit of 2 s"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "deed", [*list(FATES)[:-2], *(pytest.param(deed, marks=pytest.mark.slow) for deed in list(FATES)[-2:])]
)
def test_a_run_that_fails_costs_itself_alone(work, plan, deed):
    Path("deeds/gan-2").write_text(deed)
    done, told = work(plan) if FATES[deed][0] == "timeout" else work()
    store, bad = Store(plan.folder), runs_of(plan, "gan")[2]
    assert (done.trained, done.lost, done.scored) == (7, 1, 7)
    assert fake_tasks.count(plan.folder) | {"ok": 7, FATES[deed][0]: 1} == fake_tasks.count(plan.folder)
    (attempt,) = store.attempts(bad)
    assert (attempt.status, FATES[deed][1] in attempt.error) == (FATES[deed][0], True)
    assert (store.run_folder(bad) / "log.txt").read_text().strip()
    assert [event.runs for event in told if isinstance(event, Split)] == [runs_of(plan, "gan")]
    assert store.claims() == []


@pytest.mark.slow
def test_what_fails_once_is_made_good_by_training_apart(work, plan):
    Path("deeds/gan-0").write_text("SIGKILL nothing")
    done, _ = work()
    assert (done.trained, done.lost) == (8, 0)
    assert not any(Store(plan.folder).attempts(run_id) for run_id in runs_of(plan, "gan"))


@pytest.mark.slow
def test_a_worker_that_dies_when_it_has_committed_costs_nothing(work, plan):
    """What it had committed it could not say: those runs are counted and scored all the same."""
    Path("deeds/after-gan").write_text("SIGKILL")
    done, told = work()
    store = Store(plan.folder)
    assert (done.trained, done.lost, done.scored) == (8, 0, 8)
    assert store.unscored([row.run_id for row in store.plan.runs], plan.score_id) == []
    assert not any(store.attempts(run_id) for run_id in runs_of(plan, "gan"))
    assert not any(isinstance(event, Split) for event in told)


@pytest.mark.slow
def test_a_worker_that_dies_in_the_middle_of_a_commit_costs_nothing(work, plan):
    Path("deeds/amid-gan").write_text("SIGKILL")  # after the second of four
    done, _ = work()
    store = Store(plan.folder)
    assert (done.trained, done.lost, done.scored) == (8, 0, 8)
    assert not any(store.attempts(run_id) for run_id in runs_of(plan, "gan"))
    assert store.claims() == []


@pytest.mark.slow
def test_a_lone_run_whose_worker_was_killed_is_tried_once_more(work, plan):
    bad = runs_of(plan, "gan")[2]
    lone = replace(plan.stacks[0], runs=[bad], members=[bad])
    for deeds, lost in (("SIGKILL nothing", 0), ("SIGKILL SIGKILL nothing", 1)):
        Path("deeds/gan-2").write_text(deeds)
        assert work(replace(plan, limit_s=None, stacks=[lone], wanted=["pending"]))[0].lost == lost
        if not lost:
            shutil.rmtree(Store(plan.folder).run_folder(bad))


@pytest.mark.slow
def test_a_worker_that_dies_in_scoring_is_given_a_second_try(plan, workers):
    Path("deeds/score").write_text("SIGKILL nothing")
    done = Scheduler(workers, replace(plan, limit_s=None), replace(FAKE, score=fake_tasks.score_as_told), ignore)
    done.work()
    assert (done.scored, done.unscored) == (8, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("deed", "kept"), [("hang", True), ("raise", False)])
def test_the_checkpoint_of_a_lone_run_is_kept_where_it_was_stopped(work, plan, deed, kept):
    """`retry` goes on from there; whatever raised would raise again."""
    store, bad = Store(plan.folder), runs_of(plan, "gan")[2]
    Path("deeds/gan-2").write_text(deed)
    (home,) = (stack for stack in plan.stacks if bad in stack.runs)
    alone = replace(store.plan.stack(home.id), id="0009", runs=(bad,))
    store.write_plan(replace(store.plan, stacks=(*store.plan.stacks, alone)), store.suite_text)
    for stack, name in ((home, bad), (StackTodo("0009", [bad], [bad], 2), "0009")):
        store.write_checkpoint(name, {"state": b"half way"})
        limit_s = 0.2 if deed == "hang" else 30.0  # which a busy machine must not take for a hang
        work(replace(plan, limit_s=limit_s, stacks=[stack], wanted=["pending", *LOST]))
        assert store.status(bad) in ("timeout", "failed")
        assert (store.read_checkpoint(name) is not None) == kept


@pytest.mark.slow
def test_what_is_held_is_renewed_though_the_disk_fails_once(plan, monkeypatch):
    renewed, failed = [], []

    def renew(claim):
        renewed.append(claim.path)
        if len(failed) < 2:
            failed.append(1)
            raise (StoreError("no reading"), OSError("no writing"))[len(failed) % 2]
        return True

    monkeypatch.setattr(scheduling, "RENEW_S", 0.01)
    monkeypatch.setattr(scheduling.Claim, "renew", renew)
    for seed in range(4):
        Path(f"deeds/gan-{seed}").write_text("dawdle")
    with open_executor(0) as here:
        Scheduler(here, replace(plan, limit_s=None), FAKE, ignore).work()
    assert len(renewed) > 4


@pytest.mark.slow
def test_the_checkpoint_of_a_stack_that_failed_is_dropped(work, plan):
    stack = plan.stacks[0]
    Store(plan.folder).write_checkpoint(stack.id, {"state": b"on its way to failure"})
    Path("deeds/gan-0").write_text("raise nothing")
    Path("deeds/wgan-gp-0").write_text("raise nothing")
    work()
    assert Store(plan.folder).read_checkpoint(stack.id) is None


def test_fail_fast_ends_at_the_first_lost_run_and_leaves_the_rest_pending(work, plan):
    for seed in range(4):
        Path(f"deeds/wgan-gp-{seed}").write_text("hang")
    Path("deeds/gan-0").write_text("raise")
    done, _ = work(fail_fast=True)
    counts = fake_tasks.count(plan.folder)
    assert (done.lost, counts["failed"]) == (1, 1)
    assert counts["pending"] >= 4
    assert Store(plan.folder).claims() == []


def replan(plan):
    Path("few.yaml").write_text(SUITE)
    return tasks.plan_suite(Request("few.yaml", str(Path(plan.folder).parent), device="cpu"), True)


@pytest.mark.slow
def test_lost_runs_wait_for_retry_which_trains_them_without_their_mates(work, plan):
    Path("deeds/gan-2").write_text("raise")
    work()
    bad = runs_of(plan, "gan")[2]
    left = replan(plan)
    assert (left.stacks, left.waiting, left.finished) == ([], 1, 7)
    again = tasks.plan_retry(plan.folder, [])
    assert [(stack.runs, stack.members) for stack in again.stacks] == [([bad], [bad])]
    assert tasks.plan_retry(plan.folder, ["objective=wgan-gp"]).stacks == []
    assert work(again)[0].lost == 1
    assert [attempt.status for attempt in Store(plan.folder).attempts(bad)] == ["failed", "failed"]
    Path("deeds/gan-2").unlink()
    assert work(tasks.plan_retry(plan.folder, []))[0].trained == 1
    assert fake_tasks.count(plan.folder)["ok"] == 8


def test_pending_mates_of_a_lost_run_train_without_it(work, plan):
    store, (first, bad, *rest) = Store(plan.folder), runs_of(plan, "gan")
    store.commit_attempt(bad, "timeout", "too slow", "")
    left = next(stack for stack in replan(plan).stacks if first in stack.runs)
    assert left.runs == left.members == [first, *rest]


@pytest.mark.slow
def test_a_stack_that_another_holds_is_trained_once_it_is_let_go(work, plan):
    claim = Store(plan.folder).claim(plan.stacks[0].id)
    done, told = work(meanwhile=claim.release)
    assert done.trained == 8
    assert Waiting(1) in told


@pytest.mark.slow
def test_a_stack_that_another_has_trained_meanwhile_is_only_scored(work, plan):
    store, stack = Store(plan.folder), plan.stacks[0]
    claim = store.claim(stack.id)

    def train_and_leave():  # killed before it scored, say
        fake_tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu", stack.members)
        claim.release()

    done, _ = work(meanwhile=train_and_leave)
    assert (done.trained, done.scored) == (4, 8)
    assert set(trained().values()) == {1}


@pytest.mark.slow
def test_a_stack_with_runs_to_score_and_runs_to_train_is_not_waited_for(work, plan):
    """It comes twice, and the call holds it already the second time."""
    stack = plan.stacks[0]
    done, rest = stack.runs[:1], stack.runs[1:]
    fake_tasks.train_stack(plan.folder, stack.id, done, "cpu", done)
    unscored = [StackTodo(stack.id, done)]
    _, told = work(replace(plan, limit_s=None, unscored=unscored, stacks=[replace(stack, runs=rest)]))
    assert not any(isinstance(event, Waiting) for event in told)
    assert sorted(run.run_id for event in told if isinstance(event, Scored) for run in event.runs) == sorted(stack.runs)


def test_what_another_call_has_lost_meanwhile_is_left_alone(work, plan):
    for run_id in runs_of(plan, "gan"):
        Store(plan.folder).commit_attempt(run_id, "failed", "elsewhere", "")
    done, _ = work()
    assert (done.trained, done.lost) == (4, 0)


@pytest.mark.slow
def test_four_calls_at_once_train_each_run_once(plan):
    Path("plan.bin").write_bytes(pickle.dumps(plan))
    Path("call.py").write_text(
        "import pickle\nfrom pathlib import Path\nfrom fake_tasks import FAKE\n"
        "from harness.workers import open_executor\nfrom harness.execution.outcomes import ignore\n"
        "from harness.execution.scheduler import Scheduler\n"
        "if __name__ == '__main__':\n    with open_executor(1) as workers:\n"
        "        Scheduler(workers, pickle.loads(Path('plan.bin').read_bytes()), FAKE, ignore).work()\n"
    )
    calls = [subprocess.Popen([sys.executable, "call.py"]) for _ in range(4)]
    assert [call.wait(120) for call in calls] == [0] * 4
    assert (len(trained()), set(trained().values())) == (8, {1})
    assert fake_tasks.count(plan.folder)["ok"] == 8


def on_gpu(plan):
    """The same plan, pinned for a GPU: the fake trains as well on one that is not there."""
    path = Path(plan.folder)
    store = Store(path)
    stacks = tuple(replace(stack, device="cuda") for stack in store.plan.stacks)
    store.write_plan(replace(store.plan, stacks=stacks), store.suite_text)
    return replace(plan, device="cuda", limit_s=None)


def test_on_a_gpu_a_stack_that_fails_is_replaced_by_its_halves_in_the_plan(work, plan):
    Path("deeds/gan-2").write_text("raise")
    done, _ = work(on_gpu(plan))
    store, gan = Store(plan.folder), runs_of(plan, "gan")
    assert (done.trained, done.lost) == (7, 1)
    halves = [stack for stack in store.plan.stacks if stack.replaces]
    assert [list(stack.runs) for stack in halves] == [gan[:2], gan[2:], gan[2:3], gan[3:]]
    assert store.record(gan[0]).provenance["stack"] == halves[0].id
    assert store.record(gan[3]).provenance["stack"] == halves[3].id
    assert store.status(gan[2]) == "failed"


def test_on_a_gpu_a_pair_that_does_not_fit_is_out_of_memory(work, plan):
    Path("deeds/gan-2").write_text("memory")
    work(on_gpu(plan))
    assert [Store(plan.folder).status(run_id) for run_id in runs_of(plan, "gan")] == ["ok", "ok", "oom", "oom"]


class Simulated:
    """An executor whose tasks take as long as `seconds` of their arguments says, by a clock of its own.

    log   what was begun: when, with which runs, whether it trains
    """

    def __init__(self, slots, trainers, seconds):
        self.slots, self.trainers, self._seconds = slots, trainers, seconds
        self.now, self.log, self._busy = 0.0, [], {}

    def submit(self, task, *arguments, limit_s=None, trains=False):
        runs = arguments[-1]
        self.log.append((self.now, runs, trains))
        self._busy[future := Future()] = (self.now + self._seconds(runs, trains), partial(task, *arguments), trains)
        assert len(self._busy) <= self.slots
        assert sum(trains for _, _, trains in self._busy.values()) <= self.trainers
        return future

    def wait(self, *_):
        """Let the task end that ends first."""
        future = min(self._busy, key=lambda future: self._busy[future][0])
        self.now, task, _ = self._busy.pop(future)
        future.set_result(task())
        return {future}, set(self._busy)


@pytest.mark.parametrize("trainers", [1, 2, 3])
def test_workers_that_do_not_train_score_meanwhile(plan, monkeypatch, trainers):
    """By two routes: the scheduler, and the time that an estimate takes it to need."""
    seconds = [5, 3]
    took = {tuple(stack.members): s for stack, s in zip(plan.stacks, seconds, strict=True)}
    executor = Simulated(3, trainers, lambda runs, trains: took[tuple(runs)] if trains else 1)
    monkeypatch.setattr(scheduling, "wait", executor.wait)
    done = Scheduler(executor, replace(plan, limit_s=None), FAKE, ignore)
    done.work()
    assert (done.trained, done.scored) == (8, 8)
    assert executor.now == makespan(3, [(s, [1] * 4) for s in seconds], trainers=trainers)
    last_stack = max(start + took[tuple(runs)] for start, runs, trains in executor.log if trains)
    waited = [start >= last_stack for start, _, trains in executor.log if not trains]
    assert not all(waited)


def test_reference_samples_are_made_by_one_worker_where_there_is_else_to_score(plan, monkeypatch):
    """The stacks end at once; their data sets are taken to be two."""
    executor = Simulated(2, 2, lambda runs, trains: 5 if trains else 1)
    monkeypatch.setattr(scheduling, "wait", executor.wait)
    stacks = [
        replace(stack, scores=tuple(replace(score, reference=stack.id) for score in stack.scores))
        for stack in plan.workload.stacks
    ]
    workload = replace(plan.workload, stacks=tuple(stacks))
    Scheduler(executor, replace(plan, limit_s=None, workload=workload), FAKE, ignore).work()
    scored = [runs[0] for _, runs, trains in executor.log if not trains]
    assert len({*scored}) == 8
    assert (scored[0] in plan.stacks[0].runs) != (scored[1] in plan.stacks[0].runs)


def test_a_stack_without_memory_on_a_shared_gpu_is_trained_again_with_no_other_beside_it(plan, monkeypatch):
    told, executor = [], Simulated(4, 2, lambda runs, trains: 2 if trains else 1)
    monkeypatch.setattr(scheduling, "wait", executor.wait)
    Path("deeds/gan-2").write_text("memory nothing")
    done = Scheduler(executor, on_gpu(plan), FAKE, told.append)
    done.work()
    assert (done.trained, done.lost) == (8, 0)
    assert not any(stack.replaces for stack in Store(plan.folder).plan.stacks)
    assert [event.error for event in told if isinstance(event, Alone)] == ["MemoryError"]
    starts = [start for start, runs, trains in executor.log if trains]
    assert starts == [0, 0, 2]  # the other had ended by then


def test_a_stack_without_memory_though_alone_is_halved(work, plan):
    Path("deeds/gan-2").write_text("memory memory nothing")
    done, told = work(on_gpu(plan))
    assert (done.trained, done.lost) == (8, 0)
    assert [type(event) for event in told if isinstance(event, Alone | Split)] == [Alone, Split]
    assert len([stack for stack in Store(plan.folder).plan.stacks if stack.replaces]) == 2


def test_a_stack_of_n_runs_has_n_times_the_limit_of_one(plan):
    asked = []

    class Spy:
        slots = trainers = 1

        def submit(self, task, *arguments, limit_s=None, trains=False):
            asked.append((len(arguments[-1]) if task is fake_tasks.train_stack else None, limit_s))
            with open_executor(0) as here:
                return here.submit(task, *arguments)

    Path("deeds/gan-2").write_text("raise")
    Scheduler(Spy(), replace(plan, limit_s=3), FAKE, ignore).work()
    assert {limit_s for n, limit_s in asked if n == 4} == {12}
    assert {limit_s for n, limit_s in asked if n == 1} == {6}  # trained as a pair
    assert {limit_s for n, limit_s in asked if n is None} == {None}


def test_a_run_that_cannot_be_scored_is_told_and_costs_no_other(plan, workers):
    told = []
    done = Scheduler(workers, plan, FAKE_UNSCORED, told.append)
    done.work()
    assert (done.trained, done.scored, done.unscored) == (8, 0, 8)
    assert [event.error for event in told if isinstance(event, Unscored)] == ["ZeroDivisionError: division by zero"] * 8
    assert Store(plan.folder).claims() == []


FAKE_UNSCORED = scheduling.Tasks(prepare=FAKE.prepare, train=FAKE.train, score=fake_tasks.score_in_vain)
