"""Checkpoints: a stack between two of its steps, with what it has left behind so far, as bytes and back.

There are no generator states in one: noise is addressed, so that the step alone says what comes next. On a CPU a
resumed stack goes on bit for bit as one that was never interrupted, and so does one that is put together from states
that shorter trainings of its runs have kept.
"""

import io
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_unflatten

from harness.engine.networks import effective
from harness.engine.snapshots import Samples, Snapshot
from harness.engine.stack import Stack
from harness.engine.step import RunState
from harness.spec import ENGINE_VERSION, content_id

FILE = "checkpoint.npz"  # a zip file: its sums betray torn and flipped bytes
VERSION = 2  # of the content of that file

State = dict[str, np.ndarray]  # of one run after a step: what `take_states` gives


@dataclass(frozen=True)
class Donor:
    """What a training of the same run leaves that ends at another step: its `state` after `step` steps, and what it had
    kept by then of what is kept now.

    curves     by name, of at least `step` steps      snapshots, states   by step
    """

    step: int
    state: State
    curves: Mapping[str, np.ndarray]
    snapshots: Mapping[int, Snapshot]
    states: Mapping[int, State]


@dataclass(frozen=True)
class Checkpoints:
    """How the training of a stack survives an interruption, and what it keeps to be gone on from.

    keep     is given a whole checkpoint, as contents by file name, between two steps
    resume   the files of the last one; those of any other training, or damaged ones, are ignored
    every_s  seconds from one checkpoint to the next; infinite for none
    clock    seconds from any beginning, never going back
    states   steps after which the whole state of every run is kept
    donors   one a run, all of one step, from which a training without a checkpoint goes on; none to begin anew
    """

    keep: Callable[[Mapping[str, bytes]], None]
    resume: Mapping[str, bytes] | None = None
    every_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    states: Collection[int] = ()
    donors: Sequence[Donor] = ()


@dataclass
class Trail:
    """What a stack leaves behind as it trains.

    curves             [runs, steps, k], filled up to `step`  step     steps done
    snapshots, states  one a run, by step                     seconds  spent in training, as the record has them
    begun              the step of the donors that it went on from, 0 without
    """

    curves: Tensor
    snapshots: dict[int, list[Snapshot]] = field(default_factory=dict)
    states: dict[int, list[State]] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0
    begun: int = 0

    @classmethod
    def begin(cls, stack: Stack) -> "Trail":
        """Return the trail of a stack before its first step."""
        shape = (len(stack.specs), stack.steps, len(stack.curves))
        return cls(torch.empty(shape, device=stack.device, dtype=stack.dtype))


def training_id(stack: Stack, samples: Samples, *steps: Collection[int]) -> str:
    """Return the address of a stack's training: what a checkpoint must have been made for to be resumed from.

    `steps` are those at which it is scored, keeps frames, and keeps states.
    """
    runs = [spec.run_id for spec in stack.specs]
    at = [sorted({int(step) for step in chosen}) for chosen in steps]
    how = [stack.mode, stack.device.type, str(stack.dtype), at, samples]
    return content_id([VERSION, ENGINE_VERSION, str(torch.__version__), runs, how])


def take_states(stack: Stack, seconds: float) -> list[State]:
    """Return the whole state of each run, as arrays by name, and the parameters of its networks as they stand.

    state...          parameters, the optimisers' moments and the tricks' memory, from which training goes on
    generator/NAME    a parameter of a network, as the tricks change it; likewise critic/..., and ema/... of a trick
    seconds           that training the run took so far
    """
    spent = {"seconds": np.array(seconds / len(stack.specs))}
    return [_state_of(stack, stack.run(run)) | spent for run in range(len(stack.specs))]


def _state_of(stack: Stack, state: RunState) -> State:
    weights = {f"{owner}/{k}": v for owner, named in network_weights(stack, state).items() for k, v in named.items()}
    return {name: leaf.cpu().numpy().copy() for name, leaf in _named(state).items()} | weights


def network_weights(stack: Stack, state: RunState) -> dict[str, dict[str, np.ndarray]]:
    """Return the parameters that a run's networks run with, as the tricks change them: no reader needs their memory."""
    flats = [(player, player, flat) for player, flat in state.params.items()]
    flats += [(n, "generator", t.sampled(state.extra[n])) for n, t in stack.game.tricks.items() if t.sampled]
    params = {
        owner: effective(player, stack.layout(player).split(flat), stack.game.tricks, state.extra)
        for owner, player, flat in flats
    }
    return {owner: {k: v.float().cpu().numpy() for k, v in named.items()} for owner, named in params.items()}


def pack(stack: Stack, trail: Trail, address: str) -> dict[str, bytes]:
    """Return a checkpoint of the stack as it stands, as contents by file name; `address` is its training's id."""
    arrays = {"address": np.array(address), "step": np.array(trail.step), "seconds": np.array(trail.seconds)}
    arrays |= {"begun": np.array(trail.begun), "curves": trail.curves[:, : trail.step].cpu().numpy()}
    arrays["names"] = np.array(stack.curves)  # of the curves, for who looks on
    arrays |= _by_run("snapshots", trail.snapshots) | _by_run("states", trail.states)
    arrays |= {name: leaf.cpu().numpy() for name, leaf in _named(stack.state).items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return {FILE: buffer.getvalue()}


def unpack(files: Mapping[str, bytes], stack: Stack, address: str) -> Trail | None:
    """Put a fresh stack where a checkpoint of the same training stood, and return the trail up to there.

    None, and the stack as it was, where the files are damaged or another training's.
    """
    with suppress(Exception):  # foreign bytes raise anything; whatever it is, they are no checkpoint of this training
        with np.load(io.BytesIO(files[FILE]), allow_pickle=False) as file:
            arrays = dict(file)
        if arrays["address"].item() == address:
            return _restored(stack, arrays)
    return None


def go_on(stack: Stack, donors: Sequence[Donor]) -> Trail | None:
    """Put a fresh stack where a donor of each run stood, and return the trail up to there.

    None, and the stack as it was, where a donor does not fit: it has other tensors, curves or snapshots.
    """
    with suppress(Exception):
        step, begun = donors[0].step, [donor.state for donor in donors]
        curves = [np.stack([donor.curves[name][:step] for name in stack.curves], -1) for donor in donors]
        shots, states = (
            {at: [getattr(donor, what)[at] for donor in donors] for at in getattr(donors[0], what)}
            for what in ("snapshots", "states")
        )
        arrays = {"step": np.array(step), "begun": np.array(step), "curves": np.stack(curves)}
        arrays["seconds"] = np.array(sum(float(state["seconds"]) for state in begun))
        arrays |= {name: np.stack([state[name] for state in begun]) for name in begun[0] if name.startswith("state.")}
        return _restored(stack, arrays | _by_run("snapshots", shots) | _by_run("states", states))
    return None


def _by_run(what: str, by_step: Mapping[int, list[dict[str, np.ndarray]]]) -> dict[str, np.ndarray]:
    return {
        f"{what}/{step}/{key}": np.stack([each[key] for each in runs])
        for step, runs in by_step.items()
        for key in runs[0]
    }


def _restored(stack: Stack, arrays: Mapping[str, np.ndarray]) -> Trail:
    """Put a stack where the arrays say and return its trail; the stack is as it was where that raises."""
    fresh = stack.state
    try:
        trail = _trail(stack, arrays)
        stack.state = _state(stack, arrays)
    except Exception:
        stack.state = fresh
        raise
    return trail


def _named(state: RunState) -> dict[str, Tensor]:
    """Return the tensors of a state by their paths in it: state.opt['critic']['mean']."""
    return {f"state{keystr(path)}": leaf for path, leaf in tree_flatten_with_path(state)[0]}


def _state(stack: Stack, arrays: Mapping[str, np.ndarray]) -> RunState:
    """Rebuild a state of the kept tensors. Raises ValueError where they are not those of the stack's tree."""
    names = {name for name in arrays if name.startswith("state.")}
    if set(_named(stack.state)) != names:
        stack.step(0)  # a trick without `init` has its memory from the first step on
    if set(_named(stack.state)) != names:
        raise ValueError("another tree of tensors")
    if any(arrays[name].shape != leaf.shape for name, leaf in _named(stack.state).items()):
        raise ValueError("tensors of other shapes")
    # Cloned into torch's own memory, which is aligned otherwise than numpy's.
    leaves = [torch.from_numpy(arrays[name]).clone().to(stack.device) for name in _named(stack.state)]
    return tree_unflatten(leaves, tree_flatten_with_path(stack.state)[1])


def _trail(stack: Stack, arrays: Mapping[str, np.ndarray]) -> Trail:
    """Rebuild the trail of the kept arrays. Raises ValueError or KeyError where their shapes are not the stack's."""
    trail = Trail.begin(stack)
    trail.step, trail.begun, trail.seconds = int(arrays["step"]), int(arrays["begun"]), float(arrays["seconds"])
    done = trail.curves[:, : trail.step]
    done.copy_(torch.from_numpy(arrays["curves"]).reshape(done.shape))  # an assignment would spread one run's over all
    for name, array in arrays.items():
        what, _, rest = name.partition("/")
        if what in ("snapshots", "states"):
            step, _, key = rest.partition("/")
            runs = getattr(trail, what).setdefault(int(step), [{} for _ in stack.specs])
            for each, part in zip(runs, array, strict=True):
                each[key] = part
    return trail
