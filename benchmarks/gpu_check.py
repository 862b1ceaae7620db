"""`make gpu-check`: the tests that need a CUDA device, then `harness bench gpu`, and the seconds that each part took.

All of it goes to a table, and as data to a file. What failed, fell back or missed its target is listed by name at the
end, and so is the time of the whole, which has a target, too.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

from benchmarks import Progress, gpu_step
from harness.errors import HarnessError
from harness.text import counted

AT_MOST_S = 300.0
TESTS_LIMIT_S = 200.0  # after which tests are given up
SIDE_BY_SIDE = 4  # processes of tests: each of them waits for its own launches and its own compiler
FILE = Path("gpu-check.json")
Part = dict[str, Any]


def check(file: Path = FILE, progress: Progress = print) -> list[str]:
    """Test and measure on the GPU; write what came of it to a file, and return what was missed, each as a phrase.

    Raises HarnessError where there is no GPU.
    """
    gpu_step.require_gpu()
    started = time.perf_counter()
    tests = run_tests()
    try:
        measured = gpu_step.bench(progress)
    except Exception as error:  # what the tests said is not lost by it
        measured = {"rows": [], "processes": []}
        tests["failed"].append(f"bench gpu: {type(error).__name__}: {error}")
    report = summary(tests, measured, time.perf_counter() - started)
    file.write_text(json.dumps({**report, **measured}, indent=2))
    progress(render(report))
    return list(report["missed"])


def run_tests() -> Part:
    """Run the tests of a GPU; return their seconds, how many passed or were skipped, and those that failed."""
    started = time.perf_counter()
    with TemporaryDirectory(prefix="harness-bench-") as folder:
        report = Path(folder, "tests.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/test_gpu.py", f"--junitxml={report}"]
        command += ["-n", str(SIDE_BY_SIDE), "--dist", "worksteal", "--durations=5"]
        running = subprocess.Popen(command, start_new_session=True)
        try:
            code = running.wait(TESTS_LIMIT_S)
            ended = f"ended with exit code {code}"
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)  # with the processes of its tests, which would disturb the clocks
            code, ended = 1, f"took more than {TESTS_LIMIT_S:g} s"
        counts = counts_of(report.read_text() if report.is_file() else "")
    if code and not counts["failed"]:
        counts["failed"] = [ended]
    return {**counts, "took_s": time.perf_counter() - started}


def counts_of(junit: str) -> Part:
    """Return how many tests passed and were skipped, and the names of those that failed, of a JUnit report; none of one
    that was not written to its end.
    """
    kinds: dict[str, list[str]] = {"failure": [], "error": [], "skipped": [], "passed": []}
    cases: list[ElementTree.Element] = []
    with suppress(ElementTree.ParseError):
        cases = list(ElementTree.fromstring(junit).iter("testcase"))
    for case in cases:
        tags = [child.tag for child in case]
        kind = next((kind for kind in ("failure", "error", "skipped") if kind in tags), "passed")
        kinds[kind].append(case.get("name", ""))
    failed = [*kinds["failure"], *kinds["error"]]
    return {"passed": len(kinds["passed"]), "skipped": len(kinds["skipped"]), "failed": failed}


def summary(tests: Part, measured: Mapping[str, Any], took_s: float) -> dict[str, Any]:
    """Return the seconds of each part and what was missed, of all that was tested and measured."""
    named = [(row_name(row), row) for row in measured["rows"]]
    named += [(f"processes on one card: {row['processes']}", row) for row in measured["processes"]]
    parts = [{"part": f"tests: {tests['passed']} passed, {tests['skipped']} skipped", "took_s": tests["took_s"]}]
    parts += [{"part": name, "took_s": row["took_s"]} for name, row in named]
    rest = took_s - sum(part["took_s"] for part in parts)
    parts.append({"part": "starts of processes, and the card's matrix product", "took_s": rest})
    missed = [f"test: {name}" for name in tests["failed"]]
    missed += [f"{name}: {target}" for name, row in named for target in row["fails"]]
    if took_s > AT_MOST_S:
        missed.append(f"{took_s:.0f} s in all, at most {AT_MOST_S:g}")
    return {"parts": parts, "took_s": took_s, "at_most_s": AT_MOST_S, "tests": tests, "missed": missed}


def row_name(row: Mapping[str, Any]) -> str:
    """Return what a row trains, in words."""
    return f"{row['network']}, width {row['width']}, batch {row['batch']}, {counted(row['runs'], 'run')}"


def render(report: Mapping[str, Any]) -> str:
    """Return the parts as a table, and below it what was missed."""
    lines = ["seconds part", *(f"{part['took_s']:>7.1f} {part['part']}" for part in report["parts"])]
    lines.append(f"{report['took_s']:>7.1f} in all, at most {report['at_most_s']:g}")
    missed = ["missed:", *(f"  {target}" for target in report["missed"])]
    return "\n".join([*lines, *(missed if report["missed"] else ["all tests passed, and every target was reached"])])


if __name__ == "__main__":
    try:
        sys.exit(bool(check(progress=partial(print, flush=True))))  # in order with what pytest prints
    except HarnessError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
