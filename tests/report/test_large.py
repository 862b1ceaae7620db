"""A report of many runs: it comes while one waits, and a browser opens it."""

import os
import time

import pytest
from report.fake_results import FakeResults

from harness.report.page import build_report
from harness.workers import default_workers

SECONDS, MEGABYTES = 10, 6


def crowd():
    """Return how many processes there are to a core: what they take is not the report's."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.mark.bench
@pytest.mark.slow
def test_a_report_of_two_thousand_runs_takes_seconds_and_is_no_burden(tmp_path):
    tasks = tuple((f"data-{i}", name) for i in range(9) for name in ("mlp", "mlp-bn", "mlp-tanh"))
    objectives = ("gan", "nsgan", "wgan-clip", "wgan-gp", "wgan-gp-0.1")
    store = FakeResults(objectives=objectives, tasks=tasks, seeds=5, rates=("recipe", 3e-4, 2e-3))
    assert len(store.table()) > 2000
    others, started = crowd(), time.perf_counter()
    written = build_report(store, tmp_path, default_workers())
    took = time.perf_counter() - started
    assert took < SECONDS * max(others, crowd())
    assert written.stat().st_size < MEGABYTES * 1e6
