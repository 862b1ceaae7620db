"""Processes that die, or are told to go, at any moment: the same command then ends in the same records."""

import io
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from faults import fake
from faults.commands import PATIENCE_S, ended, living, nobody_left, start, status_works, until
from faults.records import leftovers, planned, records
from faults.table import Fault, Tries
from harness.store import Store

REAL = """\
version: 1
name: real
question: What survives?
seeds: 2
train: {steps: 800, batch: 32, checkpoint_s: 0.1}
score: {at: [0.5, 1], samples: 60}
architectures: {mlp: {width: 8, depth: 2}, mlp-bn: {width: 8, depth: 2}}
objectives: {averaged: {base: wgan-gp, tricks: {ema: {decay: 0.5}}}}
matrix:
  - {dataset: 8gaussians, architecture: mlp, objective: gan}
  - {dataset: 8gaussians, architecture: mlp-bn, objective: averaged}
"""

EARLY, LATE = 200, 500  # steps at which real training is killed

Start = Callable[[Path], "subprocess.Popen[str]"]


def fake_start(planned: Path, *arguments: str, **env: str) -> Start:
    """Return what starts the command with fake training, of a plan made before, in any folder."""

    def begin(folder: Path) -> "subprocess.Popen[str]":
        words = ("run", str(planned), "-o", "results", "--workers", "2", *arguments)
        return start(folder, *words, module="faults.fake", env=env)

    return begin


def real_start(suite: Path, **env: str) -> Start:
    """Return what starts the command with real training, scores and report, in any folder."""
    words = ("run", str(suite), "-o", "results", "--workers", "2")
    return lambda folder: start(folder, *words, module="faults.fake", env=env)


def uninterrupted(folder: Path, begin: Start) -> tuple[dict[str, Any], float]:
    """Return the records of an uninterrupted call, and how long it took."""
    folder.mkdir()
    started = time.perf_counter()
    ended(begin(folder), 0)
    return records(next((folder / "results").iterdir())), time.perf_counter() - started


def goes_on(folder: Path, begin: Start, expected: dict[str, Any]) -> None:
    """Make sure that the same call ends in the same records, and leaves nothing half done."""
    ended(begin(folder), 0)
    ends_well(folder, expected)


def ends_well(folder: Path, expected: dict[str, Any]) -> None:
    """Make sure that all is there and as in an uninterrupted call."""
    (results,) = (path.parent for path in folder.glob("results/*/plan.json"))
    assert records(results) == expected
    assert len(expected) == len(planned(results)) == status_works(folder / "results")
    assert not leftovers(results)


def at_random(folder: Path, rounds: int, begin: Start) -> Tries:
    """Kill the process group at random times, again and again, until the call ends by itself; then begin anew."""
    chance, killed = random.Random(0), 0
    expected, took = uninterrupted(folder / "whole", begin)
    for number in count():
        home = folder / str(number)
        home.mkdir()
        while killed < rounds and not dies(begin(home), chance.uniform(0, took)):
            status_works(home / "results")
            killed += 1
            yield None
        goes_on(home, begin, expected)
        if killed == rounds:
            return


def dies(process: "subprocess.Popen[str]", after_s: float) -> bool:
    """Kill the process group after some time. Returns whether it had ended by itself before, and well."""
    try:
        _, err = process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        nobody_left(process.pid)
        return False
    assert process.returncode == 0, err
    return True


def fake_kills(folder: Path, rounds: int) -> Tries:
    """Fake training, which leaves time for many kills."""
    fake.planned(folder)
    return at_random(folder, rounds, fake_start(folder / "planned.pickle", FAKE_STEP_S="0.02"))


def real_kills(folder: Path, rounds: int) -> Tries:
    """Real training, killed once a round well before the end of its stacks, which then go on from their checkpoints."""
    (folder / "real.yaml").write_text(REAL)
    begin, chance = real_start(folder / "real.yaml"), random.Random(0)
    expected, _ = uninterrupted(folder / "whole", begin)
    for number in range(rounds):
        home = folder / str(number)
        home.mkdir()
        process, wanted = begin(home), chance.uniform(EARLY, LATE)
        assert until(lambda home=home, wanted=wanted: reached(home) >= wanted), "it kept no checkpoint"
        assert not dies(process, 0), "it ended before it could be killed"
        before = status_works(home / "results"), kept_steps(home)
        process = begin(home)
        assert until(lambda home=home, old=before[1]: kept_steps(home) not in ({}, old)), "no new checkpoint"
        for name, step in kept_steps(home).items():
            assert step >= before[1].get(name, 0), f"stack {name} began anew: {before[1]}, then at step {step}"
        ended(process, 0)
        ends_well(home, expected)
        yield None


def kept_steps(home: Path) -> dict[str, int]:
    """Return the step of every stack's checkpoint."""
    found = {}
    for store in (Store(path.parent) for path in home.glob("results/*/plan.json")):
        for path in store.folder.glob("checkpoints/[!.]*"):
            files = store.read_checkpoint(path.name)
            if files is not None:  # else it was dropped just now
                with np.load(io.BytesIO(files["checkpoint.npz"])) as arrays:
                    found[path.name] = int(arrays["step"])
    return found


def reached(home: Path) -> int:
    """Return the furthest step of any checkpoint."""
    return max(kept_steps(home).values(), default=0)


def worker_in_commit(folder: Path, rounds: int) -> Tries:
    """Kill -9 a worker that has committed some runs of its stack: the call trains the rest, scores and reports all."""
    (folder / "real.yaml").write_text(REAL.replace("seeds: 2", "seeds: 8").replace("steps: 800", "steps: 20"))
    expected, _ = uninterrupted(folder / "whole", real_start(folder / "real.yaml"))
    begin = real_start(folder / "real.yaml", FAKE_FLUSH_S="0.01")
    for number in range(rounds):
        home, process = folder / str(number), _begun(folder / str(number), begin)
        assert until(lambda home=home: any(home.glob("results/real/runs/*/record.json"))), "it never committed"
        (record, *_) = home.glob("results/real/runs/*/record.json")
        stack = json.loads(record.read_text())["provenance"]["stack"]
        (claimed,) = (c for c in Store(home / "results/real").claims() if c.stack == stack)
        assert claimed.pid == process.pid
        for pid in workers(process.pid):
            os.kill(pid, signal.SIGKILL)
        ended(process, 0)
        ends_well(home, expected)
        assert (home / "results/real/runs.parquet").exists()
        assert any(home.glob("reports/real/index.html"))
        yield None


def parent_alone(folder: Path, rounds: int) -> Tries:
    """Kill -9 the parent only: its workers go too, and what they held is taken over at once."""
    begin = fake_start(folder / fake.planned(folder), FAKE_STEP_S="0.1")
    expected, took = uninterrupted(folder / "whole", begin)
    for number in range(rounds):
        home = in_training(folder / str(number), process := _begun(folder / str(number), begin))
        process.kill()
        process.communicate()
        nobody_left(process.pid)
        started = time.perf_counter()
        goes_on(home, begin, expected)
        assert time.perf_counter() - started < 2 * took + 5, "it waited for a claim of the dead"
        yield None


def a_worker(folder: Path, rounds: int) -> Tries:
    """Kill -9 a worker in training: its stack is trained again, and the call ends well."""
    begin = fake_start(folder / fake.planned(folder), FAKE_STEP_S="0.1")
    expected, _ = uninterrupted(folder / "whole", begin)
    for number in range(rounds):
        home = in_training(folder / str(number), process := _begun(folder / str(number), begin))
        os.kill(workers(process.pid)[number % 2], signal.SIGKILL)
        ended(process, 0)
        ends_well(home, expected)
        yield None


def workers(session: int) -> list[int]:
    """Return the worker processes of a session."""
    return [pid for pid in living(session) if b"harness.workers" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _begun(home: Path, begin: Start) -> "subprocess.Popen[str]":
    home.mkdir()
    return begin(home)


def in_training(home: Path, process: "subprocess.Popen[str]") -> Path:
    """Wait until a call trains."""
    there = until(lambda: process.poll() is not None or any(home.glob("results/*/checkpoints/[!.]*")))
    assert there, "it never trained"
    assert process.poll() is None, "it ended"
    return home


def in_commit(home: Path, process: "subprocess.Popen[str]") -> Path:
    """Wait until a call is about to put a run in place."""
    there = until(lambda: process.poll() is not None or any(home.glob("results/*/runs/.*.tmp")))
    assert there, "it never committed"
    assert process.poll() is None, "it ended"
    return home


def signals(folder: Path, rounds: int) -> Tries:
    """SIGINT to the group, as a terminal sends it, SIGTERM to the parent: once and twice, in training, in a commit."""
    fake.planned(folder)
    usual = fake_start(folder / "planned.pickle")
    expected, _ = uninterrupted(folder / "whole", usual)
    cases = [(sent, times, when) for sent in ("INT", "TERM") for times in (1, 2) for when in (in_training, in_commit)]
    for number in range(rounds):
        sent, times, when = cases[number % len(cases)]
        slow = {"FAKE_STEP_S": "0.3"} if when is in_training else {"FAKE_FLUSH_S": "0.3"}
        process = _begun(folder / str(number), fake_start(folder / "planned.pickle", **slow))
        home = when(folder / str(number), process)
        started = time.perf_counter()
        for _ in range(times):
            (os.killpg if sent == "INT" else os.kill)(process.pid, getattr(signal, f"SIG{sent}"))
            time.sleep(0.05)
        said = ended(process, 130)
        assert time.perf_counter() - started < 8, "it took too long to go"
        assert "same command" in said
        status_works(home / "results")
        goes_on(home, usual, expected)
        yield None


def at_every_operation(folder: Path, rounds: int) -> Tries:
    """Kill at the n-th write, flush, rename, link, unlink or mkdir of a whole call, for every n (or `rounds` of them).

    Another process does it, with no torch and no threads, which can be forked for every n.
    """
    fake.planned(folder, fake.SUITE.replace("[gan, nsgan, lsgan, hinge]", "gan"))
    process = start(folder, str(rounds), module="faults.mortal")
    for line in process.stdout or ():
        assert line.startswith("survived"), line
        yield line.removeprefix("survived").strip()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err


FAULTS = [
    Fault("kill -9 of the process group at random times", fake_kills, 100, 3),
    Fault("the same in real training, between two checkpoints", real_kills, 6, 0),
    Fault("kill at the n-th write, flush, rename, link, unlink, mkdir of a call", at_every_operation, 10**6, 8),
    Fault("kill -9 of the parent alone", parent_alone, 4, 1),
    Fault("kill -9 of a worker", a_worker, 4, 1),
    Fault("kill -9 of workers that have committed a part of their stacks", worker_in_commit, 3, 0),
    Fault("SIGINT and SIGTERM, once and twice, in training and in a commit", signals, 8, 1),
]
