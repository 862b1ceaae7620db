"""The training loop: specs in, outcomes out."""

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from harness.datasets import DATASETS
from harness.engine.checkpoint import (
    Checkpoints,
    State,
    Trail,
    go_on,
    network_weights,
    pack,
    take_states,
    training_id,
    unpack,
)
from harness.engine.process import own_state
from harness.engine.snapshots import Samples, Snapshot, ms_per_sample, take_snapshots
from harness.engine.stack import Placement, Stack
from harness.spec import RunSpec

VANISHED = 1e-6  # a generator gradient norm below it teaches nothing
NO_CHECKPOINTS = Checkpoints(keep=lambda files: None, every_s=math.inf)


@dataclass
class Outcome:
    """What one trained run leaves, as numpy arrays.

    curves    by name, [steps] up to the first bad one     snapshots, states  by step
    weights   by player (and trick, as "ema"), then by parameter; none of a diverged run
    facts     critic_updates, samples_seen, saturated, train_s, step_ms; of images also ms_per_image,
              of compiled runs compile_s, which train_s leaves out
    begun     the step that its training went on from, of a shorter one; 0 where it began anew
    engine    "compiled", or "graph" where its updates were replayed as CUDA graphs, or "eager"
    eager_because   why its updates could not be compiled or replayed, where they were to be
    """

    spec: RunSpec
    status: str  # "ok" or "diverged"
    first_bad_step: int | None
    curves: dict[str, np.ndarray]
    snapshots: dict[int, Snapshot]
    weights: dict[str, dict[str, np.ndarray]]
    facts: dict[str, Any] = field(default_factory=dict)
    states: dict[int, State] = field(default_factory=dict)
    begun: int = 0
    engine: str = "eager"
    eager_because: str = ""


def train(
    specs: Sequence[RunSpec],
    at: Sequence[int] = (),
    samples: Samples = 1000,
    placement: Placement = Placement(),  # noqa: B008  # frozen
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    frames: Collection[int] = (),
) -> list[Outcome]:
    """Train runs that share a Setup, side by side, and return their outcomes in the order given.

    `at` lists the steps at which a snapshot of `samples` samples is kept, 0 and the last included where wanted; of a
    pair of numbers, the second is how many the critic is looked at on, as many as W1 is measured on. At further steps
    in `frames` only samples of fixed latents are kept. A lone run of a stacked Setup is trained twice over: a stack of
    one differs from larger ones in the last bit (other matrix kernels), and a record must not depend on the size of its
    stack. Interrupted and resumed from one of its `checkpoints`, a training has the same outcomes; their seconds leave
    out what had to be done again. So it has where it goes on from the donors that `checkpoints` names, on a CPU and
    whatever stacks they trained in; not where a schedule depends on the number of steps, which is not looked at here.
    """
    with own_state(tf32=specs[0].setup.train.get("tf32", False) and placement.device != "cpu"):
        return _train(specs, (at, frames), samples, placement, checkpoints)


def _train(
    specs: Sequence[RunSpec],
    shots: tuple[Collection[int], Collection[int]],
    samples: Samples,
    placement: Placement,
    checkpoints: Checkpoints,
) -> list[Outcome]:
    """Train within a state of the process; `shots` are the steps of snapshots and of frames."""
    at, frames = shots
    pinned = list(specs) * 2 if placement.mode == "stacked" and len(specs) == 1 else list(specs)
    donors = [*checkpoints.donors] * (len(pinned) // len(specs))
    stack = Stack(pinned, placement)
    address = training_id(stack, samples, at, frames, checkpoints.states)
    snapshot_steps, state_steps = {*at, *frames}, {*checkpoints.states}

    def take(trail: Trail) -> None:
        if trail.step in snapshot_steps:
            trail.snapshots[trail.step] = take_snapshots(stack, samples, whole=trail.step in at)
        if trail.step in state_steps:
            trail.states[trail.step] = take_states(stack, trail.seconds)

    trail = unpack(checkpoints.resume, stack, address) if checkpoints.resume else None
    if trail is None and donors:
        trail = go_on(stack, donors)
    if trail is None:
        trail = Trail.begin(stack)
        take(trail)
    compile_s = stack.compile(trail.step) if trail.step < stack.steps else 0.0  # once, however many steps follow
    last_checkpoint, started = checkpoints.clock(), time.perf_counter()
    for step in range(trail.step, stack.steps):
        trail.curves[:, step] = stack.step(step)
        is_taken, is_due = (
            step + 1 in snapshot_steps | state_steps,
            checkpoints.clock() - last_checkpoint >= checkpoints.every_s,
        )
        if not is_taken and not is_due:
            continue
        trail.step = step + 1
        trail.seconds += _elapsed(started, stack.device)
        take(trail)
        if is_due:
            checkpoints.keep(pack(stack, trail, address))
            last_checkpoint = checkpoints.clock()
        started = time.perf_counter()
    trail.seconds += _elapsed(started, stack.device)
    more = {"ms_per_image": ms_per_sample(stack)} if DATASETS[stack.setup.dataset].kind == "images" else {}
    if stack.setup.train.get("compile"):
        more["compile_s"] = compile_s / len(stack.specs)
    outcomes = [_outcome(stack, run, trail) for run in range(len(specs))]
    return [replace(outcome, facts=outcome.facts | more) for outcome in outcomes]


def _outcome(stack: Stack, run: int, trail: Trail) -> Outcome:
    """Gather what one run leaves, cut at its first step that is not finite."""
    table = trail.curves[run].double().cpu().numpy()
    weights = network_weights(stack, stack.run(run))
    bad = np.flatnonzero(~np.isfinite(table).all(1))
    if not len(bad) and not all(np.isfinite(w).all() for named in weights.values() for w in named.values()):
        bad = np.array([stack.steps - 1])  # the last update itself overflowed
    end = int(bad[0]) + 1 if len(bad) else stack.steps
    named = dict(zip(stack.curves, table[:end].T.astype(np.float32), strict=True))
    updates, train_s = stack.critic_updates[stack.steps], trail.seconds / len(stack.specs)
    facts = {
        "critic_updates": updates,
        "samples_seen": updates * int(stack.setup.train["batch"]) * stack.pair.pack,
        "saturated": saturated(named["generator_grad_norm"]) if stack.trained else None,
        "train_s": train_s,
        "step_ms": 1e3 * train_s / stack.steps,
    }
    return Outcome(
        spec=stack.specs[run],
        status="diverged" if len(bad) else "ok",
        first_bad_step=end if len(bad) else None,
        curves={"step": np.arange(1, end + 1), **named},
        snapshots={step: taken[run] for step, taken in trail.snapshots.items() if not len(bad) or step < end},
        weights={} if len(bad) else weights,
        facts=facts,
        states={step: taken[run] for step, taken in trail.states.items() if not len(bad) or step < end},
        begun=trail.begun,
        engine=stack.engine,
        eager_because=stack.eager_because,
    )


def saturated(grad_norms: np.ndarray) -> bool:
    """Whether the generator's gradient norm stayed under 1e-6 for the last tenth of its steps: [steps]."""
    return bool((grad_norms[-max(1, len(grad_norms) // 10) :] < VANISHED).all())


def _elapsed(started: float, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
