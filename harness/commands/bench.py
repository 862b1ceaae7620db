"""`harness bench`: runs the benchmarks of a clone; they are not part of the installed package."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

CLONE = Path(__file__).parents[2]


def bench(what: str, progress: Callable[[str], None], figure: str | None = None) -> dict[str, Any]:
    """Return the rows and the machine of a benchmark; `growth` and `scaling` are also drawn, in a file `figure`.

    Raises HarnessError outside of a clone of the repository, where a figure of another benchmark is asked for, or
    where its folder is missing.
    """
    if figure and what not in ("growth", "scaling"):
        raise HarnessError(
            f"bench: --output was given with '{what}'; only `bench growth` and `bench scaling` draw a figure"
        )
    if figure and not Path(figure).parent.is_dir():
        raise HarnessError(f"bench: --output: there is no folder {Path(figure).parent}; make it first")
    if not (CLONE / "benchmarks" / "plain_loop.py").is_file():
        raise HarnessError(
            "bench: the benchmarks are not installed with the package; clone the repository, run `make setup` there, "
            "and give this command as `.venv/bin/harness bench`"
        )
    sys.path.insert(0, str(CLONE))  # before another package of that name; workers are given this path, too
    measured: dict[str, Any] = import_module("benchmarks").bench(what, progress)
    if figure:
        Path(figure).write_bytes(import_module("benchmarks.growth").draw(measured["rows"]))
    return measured
