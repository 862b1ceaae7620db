"""What a network that looks at images takes of a GPU's memory, counted while it looks at one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.metrics.extractors import Extractor


class LookingBytes(NamedTuple):
    """Bytes of a network's weights, and of the activations of the images that pass at once."""

    weights: float
    activations: float


def looking_bytes(extractor: Extractor, shape: Sequence[int]) -> LookingBytes:
    """Return what an extractor takes that looks at images of a shape [c, h, w], anywhere: no GPU is needed.

    What an operation reads that none has computed is a weight. Activations are the most that one operation reads and
    writes, once for each image: without gradients the others are let go. What a library takes to work in is left out.
    """
    with _Counting() as counted:
        extractor.look(np.zeros((1, *shape), np.uint8))
    return LookingBytes(sum(counted.weights.values()), extractor.ready.at_once * counted.largest)


class _Counting(TorchDispatchMode):
    """Counts the bytes of tensors by their storage, whose views share it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.weights: dict[int, int] = {}
        self.largest = 0
        self._computed: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        read, written = dict(_storages((args, kwargs))), dict(_storages(result))
        new = written.keys() - read.keys()
        self._computed |= new
        self.weights = {at: size for at, size in (self.weights | read).items() if at not in self._computed}
        activations = {at: size for at, size in (read | written).items() if at not in self.weights}
        self.largest = max(self.largest, sum(activations.values()))
        return result


def _storages(values: object) -> Iterator[tuple[int, int]]:
    """Yield the address and the size of the storage of each tensor."""
    for tensor in tree_leaves(values):
        if isinstance(tensor, torch.Tensor):
            storage = tensor.untyped_storage()
            yield storage.data_ptr(), storage.nbytes()
