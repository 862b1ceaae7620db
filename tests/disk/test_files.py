"""Whole files or none; one writer inside a lock."""

import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from threading import Thread

import pytest
from plans import planned

from harness.disk import files, owners
from harness.disk.files import drafted, temporary, write_atomic, write_once
from harness.disk.owners import wrote_and_died


def test_nothing_temporary_stays(tmp_path):
    write_atomic(tmp_path / "x", b"1")
    assert write_once(tmp_path / "y", b"2")
    assert not write_once(tmp_path / "y", b"3")
    write_atomic(tmp_path / "z", b"4", b"", b"5")
    with drafted(tmp_path / "run", {"a": b"6", "deep/er/b": b"7"}) as draft:
        assert (draft / "deep/er/b").read_bytes() == b"7"
    assert sorted(os.listdir(tmp_path)) == ["x", "y", "z"]
    assert (tmp_path / "y").read_bytes() == b"2"
    assert (tmp_path / "z").read_bytes() == b"45"


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_atomic(tmp_path / "x", b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        write_atomic(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"old"


@pytest.mark.parametrize("flush", [True, False])
def test_a_file_and_its_folder_are_flushed_where_that_is_asked(tmp_path, monkeypatch, flush):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    write_atomic(tmp_path / "x", b"1", flush=flush)
    assert [os.path.dirname(path) for path in flushed[:1]] == [str(tmp_path)][: len(flushed)]
    assert flushed[1:] == ([str(tmp_path)] if flush else [])


APPEND = """
import sys
from dataclasses import replace
from harness.store import Store
from harness.store.plan_file import Stack
store = Store(sys.argv[1])
for n in range(10):
    with store.locked():
        stacks = (*store.plan.stacks, Stack(f"{sys.argv[2]}-{n}", "cpu", "stacked", ()))
        store.write_plan(replace(store.plan, stacks=stacks), "")
"""


@pytest.mark.slow
def test_plans_changed_by_several_processes_lose_nothing(tmp_path):
    from harness.store import Store

    Store(tmp_path).write_plan(planned(), "")
    command = [sys.executable, "-c", APPEND, str(tmp_path)]
    writers = [subprocess.Popen([*command, str(n)]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0] * 3
    stacks = {stack.id for stack in Store(tmp_path).plan.stacks}
    assert stacks - {stack.id for stack in planned().stacks} == {f"{w}-{n}" for w in range(3) for n in range(10)}


@pytest.mark.slow
def test_a_lock_goes_with_its_process(tmp_path):
    from harness.store import Store

    code = "import os, sys; from harness.store import Store; Store(sys.argv[1]).locked().__enter__(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60).returncode == 9
    with Store(tmp_path).locked():
        pass


FORK = """
import os, sys
from pathlib import Path
from harness.disk.files import flush_all
flush_all([Path(".")] * 2)
child = os.fork()
if not child:
    flush_all([Path(".")] * 2)
    os._exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_flushes_as_well(tmp_path):
    """The threads that flush are not forked along."""
    assert subprocess.run([sys.executable, "-c", FORK], cwd=tmp_path, timeout=20).returncode == 7


WRITER = """
import os, sys
from pathlib import Path
from harness.disk.files import temporary
path = temporary(Path(sys.argv[1]) / "x.json")
path.write_bytes(b"half")
print(path.name, flush=True)
sys.stdin.read()
os._exit(0)
"""


def test_a_file_that_is_half_written_tells_whether_its_writer_lives(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], **pipes) as writer:
        name = writer.stdout.readline().strip()
        assert not wrote_and_died(name)
        writer.stdin.close()
        writer.wait(20)
    assert wrote_and_died(name)
    assert wrote_and_died(temporary(tmp_path / "x").name.replace(f".{os.getpid()}.", ".4194305."))
    assert not wrote_and_died(temporary(tmp_path / "x").name)
    assert not wrote_and_died(".x.json.abcd1234.4194305.tmp")  # an earlier harness named no host


@pytest.mark.parametrize(("key", "dead"), [("host", False), ("boot", True), ("space", False), ("start", True)])
def test_a_writer_is_judged_as_the_owner_of_a_claim_is(tmp_path, monkeypatch, key, dead):
    ours = owners.owner()
    monkeypatch.setattr(owners, "owner", lambda: replace(ours, **{key: "1"}))
    name = temporary(tmp_path / "x").name
    monkeypatch.undo()
    assert wrote_and_died(name) == dead


def test_whoever_waits_for_a_lock_says_who_holds_it(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(files, "WAIT_S", 0.05)
    path, waits = tmp_path / ".lock", Thread(target=lambda: files.locked(tmp_path / ".lock").__enter__())
    words, end = "", time.monotonic() + 10
    with files.locked(path):
        waits.start()
        while not words and time.monotonic() < end:
            time.sleep(0.01)
            words = capfd.readouterr().err
    waits.join(5)
    assert not waits.is_alive()
    assert f"{path}: waiting for process {os.getpid()} on {platform.node()}, " in words


@pytest.mark.parametrize("text", ["", "half of a na", "process 12 on \x1b[31m", "process x on y"])
def test_a_lock_file_that_names_nobody_is_no_obstacle(text):
    assert owners.holder(text) == "another process"
