"""Which processes train on which GPU, while the others score."""

import os
from collections.abc import Sequence

from harness.execution.requests import Todo

# Processes that train on one GPU at once. On 2026-11-28 fourteen of them, on an H100 with 16 cores, kept it 97 % busy
# (875 runs in 103 s): an update was hundreds of launches then, and is one since. A quarter of them leaves the cores for
# scoring. To be measured again: `harness bench gpu` tries 1, 2, 4 and 8.
A_GPU = 4
SHARE = 0.9  # of a GPU's memory that stacks may take together
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


def shared_out(gpus: Sequence[str], largest: float) -> list[str]:
    """Return the GPU of each process that may train at once, every GPU's first process before any second one.

    As many have a GPU as it takes of the largest stack, whose bytes are given; none where there is no GPU, as here
    where other machines train. Calls CUDA.
    """
    import torch

    if not gpus:
        return []
    room = SHARE * min(torch.cuda.get_device_properties(i).total_memory for i in range(torch.cuda.device_count()))
    fit = int(room / (largest + CONTEXT))
    return [*gpus] * max(1, min(A_GPU, fit))


def trainers(todo: Todo, workers: int) -> Sequence[str]:
    """Return the GPU of each of the workers that is to train; none where any worker may, on whatever it sees.

    At most half of them train, but one on each GPU where there are as many, and one is left to score.
    """
    if workers < 2:
        return ()
    return todo.gpus[: min(max(workers // 2, len({*todo.gpus})), workers - 1)]
