"""Uniform numbers from an address: the same on every machine and with every version of NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def uniform(count: int, *address: int) -> NDArray[np.float64]:
    """Return `count` numbers on [0, 1), of a bit generator whose stream NumPy keeps: its `Generator` may change."""
    raw: Any = np.random.PCG64(np.random.SeedSequence(address)).random_raw(count)
    return (raw >> np.uint64(11)) * 2.0**-53
