"""The weights that a run keeps of its last step, and whether its networks can be run with them alone."""

from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.spec import RunSpec
from harness.store import Store

if TYPE_CHECKING:
    import numpy as np


def why_not_drawn(spec: RunSpec) -> str | None:
    """Say why no samples can be drawn from what a run keeps; None where they can."""
    if not spec.setup.generator:
        return "trained a critic alone, and there is no generator to draw from"
    return _why_not_run(spec, "generator")


def kept_weights(store: Store, spec: RunSpec) -> "tuple[str, dict[str, np.ndarray]]":
    """Return whose weights a run was scored with ("generator", or a trick, as "ema"), and those weights by parameter.

    Raises HarnessError where there are none to draw from, StoreError where they are damaged.
    """
    from harness.objectives import TRICKS

    tricks = [name for name in spec.setup.tricks if name in TRICKS]
    owner = next((name for name in reversed(tricks) if TRICKS[name].sampled), "generator")
    return owner, _weights(store, spec, owner, why_not_drawn(spec))


def critic_weights(store: Store, spec: RunSpec) -> "dict[str, np.ndarray]":
    """Return the weights of a run's critic by parameter. Raises as `kept_weights` does."""
    return _weights(store, spec, "critic", _why_not_run(spec, "critic"))


def _why_not_run(spec: RunSpec, player: str) -> str | None:
    from harness.objectives import TRICKS

    lost = [name for name in spec.setup.tricks if name in TRICKS and TRICKS[name].params]
    return f"its {player} runs with the memory of '{lost[0]}', which is not kept" if lost else None


def _weights(store: Store, spec: RunSpec, owner: str, why_not: str | None) -> "dict[str, np.ndarray]":
    from safetensors.numpy import load

    status = store.status(spec.run_id)
    if status != "ok":
        raise HarnessError(f"{spec.run_id}: its status is {status}, and only a run that is ok keeps its weights")
    if why_not:
        raise HarnessError(f"{spec.run_id}: {why_not}")
    return load(store.artefact(spec.run_id, f"{owner}.safetensors"))
