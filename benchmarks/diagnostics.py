"""What diagnostics of the critic take of the time of a stack of runs: both are clocked in one and the same call."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from benchmarks import Progress, in_worker
from harness import metrics
from harness.disk.arrays import npz_bytes
from harness.engine import Outcome, Placement, snapshots, train
from harness.plan.stacks import new_stacks
from harness.spec import RunSpec
from harness.suite.expand import expand
from harness.suite.format.models import scored_steps
from harness.suite.load import load_suite
from harness.suite.shipped import suites_folder

DIAGNOSED = (  # (suite, data set, architecture, objective), of which the first stack is taken
    ("quickstart", "8gaussians", "mlp", "nsgan"),
    ("quickstart", "8gaussians", "mlp", "wgan-clip"),
    ("quickstart", "8gaussians", "mlp", "wgan-gp"),
    ("robustness", "8gaussians", "mlp", "nsgan"),
    ("robustness", "8gaussians", "mlp", "wgan-gp"),
    ("robustness", "25gaussians", "mlp-bn", "nsgan"),
    ("robustness", "digits", "dcgan", "nsgan"),
)
LIMIT = 0.1  # of the time of training and scoring toys
HEADING = (
    "s of processor time of a stack of runs, scored where its suite says; kB of a run's snapshots, and their part\n"
    "suite      data set    network objective runs points train (s) score (s) critic (s)  share at most "
    "snapshots   part"
)


def bench(progress: Progress) -> dict[str, Any]:
    """Clock the diagnostics of a stack of each."""
    return in_worker(progress, HEADING, render, measure, DIAGNOSED)


def render(row: dict[str, Any]) -> str:
    """Return a row as a line: seconds of a stack, those of its diagnostics, and their share."""
    what = f"{row['suite']:<10} {row['dataset']:<11} {row['architecture']:<6} {row['objective']:<9}"
    seconds = f"{row['train_s']:>9.1f} {row['score_s']:>9.1f} {row['critic_s'] + row['columns_s']:>10.2f}"
    sizes = f"{row['kept_kb']:>8.0f} {row['arrays_kb']:>6.0f}"
    return f"{what} {row['runs']:>4} {row['points']:>6} {seconds} {row['share']:>6.1%} {row['limit']:>7.0%} {sizes}"


def measure(suite: str, dataset: str, architecture: str, objective: str, sets: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the seconds of processor time that a suite's first stack of these names takes, and its diagnostics'.

    Runs are scored where the suite says. `critic_s` is what the arrays of the snapshots take, `columns_s` the columns
    that are made of them; the solution of W1, which both read, counts as scoring alone. `kept_kb` is what one run's
    snapshots have, and `arrays_kb` the part of these arrays in it.
    """
    loaded = load_suite(str(suites_folder() / f"{suite}.yaml"), sets=sets)
    names = (dataset, architecture, objective)
    planned = [run for run in expand(loaded).runs if (run.dataset, run.architecture, run.objective) == names]
    stack, of_id = next(iter(new_stacks(planned, [], "cpu"))), {run.run_id: run.spec for run in planned}
    specs = [of_id[run_id] for run_id in stack.runs]
    n, steps = loaded.score.samples, specs[0].setup.train["steps"]
    samples, at = (metrics.samples_drawn(n, specs[0]), n), scored_steps(loaded.score.at, steps)
    placement, reference = Placement(stack.mode), metrics.make_reference(specs[0], n)
    train([_shortened(spec) for spec in specs], [1], samples, placement)  # the first steps fetch memory
    with _clocked(snapshots, "critic_views") as critic, _clocked(metrics, "critic_columns") as columns:
        started = time.process_time()
        outcomes = train(specs, at, samples, placement)
        trained = time.process_time()
        for outcome in outcomes:
            for step, shot in outcome.snapshots.items():
                metrics.score(shot["generated"], reference, last=step == steps, shot=shot)
        ended = time.process_time()
    return {
        "suite": suite,
        "dataset": dataset,
        "architecture": architecture,
        "objective": objective,
        "runs": len(specs),
        "points": len(at),
        "train_s": trained - started,
        "score_s": ended - trained,
        "critic_s": critic(),
        "columns_s": columns(),
        "share": (critic() + columns()) / (ended - started),
        "limit": LIMIT,
        **_sizes(outcomes[0]),
    }


def _sizes(outcome: Outcome) -> dict[str, float]:
    kept, arrays = 0, 0
    for shot in outcome.snapshots.values():
        rest = {name: array for name, array in shot.items() if not name.startswith(("critic_", "generator_"))}
        rest |= {name: shot[name] for name in ("critic_grid", "critic_extent", "critic_batch") if name in shot}
        kept += len(npz_bytes(shot))
        arrays += len(npz_bytes(shot)) - len(npz_bytes(rest))
    return {"kept_kb": kept / 1e3, "arrays_kb": arrays / 1e3}


def _shortened(spec: RunSpec) -> RunSpec:
    return replace(spec, setup=replace(spec.setup, train={**spec.setup.train, "steps": 1}))


@contextmanager
def _clocked(module: Any, name: str) -> Iterator[Callable[[], float]]:
    """Replace a function of a module by itself and a clock, whose seconds are returned by what this yields."""
    function, seconds = getattr(module, name), [0.0]

    def timed(*args: Any) -> Any:
        started = time.process_time()
        try:
            return function(*args)
        finally:
            seconds[0] += time.process_time() - started

    with patch.object(module, name, timed):
        yield lambda: seconds[0]
