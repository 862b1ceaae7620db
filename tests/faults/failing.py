"""Runs that fail, each in its own way: they are named, counted and alone."""

import json
from pathlib import Path
from typing import Any

from faults import fake
from faults.commands import call
from faults.kills import ends_well
from faults.records import leftovers, planned, records
from faults.table import Fault, Tries
from harness.runner import Request, run
from harness.shift import Tasks
from harness.store import Store

SUITE = """\
version: 1
name: small
question: What fails alone?
seeds: 2
train: {steps: 20, batch: 8}
score: {at: [0.5, 1], samples: 60}
architectures: {mlp: {width: 4, depth: 1}}
matrix:
  - {dataset: 8gaussians, architecture: mlp, objective: [gan, wgan-gp]}
"""

PLUGIN = """\
import os, signal, time
from dataclasses import replace
import torch
from harness import OBJECTIVES as known
from oracles import NAN_AT

def boom(*_):
    raise RuntimeError("boom")

LOSSES = {
    "greedy": lambda *_: torch.ones(10**10),
    "asleep": lambda *_: time.sleep(3600),
    "shot": lambda *_: os.kill(os.getpid(), signal.SIGKILL),
    "leaving": lambda *_: os._exit(0),
    "raising": boom,
}
OBJECTIVES = {name: replace(known["gan"], generator_loss=loss) for name, loss in LOSSES.items()}
TRICKS = {"nan": NAN_AT}
"""


def train_here(folder: Path, suite: str, said: list[str] | None = None) -> Path:
    """Run a suite in this process, with no report, and return its results folder; `said` gets lines of damage."""
    (folder / "suite.yaml").write_text(suite)
    lines = said if said is not None else []

    def listen(event: str, what: dict[str, Any]) -> None:
        if event == "planned":
            lines.extend(what["damage"])

    request = Request(str(folder / "suite.yaml"), root=str(folder / "results"), workers=0)
    return run(request, listen, Tasks(finish=fake.finish)).folder


def with_plugin(folder: Path, suite: str = SUITE, source: str = PLUGIN) -> str:
    """Return a suite that names a plug-in, which is written."""
    (folder / "plugin.py").write_text(source)
    return suite.replace("name: small", f"name: small\nplugins: [{folder / 'plugin.py'}]")


def not_a_number(folder: Path, rounds: int) -> Tries:
    """The critic's loss of some runs of a stack turns NaN at step k: diverged at k, and the others' bits stay."""
    suite = with_plugin(folder, SUITE.replace("matrix:", "objectives: {turning: {base: wgan-gp, tricks: TRICKS}}\nmatrix:"))
    suite = suite.replace("[gan, wgan-gp]", "turning")
    (folder / "whole").mkdir()
    healthy = records(train_here(folder / "whole", suite.replace("TRICKS", "{nan: {at: 1000}}")))
    assert {record["status"] for record in healthy.values()} == {"ok"}
    for step in range(20)[:: max(1, 20 // rounds)]:
        home = folder / str(step)
        home.mkdir()
        found = records(train_here(home, suite.replace("TRICKS", f"{{nan: {{at: [1000, {step}]}}}}")))
        assert len(Store(home / "results" / "small").plan["stacks"]) == 1
        ill = {run_id: record for run_id, record in found.items() if run_id not in healthy}
        assert {run_id: found[run_id] for run_id in healthy} == healthy
        assert len(ill) == len(healthy)
        assert {(record["status"], record["first_bad_step"]) for record in ill.values()} == {("diverged", step + 1)}
        yield None


def lost(folder: Path, objective: str, status: str, words: str) -> None:
    """Run a suite of which one objective's runs are lost: they are of this status, the error says so, others are ok.

    A second call leaves them, `retry` tries them again; both exit with 1.
    """
    limits = "train: {limits: {seconds: 1.5, memory_gb: 3}, "
    suite = with_plugin(folder, SUITE.replace("[gan, wgan-gp]", f"[{objective}, wgan-gp]").replace("train: {", limits))
    (folder / "suite.yaml").write_text(suite)
    results = folder / "results" / "small"
    for attempts, command in ((1, ("run", "suite.yaml")), (1, ("run", "suite.yaml")), (2, ("retry", "results/small"))):
        call(folder, *command, "--workers", "2", code=1)
        store, ids = Store(results), planned(results)
        found = {row["run_id"]: store.status(row["run_id"]) for row in store.plan["runs"]}
        assert [*found.values()].count("ok") == [*found.values()].count(status) == len(ids) / 2, found
        for row in store.plan["runs"]:
            if row["objective"] == objective:
                assert len(store.attempts(row["run_id"])) == attempts
                assert words in store.attempts(row["run_id"])[-1]["error"]
        assert not leftovers(results)


def tries_of(objective: str, status: str, words: str) -> Any:
    """Return the tries of one way to be lost."""

    def tries(folder: Path, rounds: int) -> Tries:
        for number in range(rounds):
            home = folder / str(number)
            home.mkdir()
            lost(home, objective, status, words)
            yield None

    return tries


def broken_on_import(folder: Path, rounds: int) -> Tries:
    """A plug-in that raises is refused before anything is written; one that raises in some workers costs its own runs."""
    (folder / "suite.yaml").write_text(with_plugin(folder, SUITE, 'raise RuntimeError("boom")\n'))
    said = call(folder, "run", "suite.yaml", code=2)
    assert "plugin.py cannot be imported: RuntimeError: boom" in said
    assert not (folder / "results").exists()
    yield None
    once = f"import os\nos.mkdir({str(folder / 'imported')!r})\n"  # the second time it raises
    suite = with_plugin(folder, SUITE, once + PLUGIN.replace('"raising": boom', '"own": known["gan"].generator_loss'))
    (folder / "suite.yaml").write_text(suite.replace("[gan, wgan-gp]", "[own, wgan-gp]"))
    (entry,) = [json.loads(_json(folder))]
    store = Store(folder / "results" / "small")
    for row in store.plan["runs"]:
        status = store.status(row["run_id"])
        assert status == "ok" or (row["objective"] == "own" and status == "failed")
        assert status == "ok" or "plugin.py" in store.attempts(row["run_id"])[-1]["error"]
    assert sum(entry["counts"].values()) == len(planned(store.folder))
    yield None


def _json(folder: Path) -> str:
    from faults.commands import PATIENCE_S, start

    out, err = start(folder, "run", "suite.yaml", "--workers", "2", "--json").communicate(timeout=PATIENCE_S)
    assert "Traceback" not in err, err
    return out


FAULTS = [
    Fault("a loss that turns NaN at step k of 20", not_a_number, 20, 3),
    Fault("a worker over its limit of memory", tries_of("greedy", "oom", "memory")),
    Fault("a run that hangs", tries_of("asleep", "timeout", "limit of time")),
    Fault("a worker killed by SIGKILL in training, each time", tries_of("shot", "failed", "SIGKILL")),
    Fault("a worker that leaves with exit code 0, each time", tries_of("leaving", "failed", "exit code 0")),
    Fault("a plug-in that raises on use", tries_of("raising", "failed", "boom")),
    Fault("a plug-in that raises on import, here and in workers", broken_on_import),
]
