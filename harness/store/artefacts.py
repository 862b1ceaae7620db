"""What a run keeps beside its record: a trained run as files, and the weights that samples are drawn from."""

import io
from typing import TYPE_CHECKING

import numpy as np

from harness.disk.arrays import npz_bytes
from harness.errors import HarnessError
from harness.spec import RunSpec
from harness.store import Store, contents
from harness.text import listed

if TYPE_CHECKING:
    from harness.engine import Outcome

GRID_PARTS = 1000  # of the range of a grid of scores, to which they are rounded: a third of the bytes


def artefacts(outcome: "Outcome", samples: int) -> dict[str, bytes]:
    """Return file contents by name: curves, snapshots, frames, samples (split as scored), weights and states."""
    files = {"curves.parquet": _parquet(outcome.curves)}
    whole = {step: shot for step, shot in outcome.snapshots.items() if "generated" in shot}
    for step, shot in whole.items():
        files[f"snapshots/{step}.npz"] = npz_bytes(_thinned(shot))
    if len(outcome.snapshots) > len(whole):
        shots = sorted(outcome.snapshots.items())
        steps, fixed = np.array([step for step, _ in shots]), np.stack([shot["fixed"] for _, shot in shots])
        files["frames.npz"] = npz_bytes({"step": steps, "fixed": fixed})
    last = outcome.snapshots.get(outcome.spec.setup.train["steps"])
    if last is not None:
        generated, more = last["generated"][:samples], last["generated"][samples:]
        files["samples.npz"] = npz_bytes({"generated": generated, "more": more})
    for player, weights in outcome.weights.items():
        files[f"{player}.safetensors"] = _safetensors(weights)
    for step, state in outcome.states.items():
        files[f"states/{step}.safetensors"] = _safetensors(state)
    return files


def _thinned(shot: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a snapshot with its grid of the critic's scores, which ten level lines are drawn from, in half precision
    and rounded to a part of its range: it would be most of a toy's snapshot. Scores that this cannot hold stay."""
    grid = shot.get("critic_grid")
    if grid is None or grid.dtype == np.float16 or not np.abs(grid).max() < np.finfo(np.float16).max:
        return shot  # half precision: it was kept before, of a run that another goes on from
    part = max(np.ptp(grid) / GRID_PARTS, np.finfo(np.float16).smallest_subnormal)
    return {**shot, "critic_grid": (np.rint(grid / part) * part).astype(np.float16)}


def _parquet(columns: dict[str, np.ndarray]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, use_dictionary=False, write_statistics=False)  # nobody queries it
    return buffer.getvalue()


def _safetensors(weights: dict[str, np.ndarray]) -> bytes:
    from safetensors.numpy import save

    return save({name: np.asarray(array, order="C") for name, array in weights.items()})


def why_not_drawn(spec: RunSpec) -> str | None:
    """Say why no samples can be drawn from what a run keeps; None where they can."""
    return None if spec.setup.generator else "trained a critic alone, and there is no generator to draw from"


def kept_weights(store: Store, spec: RunSpec, step: int | None = None) -> tuple[str, dict[str, np.ndarray]]:
    """Return whose weights a run was scored with ("generator", or a trick, as "ema"), and those weights by parameter.

    They are those of its last step, or of a `step` whose state it keeps. Raises HarnessError where there are none to
    draw from, StoreError where they are damaged.
    """
    from harness.objectives import TRICKS

    tricks = [name for name in spec.setup.tricks if name in TRICKS]
    owner = next((name for name in reversed(tricks) if TRICKS[name].sampled), "generator")
    if why_not := why_not_drawn(spec):
        raise HarnessError(f"{spec.run_id}: {why_not}")
    return owner, _weights(store, spec, owner, step)


def critic_weights(store: Store, spec: RunSpec, step: int | None = None) -> dict[str, np.ndarray]:
    """Return the weights of a run's critic by parameter. Raises as `kept_weights` does."""
    return _weights(store, spec, "critic", step)


def _weights(store: Store, spec: RunSpec, owner: str, step: int | None) -> dict[str, np.ndarray]:
    status, last = store.status(spec.run_id), spec.setup.train["steps"]
    if step is not None and (step != last or status != "ok"):
        steps = store.states(spec.run_id)
        if step not in steps:
            raise HarnessError(f"{spec.run_id}: step {step:,} is not kept; {_kept_text(steps, last, status)}")
        state = store.state(spec.run_id, step)
        return {name.removeprefix(f"{owner}/"): x for name, x in state.items() if name.startswith(f"{owner}/")}
    if status != "ok":
        raise HarnessError(f"{spec.run_id}: its status is {status}, and only a run that is ok keeps its weights")
    return store.read(spec.run_id, f"{owner}.safetensors", contents.weights)


def _kept_text(states: list[int], last: int, status: str) -> str:
    steps = [*states, *([last] if status == "ok" and last not in states else [])]
    if not steps:
        return f"its status is {status}, and it keeps none"
    more = "" if states else ", and a suite with `train: {keep: [0.5, 1]}` keeps more"
    return f"it keeps {listed([f'{step:,}' for step in steps])}{more}"
