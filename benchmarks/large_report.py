"""A report of two thousand runs: how long one waits for it, in one process and in as many as there are cores."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from benchmarks import Progress, in_process, machine, tabulated
from harness.workers import default_workers

HEADING = """\
a report of synthetic records by the clock on the wall, and the time of its process in which it encoded figures
 runs figures workers report (s) encoding (s) page (MB)"""
AT_MOST_S, AT_MOST_MB = 10, 6


def bench(progress: Progress) -> dict[str, Any]:
    """Time the report in one process and in all, each in a program of its own."""
    rows = (in_process("large_report", workers) for workers in sorted({1, default_workers()}))
    return {"rows": tabulated(progress, HEADING, render, rows), "machine": machine()}


def render(row: dict[str, Any]) -> str:
    """Return a row as a line."""
    counts = f"{row['runs']:>5,} {row['figures']:>7} {row['workers']:>7}"
    return f"{counts} {row['seconds']:>10.1f} {row['encoding_s']:>12.1f} {row['page_mb']:>9.1f}"


def measure(workers: int, folder: Path) -> dict[str, Any]:
    """Write the report of 2,025 records of five objectives, 27 tasks, three rates and five seeds; plain data."""
    from report.fake_results import FakeResults  # type: ignore[import-not-found]  # of tests/, on the path of in_process

    from harness.report.figures import encoding
    from harness.report.page import build_report

    store: Any = FakeResults(
        objectives=("gan", "nsgan", "wgan-clip", "wgan-gp", "wgan-gp-0.1"),
        tasks=tuple((f"data-{i}", name) for i in range(9) for name in ("mlp", "mlp-bn", "mlp-tanh")),
        rates=("recipe", 3e-4, 2e-3),
        seeds=5,
    )
    runs, took = len(store.table()), list[float]()
    with patch.object(encoding, "encode", _timed(encoding.encode, took)):
        started = time.perf_counter()
        page = build_report(store, folder, workers)
        seconds = time.perf_counter() - started
    return {
        "runs": runs,
        "figures": len(list(folder.glob("figures/*.png"))),
        "workers": workers,
        "seconds": seconds,
        "encoding_s": sum(took),
        "page_mb": page.stat().st_size / 1e6,
    }


def _timed(function: Callable[[Any], Any], took: list[float]) -> Callable[[Any], Any]:
    def timed(argument: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(argument)
        finally:
            took.append(time.perf_counter() - started)

    return timed


if __name__ == "__main__":
    with TemporaryDirectory(prefix="harness-bench-") as into:
        print(json.dumps(measure(int(sys.argv[1]), Path(into))))
