"""What a reader is told of an estimate."""

import pytest

from harness.plan.cost_text import disk_sentence, duration, time_sentence
from harness.plan.estimate import Estimate

ESTIMATE = {
    "seconds": 522.0,
    "parts": {"planning": 2.0, "training": 450.0, "scoring": 60.0, "report": 10.0},
    "workers": 2,
    "missing": [],
    "rough": [],
    "timed": "2026-11-24",
    "bytes": 0.0,
}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {},
            "about 8.7 min on 2 workers (training 7.5, scoring 1, report 0.2), "
            "from timings of 2026-11-24 on this machine",
        ),
        (
            {"workers": 0, "missing": ["the report"], "parts": {"training": 522.0}},
            "about 8.7 min in this process (training 8.7), from timings of 2026-11-24 on this machine; "
            "without the report, never timed here",
        ),
        (
            {"workers": 1, "rough": ["a", "b", "c"], "parts": {}},
            "about 8.7 min on 1 worker, from timings of 2026-11-24 on this machine; rough: a and 2 more "
            "guessed from other timings; run with --measure to estimate it",
        ),
        (
            {"seconds": None, "parts": None, "missing": ["a"], "timed": None},
            "unknown: a never timed on this machine; run with --measure to estimate it",
        ),
    ],
)
def test_time(changed, sentence):
    assert time_sentence(Estimate(**ESTIMATE | changed)) == sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0 s"), (4.44, "4.4 s"), (9.96, "10 s"), (46.4, "46 s"), (120, "2 min"), (7200, "2 h"), (1e6, "278 h")],
)
def test_durations_have_two_digits(seconds, text):
    assert duration(seconds) == text


def test_disk():
    assert disk_sentence(6.04e8) == "about 604 MB"
    assert disk_sentence(1.25e9) == "about 1.2 GB"
