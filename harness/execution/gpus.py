"""Which processes train on which GPU, and on which the others score."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import cycle, islice, product
from typing import NamedTuple

from harness.errors import HarnessError
from harness.execution.requests import GpuMemory, Todo
from harness.spec import content_id
from harness.store.plan_file import Plan, Stack

# Processes that train on one GPU at once. Before CUDA graphs, when an update was hundreds of launches, fourteen kept an
# H100 busy (docs/gpu.md); an update is one launch since, and fewer leave the cores for scoring. A guess until measured:
# `harness bench gpu` tries 1, 2, 4 and 8.
A_GPU = 4
SHARE = 0.9  # of a GPU's memory that processes may take together
CONTEXT = 1e9  # bytes that a process takes there before its first stack


def visible_gpus() -> list[str]:
    """Return what CUDA_VISIBLE_DEVICES calls each GPU that this process sees. Calls CUDA.

    Of MIG instances a process sees but one, whereas each process may have another.
    """
    import torch

    names = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    if names[0].startswith("MIG-"):
        return [name for name in names if name]
    count = torch.cuda.device_count()
    return names[:count] if all(names[:count]) else [str(number) for number in range(count)]


def gpu_memory(plan: Plan, left: Iterable[Stack]) -> GpuMemory:
    """Return what processes take of a GPU that train these stacks of a plan, or score its runs. Calls CUDA."""
    import torch

    from harness.plan.stacks import largest_bytes

    smallest = min(torch.cuda.get_device_properties(i).total_memory for i in range(torch.cuda.device_count()))
    return GpuMemory(SHARE * smallest, CONTEXT + largest_bytes(plan, left), scoring_bytes(plan))


def scoring_bytes(plan: Plan) -> float:
    """Return the bytes that a process takes of a GPU to score runs of a plan; 0 where no network looks at images there.

    Measured, with a batch of black images for each network: a process keeps the weights of all. One that cannot be had,
    or for which there is no room now, takes nothing: its runs will say why.
    """
    import numpy as np
    import torch

    from harness.datasets import DATASETS
    from harness.metrics.extractors import TRAINED, extractor_of

    names = [name for name in plan.resolved["score"].get("extractors") or () if name not in TRAINED]
    if not names:
        return 0.0
    setups = {id(setup): setup for setup in (plan.specs[run_id]["setup"] for run_id in plan.run_ids)}  # runs share them
    setups_of_data = {(setup["dataset"], content_id(setup["data"])): setup for setup in setups.values()}
    torch.cuda.reset_peak_memory_stats()
    for name, setup in product(names, setups_of_data.values()):
        entry = DATASETS.get(setup["dataset"])
        if entry is not None and entry.kind == "images":
            with suppress(HarnessError, torch.OutOfMemoryError):
                extractor = extractor_of(name, setup["dataset"], setup["data"])
                extractor.look(np.zeros((extractor.ready.at_once, *entry.shape(setup["data"])), np.uint8))
    taken = float(torch.cuda.max_memory_allocated())
    return CONTEXT + taken if taken else 0.0


class Assignment(NamedTuple):
    """The GPU of each process that trains, and of each that scores.

    Without `training` every process does both. Without `scoring` those that score see all GPUs.
    """

    training: Sequence[str] = ()
    scoring: Sequence[str] = ()


def assign(todo: Todo, workers: int) -> Assignment:
    """Return which of the workers train, and which score, on which GPU; on a CPU any worker does both.

    Every GPU has its first process before any has a second one, be it to train or to score. At most half of the workers
    train, but one on each GPU where there are as many, and one is left to score. As many train on a GPU as its memory
    takes, beside what scoring takes there: a process that trains scores, too, once nothing is left to train.
    """
    if workers < 2 or not todo.gpus:
        return Assignment()
    first, *others = todo.gpus
    places = [*others, first] * A_GPU
    most = min(max(workers // 2, len(todo.gpus)), workers - 1, len(places))
    for n in range(most, 0, -1):
        chosen = Assignment(places[:n], list(islice(cycle([first, *reversed(others)]), workers - n)))
        if _fit(chosen, todo.gpu_memory):
            break
    return chosen if others else Assignment(chosen.training)  # they see one GPU anyway: none is started anew


def _fit(chosen: Assignment, memory: GpuMemory | None) -> bool:
    """Whether those that train share no GPU whose memory they, and those that score there, would not fit in."""
    if memory is None:
        return True
    trainers, scorers = Counter(chosen.training), Counter(chosen.scoring)
    return all(
        n == 1 or n * memory.training + (n + scorers[gpu]) * memory.scoring <= memory.room
        for gpu, n in trainers.items()
    )
