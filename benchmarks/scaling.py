"""How plan, driver, store and report take up to a hundred thousand runs."""

from typing import Any

from benchmarks import Progress
from benchmarks.growth import SCALING, along


def bench(progress: Progress) -> dict[str, Any]:
    """Measure each of the axes, as `growth` does."""
    return along(SCALING, progress)
