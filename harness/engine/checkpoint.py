"""Checkpoints: a stack between two of its steps, with what it has left behind so far, as bytes and back.

There are no generator states in one: noise is addressed, so that the step alone says what comes next. On a CPU a
resumed stack goes on bit for bit as one that was never interrupted.
"""

import io
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_unflatten

from harness.engine.snapshots import Samples, Snapshot
from harness.engine.stack import Stack
from harness.engine.step import RunState
from harness.spec import ENGINE_VERSION, content_id

FILE = "checkpoint.npz"  # a zip file: its sums betray torn and flipped bytes
VERSION = 1  # of the content of that file


@dataclass(frozen=True)
class Checkpoints:
    """How the training of a stack survives an interruption.

    keep     is given a whole checkpoint, as contents by file name, between two steps
    resume   the files of the last one; those of any other training, or damaged ones, are ignored
    every_s  seconds from one checkpoint to the next; infinite for none
    clock    seconds from any beginning, never going back
    """

    keep: Callable[[Mapping[str, bytes]], None]
    resume: Mapping[str, bytes] | None = None
    every_s: float = 60.0
    clock: Callable[[], float] = time.monotonic


@dataclass
class Trail:
    """What a stack leaves behind as it trains.

    curves     [runs, steps, k], filled up to `step`          step     steps done
    snapshots  one a run, by step                             seconds  spent in training, as the record has them
    """

    curves: Tensor
    snapshots: dict[int, list[Snapshot]] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0

    @classmethod
    def begin(cls, stack: Stack) -> "Trail":
        """Return the trail of a stack before its first step."""
        shape = (len(stack.specs), stack.steps, len(stack.curves))
        return cls(torch.empty(shape, device=stack.device, dtype=stack.dtype))


def training_id(stack: Stack, at: Collection[int], samples: Samples, frames: Collection[int] = ()) -> str:
    """Return the address of a stack's training: what a checkpoint must have been made for to be resumed from."""
    runs = [spec.run_id for spec in stack.specs]
    steps, frame_steps = (sorted({int(step) for step in chosen}) for chosen in (at, frames))
    how = [stack.mode, stack.device.type, str(stack.dtype), steps, samples, frame_steps]
    return content_id([VERSION, ENGINE_VERSION, str(torch.__version__), runs, how])


def pack(stack: Stack, trail: Trail, address: str) -> dict[str, bytes]:
    """Return a checkpoint of the stack as it stands, as contents by file name; `address` is its training's id."""
    arrays = {"address": np.array(address), "step": np.array(trail.step), "seconds": np.array(trail.seconds)}
    arrays["curves"] = trail.curves[:, : trail.step].cpu().numpy()
    for step, shots in trail.snapshots.items():
        arrays |= {f"snapshots/{step}/{key}": np.stack([shot[key] for shot in shots]) for key in shots[0]}
    arrays |= {name: leaf.cpu().numpy() for name, leaf in _named(stack.state).items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return {FILE: buffer.getvalue()}


def unpack(files: Mapping[str, bytes], stack: Stack, address: str) -> Trail | None:
    """Put a fresh stack where a checkpoint of the same training stood, and return the trail up to there.

    None, and the stack as it was, where the files are damaged or another training's.
    """
    fresh = stack.state
    try:
        with np.load(io.BytesIO(files[FILE]), allow_pickle=False) as file:
            arrays = dict(file)
        if arrays["address"].item() == address:
            trail = _trail(stack, arrays)
            stack.state = _state(stack, arrays)
            return trail
    except Exception:  # foreign bytes raise anything; whatever it is, they are no checkpoint of this training
        stack.state = fresh
    return None


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
    # Cloned into torch's own memory, which is aligned otherwise than numpy's.
    leaves = [torch.from_numpy(arrays[name]).clone().to(stack.device) for name in _named(stack.state)]
    return tree_unflatten(leaves, tree_flatten_with_path(stack.state)[1])


def _trail(stack: Stack, arrays: Mapping[str, np.ndarray]) -> Trail:
    """Rebuild the trail of the kept arrays. Raises ValueError or KeyError where their shapes are not the stack's."""
    trail = Trail.begin(stack)
    trail.step, trail.seconds = int(arrays["step"]), float(arrays["seconds"])
    done = trail.curves[:, : trail.step]
    done.copy_(torch.from_numpy(arrays["curves"]).reshape(done.shape))  # an assignment would spread one run's over all
    for name, array in arrays.items():
        if name.startswith("snapshots/"):
            _, step, key = name.split("/")
            shots = trail.snapshots.setdefault(int(step), [{} for _ in stack.specs])
            for shot, part in zip(shots, array, strict=True):
                shot[key] = part
    return trail
