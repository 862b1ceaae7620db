"""The store against a model: runners that claim, commit, crash, come back late and meet damage, in any order."""

import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from killing import Killed, disk
from plans import SPECS, A, B, C, record_of

from harness.disk.owners import Owner
from harness.store import LOST, STALE_S, STATUSES, Store, mend, run_damage
from harness.store import claims as module
from harness.store.claims import Claims

RUNS = (A, B, C)
STACKS = ("0001", "0002")
HOSTS = ("here", "here", "there")  # of each runner

runners = st.integers(0, len(HOSTS) - 1)
runs, stacks = st.sampled_from(RUNS), st.sampled_from(STACKS)


class Runners(RuleBasedStateMachine):
    """Three runners on one folder, two of them on one host; each crash gives its place to a new process."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        pids = range(len(HOSTS), 2 * len(HOSTS))  # no process has the number 0
        self.clock, self.pids, self.living = 0.0, list(pids), set(pids)
        self.stores = [self.opened() for _ in HOSTS]
        self.claims = {}  # by stack and process, what each believes to hold
        self.renewed = {}  # by the same, when it was last renewed
        self.records, self.attempts, self.lost, self.written = {}, dict.fromkeys(RUNS, 0), [], 0

    def opened(self):
        store = Store(self.folder)
        store.__dict__["_claims"] = Claims(self.folder / "claims", lambda: self.clock)
        return store

    def as_runner(self, runner):
        """Let this process be another for a while."""
        who = Owner(HOSTS[runner], boot="1", space="", pid=self.pids[runner], start="1")
        alive = lambda other: None if other.host != who.host else other.pid in self.living  # noqa: E731
        return patch.multiple(module, owner=lambda: who, is_alive=alive)

    def attempted(self, runner, at, action):
        """Do it, or die at its at-th operation on the disk; return whether it was done."""
        try:
            with self.as_runner(runner), disk(at):
                action()
        except Killed:
            self.crash(runner)
            return False
        return True

    @rule(runner=runners, stack=stacks)
    def claim(self, runner, stack):
        with self.as_runner(runner), disk():
            claim = self.stores[runner].claim(stack)
        if claim is not None:
            for (held, pid), other in self.claims.items():
                if held == stack and pid in self.living and other.token != claim.token:
                    host = HOSTS[pid % len(HOSTS)]
                    assert host != HOSTS[runner], "an owner that lives on the same host lost its claim"
                    assert self.clock - self.renewed[held, pid] >= STALE_S, "an owner elsewhere lost it too early"
            self.claims[stack, self.pids[runner]] = claim
            self.renewed[stack, self.pids[runner]] = self.clock

    @rule(runner=runners, stack=stacks)
    def renew(self, runner, stack):
        key = stack, self.pids[runner]
        if key in self.claims and self.claims[key].renew():
            self.tick(self.claims[key].path)
            self.renewed[key] = self.clock

    def tick(self, path):
        """Two renewals within one tick of the file system's clock would look like one."""
        self.written += 1
        module.os.utime(path, ns=(0, self.written))

    @rule(runner=runners, stack=stacks)
    def release(self, runner, stack):
        claim = self.claims.pop((stack, self.pids[runner]), None)
        if claim is not None:
            claim.release()

    @rule(seconds=st.sampled_from([1.0, STALE_S / 2, STALE_S]))
    def wait(self, seconds):
        self.clock += seconds

    @rule(runner=runners)
    def crash(self, runner):
        self.living.discard(self.pids[runner])
        self.pids[runner] += len(HOSTS)
        self.living.add(self.pids[runner])
        self.stores[runner] = self.opened()

    @rule(runner=runners, run=runs, at=st.none() | st.integers(1, 40))
    def commit(self, runner, run, at):
        self.written += 1
        content = b"trained for the %d-th time" % self.written
        record = record_of(SPECS[run], facts={"n": self.written})
        won = []
        store = self.stores[runner]
        done = self.attempted(runner, at, lambda: won.append(store.commit(record, {"snapshots/1.bin": content})))
        kept = self.bytes_of(run)
        if run in self.records:
            assert won in ([False], []), "a second commit won"
        elif done or kept is not None:
            assert kept is not None
            self.records[run] = kept

    @rule(runner=runners, run=runs, status=st.sampled_from(LOST), at=st.none() | st.integers(1, 20))
    def fail(self, runner, run, status, at):
        before = len(Store(self.folder).attempts(run))
        done = self.attempted(runner, at, lambda: self.stores[runner].commit_attempt(run, status, "boom", "log"))
        found = Store(self.folder).attempts(run)
        assert len(found) - before in ((1,) if done else (0, 1))
        self.attempts[run] = len(found)

    @rule(run=runs, end=st.integers(0, 50))
    def damage(self, run, end):
        if run in self.records and self.records[run] not in self.lost:
            path = self.folder / "runs" / run / "record.json"
            path.write_bytes(path.read_bytes()[:end])
            self.lost.append(path.read_bytes())
            self.records[run] = path.read_bytes()

    @rule(runner=runners, at=st.none() | st.integers(1, 20))
    def run_again(self, runner, at):
        """What every call does first; its store knows of no damage met before."""
        self.stores[runner] = self.opened()
        self.attempted(runner, at, lambda: mend(self.stores[runner], RUNS))
        for run in RUNS:
            if run in self.records and self.bytes_of(run) is None:
                assert self.records[run] in self.lost, "a record that was whole was set aside"
                del self.records[run]
                self.attempts[run] = 0  # its whole folder is set aside

    def bytes_of(self, run):
        path = self.folder / "runs" / run / "record.json"
        return path.read_bytes() if path.exists() else None

    @invariant()
    def the_first_commit_stays(self):
        assert {run: kept for run in RUNS if (kept := self.bytes_of(run)) is not None} == self.records

    @invariant()
    def every_planned_run_has_one_status(self):
        store = Store(self.folder)
        found = [store.status(run) for run in RUNS]
        assert sum(found.count(status) for status in STATUSES) == len(RUNS)
        for run, status in zip(RUNS, found, strict=True):
            whole = run in self.records and self.records[run] not in self.lost
            assert (status == "ok") == whole
            assert not whole or run_damage(store, run, deep=True).keys() <= {store.log_path(run)}  # which is derived
            assert (status in LOST) == (not whole and self.attempts[run] > 0)

    @invariant()
    def nothing_disappears(self):
        aside = {path.read_bytes() for path in self.folder.glob("damaged/*/runs/*/record.json")}
        assert set(self.lost) <= aside | set(self.records.values())

    @invariant()
    def no_stack_is_in_two_hands(self):
        for stack in STACKS:
            path = self.folder / "claims" / f"{stack}.json"
            held = [claim for (name, _), claim in self.claims.items() if name == stack]
            assert sum(module._read(path).token == claim.token for claim in held) <= 1

    def teardown(self):
        shutil.rmtree(self.folder)


TestRunners = pytest.mark.slow(Runners.TestCase)
TestRunners.settings = settings(deadline=None, derandomize=True, max_examples=50, stateful_step_count=30)
