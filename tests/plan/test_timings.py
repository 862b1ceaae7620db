"""The cache of timings: what comes back, what is passed over, and which timing answers for a thing."""

import json
import math
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from harness.plan import timings
from harness.plan.timings import Timing, Timings, add_timings, cache_file, read_timings

HERE = {"device": "cpu", "host_cpu": "x", "torch": "2.13.0"}
STEP = Timing("step", "k", 8.0, 2, 0.5)


def found(machine=HERE, **changed):
    asked = replace(STEP, **changed)
    return read_timings(machine).find(asked.what, asked.key, asked.size, asked.workers)


def test_what_is_added_is_read_on_the_same_machine_alone():
    add_timings(HERE, [STEP])
    assert (found().value, found().rough) == (0.5, False)
    assert found().day == json.loads(cache_file().read_text())["day"]
    for name in HERE:
        assert found({**HERE, name: "another"}) is None
    assert found(what="keep") is None


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "3", "null", "\udcff", '"step"', "[" * 100_000,
        '{"machine": {"device": "cpu"}, "what": "step"}',
        *(
            json.dumps({"machine": HERE, **STEP.__dict__, "day": "2026-01-01", **wrong})
            for wrong in (
                {"size": 0}, {"size": -1}, {"size": math.inf}, {"value": math.nan}, {"value": -1}, {"value": "fast"},
                {"key": None}, {"workers": 2.5}, {"day": 3},
            )
        ),
    ],
    ids=lambda line: line[:60].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_torn_and_foreign_lines_are_passed_over(line):
    add_timings(HERE, [STEP])
    with cache_file().open("ab") as file:
        file.write(line.encode(errors="surrogateescape"))  # without a line end, as a torn one
    assert found().value == 0.5
    add_timings(HERE, [replace(STEP, key="next")])
    assert found(key="next").rough is False  # and what comes after it is whole


def test_a_cache_that_cannot_be_written_or_read_is_none(monkeypatch, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    monkeypatch.setenv("HARNESS_CACHE", str(taken))
    add_timings(HERE, [STEP])
    assert found() is None
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    (tmp_path / "timings.jsonl").mkdir()
    add_timings(HERE, [STEP])
    assert found() is None


def test_lines_of_many_writers_stay_whole():
    def write(writer):
        for number in range(100):
            add_timings(HERE, [replace(STEP, key=f"{writer}.{number}")])

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in cache_file().read_text().splitlines() if line]
    assert {line["key"] for line in lines} == {f"{i}.{n}" for i in range(4) for n in range(100)}


def test_the_file_stays_small_and_keeps_the_newest(monkeypatch):
    monkeypatch.setattr(timings, "MAX_BYTES", 20_000)
    for value in range(300):
        add_timings(HERE, [replace(STEP, value=float(value))])
        add_timings({**HERE, "device": "gpu"}, [STEP] if value < 3 else [])
    assert cache_file().stat().st_size < 21_000
    assert found().value == 295  # the least of the newest five
    assert found({**HERE, "device": "gpu"}).value == 0.5  # another machine's are not crowded out
    monkeypatch.setattr(timings, "MAX_LINES", 10)
    add_timings(HERE, [replace(STEP, key=str(i)) for i in range(200)])
    kept = [json.loads(line)["key"] for line in cache_file().read_text().splitlines()]
    assert kept == [str(i) for i in range(190, 200)]


def test_the_place_is_the_users_choice(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_file().parent != tmp_path / "xdg"
    monkeypatch.delenv("HARNESS_CACHE")
    assert cache_file() == tmp_path / "xdg" / "gan-harness" / "timings.jsonl"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_file() == Path(tmp_path / ".cache" / "gan-harness" / "timings.jsonl")


OTHERS = [
    replace(STEP, value=9, trial=True),  # a trial yields to real runs
    replace(STEP, value=3, size=16),  # twice the size takes twice as long
    replace(STEP, value=7, workers=1),
    replace(STEP, value=1, key="another", size=4),
]


@pytest.mark.parametrize(
    ("known", "value", "rough"),
    [
        ([STEP, *OTHERS], 0.5, False),
        ([replace(STEP, value=v) for v in (0, 0, 0, 1, 2, 3, 4, 5)], 1, False),
        ([replace(STEP, size=7, value=0.7), *OTHERS], 0.8, False),
        (OTHERS, 9, False),
        (OTHERS[1:], 1.5, True),
        (OTHERS[2:], 7, True),
        (OTHERS[3:], 2, True),
        ([*OTHERS[3:], replace(STEP, key="far", size=800, value=1)], 2, True),
    ],
)
def test_the_nearest_timing_answers(known, value, rough):
    answer = Timings(known).find("step", "k", 8.0, 2)
    assert answer.value == pytest.approx(value)
    assert answer.rough is rough


def test_the_start_of_a_call_is_no_multiple_of_its_runs():
    known = Timings([Timing("plan", "", 9, 2, 3.0), Timing("plan", "", 700, 2, 4.0)])
    assert known.find("plan", "", 10, 2).value == 3
    assert known.find("plan", "", 5000, 2).value == 4
