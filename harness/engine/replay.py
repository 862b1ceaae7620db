"""Updates of a stack that are recorded once and replayed, over tensors that stay where they are: CUDA graphs.

Python launches the hundreds of small kernels of an update one by one, and a GPU waits for it at every one. A CUDA graph
launches all of them at once, but reads and writes the same memory each time: so the state is updated in place, and what
differs from update to update is copied to where the graph reads it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map

from harness.engine.step import RunState

Body = Callable[[], Tensor]  # changes the state in place and returns curves
Update = Callable[[RunState, Mapping[str, Tensor], Mapping[str, Tensor]], tuple[RunState, Tensor]]

WARM_UPS = 2  # updates before a recording: libraries allocate their workspaces and choose their kernels at first use


def cuda_graph(body: Body) -> Body:
    """Capture a body as a CUDA graph, without running it. Raises RuntimeError where it cannot be captured."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        values = body()

    def replayed() -> Tensor:
        graph.replay()
        return values

    return replayed


class Replay:
    """The updates of a stack's players, each recorded at its first call.

    Where one cannot be recorded, `reason` says why, and every update runs as it is written.
    """

    def __init__(self, updates: Mapping[str, Update], record: Callable[[Body], Body]) -> None:
        self._updates, self._record = updates, record
        self._state: RunState | None = None  # of all players
        self._recordings: dict[str, tuple[Body, tuple[Any, ...]]] = {}  # and the batch and hyperparameters it reads
        self.reason = ""

    def __call__(
        self, player: str, state: RunState, batch: Mapping[str, Tensor], hyper: Mapping[str, Tensor]
    ) -> tuple[RunState, Tensor]:
        """Move a player once: what its update returns of (state, batch, hyper), in memory that later calls change."""
        if player not in self._recordings and not self.reason:
            self._begin(player, state, batch, hyper)
        if self._state is None or player not in self._recordings or self.reason:
            return self._updates[player](state, batch, hyper)
        repeat, given = self._recordings[player]
        _write((self._state, *given), (state, batch, hyper))
        return self._state, repeat()

    def _begin(self, player: str, state: RunState, *given: Any) -> None:
        update = self._updates[player]
        # Copies: whoever holds the state of now must not see it change.
        place = self._state or tree_map(_copy, state)
        read = tuple(tree_map(_copy, part) for part in given)
        for _ in range(WARM_UPS):
            after, _ = update(place, *read)
        if tree_flatten(after)[1] != tree_flatten(state)[1]:  # a trick had no memory before: record it from now on
            self._state, self._recordings = None, {}
            return
        self._state = place

        def body() -> Tensor:
            moved, values = update(place, *read)
            _write(place, _apart(moved, place))
            return values

        try:
            self._recordings[player] = self._record(body), read
        except RuntimeError as error:  # a capture that failed ends with another error, which does not say why
            cause = error.__context__ or error
            if isinstance(cause, torch.OutOfMemoryError):
                raise cause from None  # its runs are to be trained again, alone or in halves
            self.reason = str(cause).strip().partition("\n")[0]


def _copy(x: Tensor) -> Tensor:
    return x.clone(memory_format=torch.contiguous_format)


def _write(places: Any, values: Any) -> None:
    for place, value in zip(tree_leaves(places), tree_leaves(values), strict=True):
        if place is not value:
            place.copy_(value)


def _apart(moved: Any, place: Any) -> Any:
    """Return a tree of new values, copied where they lie in the memory of the old ones, which are about to change."""
    memory = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves(place)}

    def apart(new: Tensor, old: Tensor) -> Tensor:
        return _copy(new) if new is not old and new.untyped_storage().data_ptr() in memory else new

    return tree_map(apart, moved, place)
