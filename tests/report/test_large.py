"""A report of many runs: it comes while one waits, and a browser opens it."""

import time

import pytest
from report.fake_results import FakeResults

from harness.report import build_report

SECONDS, MEGABYTES = 20, 15


@pytest.mark.slow
def test_a_report_of_two_thousand_runs_takes_seconds_and_is_no_burden(tmp_path):
    tasks = tuple((f"data-{i}", name) for i in range(9) for name in ("mlp", "mlp-bn", "mlp-tanh"))
    objectives = ("gan", "nsgan", "wgan-clip", "wgan-gp", "wgan-gp-0.1")
    store = FakeResults(objectives=objectives, tasks=tasks, seeds=5, rates=("recipe", 3e-4, 2e-3))
    assert len(store.table()) > 2000
    started = time.perf_counter()
    written = build_report(store, tmp_path)
    assert time.perf_counter() - started < SECONDS
    assert written.stat().st_size < MEGABYTES * 1e6
