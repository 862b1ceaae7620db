"""From a pinned stack to the records of its runs."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import Damaged, DataError, StoreError
from harness.execution.opening import check_versions, open_planned, stated
from harness.execution.outcomes import StackOutcome, TrainedRun, failure_of
from harness.execution.provenance import peak_mb, provenance
from harness.plan.origins import SAMPLES, Origin, origins, steps_kept
from harness.processes import leave_gpu, memory_limit
from harness.store import Record, Store, mend
from harness.store.plan_file import Plan, Stack

if TYPE_CHECKING:
    from harness.engine import Donor, Outcome

Group = tuple[list[str], "list[Donor]"]  # runs that train together, and what each goes on from


@stated
def train_stack(
    folder: str, stack_id: str, runs: Sequence[str], device: str, members: Sequence[str] = ()
) -> StackOutcome:
    """Train a pinned stack, or those `members` of it, and commit `runs`, which are missing.

    Those that go on from finished runs train by the step from which they do, apart from the others: on a CPU, where a
    run's mates change nothing of it. Raises StoreError where results cannot be written, DataError where a data file has
    changed since it was planned; whatever else training raises is the failure that is returned.
    """
    store, plan = open_planned(folder)
    stack = plan.stack(stack_id)
    members = list(members or stack.runs)
    started, trained, begun = time.perf_counter(), list[TrainedRun](), 0
    try:
        groups = _groups(store, plan, members, device)
        for group, donors in groups:
            if {*group}.isdisjoint(runs):
                continue  # another call has committed all of them
            outcomes = _outcomes(store, plan, stack, (group, donors), device)
            begun += sum(outcome.begun for outcome in outcomes)
            missing = [outcome for outcome in outcomes if outcome.spec.run_id in runs]
            trained += _committed(store, missing, stack, device)
            store.drop_checkpoint(stack.checkpoint(group))
    except (DataError, StoreError):
        raise  # nothing that these runs did
    except Exception as error:
        return StackOutcome(trained, failure=failure_of(error))
    finally:
        leave_gpu()
    task_s = None if begun else time.perf_counter() - started  # else it says nothing of another such stack
    return StackOutcome([replace(run, task_s=task_s) for run in trained])


def _groups(store: Store, plan: Plan, members: Sequence[str], device: str) -> list[Group]:
    """Return the members by the step from which they go on, with what they go on from: nothing, of those that begin.

    A donor that is damaged is set aside.
    """
    while True:
        replies = origins(store, plan, members, provenance(device))
        begins = {run_id: reply for run_id, reply in replies.items() if isinstance(reply, Origin)}
        steps = sorted({begins[run_id].step if run_id in begins else 0 for run_id in members})
        try:
            return [
                (
                    [r for r in members if (r in begins and begins[r].step) == step],
                    [_donor(store, plan, r, begins[r]) for r in members if r in begins and begins[r].step == step],
                )
                for step in steps
            ]
        except Damaged:
            mend(store, {origin.run_id for origin in begins.values()}, deep=True, planned=store.planned)


def _donor(store: Store, plan: Plan, run_id: str, origin: Origin) -> "Donor":
    """Read what a run goes on from."""
    from harness.engine import Donor

    donor, step = origin
    wanted = steps_kept(plan.resolved, plan.specs[run_id]["setup"]["train"]["steps"])
    at, frames, states = ([each for each in steps if each <= step] for steps in wanted)
    whole = {each: store.snapshot(donor, each) for each in {*at, *frames} & {*store.steps(donor)}}
    shots = {each: shot if each in at else {"fixed": shot["fixed"]} for each, shot in whole.items()}
    if {*frames} - shots.keys() and (kept_frames := store.frames(donor)) is not None:
        by_step = dict(zip(kept_frames["step"].tolist(), kept_frames["fixed"], strict=True))
        shots |= {each: {"fixed": by_step[each]} for each in {*frames} - shots.keys()}
    table = store.curves(donor)
    curves = {str(name): table[name].to_numpy() for name in table}
    return Donor(step, store.state(donor, step), curves, shots, {each: store.state(donor, each) for each in states})


def _outcomes(store: Store, plan: Plan, stack: Stack, group: Group, device: str) -> "list[Outcome]":
    import torch

    from harness.engine import Checkpoints, Placement, train
    from harness.metrics import samples_drawn

    torch.set_num_threads(1)
    members, donors = group
    specs = [plan.spec(run_id) for run_id in members]
    check_versions(plan, specs[0].setup)
    settings, name = plan.resolved["train"], stack.checkpoint(members)
    every_s = settings.get("checkpoint_s", "never")  # an earlier harness knew none
    score, wanted = plan.resolved["score"], steps_kept(plan.resolved, specs[0].setup.train["steps"])
    checkpoints = Checkpoints(
        keep=lambda files: store.write_checkpoint(name, files),
        resume=store.read_checkpoint(name),
        every_s=math.inf if every_s == "never" else every_s,
        states=wanted.states,
        donors=donors,
    )
    samples = samples_drawn(score["samples"], specs[0])
    with memory_limit(settings.get("limits", {}).get("memory_gb")):
        return train(
            specs,
            wanted.at,
            (samples, score["samples"]),
            Placement(stack.mode, device),
            checkpoints=checkpoints,
            frames=wanted.frames,
        )


def _committed(store: Store, outcomes: "Iterable[Outcome]", stack: Stack, device: str) -> Iterator[TrainedRun]:
    """Commit what was trained, and yield what this call committed."""
    from harness.store.artefacts import artefacts

    peak, where = peak_mb(device), provenance(device) | {"stack": stack.id}
    samples = store.plan.resolved["score"]["samples"]
    for outcome in outcomes:
        record = Record(
            run_id=outcome.spec.run_id,
            status=outcome.status,
            spec=outcome.spec.to_json(),
            first_bad_step=outcome.first_bad_step,
            facts=outcome.facts | {"peak_mb": peak},
            provenance=where
            | ({SAMPLES: str(samples)} if outcome.states else {})
            | ({"begun": str(outcome.begun)} if outcome.begun else {})
            | {"engine": outcome.engine}
            | ({"eager_because": outcome.eager_because} if outcome.eager_because else {}),
        )
        files = artefacts(outcome, samples)
        if store.commit(record, files):  # else another call took us for dead and trained it: the first commit stays
            yield TrainedRun(record.run_id, record.status, outcome.facts["train_s"])
