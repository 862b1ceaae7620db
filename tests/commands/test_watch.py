"""`status --watch` waits for what is to come, shows what is there, and ends when there is nothing to wait for."""

import io
import re
import sys
import time
from pathlib import Path

import pytest
from plans import STUDY, rewrite

from harness.commands import watch as watching
from harness.commands.watch import QUIET_S, watch, watched
from harness.errors import Interrupted
from harness.store import Store


@pytest.fixture
def store(results):
    return Store("results/small")


@pytest.fixture
def naps(monkeypatch):
    """Let no time pass; what is to happen between two looks is put into `then`, by the number of the nap."""
    taken, then = [], {}

    def sleep(seconds):
        taken.append(seconds)
        then.get(len(taken), lambda: None)()

    monkeypatch.setattr(time, "sleep", sleep)
    return taken, then


def interrupt():
    raise Interrupted


def test_it_ends_when_all_is_finished(store, results, naps):
    taken, then = naps
    then[1] = lambda: store.commit_attempt(results["pending mlp"], "failed", "boom", "log")
    assert [found[0].counts["pending"] for found in watched("results")] == [1, 0]
    assert taken == [2.0]


def test_it_waits_for_what_a_study_plans_from_what_has_ended(store, results, naps):
    store.commit_attempt(results["pending mlp"], "failed", "boom", "log")
    study = {"identity": "x", "trials": [], "chosen": []}
    chosen = [{"objective": "averaged", "number": 0, "params": {}, "runs": [results["averaged mlp"]]}]
    plan = store.plan.to_json()
    plan["resolved"]["study"] = STUDY
    rewrite(store, {**plan, "study": study})
    naps[1][2] = lambda: rewrite(store, {**plan, "study": {**study, "chosen": chosen}})
    seen = [found[0] for found in watched("results")]
    assert [entry.more for entry in seen] == [True, True, False]
    assert "its study plans more" in watching.line(seen[:1])
    assert "more to plan of its study; `harness run results/small/suite.yaml`" in watching.left(seen[0])
    assert watching.left(seen[2]) is None


def test_ctrl_c_ends_it(store, naps):
    naps[1][1] = interrupt
    assert len(list(watched("results"))) == 1


def test_begun_before_the_first_run_it_waits_for_it_and_says_so(results, naps, call):
    Path("results").rename("elsewhere")
    naps[1].update({2: lambda: Path("elsewhere").rename("results"), 3: interrupt})
    code, out, err = call("status", "--watch")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert ["no results there yet" in line for line in lines[:3]] == [True, True, False]
    assert "results/small: 5 runs planned: " in lines[2]


def test_a_look_is_a_line_with_the_time_where_it_is_no_terminal(store, naps, call):
    with store.claim("0001"):
        naps[1][3] = interrupt
        lines = call("status", "--watch")[1].splitlines()
    assert len(lines) == 3
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d results/small: 5 runs planned: 3 ok, 1 div.*", line) for line in lines)


def test_on_a_terminal_it_is_drawn_in_place(store, naps, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    with store.claim("0001"):
        naps[1][3] = interrupt
        watch("results", print)
    assert screen.getvalue().count("runs planned") == 4  # the last look once more, as it stays
    assert screen.getvalue().count("\x1b[2K") >= 4  # the lines before are erased


def test_it_ends_with_a_sentence_when_nobody_is_left_at_work(store, naps, call):
    taken, then = naps
    claim = store.claim("0001")
    then[30] = claim.release
    code, out, _ = call("status", "--watch")
    assert 30 + QUIET_S / 2 - 2 <= len(taken) <= 30 + QUIET_S / 2
    assert out.splitlines()[-1] == (
        "results/small: no runner is active: 1 run pending; `harness run results/small/suite.yaml` continues"
    )
    assert code == 0


def test_nothing_is_said_of_a_suite_that_is_done(store, results, naps, call):
    store.commit_attempt(results["pending mlp"], "failed", "boom", "log")
    out = call("status", "--watch")[1]
    assert (len(out.splitlines()), naps[0]) == (1, [])
    assert watching.left(watching.statuses("results")[0]) is None
