"""Runs that fail, each in its own way: they are named, counted and alone."""

import json
from pathlib import Path

from faults import fake
from faults.commands import PATIENCE_S, call, start
from faults.records import leftovers, planned, records
from faults.table import Fault, Tries
from harness.execution.outcomes import Event, Planned
from harness.execution.requests import Request
from harness.execution.runner import run
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
from pathlib import Path
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

def in_training(deed, loss=known["gan"].generator_loss):
    # Nothing is wrong when it is tried, before any stack is claimed.
    return lambda *given: (deed if any(Path("results/small/claims").glob("[!.]*.json")) else loss)(*given)

OBJECTIVES = {name: replace(known["gan"], generator_loss=in_training(deed)) for name, deed in LOSSES.items()}
TRICKS = {"nan": NAN_AT}
"""


def train_here(folder: Path, suite: str, said: list[str] | None = None) -> Path:
    """Run a suite in this process, with no report, and return its results folder; `said` gets lines of damage."""
    (folder / "suite.yaml").write_text(suite)
    lines = said if said is not None else []

    def listen(event: Event) -> None:
        if isinstance(event, Planned):
            lines.extend(event.todo.damage)

    request = Request(str(folder / "suite.yaml"), root=str(folder / "results"), workers=0)
    return run(request, listen, fake.NO_REPORT).folder


def with_plugin(folder: Path, suite: str = SUITE, source: str = PLUGIN) -> str:
    """Return a suite that names a plug-in, which is written."""
    (folder / "plugin.py").write_text(source)
    return suite.replace("name: small", f"name: small\nplugins: [{folder / 'plugin.py'}]")


def not_a_number(folder: Path, rounds: int) -> Tries:
    """The critic's loss of some runs of a stack turns NaN at step k: diverged at k, and the others' bits stay."""
    suite = with_plugin(
        folder, SUITE.replace("matrix:", "objectives: {turning: {base: wgan-gp, tricks: TRICKS}}\nmatrix:")
    )
    suite = suite.replace("[gan, wgan-gp]", "turning")
    (folder / "whole").mkdir()
    healthy = records(train_here(folder / "whole", suite.replace("TRICKS", "{nan: {at: 1000}}")))
    assert {record["status"] for record in healthy.values()} == {"ok"}
    for step in range(20)[:: max(1, 20 // rounds)]:
        home = folder / str(step)
        home.mkdir()
        found = records(train_here(home, suite.replace("TRICKS", f"{{nan: {{at: [1000, {step}]}}}}")))
        assert len(Store(home / "results" / "small").plan.stacks) == 1
        ill = {run_id: record for run_id, record in found.items() if run_id not in healthy}
        assert {run_id: found[run_id] for run_id in healthy} == healthy
        assert len(ill) == len(healthy)
        assert {(record["status"], record["first_bad_step"]) for record in ill.values()} == {("diverged", step + 1)}
        yield None


LOST = {  # by objective: the status of its runs, and what their error says
    "greedy": ("oom", "memory"),
    "asleep": ("timeout", "time limit"),
    "shot": ("failed", "SIGKILL"),
    "leaving": ("failed", "exit code 0"),
    "raising": ("failed", "boom"),
}


def lost(folder: Path, rounds: int) -> Tries:
    """One call in which runs take too much memory, hang, are killed, leave and raise: each is lost alone.

    `retry` tries them again, and the others are ok. Yields for each way to be lost.
    """
    limits = "train: {limits: {seconds: 1.5, memory_gb: 3}, "
    suite = with_plugin(folder, SUITE.replace("[gan,", f"[{', '.join(LOST)},").replace("train: {", limits))
    (folder / "suite.yaml").write_text(suite)
    commands = [("run", "suite.yaml"), *[("retry", "results/small")] * rounds]
    for attempts, command in enumerate(commands, 1):
        call(folder, *command, "--workers", "2", code=1, module="faults.fake")
        store = Store(folder / "results" / "small")
        assert not leftovers(store.folder)
        for objective in [*LOST, "wgan-gp"]:
            runs = [row.run_id for row in store.plan.runs if row.objective == objective]
            status, words = LOST.get(objective, ("ok", ""))
            assert [store.status(run_id) for run_id in runs] == [status] * 2, objective
            for tried in (store.attempts(run_id) for run_id in runs if status != "ok"):
                assert len(tried) == attempts
                assert words in tried[-1].error, tried[-1].error
            yield None


REFUSED = {  # plug-ins that end, hang or fill the process that imports or tries them, and what is said of them
    "leaving": ("import os\nos._exit(0)\n", "exit code 0"),
    "shot": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "SIGKILL"),
    "closing": ("import os\nos.closerange(0, 64)\n", "died"),
    "greedy": ("held = []\nwhile True:\n    held.append(bytearray(10**8))\n", "MemoryError"),
    "asleep": ("import time\ntime.sleep(3600)\n", "time limit of 60 s"),
    "interrupting": ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
    "leaving when tried": (
        PLUGIN.replace('any(Path("results/small/claims").glob("[!.]*.json"))', "True"),
        "exit code 0",
    ),
}
LOUD = """\
import os
print("loud")
os.write(1, b"louder")
if os.fork() == 0:
    print("twice")
"""


def hostile_plugin(folder: Path, rounds: int) -> Tries:
    """Plug-ins that `plan` refuses by name, whatever they do; one that prints and forks spoils no JSON."""
    for what, (source, words) in REFUSED.items():
        suite = with_plugin(folder, SUITE, source)
        (folder / "suite.yaml").write_text(suite.replace("[gan,", "[leaving,") if "tried" in what else suite)
        said = call(folder, "plan", "suite.yaml", code=2)
        assert "plugin.py" in said, what
        assert words in said, said
        assert not (folder / "results").exists()
        yield None
    (folder / "suite.yaml").write_text(with_plugin(folder, SUITE, LOUD))
    process = start(folder, "plan", "suite.yaml", "--json")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (json.loads(out)["planned"], err.count("loud")) == (4, 2), err
    yield None


def broken_on_import(folder: Path, rounds: int) -> Tries:
    """A plug-in that raises is refused before anything is written; raising or leaving in workers costs its runs."""
    (folder / "suite.yaml").write_text(with_plugin(folder, SUITE, 'raise RuntimeError("boom")\n'))
    said = call(folder, "run", "suite.yaml", code=2)
    assert "RuntimeError: boom" in said
    assert not (folder / "results").exists()
    yield None
    own = PLUGIN.replace('"raising": boom', '"own": known["gan"].generator_loss')
    for deed in ("raise", "leave"):
        imported, home = folder / f"imported-{deed}", folder / deed
        home.mkdir()
        again = f"os.mkdir({str(imported)!r})" if deed == "raise" else f"open({str(imported)!r}, 'x')"
        once = f"import os\n{again}\n"  # the second time it raises
        if deed == "leave":
            once = f"import os\nif os.path.exists({str(imported)!r}):\n    os._exit(0)\n{again}\n"
        suite = with_plugin(home, SUITE, once + own)
        (home / "suite.yaml").write_text(suite.replace("[gan, wgan-gp]", "[own, wgan-gp]"))
        process = start(home, "run", "suite.yaml", "--workers", "2", "--json", module="faults.fake")
        out, err = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in err, err
        store = Store(home / "results" / "small")
        for row in store.plan.runs:
            status = store.status(row.run_id)
            assert status == "ok" or (row.objective == "own" and status == "failed") or deed == "leave"
            assert status == "ok" or "plugin.py" in store.attempts(row.run_id)[-1].error
        if out:
            assert sum(json.loads(out)["counts"].values()) == len(planned(store.folder))
        else:  # the worker that was to write the report is one that it ended
            assert (deed, process.returncode, "plugin.py" in err) == ("leave", 2, True), err
        yield None


FAULTS = [
    Fault("a loss that turns NaN at step k of 20", not_a_number, 20, 3),
    Fault("too much memory, hanging, SIGKILL, exit, raising, and `retry`: each alone", lost, 1, 0),
    Fault("a plug-in that raises or leaves on import, here and in workers", broken_on_import, 1, 0),
    Fault("a plug-in that leaves, is killed, hangs, takes all memory, closes files, prints", hostile_plugin, 1, 0),
]
