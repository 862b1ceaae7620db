"""From a pinned stack to the records of its runs."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import DataError, StoreError
from harness.execution.opening import check_versions, open_planned, stated
from harness.execution.outcomes import StackOutcome, TrainedRun, failure_of
from harness.execution.provenance import peak_mb, provenance
from harness.processes import memory_limit
from harness.store import Record, Store
from harness.store.plan_file import Plan, Stack

if TYPE_CHECKING:
    from harness.engine import Outcome


@stated
def train_stack(
    folder: str, stack_id: str, runs: Sequence[str], device: str, members: Sequence[str] = ()
) -> StackOutcome:
    """Train a pinned stack, or those `members` of it, and commit `runs`, which are missing.

    Raises StoreError where results cannot be written, DataError where a data file has changed since it was planned;
    whatever else training raises is the failure that is returned.
    """
    store, plan = open_planned(folder)
    stack = plan.stack(stack_id)
    members = list(members or stack.runs)
    started = time.perf_counter()
    try:
        outcomes = _outcomes(store, plan, stack, members, device)
    except (DataError, StoreError):
        raise  # nothing that these runs did
    except Exception as error:
        return StackOutcome(failure=failure_of(error))
    missing = [outcome for outcome in outcomes if outcome.spec.run_id in runs]
    trained = list(_committed(store, missing, stack, device))
    store.drop_checkpoint(stack.checkpoint(members))
    task_s = time.perf_counter() - started
    return StackOutcome([replace(run, task_s=task_s) for run in trained])


def _outcomes(store: Store, plan: Plan, stack: Stack, members: list[str], device: str) -> "list[Outcome]":
    import torch

    from harness.engine import Checkpoints, Placement, train
    from harness.metrics import samples_drawn
    from harness.suite.format.models import frame_steps, scored_steps

    torch.set_num_threads(1)
    specs = [plan.spec(run_id) for run_id in members]
    check_versions(plan, specs[0].setup)
    settings, name = plan.resolved["train"], stack.checkpoint(members)
    every_s = settings.get("checkpoint_s", "never")  # an earlier harness knew none
    checkpoints = Checkpoints(
        keep=lambda files: store.write_checkpoint(name, files),
        resume=store.read_checkpoint(name),
        every_s=math.inf if every_s == "never" else every_s,
    )
    score = plan.resolved["score"]
    steps, samples = specs[0].setup.train["steps"], samples_drawn(score["samples"], specs[0])
    at, frames = scored_steps(score["at"], steps), frame_steps(score.get("frames", 0), steps)
    with memory_limit(settings.get("limits", {}).get("memory_gb")):
        return train(
            specs,
            at,
            (samples, score["samples"]),
            Placement(stack.mode, device),
            checkpoints=checkpoints,
            frames=frames,
        )


def _committed(store: Store, outcomes: "Iterable[Outcome]", stack: Stack, device: str) -> Iterator[TrainedRun]:
    """Commit what was trained, and yield what this call committed."""
    from harness.store.artefacts import artefacts

    peak, where = peak_mb(device), provenance(device) | {"stack": stack.id}
    for outcome in outcomes:
        record = Record(
            run_id=outcome.spec.run_id,
            status=outcome.status,
            spec=outcome.spec.to_json(),
            first_bad_step=outcome.first_bad_step,
            facts=outcome.facts | {"peak_mb": peak},
            provenance=where,
        )
        files = artefacts(outcome, store.plan.resolved["score"]["samples"])
        if store.commit(record, files):  # else another call took us for dead and trained it: the first commit stays
            size = sum(map(len, files.values()))
            yield TrainedRun(record.run_id, record.status, outcome.facts["train_s"], bytes=size)
