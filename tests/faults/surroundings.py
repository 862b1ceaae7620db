"""What surrounds a call: streams, open files, the working folder, /proc, and paths. A sentence, or a call as ever."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.commands import PATIENCE_S, call, ended, start
from faults.failing import SUITE
from faults.table import Fault, Tries

FULL = "/dev/full"
LONG_LINE = 140_000_000


def files_allowed(count: int) -> Callable[[], None]:
    """Return what a command does first, to have no more than so many files open."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


@dataclass(frozen=True)
class Surrounding:
    """Arguments of a command, what is done to it, its exit code, and words that it says."""

    arguments: tuple[str, ...]
    code: int
    words: str = ""
    more: dict[str, Any] = field(default_factory=dict)


PLAN, RUN = ("plan", "suite.yaml"), ("run", "suite.yaml", "--workers", "1")
FILES = {
    "12 files": Surrounding(PLAN, 2, "ulimit -n", {"preexec_fn": files_allowed(12)}),
    "64 workers, 64 files": Surrounding((*RUN[:-1], "64"), 2, "--workers 4", {"preexec_fn": files_allowed(64)}),
    "1 worker, 64 files": Surrounding(RUN, 0, "4 ok", {"preexec_fn": files_allowed(64)}),
}


def few_files(folder: Path, rounds: int) -> Tries:
    """Fewer open files than workers take: the number that they take is told; as many workers as fit do their work."""
    (folder / "suite.yaml").write_text(SUITE)
    for name, case in FILES.items():
        assert case.words in call(folder, *case.arguments, code=case.code, **case.more), name
        yield None


def redirected(folder: Path, redirection: str, *arguments: str) -> tuple[int, str]:
    """Return the exit code of a command whose streams a shell redirects, and what is left of what it says."""
    code = f"exec {sys.executable} -m harness {' '.join(arguments)} {redirection}"
    process = start(folder, *arguments, prefix=["sh", "-c", code])
    out, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in out + err, err
    return process.returncode, out + err


def streams(folder: Path, rounds: int) -> Tries:
    """Standard output or error full or closed: output is told, messages are dropped and cost nothing."""
    (folder / "suite.yaml").write_text(SUITE)
    for arguments in (("list", "suites"), ("schema",), ("plan", "suite.yaml", "--json"), ("--help",)):
        code, text = redirected(folder, f">{FULL}", *arguments)
        assert code == 3
        assert "standard output" in text
        assert "\n" not in text.strip()
        yield None
    for number, closing in enumerate((f"2>{FULL}", "2>&-", "<&- 2>&-")):
        code, text = redirected(folder, closing, *RUN, "-o", str(number))
        assert (code, "4 ok" in text) == (0, True), text
        assert redirected(folder, closing, "run", "nothing.yaml") == (2, "")
        yield None
    assert redirected(folder, ">&-", "list", "suites") == (0, "")
    yield None


def places(folder: Path, rounds: int) -> Tries:
    """A working folder that was removed, paths too long for the store, no /proc, a csv of one endless line."""
    suite = folder / "suite.yaml"
    suite.write_text(SUITE)
    gone = f"mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} -m harness status"
    said = ended(start(folder, prefix=["sh", "-c", gone]), 3)
    assert "working folder" in said
    yield None
    for root in ("x" * 300, "x/" * 2050, "x/" * 1995):
        said = call(folder, "plan", "suite.yaml", "-o", root, code=2)
        assert "too long" in said
        assert len(said) < 300
        yield None
    (folder / "line.csv").write_text("0.123456," * (LONG_LINE // 9) + "1\n")
    points = SUITE.replace("matrix:", "datasets: {mine: {base: points, file: line.csv}}\nmatrix:")
    (folder / "points.yaml").write_text(points.replace("8gaussians", "mine"))
    limit = lambda: resource.setrlimit(resource.RLIMIT_DATA, (2 * 10**9,) * 2)  # noqa: E731
    said = call(folder, "plan", "points.yaml", code=2, preexec_fn=limit)
    assert "line 1: more than 1,000,000 characters" in said
    yield None
    hidden = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    if os.geteuid() or subprocess.run([*hidden, "true"], capture_output=True).returncode:
        yield "without /proc: not tried here"
        return
    process = start(folder, *RUN, "-o", "elsewhere", prefix=hidden)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, "4 ok" in out, "Traceback" in err) == (0, True, False), err
    yield None


HIDING = ("queue", "random", "signal", "statistics")  # modules that the command imports


def hidden_modules(folder: Path, rounds: int) -> Tries:
    """A script without a guard; files beside it that are named like standard modules; settings of matplotlib."""
    (folder / "suite.yaml").write_text(SUITE)
    (folder / "script.py").write_text("import harness\nprint(harness.run('suite.yaml', workers=2).counts['ok'])\n")
    assert script(folder) == (0, "4")
    yield None
    for name in HIDING:
        (folder / f"{name}.py").write_text("")
        assert "8gaussians" in call(folder, "list", "datasets")
        code, text = script(folder)
        assert code == 1
        assert f"{name}.py hides Python's own module '{name}'" in text
        (folder / f"{name}.py").unlink()
        yield None
    (folder / "matplotlibrc").write_text("text.usetex: True\n")
    backend = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    assert "reports/small" in call(folder, "report", "results/small", env=backend)
    yield None
    assert script(folder, env=backend) == (0, "4")
    yield None


def script(folder: Path, **more: Any) -> tuple[int, str]:
    """Run a script that calls `harness.run`; return its exit code, and the last line that it prints."""
    process = start(folder, prefix=["sh", "-c", f"exec {sys.executable} script.py"], **more)
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, (out + err).strip().splitlines()[-1]


FAULTS = [
    Fault("fewer open files than workers take", few_files, 1, 1),
    Fault("standard output or error full or closed", streams, 1, 0),
    Fault("no working folder, no /proc, a path too long, a csv of one line of 140 MB", places, 1, 0),
    Fault("a script without a guard, files that hide standard modules, a matplotlibrc", hidden_modules, 1, 0),
]
