"""What surviving costs: seconds of a call of 2,000 tiny runs, milliseconds of a commit."""

import json
import re
import resource
import stat
import time
from pathlib import Path
from statistics import median

from plans import record_of, spec_of

from faults import fake
from faults.commands import PATIENCE_S, call, ended, living, start
from faults.table import Fault, Tries
from harness.store import Store

TRAIN_S = 0.001  # of a run
MOST_S, MOST_MS = 20.0, 10.0
EIGHT = "[gan, nsgan, lsgan, hinge, wgan, wgan-clip, wgan-gp, wgan-lp]"
ONE_STEP_SEEDS = 50
MOST_A_RUN = {"run": 30.0, "report": 4.0, "verify": 6.0, "files": 7.0, "blocks": 75.0}  # ms, kB
MANY = fake.SUITE.replace("seeds: 2", "seeds: 250").replace("lr: [1e-3, 2e-3]", "lr: 1e-3")


def overhead(folder: Path, rounds: int) -> Tries:
    """Plan 8 objectives and 250 seeds, train them for a millisecond each, and keep and score them, with two workers."""
    for number in range(rounds):
        home = folder / str(number)
        home.mkdir()
        started = time.perf_counter()
        fake.planned(home, MANY.replace("[gan, nsgan, lsgan, hinge]", EIGHT))
        planning = time.perf_counter() - started
        env = {"FAKE_STEP_S": str(16 * TRAIN_S / fake.STEPS), "FAKE_KEEPS": "0"}
        process = start(home, "run", "planned.pickle", "--workers", "2", "--json", module="faults.fake", env=env)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        result = json.loads(out)
        assert result["counts"]["ok"] == result["trained"] == 2000
        spent = planning + result["took_s"] - 2000 * TRAIN_S / 2
        said = f"{spent:.1f} s over, {planning:.1f} s of them planning"
        assert spent <= MOST_S, said
        yield said


def commit(folder: Path, rounds: int) -> Tries:
    """Commit runs of the usual six files, 40 kB, with their scores."""
    store, taken = Store(folder / "suite"), []
    names = ["curves.parquet", "samples.npz", "snapshots/10.npz", "snapshots/20.npz"]
    files = dict.fromkeys([*names, "generator.safetensors", "critic.safetensors"], bytes(range(256)) * 27)
    for number in range(rounds):
        record = record_of(spec_of(number), facts={"train_s": 0.0})
        started = time.perf_counter()
        assert store.commit(record, files)
        store.commit_scores(record.run_id, "s", {20: {"w1": 0.5}}, 0.0)
        taken.append(time.perf_counter() - started)
        yield None
    # The best of batches: other processes may have had the disk.
    milliseconds = 1e3 * min(median(taken[first : first + 50]) for first in range(0, len(taken), 50))
    said = f"{milliseconds:.1f} ms a run"
    assert milliseconds <= MOST_MS, said
    yield said


def one_step(folder: Path, rounds: int) -> Tries:
    """Train, score and report many real runs of one step: what each costs beyond what a call of eight costs."""
    for number in range(rounds):
        spent: list[dict[str, float]] = []
        for seeds in (1, 1 + ONE_STEP_SEEDS):
            home = folder / f"{number}-{seeds}"
            home.mkdir()
            text = MANY.replace("seeds: 250", f"seeds: {seeds}").replace("[gan, nsgan, lsgan, hinge]", EIGHT)
            (home / "suite.yaml").write_text(text.replace("steps: 20", "steps: 1"))
            spent.append({"run": 1e3 * _cpu_s(home, "run", "suite.yaml")})
            for verb in ("report", "verify"):  # the least of three, as other work on a machine only adds to one
                spent[-1][verb] = 1e3 * min(_cpu_s(home, verb, "results/fake") for _ in range(3))
            spent[-1] |= _disk(home / "results" / "fake" / "runs")
        a_run = {name: (spent[1][name] - spent[0][name]) / (8 * ONE_STEP_SEEDS) for name in spent[0]}
        said = ", ".join(f"{verb} {a_run[verb]:.1f} ms" for verb in ("run", "report", "verify"))
        said += "; {files:.0f} files in {folders:.0f} folders, {bytes:.1f} kB, {blocks:.1f} kB on disk".format(**a_run)
        assert all(a_run[name] <= most for name, most in MOST_A_RUN.items()), said
        yield said


def _cpu_s(home: Path, *arguments: str) -> float:
    """Return the CPU seconds of a command and all its workers."""
    before = _children_s()
    call(home, *arguments)
    return _children_s() - before


def _children_s() -> float:
    """Return the CPU seconds of all processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _most_memory(pid: int) -> int:
    """Return the most bytes that a process has had in memory; its ru_maxrss would count those of this one."""
    try:
        line = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0  # it has just ended
    return 1024 * int(line[1]) if line else 0


def _disk(folder: Path) -> dict[str, float]:
    """Return how many files and folders lie below a folder, and the kB of the files, by length and by blocks."""
    below = [path.lstat() for path in folder.rglob("*")]
    files = [each for each in below if stat.S_ISREG(each.st_mode)]
    return {
        "files": len(files),
        "folders": len(below) - len(files),
        "bytes": sum(each.st_size for each in files) / 1e3,
        "blocks": sum(512 * each.st_blocks for each in files) / 1e3,
    }


def cells(folder: Path, rounds: int) -> Tries:
    """Plan 99,856 cells on the command line: 316 rates by 316 decay rates."""
    rates = ", ".join(f"{i}e-6" for i in range(1, 317))
    betas = ", ".join(f"{i / 400}" for i in range(316))
    block = "[{dataset: ring, architecture: mlp, objective: nsgan}]"
    text = (
        "version: 1\nname: cells\nquestion: How many?\ntrain: {steps: 5, batch: 8, lr: [%s], beta1: [%s]}\nmatrix: %s\n"
    )
    (folder / "cells.yaml").write_text(text % (rates, betas, block))
    for _ in range(rounds):
        before, most = _children_s(), 0
        process = start(folder, "plan", "cells.yaml")
        while process.poll() is None:
            most = max(most, sum(map(_most_memory, living(process.pid))))
            time.sleep(0.05)
        out = ended(process, 0)
        assert "99,856 cells" in out
        assert len(out.splitlines()) < 60
        spent = _children_s() - before
        words = f"{spent:.0f} s of CPU, {most / 1e9:.2f} GB"
        assert spent < 12, words
        assert most < 1e9, words
        yield words


FAULTS = [
    Fault("a plan of 99,856 cells, on a screen: at most 12 s and 1 GB", cells),
    Fault("2,000 runs of 1 ms: at most 20 s more", overhead),
    Fault("a real run of one step: its CPU in run, report and verify, and what it keeps", one_step, 1, 0),
    Fault("commit and scores: at most 10 ms a run", commit, 300, 50, slow=False),
]
