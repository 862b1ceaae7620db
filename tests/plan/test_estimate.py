"""Estimates by hand, and in agreement with the calls that their timings came from."""

import math
import random
from dataclasses import replace

import pytest
from oracles import make_spec

from harness.engine import Checkpoints, train
from harness.execution.meter import Meter
from harness.execution.outcomes import ScoredRun, TrainedRun
from harness.metrics import samples_drawn
from harness.plan.estimate import ScoringTask, TrainingTask, Workload, estimate, makespan
from harness.plan.timings import Timing, Timings
from harness.plan.workload import written_bytes
from harness.store.artefacts import artefacts


def score(run_id, key="data", reference="r"):
    return ScoringTask(run_id, f"scoring on {key}", key, 5.0, reference)


def stack(number, key, runs, steps=100):
    scores = tuple(score(f"{number}.{i}") for i in range(runs))
    return TrainingTask(number, f"stack {key}", key, 10.0 * runs, runs, steps, 4, scores)


STACKS = (stack("1", "slow", 2), stack("2", "quick", 1), stack("3", "quick", 1, steps=150))
LOAD = Workload(runs=5, samples=10, stacks=STACKS, scores=(score("0.0"),))
MADE = replace(LOAD, references=frozenset("r"))
TIMINGS = [
    Timing("step", "slow", 20, 2, 0.046), Timing("keep", "slow", 2, 2, 0.1),
    Timing("step", "quick", 10, 2, 0.026), Timing("keep", "quick", 1, 2, 0.1),
    Timing("score", "data", 5, 2, 1), Timing("reference", "data", 100, 2, 2),
    Timing("plan", "", 5, 2, 0.5), Timing("start", "", 5, 2, 0.25), Timing("report", "", 5, 2, 0.125, day="2026-11-24"),
]  # fmt: skip


def test_a_plan_of_three_stacks_by_hand():
    """Stacks of 5, 3 and 4.3 s; every score takes 1 s, and the first a worker takes makes its reference in 2 s more.

    A: 0.0 with the reference 0-3, stack 2 3-6, 1.0 with the reference 6-9, 1.1 9-10, 3.0 10-11.
    B: stack 1 0-5, stack 3 5-9.3, 2.0 9.3-10.3. Without scores: stack 1 0-5 and stacks 2, 3 0-7.3.
    """
    found = estimate(LOAD, Timings(TIMINGS), 2)
    assert found.parts == pytest.approx({"planning": 0.75, "training": 7.3, "scoring": 11 - 7.3, "report": 0.125})
    assert found.seconds == pytest.approx(0.75 + 11 + 0.125)
    assert (found.missing, found.rough, found.timed) == ([], [], "2026-11-24")


def test_what_exists_is_not_made_again():
    whole = estimate(LOAD, Timings(TIMINGS), 1).seconds
    assert estimate(MADE, Timings(TIMINGS), 1).seconds == pytest.approx(whole - 2)


def test_nothing_left_is_planning_and_a_report():
    found = estimate(replace(LOAD, stacks=(), scores=()), Timings(TIMINGS), 2)
    assert found.parts == {"planning": 0.5, "training": 0, "scoring": 0, "report": 0.125}


def test_what_was_never_timed_is_named_and_no_number_is_made_up():
    found = estimate(LOAD, Timings(), 2)
    assert (found.seconds, found.parts, found.timed) == (None, None, None)
    assert {"stack slow", "stack quick", "scoring on data"} <= set(found.missing)
    scoring = estimate(LOAD, Timings(t for t in TIMINGS if t.what != "score"), 2)
    assert (scoring.seconds, scoring.missing) == (None, ["scoring on data"])
    report = estimate(LOAD, Timings(t for t in TIMINGS if t.what != "report"), 2)
    assert report.missing == ["the report"]
    assert report.seconds == pytest.approx(11.75)


def test_what_was_guessed_is_named():
    found = estimate(LOAD, Timings(t for t in TIMINGS if t.key != "quick"), 2)
    assert found.rough == ["stack quick"]
    assert estimate(LOAD, Timings(TIMINGS), 1).rough  # another number of workers


def test_bytes_are_those_of_the_runs_that_are_left():
    stacks = [replace(one, bytes=size) for one, size in zip(STACKS, (10.0, 100.0, 1000.0), strict=True)]
    assert estimate(replace(LOAD, stacks=tuple(stacks)), Timings(TIMINGS), 2).bytes == 2 * 10 + 100 + 1000


def test_other_work_on_the_machine_does_not_spoil_a_timing_and_nothing_is_guessed_from_afar():
    timings = Timings(Timing("step", "a", 10, 2, value) for value in (1.0, 9.0, 8.0, 7.0))
    assert timings.find("step", "a", 10, 2).value == 1.0
    assert timings.find("step", "b", 100, 2).value == 10.0
    assert timings.find("step", "b", 1000, 2) is None


@pytest.mark.parametrize("settings", [{}, {"dataset": "digits", "architecture": "dcgan"}], ids=["points", "pictures"])
def test_bytes_of_a_run_are_about_what_it_writes(settings):
    """Frames, a state and two scored steps of a run, by the estimate and as files."""
    spec, samples = make_spec(steps=4, **settings), 1000 if not settings else 200
    resolved = {"score": {"at": [0.5, 1], "samples": samples, "frames": 3}, "train": {"keep": [1]}}
    keeping = Checkpoints(lambda files: None, every_s=math.inf, states=[4])
    drawn = samples_drawn(samples, spec)
    (outcome,) = train([spec], [2, 4], (drawn, samples), checkpoints=keeping, frames=[0, 2, 4])
    written = sum(map(len, artefacts(outcome, samples).values()))
    assert 0.6 < written_bytes(spec, resolved) / written < 1.6


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_a_call_that_was_metered_is_estimated_at_what_it_took(workers):
    """Two routes: a clock that plays a call, and the estimate of the same call from the timings it left."""
    draw = random.Random(workers)
    seconds = {key: (draw.random(), draw.random()) for key in ("slow", "quick")}
    meter = Meter(MADE, workers)
    meter.scored([ScoredRun("0.0", 1.5)])
    tasks = []
    for one in LOAD.stacks:
        step, keep = seconds[one.key]
        task_s, train_s = step * one.steps + keep * one.points, step * one.steps / one.members
        meter.trained(one.id, [TrainedRun(each.run_id, "ok", train_s, task_s) for each in one.scores])
        meter.scored([ScoredRun(each.run_id, 1.5) for each in one.scores])
        tasks.append((task_s, [1.5] * len(one.scores)))
    clock = [100.0, 103.0, 104.0 + makespan(workers, tasks, [1.5])]
    meter.call([*clock, clock[-1] + 2])
    found = estimate(MADE, Timings(meter.timings()), workers)
    assert found.seconds == pytest.approx(clock[-1] + 2 - 100)
    assert (found.missing, found.rough) == ([], [])


def test_a_failed_stack_and_a_call_cut_short_leave_what_is_known():
    meter = Meter(LOAD, 2)
    meter.trained("1", [TrainedRun("1.0", "failed")])
    meter.scored([ScoredRun("elsewhere", 1.0)])
    meter.call([0, 3])
    assert [(t.what, t.value) for t in meter.timings()] == [("plan", 3)]
    meter.call([0, 3, 50, 51])
    assert {t.what for t in meter.timings()} == {"plan", "report"}  # the start of workers is not known


def test_references_are_timed_apart():
    meter = Meter(LOAD, 2)
    meter.scored([ScoredRun("1.0", 1.0, 4.0), ScoredRun("1.1", 1.0)])
    assert meter.timings() == [replace(t, value=v) for t, v in zip(TIMINGS[4:6], (1.0, 4.0), strict=True)]
