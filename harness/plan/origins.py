"""Finished runs that longer trainings of the same setting go on from: which, from which step, and why not elsewhere.

A run goes on where that gives what training from scratch would, to the last bit: all that it keeps up to the step was
kept then, and nothing in it depends on how many steps there are, or on the stack it trains in.
"""

import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from harness.spec import content_id
from harness.store import Record, Store
from harness.store.plan_file import Json, Plan
from harness.suite.format.models import frame_steps, scored_steps, state_steps

# What must be the same of the two machines, of all that a record says of one: other kernels give other last bits.
MACHINE = ("device", "torch", "harness", "numpy", "cpu_isa", "host_cpu")
SAMPLES = "score.samples"  # in the provenance of a run that keeps states: what its snapshots were made for


class Kept(NamedTuple):
    """The steps at which a run keeps snapshots, frames and states."""

    at: list[int]
    frames: list[int]
    states: list[int]


class Origin(NamedTuple):
    """A finished run that another goes on from, and the step after which it does."""

    run_id: str
    step: int


def steps_kept(resolved: Json, steps: int) -> Kept:
    """Return what a run of so many steps keeps by its resolved suite."""
    score, train = resolved["score"], resolved.get("train", {})
    return Kept(
        scored_steps(score["at"], steps),
        frame_steps(score.get("frames", 0), steps),
        state_steps(train.get("keep", ()), steps),
    )


def origins(store: Store, plan: Plan, run_ids: Collection[str], where: Json) -> dict[str, Origin | str]:
    """Return what each of `run_ids` goes on from, or why it trains from scratch all the same; nothing of those of whose
    setting no run of another length has finished.

    `where` says of this machine what a record says of the one that trained it.
    """
    lengths = {_steps(plan.specs[run_id]) for run_id in run_ids}
    known = store.finished() & plan.specs.keys()
    others = [run_id for run_id in sorted(known) if lengths and lengths != {_steps(plan.specs[run_id])}]
    if not others:
        return {}
    donors: dict[str, list[str]] = {}
    for run_id in others:
        donors.setdefault(_setting(plan.specs[run_id]), []).append(run_id)
    replies = {}
    for run_id in run_ids:
        if alike := donors.get(_setting(plan.specs[run_id]), []):
            replies[run_id] = _origin(store, plan, run_id, alike, where)
    return replies


def _steps(spec: Json) -> int:
    return int(spec["setup"]["train"]["steps"])


def _setting(spec: Json) -> str:
    """Return the address of a run but for its number of steps."""
    train = {**spec["setup"]["train"], "steps": 0}
    return content_id({**spec, "setup": {**spec["setup"], "train": train}})


def _origin(store: Store, plan: Plan, run_id: str, donors: Iterable[str], where: Json) -> Origin | str:
    setup = plan.specs[run_id]["setup"]
    if where["device"] != "cpu":
        return "on a GPU the last bits of a run depend on its stack"
    if setup["train"]["schedule"]:
        return f"{', '.join(setup['train']['schedule'])} falls by a schedule, which depends on the number of steps"
    if setup["train"].get("compile"):
        return "the last bits of what is compiled depend on the stack"
    if any(key.endswith(".file") and key != "dataset.file" for key in setup["versions"]):
        return "the last bits of what a plug-in computes may depend on the stack"
    wanted = steps_kept(plan.resolved, _steps(plan.specs[run_id]))
    replies = [_from(store, donor, wanted, plan, where) for donor in donors]
    steps = [reply for reply in replies if isinstance(reply, Origin)]
    return max(steps, key=lambda origin: origin.step) if steps else replies[0]


def _from(store: Store, run_id: str, wanted: Kept, plan: Plan, where: Json) -> Origin | str:
    """Return the last step from which a donor leads on, or why none does."""
    record = store.record(run_id)
    if record is None or record.status != "ok":
        return "the finished run diverged"
    length, states = record.last_step, _numbers(record, "states")
    if not states:
        return f"the finished run of {length:,} steps keeps no state, as `train: {{keep: [1]}}` would have had it"
    if any(record.provenance.get(key) != where.get(key) for key in MACHINE):
        return f"the finished run of {length:,} steps was trained on another machine, or by other versions"
    if record.provenance.get(SAMPLES) != str(plan.resolved["score"]["samples"]):
        return f"the snapshots of the finished run of {length:,} steps hold another number of samples"
    shots, frames = _numbers(record, "snapshots"), set[int]()
    if "frames.npz" in record.files:
        frames = {*frame_steps(plan.resolved["score"].get("frames", 0), length)}
    lost = {*wanted.at} - shots | {*wanted.frames} - shots - frames | {*wanted.states} - states
    first = min(lost, default=math.inf)
    usable = [step for step in states if 0 < step < first and step <= wanted.at[-1]]
    if usable:
        return Origin(run_id, max(usable))
    return f"its step {first:,} was neither scored nor kept in the finished run of {length:,} steps"


def _numbers(record: Record, what: str) -> set[int]:
    """Return the steps of the snapshots, or of the states, that a run keeps."""
    return {int(Path(name).stem) for name in record.files if Path(name).parts[0] == what}
