"""Workers: nothing that a task does to its process reaches beyond that task, and no worker outlives its parent."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_tasks
import pytest
from fake_tasks import perform

from harness.errors import HarnessError
from harness.workers import OutOfTime, WorkerDied, local, open_executor


@pytest.fixture(scope="module")
def workers():
    """One worker, so that a task after another meets what that one left."""
    with open_executor(1) as executor:
        yield executor


@pytest.fixture(autouse=True)
def no_grace(monkeypatch):
    monkeypatch.setattr(local, "GRACE_S", 0.3)


def pid_of(executor):
    return executor.submit(os.getpid).result(30)


def is_gone(pid, within_s=10.0):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_worker_answers_with_results_and_with_what_was_raised(workers):
    assert workers.submit(max, 3, 5).result(30) == 5
    with pytest.raises(ZeroDivisionError) as raised:
        workers.submit(divmod, 1, 0).result(30)
    assert "In a worker process: Traceback" in raised.value.__notes__[0]
    with pytest.raises(TypeError, match="cannot be sent back"):
        workers.submit(memoryview, b"no pickle").result(30)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "code", "words"),
    [("leave", 0, "exit code 0"), ("SIGKILL", -9, "SIGKILL (signal 9)"), ("SIGSEGV", -11, "SIGSEGV (signal 11)")],
)
def test_a_death_costs_its_own_task(workers, deed, code, words):
    queued = [workers.submit(perform, deed), workers.submit(perform, "nothing")]
    with pytest.raises(WorkerDied) as died:
        queued[0].result(30)
    assert died.value.code == code
    assert words in str(died.value)
    assert queued[1].result(30) == "nothing"


def test_the_death_of_an_idle_worker_costs_nothing(workers):
    pid = pid_of(workers)
    os.kill(pid, signal.SIGKILL)
    assert is_gone(pid)
    assert pid_of(workers) != pid


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["hang", "stubborn"])
def test_a_task_over_its_limit_is_stopped_whether_or_not_it_heeds_sigterm(workers, deed):
    pid = pid_of(workers)
    with pytest.raises(OutOfTime, match=r"time limit of 0\.2 s"):
        workers.submit(perform, deed, limit_s=0.2).result(30)
    assert is_gone(pid)
    assert workers.submit(perform, "nothing", limit_s=30).result(30) == "nothing"


def test_an_answer_that_was_not_waited_for_is_no_other_task_s(workers, monkeypatch):
    monkeypatch.setattr(local, "LONGEST_S", 1e30)  # more than a pipe can be waited for
    with pytest.raises(OverflowError):
        workers.submit(max, 100, 200, limit_s=1e30).result(30)
    assert workers.submit(min, 1, 2).result(30) == 1


def test_a_limit_longer_than_any_wait_is_one(workers):
    assert workers.submit(max, 3, 5, limit_s=1e30).result(30) == 5


@pytest.mark.slow
def test_memory_that_the_kernel_took_is_told_from_a_kill(workers, monkeypatch):
    counts = iter(range(100))
    monkeypatch.setattr(local, "kernel_kills", lambda: next(counts))
    with pytest.raises(WorkerDied) as died:
        workers.submit(perform, "SIGKILL").result(30)
    assert died.value.short_of_memory
    assert "out of memory" in str(died.value)
    with pytest.raises(WorkerDied) as died:
        workers.submit(perform, "SIGSEGV").result(30)
    assert not died.value.short_of_memory


@pytest.mark.slow
def test_what_is_dropped_is_ended_and_forgotten(workers):
    running, queued = workers.submit(perform, "hang"), workers.submit(perform, "nothing")
    while not running.running():
        time.sleep(0.01)
    workers.drop()
    with pytest.raises(WorkerDied):
        running.result(30)
    assert queued.cancelled()
    assert workers.submit(perform, "nothing").result(30) == "nothing"


def test_a_worker_that_retires_answers_and_makes_way_for_another(workers):
    pids = [workers.submit(fake_tasks.retire_after, 0).result(30) for _ in range(3)]
    assert len({*pids, workers.submit(os.getpid).result(30)}) == 4
    assert all(map(is_gone, pids))


def seen_by(executor, trains, count):
    """Return the GPUs that `count` tasks at once see: by process, what CUDA_VISIBLE_DEVICES says there."""
    tasks = [executor.submit(fake_tasks.gpus_after, 0.3, trains=trains) for _ in range(count)]
    return dict(task.result(30) for task in tasks)


@pytest.mark.slow
def test_workers_that_train_see_one_gpu_each_and_the_others_all(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,MIG-a/1")
    with open_executor(3) as executor:
        before = executor.submit(os.getpid).result(30)  # that one plans, say, and has called CUDA
        assert (executor.slots, executor.trainers) == (3, 3)
        executor.pin(["3", "MIG-a/1"], [])
        assert (executor.slots, executor.trainers) == (3, 2)
        training = seen_by(executor, True, 2)
        assert sorted(training.values()) == ["3", "MIG-a/1"]
        assert before not in training
        every = seen_by(executor, False, 3)
        assert every == training | {before: "3,MIG-a/1"}  # where nothing trains, all do anything
        executor.pin(["3"], ["3", "3"])  # a study that is planned again
        assert executor.trainers == 2
        killed, gpu = training.popitem()
        os.kill(killed, signal.SIGKILL)
        assert is_gone(killed)
        again = seen_by(executor, True, 2)
        assert again.pop(*training) == training.popitem()[1]
        assert [*again.values()] == [gpu]


@pytest.mark.slow
def test_workers_that_score_are_spread_over_gpus():
    with open_executor(3) as executor:
        before = executor.submit(os.getpid).result(30)
        executor.pin(["1"], ["0", "2"])
        every = seen_by(executor, False, 3)
        assert sorted(every.values()) == ["0", "1", "2"]
        assert before not in every
        assert [*seen_by(executor, True, 1).values()] == ["1"]


@pytest.mark.slow
def test_a_worker_that_may_have_called_cuda_is_started_anew_for_its_gpu():
    with open_executor(1) as executor:
        before = executor.submit(os.getpid).result(30)
        executor.pin(["1"], [])
        ((pid, gpu),) = seen_by(executor, True, 1).items()
        assert (gpu, pid != before) == ("1", True)


def test_nothing_runs_once_the_block_is_left():
    with open_executor(2) as executor:
        pids = {pid_of(executor)}
        executor.submit(perform, "stubborn")
    assert all(map(is_gone, pids))
    assert not [worker for worker in executor._workers if worker.thread.is_alive()]


@pytest.mark.slow
def test_a_worker_is_prepared_before_a_limit_counts():
    with open_executor(1, fake_tasks.slowly) as executor:
        assert executor.submit(perform, "nothing", limit_s=1).result(30) == "nothing"


@pytest.mark.slow
@pytest.mark.parametrize("watches", [False, True])
def test_no_worker_outlives_a_parent_that_was_killed(watches, tmp_path):
    """Told by the kernel; and, where it does not tell, by looking for the parent."""
    script = "import fake_tasks\nif __name__ == '__main__': fake_tasks.be_killed({watches})"
    (tmp_path / "parent.py").write_text(script.format(watches=watches))
    with subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(is_gone, pids))


def test_a_worker_whose_parent_died_before_it_could_ask_ends_at_once():
    code = "from harness.workers.worker import follow; follow(1); print('lives on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")


def test_in_this_process_tasks_run_as_they_are_submitted():
    with open_executor(0) as executor:
        assert executor.submit(max, 3, 5).result(0) == 5
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0, limit_s=1).result(0)


@pytest.mark.slow
def test_a_worker_that_dies_or_hangs_in_a_step_names_it(workers):
    with pytest.raises(WorkerDied, match="the step: ") as died:
        workers.submit(fake_tasks.step, "leave", 60.0).result(30)
    assert (died.value.code, died.value.what) == (0, "the step")
    with pytest.raises(OutOfTime, match=r"the step: .* 0\.2 s") as late:
        workers.submit(fake_tasks.step, "hang", 0.2, limit_s=60).result(30)
    assert late.value.what == "the step"
    with pytest.raises(OutOfTime) as late:  # the limit of the task comes first
        workers.submit(fake_tasks.step, "hang", 60.0, limit_s=0.2).result(30)
    assert late.value.what == ""
    with pytest.raises(WorkerDied) as died:  # the step is over
        workers.submit(fake_tasks.leave_after_a_step).result(30)
    assert died.value.what == ""


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("count", [0, 1])
def test_what_is_no_exception_ends_a_task_alone(workers, kind, count):
    if count == 0 and kind is KeyboardInterrupt:
        pytest.skip("Ctrl-C in a notebook")
    with open_executor(0) as here, pytest.raises(RuntimeError, match=f"{kind.__name__}: out"):
        (workers if count else here).submit(fake_tasks.fail, kind).result(30)


@pytest.mark.slow
def test_what_a_task_prints_goes_to_standard_error(capfd):
    with open_executor(1) as executor:
        executor.submit(fake_tasks.speak, "there").result(30)
    with open_executor(0) as executor:
        executor.submit(print, "here").result(0)
    out, err = capfd.readouterr()
    assert (out, sorted(err.split())) == ("", ["here", "print", "there", "write"])


def test_workers_are_refused_that_would_take_more_files_than_are_allowed(monkeypatch):
    limits = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (min(hard, 64), hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: limits.append(given))
    hard = 64
    with pytest.raises(HarnessError, match="--workers 4"):
        local.refuse_too_few_files(64)
    local.refuse_too_few_files(4)
    hard = 12
    with pytest.raises(HarnessError, match="ulimit -n 52"):
        local.refuse_too_few_files(1)
    assert limits == []
    hard = 10_000
    local.refuse_too_few_files(64)
    assert limits == [(304, 10_000)]


@pytest.mark.slow
def test_a_script_needs_no_guard_for_the_name_main(tmp_path):
    script = "from harness.workers import open_executor\n"
    script += "with open_executor(2) as executor:\n    print(executor.submit(max, 3, 5).result(30))\n"
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")


@pytest.mark.slow
def test_workers_that_were_told_to_end_leave_no_zombie():
    with open_executor(2) as executor:
        pids = {executor.submit(os.getpid).result(30) for _ in range(6)}
    assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
