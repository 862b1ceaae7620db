"""Addressed noise: every random number of a run is found again from (seed, purpose, block).

Nothing is streamed, so that the length of a chunk, a score point, a checkpoint or a new trick shifts no other draw, and
two objectives with one seed share initial weights, data order and latents. A block is a fixed number of updates because
a generator's output depends on how much is asked for at once (randn in chunks of 100 + 100 differs from 200).
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import NamedTuple

import torch
from torch import Generator, Tensor

BLOCK = 64  # updates
AT_ONCE = 4  # runs that a thread draws one after another

Draw = Callable[[int, int], Tensor]  # (run, block) -> [BLOCK, ...]
Gather = Callable[[Tensor], Tensor]  # places [runs, n] -> [runs, n, ...]


def generator(seed: int, purpose: str, block: int = 0) -> Generator:
    """Return a fresh CPU generator for this address: both devices see the same numbers."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{block}".encode()).digest()
    return Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class Stream:
    """What each update of one player reads of one purpose, for every run of a stack.

    Where a draw is of places in something resident, `gather` gives what lies there, update by update: of images a
    block would take a thousand times the memory of their places. Threads of `ahead` draw the next block while the
    present one is read: torch's generators leave other threads their turn.
    """

    def __init__(
        self,
        runs: int,
        draw: Draw,
        device: torch.device,
        dtype: torch.dtype,
        gather: Gather | None = None,
        ahead: Executor | None = None,
    ) -> None:
        self._runs, self._draw, self._device, self._dtype, self._gather = runs, draw, device, dtype, gather
        self._ahead, self._block = ahead, -1
        self._rows = torch.empty(0)
        self._begun: dict[int, _Begun] = {}  # by block
        self._like: Tensor | None = None  # nothing, of the shape [0, ...] and dtype of a draw

    def row(self, update: int) -> Tensor:
        """Return [runs, ...] for the given update; a block is drawn once and kept until another is asked for."""
        block = update // BLOCK
        if block != self._block:
            # The copy from page-locked memory is asynchronous; the allocator reuses that memory only after it.
            self._rows, self._block = self._drawn(block).to(self._device, non_blocking=True), block
        row = self._rows[update % BLOCK]
        return self._gather(row).to(self._dtype) if self._gather else row

    def _drawn(self, block: int) -> Tensor:
        rows, parts = self._begun.pop(block) if block in self._begun else self._begin(block)
        for part in parts:
            part.result()
        self._begun = {block + 1: self._begin(block + 1)} if self._ahead else {}
        return rows

    def _begin(self, block: int) -> "_Begun":
        """Draw a block [BLOCK, runs, ...], in threads where there are any."""
        like = self._draw(0, block) if self._like is None else self._like  # of the first block a run is drawn twice
        dtype, pinned = like.dtype if self._gather else self._dtype, self._device.type == "cuda"
        rows = torch.empty(BLOCK, self._runs, *like.shape[1:], dtype=dtype, pin_memory=pinned)
        self._like = like[:0]

        def draw(runs: range) -> None:
            for run in runs:
                rows[:, run] = self._draw(run, block)

        runs = range(self._runs)
        if self._ahead:
            return _Begun(rows, [self._ahead.submit(draw, runs[i : i + AT_ONCE]) for i in runs[::AT_ONCE]])
        draw(runs)
        return _Begun(rows, [])


class _Begun(NamedTuple):
    """A block that is being drawn, and the parts of it that threads still draw."""

    rows: Tensor
    parts: "list[Future[None]]"


def normal(seeds: Sequence[int], purpose: str, shape: tuple[int, ...]) -> Draw:
    """Standard normal draws of `shape` an update."""
    return lambda run, block: torch.randn(BLOCK, *shape, generator=generator(seeds[run], purpose, block))


def uniform(seeds: Sequence[int], purpose: str, shape: tuple[int, ...]) -> Draw:
    """Uniform draws on [0, 1) of `shape` an update."""
    return lambda run, block: torch.rand(BLOCK, *shape, generator=generator(seeds[run], purpose, block))


def fresh(seeds: Sequence[int], purpose: str, n: int, sample: Callable[[int, int, Generator], Tensor]) -> Draw:
    """New samples at each update: `sample(run, count, generator)` -> [count, *shape]."""

    return lambda run, block: sample(run, BLOCK * n, generator(seeds[run], purpose, block)).unflatten(0, (BLOCK, n))


def passes(seeds: Sequence[int], purpose: str, n: int, points: Sequence[Tensor]) -> Draw:
    """A fixed set in shuffled passes, one set a run."""
    places = shuffled(seeds, purpose, n, [len(fixed) for fixed in points])
    return lambda run, block: points[run][places(run, block)]


def shuffled(seeds: Sequence[int], purpose: str, n: int, sizes: Sequence[int]) -> Draw:
    """Places in a set of so many, in shuffled passes: batches run over one permutation after another, one a pass."""

    def draw(run: int, block: int) -> Tensor:
        size = sizes[run]
        first, last = block * BLOCK * n, (block + 1) * BLOCK * n
        orders = [
            torch.randperm(size, generator=generator(seeds[run], purpose, number))
            for number in range(first // size, (last - 1) // size + 1)
        ]
        start = first % size
        return torch.cat(orders)[start : start + BLOCK * n].unflatten(0, (BLOCK, n))

    return draw
