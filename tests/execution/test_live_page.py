"""`run --watch`: a page that is kept current, makes way for the report, and never breaks the call."""

import re
import time
from pathlib import Path

import pytest

from harness.execution import live_page
from harness.execution.live_page import LivePage, settled
from harness.execution.outcomes import Planned, Reporting, Trained, TrainedRun, Undrawn, Watching
from harness.execution.requests import Request, StackTodo, Todo
from harness.execution.runner import run
from harness.store import Store
from harness.workers import open_executor

REFRESH = '<meta http-equiv="refresh"'
PLANNED = Todo("results/small", "cpu", None, "", None, [StackTodo("0001", ["a", "b", "c", "d"])])


@pytest.fixture
def quick(monkeypatch):
    """Leave out most of what drawing takes, turning figures into bytes."""
    monkeypatch.setattr("harness.report.figures.encoding.encode", lambda figure: {"png": b"", "svg": b""})


@pytest.fixture
def here(monkeypatch):
    """Draw in this process, and look again at once."""
    monkeypatch.setattr(live_page, "open_executor", lambda count, prepare: open_executor(0))
    monkeypatch.setattr(live_page, "LOOK_S", 0.01)


def until(condition):
    """Wait until something is so, ten seconds at most."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


@pytest.mark.slow
def test_the_page_shows_what_has_ended_and_nothing_is_drawn_twice(quick, results):
    first = live_page.draw("results/small", "3 runs a minute", None)
    text = first.page.decode()
    assert REFRESH in text
    assert '<progress max="5" value="4">' in text
    assert "4 of 5 runs ended; 3 runs a minute" in text
    assert "Shown are 3 of 5 runs: 1 pending." in text
    assert live_page.draw("results/small", "", first.state).page is None
    Store("results/small").commit_attempt(results["pending mlp"], "failed", "no luck", "")
    second = live_page.draw("results/small", "", first.state).page.decode()
    assert "5 of 5 runs ended" in second
    assert "no luck" in second


@pytest.mark.slow
def test_a_page_that_is_left_behind_reloads_no_longer_and_says_what_continues(quick, results):
    text = live_page.draw("results/small", "", None).page.decode()
    left = settled(text, "harness run 'a&b'")
    assert REFRESH not in left
    assert "<progress" not in left
    assert "This call has ended: <code>harness run &#x27;a&amp;b&#x27;</code> continues." in left
    assert re.sub("<div class=.live.*?</div>", "", left, flags=re.DOTALL) == re.sub(
        "<div class=.live.*?</div>|<meta http-equiv=.refresh.*?>\n", "", text, flags=re.DOTALL
    )


def test_it_is_drawn_from_the_plan_to_the_report_and_then_no_more(here, monkeypatch, tmp_path):
    events, states = [], iter(range(100))
    monkeypatch.setattr(
        live_page, "draw", lambda folder, speed, known: live_page.Drawn(b"<p>", (next(states), 0, 0), 0)
    )
    page = LivePage(Request("x", report=str(tmp_path)), events.append)
    page.listen(Planned(PLANNED))
    until((tmp_path / "index.html").exists)
    page.listen(Trained("0001", [TrainedRun("a", "ok")], whole=False))
    assert re.fullmatch(r"[\d.]+ runs a minute, about .* left", page._speed())
    page.listen(Reporting(str(tmp_path)))
    assert not page._thread.is_alive()
    assert [type(event) for event in events] == [Planned, Watching, Trained, Reporting]
    assert events[1].page == str(tmp_path / "index.html")


def test_a_page_that_cannot_be_drawn_is_said_once_and_breaks_nothing(here, monkeypatch, tmp_path):
    events, tries = [], []

    def failing(folder, speed, known):
        tries.append(known)
        raise MemoryError("no room for figures")

    monkeypatch.setattr(live_page, "draw", failing)
    page = LivePage(Request("x", report=str(tmp_path)), events.append)
    page.listen(Planned(PLANNED))
    until(lambda: len(tries) > 2)
    page.settle()
    assert [event for event in events if isinstance(event, Undrawn)] == [Undrawn("no room for figures")]
    assert not list(tmp_path.iterdir())


def test_a_call_that_is_cut_short_settles_its_page(here, monkeypatch, tmp_path):
    drawn = live_page.Drawn(b'<meta http-equiv="refresh" content="10">\n<div class="live"></div>', (0, 0, 0), 0)
    monkeypatch.setattr(live_page, "draw", lambda folder, speed, known: drawn)
    page = LivePage(Request("x", report=str(tmp_path)), lambda event: None)
    page.listen(Planned(PLANNED))
    until((tmp_path / "index.html").exists)
    page.settle()
    text = (tmp_path / "index.html").read_text()
    assert text.startswith('<div class="live"><p>This call has ended')


def test_a_call_that_is_not_watched_starts_nothing(monkeypatch):
    monkeypatch.setattr(live_page, "LivePage", None)
    with live_page.watched(Request("x"), print) as listen:
        assert listen is print


@pytest.mark.slow
def test_a_watched_run_ends_in_the_report_of_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suite = {
        "version": 1, "name": "tiny", "question": "Who watches?", "seeds": 1, "train": {"steps": 4, "batch": 4},
        "score": {"samples": 20}, "architectures": {"mlp": {"width": 4, "depth": 1}},
        "matrix": [{"dataset": "ring", "architecture": "mlp", "objective": ["gan", "nsgan"]}],
    }  # fmt: skip
    events = []
    monkeypatch.setattr(live_page.LivePage, "settle", lambda page: events.append(page._page))
    result = run(Request(suite, workers=0, watch=True), events.append)
    assert result.counts["ok"] == 2
    assert [type(event) for event in events if isinstance(event, Watching | Undrawn)] == [Watching]
    assert events[-1] == result.report == Path("reports/tiny/index.html")
    assert REFRESH not in result.report.read_text()
    assert {path.name for path in result.report.parent.iterdir()} == {"index.html", "figures", "tables"}
