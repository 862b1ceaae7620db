"""A declarative benchmark and comparison harness for GAN objectives.

    harness.run("suites/quickstart.yaml")      train, score and report; the same as the command
    harness.load("results/quickstart")         one row a run, as a DataFrame
    harness.load_run("3f2a")                   one run: its generator, curves, scores, samples
    harness.distance(x, y)                     distances between two sets of points or two histograms
    harness.report, harness.plot               the answer and the figures of either

Names are imported when first used: `harness --help` needs no torch.
"""

import os
import sys
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# MKL, which multiplies PyTorch's matrices on x86, would else choose its code by the memory address of each matrix, so
# that a run's last bits depended on its place in a stack. It reads this at its first call; measured, it costs nothing.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

_HOMES = {  # "": a module of this name
    "ARCHITECTURES": "harness.architectures",
    "Column": "harness.metrics.columns",
    "DATASETS": "harness.datasets",
    "METRICS": "harness.metrics",
    "OBJECTIVES": "harness.objectives",
    "Architecture": "harness.architectures",
    "Dataset": "harness.datasets",
    "HarnessError": "harness.errors",
    "Metric": "harness.metrics",
    "Objective": "harness.objectives",
    "Paper": "harness.papers",
    "Recipe": "harness.objectives",
    "RunSpec": "harness.spec",
    "Setup": "harness.spec",
    "Store": "harness.store",
    "Trick": "harness.objectives",
    "distance": "harness.api",
    "load": "harness.api",
    "load_run": "harness.api",
    "plot": "",
    "report": "",
    "run": "harness.api",
    "train": "harness.engine",
}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604  (the names above are real: a test imports each)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    home = _HOMES[name]
    try:
        return getattr(import_module(home), name) if home else import_module(f"harness.{name}")
    except (AttributeError, ImportError) as error:
        if hiding := _hiding():
            raise ImportError(f"{hiding[1]} hides Python's own module '{hiding[0]}'; rename it") from error
        raise


def _hiding() -> tuple[str, str] | None:
    """Return a standard module, and the file of the user's own that was imported in its place."""
    for name in sorted(sys.stdlib_module_names & sys.modules.keys()):
        file = getattr(sys.modules[name], "__file__", None) or os.__file__
        if not file.startswith(os.path.dirname(os.__file__)):
            return name, file
    return None


def __dir__() -> list[str]:
    return sorted(__all__)
