"""Which words of an exception mean what, and that what is known is kept."""

import pytest

from harness.execution.outcomes import failure_of
from harness.workers import OutOfTime, WorkerDied

TORCH = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 2"
)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("a\nb"), "failed", "ValueError: a b"),
        (KeyError(), "failed", "KeyError"),
        (MemoryError(), "oom", "MemoryError"),
        (RuntimeError(TORCH), "oom", f"RuntimeError: {TORCH}"),
        (RuntimeError("CUDA out of memory"), "oom", None),
        (RuntimeError("std::bad_alloc"), "oom", None),
    ],
)
def test_an_exception_is_a_failure_with_its_traceback(error, status, line):
    try:
        raise error
    except Exception as raised:
        failure = failure_of(raised)
    assert failure.status == status
    assert line is None or failure.error == line
    assert "Traceback" in failure.log
    assert "test_outcomes.py" in failure.log


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OutOfTime(7.5), "timeout", "7.5 s"),
        (WorkerDied(3), "failed", "exit code 3"),
        (WorkerDied(-9), "failed", "killed by SIGKILL (signal 9)"),
        (WorkerDied(-9, short_of_memory=True), "oom", "(signal 9), out of memory"),
        (WorkerDied(-250), "failed", "killed by 250 (signal 250)"),
    ],
)
def test_an_end_without_an_answer_is_told_as_far_as_it_is_known(error, status, words):
    failure = failure_of(error)
    assert (failure.status, words in failure.error, failure.error in failure.log) == (status, True, True)
