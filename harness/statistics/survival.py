"""How many of the same settings reach a score with one objective and with another: pure functions of paired trials.

Values are scores [.., trials], larger ones being better; trial i of every objective has the same settings.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def reached(values: ArrayLike, levels: ArrayLike) -> NDArray[np.bool_]:
    """Return whether values [.., trials] are at least each of `levels` [levels]: [.., trials, levels]."""
    return np.asarray(values, dtype=np.float64)[..., None] >= np.asarray(levels, dtype=np.float64)


def fourfold(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return of how many trials the first alone holds, the second alone, both, and neither: [4, levels].

    Both are [trials, levels]. The columns of Gulrajani et al. 2017, table 2.
    """
    parts = first & ~second, second & ~first, first & second, ~(first | second)
    return np.stack([part.sum(0) for part in parts])
