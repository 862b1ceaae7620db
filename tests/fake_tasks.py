"""Tasks that train nothing and import no torch: what `harness run` itself costs, and what it does when they fail.

What a run does is written in deeds/<objective>, of the folder that the call is made in: a line a try, the last for ever.
"""

import os
import signal
import time
from functools import lru_cache
from pathlib import Path

from harness.shift import Tasks
from harness.store import STATUSES, Store

RUN_S = 0.001


def prepare():
    pass


@lru_cache(maxsize=1)
def plan_of(folder):
    return Store(folder).plan


def train_stack(folder, stack_id, runs, device, members):
    plan, store = plan_of(folder), Store(folder)
    rows = {row["run_id"]: row for row in plan["runs"]}
    started = time.perf_counter()
    for run_id in members:
        time.sleep(RUN_S)
        failure = act(f"{rows[run_id]['objective']}-{rows[run_id]['seed']}")
        if failure is not None:
            return {"runs": [], "failure": failure}
    done = []
    for run_id in runs:
        facts = {"train_s": RUN_S, "step_ms": 1.0, "critic_updates": 1, "samples_seen": 1, "peak_mb": 1.0}
        record = {"run_id": run_id, "spec": plan["specs"][run_id], "status": "ok", "first_bad_step": None}
        where = {"stack": stack_id, "device": device}
        if store.commit({**record, "facts": facts, "provenance": where}, {"samples.npz": b"points"}):
            done.append({"run_id": run_id, "status": "ok", "train_s": RUN_S, "bytes": 6})
    note(f"{' '.join(members)}: {' '.join(run['run_id'] for run in done)}")
    return {"runs": [run | {"task_s": time.perf_counter() - started} for run in done], "failure": None}


def act(name):
    """Do what deeds/<name> says; return a failure, or None."""
    path = Path("deeds") / name
    if not path.exists():
        return None
    deeds = path.read_text().split()
    if len(deeds) > 1:
        path.write_text("\n".join(deeds[1:]))
    if deeds[0] == "raise":
        return ["failed", "ValueError: boom", "Traceback: boom\n"]
    if deeds[0] == "memory":
        return ["oom", "MemoryError", "Traceback: memory\n"]
    if deeds[0] == "leave":
        os._exit(0)
    if deeds[0] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if deeds[0] == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if deeds[0] == "hang":
        time.sleep(3600)
    if deeds[0] == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    if deeds[0] == "slow":
        time.sleep(0.5)
    return None


def note(line):
    """Append a line to trained.txt; whole, as it is short."""
    with open("trained.txt", "a") as file:
        file.write(line + "\n")


def score_runs(folder, runs):
    store = Store(folder)
    for run_id in runs:
        store.commit_scores(run_id, plan_of(folder)["score_id"], {1: {"w1": 0.0}}, 0.0)
    return [{"run_id": run_id, "score_s": 0.0, "reference_s": None} for run_id in runs]


def count(folder):
    store = Store(folder)
    found = [store.status(row["run_id"]) for row in store.plan["runs"]]
    return {status: found.count(status) for status in STATUSES}


def finish(folder, report):
    return {"counts": count(folder), "report": report, "damage": []}


FAKE = Tasks(prepare=prepare, train=train_stack, score=score_runs, finish=finish)
