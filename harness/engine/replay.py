"""Updates of a stack that are recorded once and replayed, over tensors that stay where they are: CUDA graphs.

Python launches the hundreds of small kernels of an update one by one, and a GPU waits for it at every one. A CUDA graph
launches all of them at once, but reads and writes the same memory each time: so the state is updated in place, and what
differs from update to update is copied to where the graph reads it.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map

from harness.engine.step import RunState
from harness.processes import collecting_no_garbage, retire

Body = Callable[[], Tensor]  # changes the state in place and returns curves
Update = Callable[[RunState, Mapping[str, Tensor], Mapping[str, Tensor]], tuple[RunState, Tensor]]


def cuda_graph(body: Body) -> Body:
    """Capture a body as a CUDA graph, without running it.

    Raises RuntimeError where it cannot be captured; a worker then ends with its task.
    """
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
    try:
        # A graph of an earlier stack lies in a cycle: freed during a capture, it would break it.
        with collecting_no_garbage(), torch.cuda.graph(graph, capture_error_mode="thread_local"):
            values = body()
    except RuntimeError:
        retire()  # after a capture that failed PyTorch 2.11 frees no more memory (pytorch/pytorch#180395)
        raise
    finally:
        torch.cuda.set_stream(stream)  # PyTorch leaves its own in place where a capture fails

    def replayed() -> Tensor:
        graph.replay()
        return values

    return replayed


@contextmanager
def without_waiting() -> Iterator[None]:
    """Raise RuntimeError where Python would wait for the GPU, as `.item()` and boolean masks do.

    No such update can be captured, and a capture that fails costs the process (`cuda_graph`).
    """
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns that this mode is a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


class Replay:
    """The updates of a stack's players, each recorded at its first call, after two that run as they are written.

    The second of these runs under `checks`, which raises RuntimeError for what cannot be recorded. Where that is so, or
    recording fails, `reason` says why, and every update runs as it is written.
    """

    def __init__(
        self,
        updates: Mapping[str, Update],
        record: Callable[[Body], Body],
        checks: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._updates, self._record, self._checks = updates, record, checks
        self._state: RunState | None = None  # of all players
        self._recordings: dict[str, tuple[Body, tuple[Any, ...]]] = {}  # and the batch and hyperparameters it reads
        self._hyper: dict[str, Mapping[str, Tensor]] = {}  # what these places hold: mostly the same at every update
        self.reason = ""

    def __call__(
        self, player: str, state: RunState, batch: Mapping[str, Tensor], hyper: Mapping[str, Tensor]
    ) -> tuple[RunState, Tensor]:
        """Move a player once: what its update returns of (state, batch, hyper), in memory that later calls change."""
        if player not in self._recordings and not self.reason:
            self._begin(player, state, batch, hyper)
        if self._state is None or player not in self._recordings or self.reason:
            return self._updates[player](state, batch, hyper)
        repeat, (batch_place, hyper_place) = self._recordings[player]
        _write((self._state, batch_place), (state, batch))
        if self._hyper.get(player) is not hyper:
            _write(hyper_place, hyper)
            self._hyper[player] = hyper
        return self._state, repeat()

    def _begin(self, player: str, state: RunState, *given: Any) -> None:
        update = self._updates[player]
        # Copies: whoever holds the state of now must not see it change.
        place = self._state or tree_map(_copy, state)
        read = tuple(tree_map(_copy, part) for part in given)
        update(place, *read)  # libraries allocate their workspaces and choose their kernels at first use
        try:
            with self._checks():
                after, _ = update(place, *read)
        except RuntimeError as error:
            self.reason = _why(error)
            return
        if tree_flatten(after)[1] != tree_flatten(state)[1]:  # a trick had no memory before: record it from now on
            self._state, self._recordings, self._hyper = None, {}, {}
            return
        self._state = place

        def body() -> Tensor:
            moved, values = update(place, *read)
            _write(place, _apart(moved, place))
            return values

        try:
            self._recordings[player] = self._record(body), read
        except RuntimeError as error:
            self.reason = _why(error)


def _why(error: RuntimeError) -> str:
    """Return why an update cannot be recorded. Raises OutOfMemoryError for want of memory, which is no reason: its runs
    are to be trained again, alone or in halves."""
    cause = error.__context__ or error  # a capture that failed ends with another error, which does not say why
    if isinstance(cause, torch.OutOfMemoryError):
        raise cause from None
    return str(cause).strip().partition("\n")[0]


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
