"""A short training of a stack, and the scoring of what it gives, timed: the tasks of `harness plan --measure`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.plan.estimate import Trial, Workload
from harness.plugins.components import load_plugins
from harness.spec import RunSpec

if TYPE_CHECKING:
    from harness.engine import Outcome

ENOUGH_S = 0.5  # of steps, or
ENOUGH_STEPS = 40
GROWTH = 4  # each try is so many times longer than the one before
KEPT = 2  # snapshots of a trial: its start and its end

Value = tuple[str, str, float, float]  # what, key, size, value of a Timing


@dataclass(frozen=True)
class TrialResult:
    """The seconds of a trial, and the timings that it gave: what, key, size, value."""

    task_s: float
    values: list[Value]


def try_stack(trial: Trial, device: str, load: Workload, score: bool, plugins: Sequence[str]) -> TrialResult:
    """Train a stack for 40 steps or half a second, score one of its runs where `score` says so; commit nothing.

    Training is tried again, longer, until it is long enough: what the first steps of a process cost is then left out.
    """
    import torch

    started = time.perf_counter()
    load_plugins(plugins)
    torch.set_num_threads(1)
    steps = 1
    while True:
        outcomes, values, train_s = _trained(
            trial, [_shortened(spec, steps) for spec in trial.specs], device, load.samples
        )
        if train_s >= ENOUGH_S or steps >= ENOUGH_STEPS:
            break
        steps = min(steps * GROWTH, ENOUGH_STEPS)
    if score:
        values += _scored(trial, outcomes[0], load)
    return TrialResult(time.perf_counter() - started, values)


def _trained(
    trial: Trial, specs: list[RunSpec], device: str, samples: int
) -> tuple[list["Outcome"], list[Value], float]:
    """Return outcomes, timings, and the seconds of all steps of the stack."""
    from harness.engine import Placement, train
    from harness.metrics import samples_drawn
    from harness.plan.stacks import work

    started, setup = time.perf_counter(), specs[0].setup
    steps, key, members = setup.train["steps"], trial.task.key, trial.task.members
    outcomes = train(specs, (0, steps), (samples_drawn(samples, specs[0]), samples), Placement(trial.mode, device))
    train_s = members * outcomes[0].facts["train_s"]
    keep_s = time.perf_counter() - started - train_s
    values: list[Value] = [
        ("step", key, members * work(setup) / steps, train_s / steps),
        ("keep", key, members, keep_s / KEPT),
    ]
    return outcomes, values, train_s


def _scored(trial: Trial, outcome: "Outcome", load: Workload) -> list[Value]:
    """Return timings of a run's reference, and of its scoring as if it had all of its scored steps."""
    from harness.metrics import make_reference, score, untrained

    clock = [time.perf_counter()]
    reference = make_reference(outcome.spec, load.samples, load.extractors)
    if (null := untrained(outcome.spec, reference)) is not None:
        reference = replace(reference, nulls={**reference.nulls, "untrained": null})
    shot = outcome.snapshots[max(outcome.snapshots)]
    generated = shot["generated"]
    clock.append(time.perf_counter())
    for last, samples in ((False, generated), (True, generated[::-1])):  # of other samples W1 is solved anew
        score(samples, reference, last=last, shot=shot)
        clock.append(time.perf_counter())
    reference_s, each, end = (ended - began for began, ended in pairwise(clock))
    task = trial.task.scores[0]
    seconds = (trial.task.points - 1) * each + end
    return [("reference", task.key, load.samples**2, reference_s), ("score", task.key, task.size, seconds)]


def _shortened(spec: RunSpec, steps: int) -> RunSpec:
    return replace(spec, setup=replace(spec.setup, train={**spec.setup.train, "steps": steps}))
