"""From the snapshots of a run to its metrics."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.errors import Damaged, HarnessError
from harness.execution.opening import open_planned, stated
from harness.execution.outcomes import ScoredRun
from harness.execution.provenance import scoring_provenance
from harness.spec import RunSpec
from harness.store import Store, mend
from harness.store.artefacts import kept_weights
from harness.store.plan_file import Plan, PlannedRun
from harness.store.reference_samples import kept_reference, new_reference, with_untrained

if TYPE_CHECKING:
    import numpy as np


@stated
def score_runs(folder: str, runs: Sequence[str]) -> list[ScoredRun]:
    """Score those of `runs` that have a record and no scores yet, from their snapshots."""
    store, plan = open_planned(folder)
    _refuse_changed(plan)
    planned = {run.run_id: run for run in plan.runs if run.run_id in runs}
    done = []
    for run_id in store.unscored([run_id for run_id in runs if run_id in planned], plan.score_id):
        try:
            done.append(_scored(store, plan, planned[run_id]))
        except Damaged:
            mend(store, [run_id], deep=True)  # named at the end of the call, and trained again by the next
    return done


def _scored(store: Store, plan: Plan, run: PlannedRun) -> ScoredRun:
    """Score a run and commit its scores. Raises Damaged where its artefacts are not what its record says."""
    from harness.metrics import score

    started, making_s, how = time.perf_counter(), None, plan.resolved["score"]
    reference = kept_reference(store, run)
    if reference is None:
        reference = new_reference(store, run)
        making_s = time.perf_counter() - started
    reference = with_untrained(store, run, reference)
    end = plan.specs[run.run_id]["setup"]["train"]["steps"]
    shots = {step: store.snapshot(run.run_id, step) for step in store.steps(run.run_id)}
    spec, n = store.plan.spec(run.run_id), how["samples"]
    points = {step: generated(store, spec, step, shot, n) for step, shot in shots.items()}
    plugin_metrics = how.get("metrics", {})
    steps = {
        step: score(x, reference, step == end, plugin_metrics, shots[step])
        for step, x in points.items()
        if x is not None
    }
    took = time.perf_counter() - started - (making_s or 0.0)
    weights = {name: real.extractor.digest for name, real in reference.real_features.items()}
    made_with = {f"extractor_weights[{name}]": digest for name, digest in weights.items()}
    store.commit_scores(run.run_id, plan.score_id, steps, took, **scoring_provenance(), **made_with)
    return ScoredRun(run.run_id, took, making_s)


def _refuse_changed(plan: Plan) -> None:
    """Raise HarnessError where the plug-in of an extractor is not what it was when the suite was planned."""
    from harness.metrics import score_id
    from harness.metrics.extractors import kind_of

    how = plan.resolved["score"]
    named = how.get("extractors") or ()
    plugged = [name for name in named if (kind := kind_of(name)) is None or kind.file]
    if plugged and score_id(how["at"], how["samples"], named, how.get("metrics", {})) != plan.score_id:
        raise HarnessError(
            f"the plug-in that defines the extractor '{plugged[0]}' has changed since the suite was planned, or cannot "
            "be loaded; `harness run` plans it anew"
        )


def generated(
    store: Store, spec: RunSpec, step: int, shot: "Mapping[str, np.ndarray]", samples: int
) -> "np.ndarray | None":
    """Return the points that a suite's `samples` are scored on at a step: [n, *shape].

    They are those of its snapshot `shot`; where that holds fewer, they are drawn anew from the weights, which are kept
    of the last step alone: None at other steps, whose scores then stay empty.
    """
    from harness.engine.sampling import draw_samples
    from harness.metrics import samples_drawn

    points, needed = shot["generated"], samples_drawn(samples, spec)
    if len(points) >= needed:
        return points
    if step != spec.setup.train["steps"]:
        return None
    return draw_samples(spec.setup, kept_weights(store, spec)[1], spec.seed, "score", needed)
