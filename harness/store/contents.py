"""What the artefacts of a run hold, from their bytes: a sum that is right does not make them what their names say."""

import io
import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.disk.arrays import npz_arrays
from harness.errors import Damaged
from harness.text import reason

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq

Arrays = dict[str, np.ndarray]

SCALAR = 64  # bytes
SAMPLES = ("generated", "more", "fixed")  # arrays [n, *shape]
NEEDED = {"samples.npz": ("generated", "more"), "frames.npz": ("step", "fixed")}  # of other npz files: generated


def arrays(content: bytes, path: Path, largest: float = math.inf) -> Arrays:
    """Return the arrays of samples.npz, frames.npz or a snapshot, but for the contents of those above `largest` bytes.

    Raises Damaged where it holds others.
    """
    parts = npz_arrays(content, path, largest)
    lost = [name for name in NEEDED.get(path.name, ("generated",)) if name not in parts]
    if lost:
        raise Damaged(path, f"it holds no {lost[0]}")
    if why := _misfit(parts, path.name == "frames.npz"):
        raise Damaged(path, why)
    return parts


def curves(content: bytes, path: Path) -> "pd.DataFrame":
    """Return a table of losses and norms by step. Raises Damaged where it is none."""
    file = _curves(content, path)
    try:
        return file.read(use_threads=False).to_pandas()  # a third of what read_table takes
    except Exception as error:  # foreign bytes raise anything
        raise Damaged(path, f"cannot be read as a table ({reason(error)})") from None


def _curves(content: bytes, path: Path) -> "pq.ParquetFile":
    """Return a file whose columns are losses by step, without reading them."""
    import pyarrow.parquet as pq
    from pyarrow.types import is_boolean, is_floating, is_integer

    try:
        file = pq.ParquetFile(io.BytesIO(content))
        columns = file.schema_arrow
    except Exception as error:  # foreign bytes raise anything
        raise Damaged(path, f"cannot be read as a table ({reason(error)})") from None
    are_numbers = all(is_boolean(kind) or is_floating(kind) or is_integer(kind) for kind in columns.types)
    if not {"step", "critic_loss"} <= {*columns.names} or not are_numbers:
        raise Damaged(path, "its columns are not losses by step")
    return file


class Training(NamedTuple):
    """What a checkpoint says of a stack in training, after `step` steps: `curves` [runs, step, k], the `names` of these
    k, and the newest samples of fixed latents [runs, n, *shape], None before the first snapshot.
    """

    step: int
    names: list[str]
    curves: np.ndarray
    fixed: np.ndarray | None


def training(content: bytes, path: Path) -> Training:
    """Return what a checkpoint says of a stack; its parameters are not read. Raises Damaged where it is none."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            shots = [name for name in file.files if re.fullmatch(r"snapshots/\d+/fixed", name)]
            newest = max(shots, key=lambda name: int(name.split("/")[1]), default=None)
            fixed = None if newest is None else file[newest]
            return Training(int(file["step"]), file["names"].tolist(), file["curves"], fixed)
    except Exception as error:  # foreign bytes raise anything
        raise Damaged(path, f"cannot be read as a checkpoint ({reason(error)})") from None


def weights(content: bytes, path: Path) -> Arrays:
    """Return the parameters of a network by name. Raises Damaged where it holds none."""
    from safetensors.numpy import load

    try:
        arrays: Arrays = load(content)
    except Exception as error:  # foreign bytes raise anything
        raise Damaged(path, f"cannot be read as weights ({reason(error)})") from None
    return arrays


READERS: Mapping[str, Callable[[bytes, Path], object]] = {
    ".npz": partial(arrays, largest=SCALAR),  # types and shapes: the sum of the file says that the rest is as written
    ".parquet": _curves,
    ".safetensors": weights,
}


def check(content: bytes, path: Path) -> None:
    """Raise Damaged where an artefact does not hold what its name says; one of another kind may hold anything."""
    reader = READERS.get(path.suffix)
    if reader is not None:
        reader(content, path)


def _misfit(parts: Arrays, is_frames: bool) -> str:
    """Return why these are no arrays of numbers, with samples of one shape; "" where they are."""
    if any(array.dtype.kind not in "biuf" for array in parts.values()):
        return "its arrays are not numeric"
    if is_frames and (parts["fixed"].ndim < 3 or not 0 < len(parts["fixed"]) == parts["step"].size):
        return "its frames are no samples by step"
    samples = [parts[name][0] if is_frames else parts[name] for name in SAMPLES if name in parts]
    kinds = {(x.shape[1:], x.dtype) for x in samples}
    if len(kinds) > 1 or not samples[0].size or min(x.ndim for x in samples) < 2:
        return "its samples are not points or images of one shape"
    extent = parts.get("critic_extent", samples[0])
    grid = parts.get("critic_grid", np.empty((2, 2)))
    if grid.ndim != 2 or min(grid.shape) < 2 or ("critic_grid" in parts and extent.shape != (4,)):
        return "its grid of the critic's scores is malformed"
    return "" if "critic_real" not in parts or _is_view(parts) else "what it holds of the critic is malformed"


def _is_view(parts: Arrays) -> bool:
    """Whether what a snapshot holds of its critic (`harness.engine.critic_view`) fits together."""
    n, scalars = parts["critic_real"].size, ("critic_lipschitz", "critic_logistic", "critic_alone")
    shapes: dict[str, tuple[int, ...]] = {"critic_real": (n,), "critic_fake": (n,), "critic_slopes": (3, 2)}
    shapes |= {"critic_gradient": (n, *parts["generated"].shape[1:])} | dict.fromkeys(scalars, ())
    pack = parts.get("critic_pack", np.array(1))
    is_count = pack.shape == () and pack.dtype.kind in "iu" and int(pack) >= 1
    by_layer = ("critic_layers", "generator_layers", "critic_activations")
    layers = [parts[k].ndim == 1 for k in by_layer if k in parts]
    return n > 0 and is_count and all(layers) and all(parts[k].shape == s for k, s in shapes.items() if k in parts)
