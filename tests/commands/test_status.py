"""How far a folder is: every run counted once, a speed that bursts do not mislead, failures in one line."""

import os
import time

import pytest
from plans import planned

from harness.commands import status
from harness.commands.status import statuses
from harness.store import Store
from harness.store.find import one_folder


@pytest.fixture
def store(results):
    return Store("results/small")


def entry():
    return statuses("results")[0]


def age(store, run_id, seconds, name="record.json"):
    when = time.time() - seconds
    os.utime(store.run_folder(run_id) / name, (when, when))


def test_every_planned_run_is_counted_once(store, results):
    counts = entry().counts
    assert sum(counts.values()) == entry().planned == len(results)
    assert (counts["pending"], counts["diverged"]) == (1, 1)


def test_there_is_no_speed_where_nothing_trains(store):
    assert (entry().runs_a_minute, entry().left_s, entry().training) == (None, None, [])


def test_the_speed_is_what_ended_after_the_first_stack(store, results):
    ids = sorted(store.finished())
    for run_id, seconds in zip(ids, [120, 120, 60, 60, 5000], strict=False):
        age(store, run_id, seconds)  # two stacks of two a minute apart, a minute ago; one long before
    with store.claim("0001"):
        assert entry().runs_a_minute == pytest.approx(1, rel=0.05)
        assert entry().left_s == pytest.approx(60, rel=0.05)
        assert "1.0 runs a minute, " in status.render(statuses("results"))
        for run_id in ids:
            age(store, run_id, 30)
        assert entry().runs_a_minute is None  # one stack says nothing of the time between two


def test_failures_are_told_newest_first_in_a_line_each(store, results):
    old, new = results["pending mlp"], results["wild mlp"]
    (store.run_folder(new) / "record.json").unlink()
    for run_id, seconds in ((old, 50), (new, 5)):
        store.commit_attempt(run_id, "oom", f"too large {seconds}\x1b[31m", "log")
        age(store, run_id, seconds, "log.txt")
    assert [failure.run_id for failure in entry().failures] == [new, old]
    shown = status.render(statuses("results"))
    assert "  oom: " in shown
    assert "\x1b" not in shown
    assert "`harness retry results/small`" in shown


def test_a_command_for_one_suite_refuses_a_root_of_several(results):
    Store("results/other").write_plan(planned(), "")
    with pytest.raises(Exception, match="such as results/other"):
        one_folder("results")
    assert str(one_folder("results/small")) == "results/small"
