"""What exact W1 of snapshots costs as an assignment, beside POT alone and beside a start from the step before, and what
scoring a run costs.
"""

import statistics
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import ot
from scipy.spatial.distance import cdist

from benchmarks import Progress, in_worker
from harness import metrics
from harness.engine import Placement, train
from harness.metrics import transport
from harness.suite.expand import expand
from harness.suite.format.models import scored_steps
from harness.suite.load import load_suite
from harness.suite.shipped import find_suite

SCORED = (  # (suite, data set, architecture, objective), of which the first run is trained
    ("quickstart", "8gaussians", "mlp", "nsgan"),
    ("quickstart", "8gaussians", "mlp", "wgan-gp"),
    ("robustness", "25gaussians", "mlp", "nsgan"),
    ("robustness", "swissroll", "mlp", "wgan-clip"),
)
SIZES = (500, 1000, 2500)  # points of a side
ROUNDS = 3
HEADING = (
    "ms of processor time of an exact W1 of n samples and n real points, and of all scores of a run\n"
    "suite      data set    objective clouds     n assignment      POT  ratio step before a second  difference"
)


def bench(progress: Progress) -> dict[str, Any]:
    """Compare both solvers on the snapshots of each run."""
    return in_worker(progress, HEADING, render, measure, SCORED)


def render(row: dict[str, Any]) -> str:
    """Return a row as lines: one a number of points, then one of a run."""
    what = f"{row['suite']:<10} {row['dataset']:<11} {row['objective']:<9} {row['clouds']:>6}"
    lines = [
        f"{what} {size['n']:>5} {size['ms']:>10.1f} {size['pot_ms']:>8.1f} {size['ratio']:>6.2f} "
        f"{size['earlier_ms']:>11.1f} {size['per_s']:>8.1f} {size['difference']:>11.0e}"
        for size in row["sizes"]
    ]
    run = f"{row['run_ms']:>10.1f} {row['run_pot_ms']:>8.1f} {row['run_ratio']:>6.2f} {1e3 / row['run_ms']:>20.1f}"
    return "\n".join([*lines, f"{what}   run {run}"])


def measure(suite: str, dataset: str, architecture: str, objective: str) -> dict[str, Any]:
    """Return ms of processor time a W1 by each solver, by number of points, and those of scoring a run; plain data.

    The clouds are the snapshots of a suite's first run of these names, which is trained, at the steps that it is scored
    at. All sides solve each cloud in turn; ms are means over clouds, ratios are medians over rounds.
    """
    loaded, names = load_suite(find_suite(suite)), (dataset, architecture, objective)
    spec = next(r.spec for r in expand(loaded).runs if (r.dataset, r.architecture, r.objective) == names)
    steps, n = spec.setup.train["steps"], loaded.score.samples
    shots = train([spec], scored_steps(loaded.score.at, steps), (max(SIZES), n), Placement("single"))[0].snapshots
    clouds = [shot["generated"] for shot in shots.values()]
    reference = metrics.make_reference(spec, n)
    sides: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for side, ms in zip(_sides(), sides, strict=True):
            with side:
                transport._solve.cache_clear()
                started = time.process_time()
                for step, shot in shots.items():
                    metrics.score(shot["generated"], reference, last=step == steps, shot=shot)
                ms.append(1e3 * (time.process_time() - started))
    return {
        "suite": suite,
        "dataset": dataset,
        "objective": objective,
        "clouds": len(clouds),
        "sizes": [_compared(clouds, metrics.make_reference(spec, size).points) for size in SIZES],
        "run_ms": statistics.median(sides[0]),
        "run_pot_ms": statistics.median(sides[1]),
        "run_ratio": statistics.median(theirs / mine for mine, theirs in zip(*sides, strict=True)),
    }


def _sides() -> Iterator[Any]:
    """As an assignment, and by POT alone, as up to `FEW` points are."""
    yield patch.object(transport, "FEW", transport.FEW)
    yield patch.object(transport, "FEW", 10**9)


def _compared(clouds: list[np.ndarray], real: np.ndarray) -> dict[str, float]:
    """Return ms of W1 to `real` [n, d] on all sides, POT's ratio, and by how much distances differ at most.

    The third side starts the assignment from the exact potentials of the cloud before, which take no time here;
    the first cloud has none, and starts as usual.
    """
    rounds, distances = [], np.zeros((3, len(clouds)))
    best = [_exact_potentials(cloud[: len(real)], real) for cloud in clouds[:-1]]
    starts = [transport._potentials, *(lambda *_, start=start: start for start in best)]
    for _ in range(ROUNDS):
        spent = np.zeros(3)
        for k, cloud in enumerate(clouds):
            earlier = patch.object(transport, "_potentials", starts[k])
            for number, side in enumerate((*_sides(), earlier)):
                with side:
                    transport._solve.cache_clear()
                    started = time.process_time()
                    distances[number, k] = transport.wasserstein_1(cloud[: len(real)], real)
                    spent[number] += time.process_time() - started
        rounds.append(1e3 * spent / len(clouds))
    ms, pot_ms, earlier_ms = np.median(rounds, axis=0)
    return {
        "n": len(real),
        "ms": float(ms),
        "pot_ms": float(pot_ms),
        "ratio": float(np.median([theirs / mine for mine, theirs, _ in rounds])),
        "earlier_ms": float(earlier_ms),
        "per_s": float(1e3 / ms),
        "difference": float(np.abs(distances / distances[1] - 1).max()),
    }


def _exact_potentials(cloud: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return the best potentials of `real` [n, d], as POT gives them."""
    _, log = ot.emd([], [], cdist(cloud, real), numItermax=10**8, log=True)
    return np.asarray(log["v"] - np.median(log["v"]))
