"""Extension points tried before training: every function of a plug-in, or of `objectives=`, on two invented runs.

`calls` calls one function on the runs stacked, on each alone and twice, and says what is wrong in a sentence;
`objective_calls`, `trick_calls`, `architecture_calls` and `dataset_calls` say what the functions of an entry are called
with.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.plugins import architecture_calls, dataset_calls, objective_calls, trick_calls
from harness.plugins.calls import Called, Setting, fault
from harness.spec import Setup

KINDS = {
    "objective": objective_calls.called,
    "trick": trick_calls.called,
    "architecture": architecture_calls.called,
    "dataset": dataset_calls.called,
}


def faults(kind: str, name: str, setup: Setup, hyper: Mapping[str, float]) -> list[str]:
    """Return a sentence for every function of an entry that cannot serve runs of this Setup and these floats."""
    setting = setting_of(setup, hyper)
    return [
        text for calls in _by_function(KINDS[kind](name, setup, setting)) if (text := next(_wrong(calls, setting), ""))
    ]


def _by_function(calls: Iterable[Called]) -> Iterable[list[Called]]:
    found: dict[Any, list[Called]] = {}
    for call in calls:
        found.setdefault(call.function, []).append(call)
    return found.values()


def _wrong(calls: Iterable[Called], setting: Setting) -> Iterator[str]:
    return (text for call in calls if (text := fault(call, setting)))


def setting_of(setup: Setup, hyper: Mapping[str, float]) -> Setting:
    """Return what the functions of an entry are given in runs of a Setup."""
    shape, train = DATASETS[setup.dataset].shape(setup.data), setup.train
    return Setting(
        batch=int(train.get("micro_batch", train["batch"])),
        shape=(int(train["pack"]) * shape[0], *shape[1:]),
        lifted=ARCHITECTURES[setup.architecture].forward is None,
        hyper=dict(hyper),
    )
