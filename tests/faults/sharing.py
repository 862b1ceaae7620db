"""Several runners on one folder, and claims of the dead, the far away and the late."""

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from plans import record_of, spec_of

from faults import fake
from faults.commands import PATIENCE_S, ROOT, call, ended, start, until
from faults.kills import REAL, ends_well, fake_start, uninterrupted
from faults.records import records
from faults.table import Fault, Tries
from harness.commands.status import statuses
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


def stopped_holder(folder: Path, rounds: int) -> Tries:
    """A process is stopped while it holds every lock: a call says who holds them, readers do not wait, and it ends well
    once that process has gone on, or was killed."""
    begin = fake_start(folder / fake.planned(folder))
    expected, _ = uninterrupted(folder / "whole", begin)
    script = (
        "import os, signal; from harness.store import Store; store = Store('results/fake');"
        "locks = [store.locked(), store.placing(), store.reporting()]; [lock.__enter__() for lock in locks];"
        "os.kill(os.getpid(), signal.SIGSTOP)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for number in range(rounds):
        home = folder / str(number)
        shutil.copytree(folder / "whole", home)
        holder = subprocess.Popen([sys.executable, "-c", script], cwd=home, env=environment)
        assert until(lambda holder=holder: "T" in Path(f"/proc/{holder.pid}/stat").read_text().split()[2])
        waiter = begin(home)
        assert waiter.stderr is not None
        line = waiter.stderr.readline()
        assert f"process {holder.pid} on " in line, line
        assert f"kill -CONT {holder.pid}" in line, line
        started = time.perf_counter()
        call(home, "status", "results")
        call(home, "verify", "results", code=1)  # what fake training draws has no W1
        call(home, "export", "results/fake", "--to", "csv", "-o", "runs.csv")
        spent = time.perf_counter() - started
        os.kill(holder.pid, signal.SIGKILL if number % 2 else signal.SIGCONT)
        holder.wait()
        ended(waiter, 0)
        ends_well(home, expected)
        yield f"readers took {spent:.0f} s"


def two_suites(folder: Path, rounds: int) -> Tries:
    """Two suites of one name, at once: one is refused with both paths, and the folder is the other's alone."""
    for number in range(rounds):
        home = folder / str(number)
        home.mkdir()
        for name, lr in (("one", "1e-3"), ("two", "2e-3")):
            (home / f"{name}.yaml").write_text(REAL.replace("800, batch: 32", f"20, batch: 32, lr: {lr}"))
        both = [start(home, "run", f"{name}.yaml", "--workers", "1", module="faults.fake") for name in ("one", "two")]
        said = [process.communicate(timeout=PATIENCE_S) for process in both]
        assert sorted(process.returncode for process in both) == [0, 2], said
        refused = next(err for process, (_, err) in zip(both, said, strict=True) if process.returncode == 2)
        assert "one.yaml" in refused, refused
        assert "two.yaml" in refused, refused
        (entry,) = statuses(str(home / "results"))
        assert entry.counts["ok"] == entry.planned == len(Store(Path(entry.folder)).finished())
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
    Fault("stopped while it holds the locks: who waits says so, readers do not wait", stopped_holder, 4, 1),
    Fault("two suites of one name at once", two_suites, 2, 0),
]
