"""The weights that a run keeps of its last step, and whether its generator can be run with them alone."""

from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.spec import RunSpec
from harness.store import Store

if TYPE_CHECKING:
    import numpy as np


def why_not_drawn(spec: RunSpec) -> str | None:
    """Say why no samples can be drawn from what a run keeps; None where they can."""
    from harness.objectives import TRICKS

    if not spec.setup.generator:
        return "trained a critic alone, and there is no generator to draw from"
    lost = [name for name in spec.setup.tricks if name in TRICKS and TRICKS[name].params]
    return f"its generator runs with the memory of '{lost[0]}', which is not kept" if lost else None


def kept_weights(store: Store, spec: RunSpec) -> "tuple[str, dict[str, np.ndarray]]":
    """Return whose weights a run was scored with ("generator", or a trick, as "ema"), and those weights by parameter.

    Raises HarnessError where there are none to draw from, StoreError where they are damaged.
    """
    from safetensors.numpy import load

    from harness.objectives import TRICKS

    status = store.status(spec.run_id)
    if status != "ok":
        raise HarnessError(f"{spec.run_id}: its status is {status}, and only a run that is ok keeps its weights")
    if why := why_not_drawn(spec):
        raise HarnessError(f"{spec.run_id}: {why}")
    tricks = [name for name in spec.setup.tricks if name in TRICKS]
    owner = next((name for name in reversed(tricks) if TRICKS[name].sampled), "generator")
    return owner, load(store.artefact(spec.run_id, f"{owner}.safetensors"))
