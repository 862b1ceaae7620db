"""What a network that looks at images takes of a GPU's memory, counted while it looks at one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.metrics.extractors import Extractor


class LookingBytes(NamedTuple):
    """Bytes of a network's weights, and of the activations of the images that pass at once."""

    weights: float
    activations: float


def looking_bytes(extractor: Extractor, shape: Sequence[int]) -> LookingBytes:
    """Return what an extractor takes that looks at images of a shape [c, h, w], anywhere: no GPU is needed.

    What an operation reads that none has computed is a weight. Activations are the most that is there at once after an
    operation, times the images that pass together: what PyTorch allocates. What a library takes to work in is left out.
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
        self._results: list[ref[Tensor]] = []

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        read, written = _storages((args, kwargs)), _storages(result)
        self._computed |= written.keys() - read.keys()
        self.weights = {at: size for at, size in (self.weights | read).items() if at not in self._computed}
        self._results += [ref(tensor) for tensor in tree_leaves(result) if isinstance(tensor, Tensor)]
        self._results = [result for result in self._results if result() is not None]  # whatever else was let go
        activations = _storages([result() for result in self._results])
        self.largest = max(self.largest, sum(size for at, size in activations.items() if at not in self.weights))
        return result


def _storages(values: object) -> dict[int, int]:
    """Return the size of the storage of each tensor, by its address."""
    storages = (tensor.untyped_storage() for tensor in tree_leaves(values) if isinstance(tensor, Tensor))
    return {storage.data_ptr(): storage.nbytes() for storage in storages}
