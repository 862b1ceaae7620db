"""When workers are done: the order in which `harness run` gives out its tasks, played through on a clock."""

import heapq
from collections.abc import Iterable, Sequence

Stack = tuple[float, Sequence[float]]  # seconds of its training, and of scoring each of its runs


def makespan(workers: int, stacks: Iterable[Stack], scores: Iterable[float] = ()) -> float:
    """Return the seconds until all is done: `scores` left from before, then stacks in order, then their scores.

    A stack's scores join the queue when it ends; every stack was queued before them.
    """
    free = [0.0] * max(workers, 1)

    def work(seconds: float, ready: float = 0.0) -> float:
        ended = max(free[0], ready) + seconds
        heapq.heapreplace(free, ended)
        return ended

    for seconds in scores:
        work(seconds)
    ended = [(work(seconds), own) for seconds, own in stacks]
    for ready, own in sorted(ended, key=lambda stack: stack[0]):
        for seconds in own:
            work(seconds, ready)
    return max(free)
