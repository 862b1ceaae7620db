"""`harness bench`: runs the benchmarks of a clone; they are not part of the installed package."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

CLONE = Path(__file__).parents[2]


def bench(what: str, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return the rows and the machine of a benchmark. Raises HarnessError outside of a clone of the repository."""
    if not (CLONE / "benchmarks" / "plain_loop.py").is_file():
        raise HarnessError(
            "bench: the benchmarks are not installed with the package; clone the repository, run `make setup` there, "
            "and give this command as `.venv/bin/harness bench`"
        )
    sys.path.insert(0, str(CLONE))  # before another package of that name; workers are given this path, too
    measured: dict[str, Any] = import_module("benchmarks").bench(what, progress)
    return measured
