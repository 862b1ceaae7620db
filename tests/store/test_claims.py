"""Claims: one owner a stack; the dead are replaced at once, the silent after a while, by one of all who see it."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.disk.owners import booted, is_alive, owner
from harness.store import STALE_S, Holder, Store
from harness.store import claims as module
from harness.store.claims import Claims


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "claims"


def test_a_claim_is_one_processs_until_it_is_released(tmp_path):
    store, other = Store(tmp_path), Store(tmp_path)
    with store.claim("0001") as claim:
        assert other.claim("0001") is None
        assert store.claim("0001") is None
        assert claim.renew()
        assert other.claims() == [Holder("0001", owner().host, os.getpid(), alive=True)]
    assert not claim.renew()
    assert other.claims() == []
    assert other.claim("0001") is not None


CLAIM = (
    "import os, sys; from harness.store import Store; print(bool(Store(sys.argv[1]).claim('0001')), flush=True); "
    "os._exit(0)"
)


def test_one_whose_owner_died_is_taken_over_at_once(tmp_path):
    done = subprocess.run([sys.executable, "-c", CLAIM, str(tmp_path)], capture_output=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout == b"True\n"
    assert [claim.alive for claim in Store(tmp_path).claims()] == [False]
    assert Store(tmp_path).claim("0001") is not None


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
def test_a_process_that_is_dead_and_not_yet_waited_for_is_dead(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", CLAIM, str(tmp_path)], stdout=subprocess.PIPE)
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert [claim.alive for claim in Store(tmp_path).claims()] == [False]
    child.wait()
    child.stdout.close()


def test_what_is_known_of_an_owner():
    ours = owner()
    assert is_alive(ours) is True
    assert is_alive(replace(ours, start="1")) is False  # the pid was given to another process
    assert is_alive(replace(ours, boot="before")) is False
    assert is_alive(replace(ours, pid=2**22 + 1)) is False
    assert is_alive(replace(ours, host="elsewhere")) is None
    assert is_alive(replace(ours, space="a container")) is None


def elsewhere(monkeypatch, name):
    """Make this process one of another host."""
    monkeypatch.setattr(module, "owner", lambda: replace(owner(), host=name))


def test_one_of_another_host_is_taken_over_when_it_has_long_not_been_renewed(folder, monkeypatch):
    elsewhere(monkeypatch, "a")
    theirs = Claims(folder).take("0001")
    elsewhere(monkeypatch, "b")
    now = [5.0]
    observer = Claims(folder, lambda: now[0])
    for _ in range(4):  # renewed, it is theirs however long
        assert observer.take("0001") is None
        now[0] += STALE_S - 1
        os.utime(theirs.path, ns=(0, theirs.path.stat().st_mtime_ns + 1))  # on a clock that is years behind ours
    assert observer.take("0001") is None
    now[0] += STALE_S - 0.1
    assert observer.take("0001") is None
    now[0] += 0.2
    ours = observer.take("0001")
    assert ours.renew()
    assert not theirs.renew()
    theirs.release()  # of one that wakes too late, it leaves ours alone
    assert ours.renew()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"pid": 1}'])
def test_a_torn_claim_is_judged_by_its_age_as_well(folder, content):
    folder.mkdir()
    (folder / "0001.json").write_bytes(content)
    now = [0.0]
    observer = Claims(folder, lambda: now[0])
    assert observer.holders() == []
    assert observer.take("0001") is None
    now[0] += STALE_S
    assert observer.take("0001") is not None


def test_one_that_a_power_failure_emptied_holds_nobody_up(folder, monkeypatch):
    """It was put in place whole: empty and older than this boot, its owner ended with the boot before."""
    folder.mkdir()
    path = folder / "0001.json"
    path.write_bytes(b"")
    monkeypatch.setattr(module, "booted", lambda: path.stat().st_mtime + 1)
    assert Claims(folder).holders() == [Holder("0001", None, None, alive=False)]
    assert Claims(folder).take("0001") is not None
    assert [claim.alive for claim in Claims(folder).holders()] == [True]
    path.write_bytes(b"")
    monkeypatch.setattr(module, "booted", lambda: None)  # where that is not known
    assert Claims(folder).take("0001") is None


@pytest.mark.skipif(sys.platform != "linux", reason="known on Linux alone")
def test_it_is_known_when_this_host_started():
    seconds = float(Path("/proc/uptime").read_text().split()[0])
    assert booted() == pytest.approx(time.time() - seconds, abs=2)


RACE = """
import os, sys, time
from harness.store import Store
store = Store(sys.argv[1])
sys.stdin.read()
print(*(stack for stack in map(str, range(30)) if store.claim(stack)), flush=True)
os.close(1)
time.sleep(60)  # alive while the others still try
"""


@pytest.mark.slow
@pytest.mark.parametrize("dead", [False, True])
def test_of_several_who_come_at_once_one_has_each_stack(tmp_path, monkeypatch, dead):
    if dead:
        monkeypatch.setattr(module, "owner", lambda: replace(owner(), start="1"))
        assert all(Store(tmp_path).claim(str(stack)) for stack in range(30))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    runners = [subprocess.Popen([sys.executable, "-c", RACE, str(tmp_path)], **pipes) for _ in range(3)]
    for runner in runners:
        runner.stdin.close()
    won = [stack for runner in runners for stack in runner.stdout.read().split()]
    for runner in runners:
        runner.kill()
        runner.wait()
        runner.stdout.close()
    assert sorted(won, key=int) == [str(stack) for stack in range(30)]
