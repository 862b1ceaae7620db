"""Several runners on one folder, and claims of the dead, the far away and the late."""

import os
import platform
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from plans import record_of, spec_of

from faults import fake
from faults.commands import ROOT, ended, start
from faults.kills import REAL, ends_well, fake_start, uninterrupted
from faults.records import records
from faults.table import Fault, Tries
from harness.store import Record, Store, claims

STALE_S = 0.5


def two_runners(folder: Path, rounds: int) -> Tries:
    """Two at once."""
    return runners(folder, rounds, 2)


def eight_runners(folder: Path, rounds: int) -> Tries:
    """Eight at once."""
    return runners(folder, rounds, 8)


def runners(folder: Path, rounds: int, count: int) -> Tries:
    """Start several calls at once: all end well, and every run was trained by one of them."""
    begin = fake_start(folder / fake.planned(folder), "--workers", "1", FAKE_STEP_S="0.05")
    expected, _ = uninterrupted(folder / "whole", begin)
    for number in range(rounds):
        home = folder / str(number)
        home.mkdir()
        for process in [begin(home) for _ in range(count)]:
            ended(process, 0)
        ends_well(home, expected)
        ledger = (home / "cache" / "ledger").read_text().split("\n")[:-1]
        assert Counter(ledger) == Counter(f"{run_id} True" for run_id in expected), "a run was trained twice"
        yield None


def two_real_runners(folder: Path, rounds: int) -> Tries:
    """Two calls at once, with real training: the records are those of one call."""
    (folder / "real.yaml").write_text(REAL.replace("500", "200"))
    arguments = ("run", str(folder / "real.yaml"), "-o", "results", "--workers", "1")
    for number in range(rounds):
        for home in (folder / f"{number}-one", folder / f"{number}-two"):
            home.mkdir()
        ended(start(folder / f"{number}-one", *arguments, module="faults.fake"), 0)
        for process in [start(folder / f"{number}-two", *arguments, module="faults.fake") for _ in range(2)]:
            ended(process, 0)
        ends_well(folder / f"{number}-two", records(folder / f"{number}-one" / "results" / "real"))
        yield None


def foreign_claim(folder: Path, rounds: int) -> Tries:
    """A claim of another host, never renewed: a call waits until it is stale, and then trains the stack."""
    begin = fake_start(folder / fake.planned(folder), FAKE_STALE_S=str(STALE_S))
    expected, _ = uninterrupted(folder / "whole", begin)
    for number in range(rounds):
        home = folder / str(number)
        home.mkdir()
        claimed_elsewhere(Store(home / "results" / "fake"), "0001")
        os.utime(home / "results" / "fake" / "claims" / "0001.json", (0, 0))  # clocks of two hosts are not compared
        started = time.perf_counter()
        ended(begin(home), 0)
        assert time.perf_counter() - started > STALE_S
        ends_well(home, expected)
        yield None


def renewed_claim(folder: Path, rounds: int) -> Tries:
    """A claim of another host that is renewed is left alone, however long; not renewed, it is taken over by one."""
    store, now = Store(folder), 0.0
    observers = [claims.Claims(folder / "claims", clock=lambda: now) for _ in range(3)]
    for number in range(rounds):
        stack = f"{number:04d}"
        claimed_elsewhere(store, stack)
        for mark in range(5):
            os.utime(folder / "claims" / f"{stack}.json", (mark, mark))
            assert [observer.take(stack) for observer in observers] == [None] * 3
            now += claims.STALE_S - 1
        now += 1
        taken = [claim for observer in observers if (claim := observer.take(stack)) is not None]
        assert len(taken) == 1, f"{len(taken)} took it over"
        yield None


def dead_owner(folder: Path, rounds: int) -> Tries:
    """A claim of a process of this host that was killed is taken over at once, by one of several."""
    script = "import os, sys; from harness.store import Store; Store('.').claim(sys.argv[1]); os._exit(9)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for number in range(rounds):
        subprocess.run([sys.executable, "-c", script, f"{number:04d}"], cwd=folder, env=environment, check=False)
        assert (folder / "claims" / f"{number:04d}.json").exists()
        taken = [claim for _ in range(3) if (claim := Store(folder).claim(f"{number:04d}")) is not None]
        assert len(taken) == 1, f"{len(taken)} took it over"
        yield None


def zombie(folder: Path, rounds: int) -> Tries:
    """One that was taken for dead goes on: its claim is lost, its late commit is refused, and the first one stays."""
    for number in range(rounds):
        store, stack = Store(folder), f"{number:04d}"
        observer = claims.Claims(folder / "claims")
        mine = as_on_another_host(lambda stack=stack: Store(folder).claim(stack))
        assert mine is not None
        assert observer.take(stack) is None
        observer = claims.Claims(folder / "claims", clock=iter((0.0, claims.STALE_S + 1)).__next__)
        assert observer.take(stack) is None
        theirs = observer.take(stack)
        assert theirs is not None
        assert theirs.renew()
        assert store.commit(_record(number, "theirs"), {"samples.npz": b"theirs"})
        before = tree(folder / "runs")
        assert not mine.renew()
        assert not store.commit(_record(number, "mine"), {"samples.npz": b"mine", "late.npz": b"mine"})
        mine.release()
        assert tree(folder / "runs") == before
        assert theirs.renew(), "the zombie removed a claim that was not its own"
        yield None


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def as_on_another_host(what: Any) -> Any:
    """Call something as if this were another host."""
    here = platform.node
    platform.node = lambda: "elsewhere"
    try:
        return what()
    finally:
        platform.node = here


def claimed_elsewhere(store: Store, stack: str) -> None:
    """Leave a claim of another host."""
    assert as_on_another_host(lambda: store.claim(stack)) is not None


def _record(seed: int, whose: str) -> Record:
    return record_of(spec_of(seed), facts={"train_s": 0.0}, provenance={"whose": whose})


FAULTS = [
    Fault("two runners on one folder", two_runners, 4, 1),
    Fault("eight runners on one folder", eight_runners, 2, 0),
    Fault("two runners, real training", two_real_runners, 1, 0),
    Fault("stale claim of another host, frozen mtime, under a running call", foreign_claim, 3, 1),
    Fault("claim of another host, renewed, then not", renewed_claim, 20, 5, slow=False),
    Fault("claim of a dead process of this host", dead_owner, 10, 2, slow=False),
    Fault("a zombie that commits late", zombie, 50, 5, slow=False),
]
