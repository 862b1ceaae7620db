"""A trained run as files: what the store keeps beside its record."""

import io
from typing import TYPE_CHECKING

import numpy as np

from harness.disk.arrays import npz_bytes

if TYPE_CHECKING:
    from harness.engine import Outcome


def artefacts(outcome: "Outcome", samples: int) -> dict[str, bytes]:
    """Return file contents by name: curves, snapshots, frames, samples (split as scored) and weights."""
    files = {"curves.parquet": _parquet(outcome.curves)}
    whole = {step: shot for step, shot in outcome.snapshots.items() if "generated" in shot}
    for step, shot in whole.items():
        files[f"snapshots/{step}.npz"] = npz_bytes(shot)
    if len(outcome.snapshots) > len(whole):
        shots = sorted(outcome.snapshots.items())
        steps, fixed = np.array([step for step, _ in shots]), np.stack([shot["fixed"] for _, shot in shots])
        files["frames.npz"] = npz_bytes({"step": steps, "fixed": fixed})
    last = outcome.snapshots.get(outcome.spec.setup.train["steps"])
    if last is not None:
        files["samples.npz"] = npz_bytes(
            {"generated": last["generated"][:samples], "more": last["generated"][samples:]}
        )
    for player, weights in outcome.weights.items():
        files[f"{player}.safetensors"] = _safetensors(weights)
    return files


def _parquet(columns: dict[str, np.ndarray]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def _safetensors(weights: dict[str, np.ndarray]) -> bytes:
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in weights.items()})
