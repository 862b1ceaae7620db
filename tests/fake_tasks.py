"""Tasks that train nothing and import no torch: what `harness run` itself costs, and what it does when they fail.

What a run does is written in deeds/<objective>-<seed>, beside results/: a line a try, the last for ever.
"""

import os
import signal
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

from harness import processes
from harness.disk.files import stamp
from harness.execution import tasks
from harness.execution.outcomes import Ending, Failure, ScoredRun, StackOutcome, TrainedRun
from harness.execution.scheduler import Tasks
from harness.store import STATUSES, Record, Store

RUN_S = 0.001


def prepare():
    pass


def plan_of(folder):
    return _plan(folder, stamp(Path(folder) / "plan.json"))


@lru_cache(maxsize=1)
def _plan(folder, mark):
    return Store(folder).plan


def train_stack(folder, stack_id, runs, device, members):
    plan, store = plan_of(folder), Store(folder)
    rows = {run.run_id: run for run in plan.runs}
    started = time.perf_counter()
    for run_id in members:
        time.sleep(RUN_S)
        failure = act(beside(folder) / "deeds" / f"{rows[run_id].objective}-{rows[run_id].seed}")
        if failure is not None:
            return StackOutcome(failure=failure)
    done = []
    for place, run_id in enumerate(runs):
        if place == 2:
            act(beside(folder) / "deeds" / f"amid-{rows[run_id].objective}")
        facts = {"train_s": RUN_S, "step_ms": 1.0, "critic_updates": 1, "samples_seen": 1, "peak_mb": 1.0}
        where = {"stack": stack_id, "device": device}
        record = Record(run_id, "ok", plan.specs[run_id], facts=facts, provenance=where)
        if store.commit(record, {"snapshots/1.bin": b"points"}):
            done.append(TrainedRun(run_id, "ok", RUN_S))
    with (beside(folder) / "trained.txt").open("a") as file:  # whole lines, as they are short
        file.write(f"{' '.join(members)}: {' '.join(run.run_id for run in done)}\n")
    act(beside(folder) / "deeds" / f"after-{rows[runs[0]].objective}")
    return StackOutcome([replace(run, task_s=time.perf_counter() - started) for run in done])


def beside(folder):
    return Path(folder).parents[1]


def act(path):
    """Do what a file of deeds says; return a failure, or None."""
    if not path.exists():
        return None
    deed, *later = path.read_text().split()
    if later:
        path.write_text("\n".join(later))
    perform(deed)
    return FAILURES.get(deed)


FAILURES = {
    "raise": Failure("failed", "ValueError: boom", "Traceback: boom\n"),
    "memory": Failure("oom", "MemoryError", "the heap\n"),
}


def perform(deed):
    if deed == "leave":
        os._exit(0)
    if deed in ("SIGKILL", "SIGSEGV"):
        os.kill(os.getpid(), signal.Signals[deed])
    if deed == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if deed in ("hang", "stubborn"):
        time.sleep(3600)
    if deed == "dawdle":
        time.sleep(0.05)
    return deed


def score_runs(folder, runs):
    store = Store(folder)
    for run_id in runs:
        store.commit_scores(run_id, plan_of(folder).score_id, {1: {"w1": 0.0}}, 0.0)
    return [ScoredRun(run_id, 0.0) for run_id in runs]


def plan_for_two_gpus(request, write):
    return replace(tasks.plan_suite(request, write), gpus=["5", "GPU-7"])


def train_and_say_where(folder, stack_id, runs, device, members):
    with (beside(folder) / "where.txt").open("a") as file:
        file.write(f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}\n")
    time.sleep(0.2)
    return train_stack(folder, stack_id, runs, device, members)


def score_as_told(folder, runs):
    act(beside(folder) / "deeds" / "score")
    return score_runs(folder, runs)


def count(folder):
    store = Store(folder)
    found = [store.status(row.run_id) for row in store.plan.runs]
    return {status: found.count(status) for status in STATUSES}


def finish(folder, report, workers):
    return Ending(report, count(folder), 0, [], [])


FAKE = Tasks(prepare=prepare, train=train_stack, score=score_runs, finish=finish)


def blank_report(results, out, workers):
    """In place of a page: what was asked, and which runs have finished."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "index.html").write_text(f"{results.plan.resolved['question']} {sorted(results.finished())}")
    return out / "index.html"


def finish_undrawn(folder, report, workers):
    """As `tasks.finish`, without the seconds that a page takes, in a worker too."""
    with patch("harness.report.page.build_report", blank_report):
        return tasks.finish(folder, report, workers)


UNDRAWN = Tasks(finish=finish_undrawn)  # the rest is real


FOR_TWO_GPUS = Tasks(prepare, plan_for_two_gpus, train=train_and_say_where, score=score_runs, finish=finish)


def slowly():
    time.sleep(1.2)


def watching():
    """Look for the parent, as where the kernel does not tell; and undo what the kernel was told."""
    import ctypes

    from harness.workers import worker

    ctypes.CDLL(None).prctl(1, 0)
    worker.LOOK_S = 0.05
    worker.follow(os.getppid(), asks_kernel=False)


def be_killed(watches):
    """Print the pids of two busy workers, and be killed."""
    from harness.workers import open_executor

    with open_executor(2, watching if watches else prepare) as executor:
        pids = [executor.submit(pid_after, 0.3) for _ in range(2)]
        print(*(pid.result(30) for pid in pids), flush=True)
        for _ in pids:
            executor.submit(perform, "hang")
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)


def pid_after(seconds):
    time.sleep(seconds)
    return os.getpid()


def retire_after(seconds):
    """Return this process, which takes no further task."""
    processes.retire()
    return pid_after(seconds)


def fail_a_capture():
    """Return this process, whether its stream is what it was, and what it computes after a capture that failed."""
    import torch

    from harness.engine.replay import cuda_graph

    stream, x = torch.cuda.current_stream(), torch.ones(3, device="cuda")
    try:
        cuda_graph(lambda: x * x.sum().item())
    except RuntimeError:
        return os.getpid(), torch.cuda.current_stream() == stream, (x + 1).tolist()


def gpus_after(seconds):
    time.sleep(seconds)
    return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")


def hold(gb, limit_gb):
    """Hold memory, under a limit."""
    from harness.processes import memory_limit

    with memory_limit(limit_gb):
        held = bytearray(int(gb * 1e9))
    return len(held)


def score_in_vain(folder, runs):
    return 1 / 0


def step(deed, limit_s):
    """Do a deed in a step that the parent is told of."""
    from harness.processes import Step, watched

    with watched(Step("the step", limit_s)):
        return perform(deed)


def leave_after_a_step():
    step("nothing", 60.0)
    os._exit(0)


def fail(kind):
    raise kind("out")


def speak(text):
    """Write to standard output in every way."""
    print(text, "print", flush=True)
    os.write(1, b"write\n")
