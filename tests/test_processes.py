"""Progress is shown once something takes long: a bar on a terminal, lines elsewhere, nothing of what is quick."""

import io
from types import SimpleNamespace

import pytest
import torch

from harness import processes
from harness.processes import LINE_S, SILENT_S, progress


@pytest.fixture
def shown(monkeypatch):
    """Return what tells that so much is done at so many seconds, and gives what was printed by then."""

    def of(terminal, worker=False, times=()):
        clock, stream = SimpleNamespace(now=0.0), io.StringIO()
        stream.isatty = lambda: terminal
        monkeypatch.setattr(processes, "time", SimpleNamespace(monotonic=lambda: clock.now))
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setattr(processes, "is_worker", lambda: worker)
        with progress("reading", 60_000) as tell:
            for done, now in times:
                clock.now = now
                tell(done)
        return stream.getvalue()

    return of


def test_what_is_quick_shows_nothing(shown):
    assert shown(False, times=[(59_000, SILENT_S - 0.01)]) == shown(True, times=[(59_000, 1.0)]) == ""


def test_lines_come_every_ten_seconds(shown):
    text = shown(False, times=[(1000, SILENT_S), (2000, SILENT_S + 5), (3000, SILENT_S + LINE_S)])
    assert text == "reading: 1,000 of 60,000\nreading: 3,000 of 60,000\n"


def test_a_terminal_has_a_bar_and_a_worker_none(shown):
    """The parent of a worker has the bar; a line of the worker's begins with what clears it."""
    assert "━" in shown(True, times=[(1000, 3.0)])
    line = shown(True, worker=True, times=[(1000, 3.0)])
    assert "━" not in line
    assert line.endswith("\x1b[2Kreading: 1,000 of 60,000\n")


@pytest.mark.parametrize("broken", ["synchronize", "empty_cache"])
def test_a_process_ends_after_an_error_of_cuda_with_its_task(monkeypatch, broken):
    def fails():
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(processes, "_is_retired", False)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    for name in ("synchronize", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    processes.leave_gpu()
    assert not processes.is_retired()
    monkeypatch.setattr(torch.cuda, broken, fails)
    processes.leave_gpu()
    assert processes.is_retired()
